package import BackupVault
package import Disk
import Synchronization
import VarveModel

/// A vault under a prefix of an S3 bucket.
///
/// It relies on what AWS, MinIO, Ceph and SeaweedFS promise alike: a read or a list after a change shows it. It relies
/// on no conditional request, and on no clock but this process's own (docs/decisions/0042).
package final class BucketStorage: VaultStorage {
    let client: S3Client
    let times: SignTimes
    private let address: S3Address
    let signs: SignKeeper
    let windows = ReadWindows()
    /// Whether the reserve is known to be there.
    let hasReserve = Mutex(false)
    /// Whether the bucket has Object Lock, once it was asked.
    let objectLock = Mutex<ObjectLockState?>(nil)
    /// How objects are known to be kept.
    let retentions = Mutex<[String: S3Retention]>([:])
    /// Uploads of this process.
    private let uploads = Mutex<Set<String>>([])
    /// Names of exclusions that this process has.
    let excluding = Mutex<Set<String>>([])
    /// Since when names were seen to stand.
    private let stood = Mutex<[String: Int64]>([:])

    /// 100,000 names that are watched; more are forgotten together, and watched anew.
    private static let stoodMax = 100_000

    /// The vault of a prefix.
    ///
    /// - Parameters:
    ///   - address: Where it lies.
    ///   - limits: How long the store is waited for.
    ///   - credentials: Asked first, and again when the store refuses those that it gave.
    package convenience init(
        _ address: S3Address,
        limits: S3Limits = .standard,
        credentials: @escaping @Sendable () throws(S3Error) -> S3Credentials
    ) {
        let client = S3Client(address, credentials: credentials, limits: limits)
        self.init(client, times: .standard, isKeptByThread: true)
    }

    /// Unless signs are kept by a thread, whoever made it calls ``SignKeeper/refresh()``.
    init(_ client: S3Client, times: SignTimes, isKeptByThread: Bool) {
        self.client = client
        self.times = times
        address = client.address
        signs = SignKeeper(client, times, isKeptByThread: isKeptByThread)
    }

    deinit {
        signs.stop()
    }

    package var place: String { address.text }
    package var arrivesLate: Bool { true }
    package var diskBeneath: (any Disk)? { nil }

    /// 2: one that a network loses is repeated, and nobody waits for two minutes to see a list.
    static let looksMax = 2

    package func reach() throws(VaultError) {
        try atStore { () throws(S3Error) in
            do throws(S3Error) {
                _ = try client.get(
                    key("vault.json"),
                    from: 0,
                    count: 1,
                    attempts: BucketStorage.looksMax
                )
            } catch {
                guard error.code == .notFound else { throw error }
            }
        }
    }

    func key(_ name: String) -> String { address.prefix + name }

    // MARK: Files

    package func open(_ name: String) throws(VaultError) -> any StoredFile {
        try BucketFile(name, in: self)
    }

    /// 8 MiB: what of a large file one request brings.
    private static let pieceBytes = 8 << 20

    package func contents(_ name: String, limit: Int) throws(VaultError) -> [UInt8] {
        // A file that is replaced while its pieces are read is read anew.
        for _ in 0..<8 {
            if let bytes = try wholeOnce(name, limit) { return bytes }
        }
        throw VaultError(.unavailable, "'\(name)' of \(place) changes faster than it is read")
    }

    private func wholeOnce(_ name: String, _ limit: Int) throws(VaultError) -> [UInt8]? {
        let key = key(name)
        let first = try piece(of: key, at: 0)
        guard first.totalBytes <= UInt64(limit) else {
            // It did answer: this says something of the file.
            throw VaultError(
                .failed,
                "'\(name)' has \(first.totalBytes) bytes, at most \(limit) expected"
            )
        }
        var bytes = first.bytes
        while UInt64(bytes.count) < first.totalBytes {
            let piece = try piece(of: key, at: UInt64(bytes.count))
            guard piece.tag == first.tag, piece.totalBytes == first.totalBytes, !piece.bytes.isEmpty
            else { return nil }
            bytes += piece.bytes
        }
        return bytes
    }

    private func piece(of key: String, at offset: UInt64) throws(VaultError) -> S3Client.Piece {
        try atStore { () throws(S3Error) in
            try client.get(key, from: offset, count: BucketStorage.pieceBytes)
        }
    }

    package func size(of name: String) throws(VaultError) -> UInt64? {
        try atStore { () throws(S3Error) in try client.size(of: key(name)) }
    }

    package func replace(_ name: String, with bytes: [UInt8]) throws(VaultError) {
        try requireClaims()
        try atStore { () throws(S3Error) in
            try client.put(key(name), bytes) { hasClaims }
        }
    }

    package func begin(
        _ name: String,
        as openName: String,
        isReadBack: Bool
    ) throws(VaultError) -> any NewStoredFile {
        NewBucketFile(name, in: self, isReadBack: isReadBack)
    }

    package func remove(_ name: String) throws(VaultError) {
        try requireClaims()
        try atStore { () throws(S3Error) in
            try client.delete(key(name)) { hasClaims }
        }
    }

    // MARK: Names

    package func list(_ folder: String?) throws(VaultError) -> [String] {
        let prefix = key(folder.map { $0 + "/" } ?? "")
        let listing = try atStore { () throws(S3Error) in try client.list(prefix) }
        let folders = listing.folders.map { String($0.dropFirst(prefix.count).dropLast()) }
        return (listing.objects.map { String($0.key.dropFirst(prefix.count)) } + folders)
            .filter { !$0.isEmpty }.sorted()
    }

    package func sizes(in folder: String) throws(VaultError) -> [String: UInt64]? {
        let prefix = key(folder + "/")
        let listing = try atStore { () throws(S3Error) in try client.list(prefix) }
        let sizes = listing.objects.map { (String($0.key.dropFirst(prefix.count)), $0.bytes) }
        // Some stores make an object for the folder itself.
        return Dictionary(sizes.filter { !$0.0.isEmpty }) { $1 }
    }

    /// A bucket has no folders: a key makes those that are before it.
    package func makePlace() throws(VaultError) {}
    package func makeFolders(_ folders: [String]) throws(VaultError) -> Bool { false }
    /// What was answered is durable, its name too.
    package func sync(_ folder: String?) throws(VaultError) {}

    // MARK: What others left

    func began(_ upload: String) { uploads.withLock { _ = $0.insert(upload) } }
    func ended(_ upload: String) { uploads.withLock { _ = $0.remove(upload) } }

    package func unfinished() throws(VaultError) -> [UnfinishedFile] {
        let found = try atStore { () throws(S3Error) in try client.uploads(address.prefix) }
        let own = uploads.withLock { $0 }
        return found.filter { !own.contains($0.upload) && $0.key.hasPrefix(address.prefix) }
            .map {
                UnfinishedFile(
                    name: String($0.key.dropFirst(address.prefix.count)),
                    id: $0.upload
                )
            }
    }

    package func discard(_ unfinished: UnfinishedFile) throws(VaultError) {
        try requireClaims()
        try atStore { () throws(S3Error) in
            try client.abortUpload(key(unfinished.name), upload: unfinished.id)
        }
    }

    package func hasStood(_ name: String, seconds: Int64) -> Bool {
        let now = client.clock.now()
        return stood.withLock { stood in
            if stood.count >= BucketStorage.stoodMax { stood = [:] }
            let since = stood[name] ?? now
            stood[name] = since
            guard now - since >= seconds * 1_000_000_000 else { return false }
            stood[name] = nil
            return true
        }
    }
}
