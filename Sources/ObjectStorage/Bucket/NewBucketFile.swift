import BackupVault
import NIOCore
import NIOPosix
import Synchronization

/// An object on the way: parts go out while more is appended, and it is there when the upload is completed.
///
/// What is shorter than a part goes out whole, in one request. At most two parts are on their way at a time.
final class NewBucketFile: NewStoredFile {
    private let storage: BucketStorage
    private let key: String
    private let isReadBack: Bool
    /// What is not in a part yet.
    private var tail: [UInt8] = []
    /// All of it, where it is read back.
    private var whole: [UInt8] = []
    private var bytes: UInt64 = 0
    private var upload: String?
    private var parts: [EventLoopFuture<Result<String, S3Error>>] = []
    private var tags: [String] = []
    private let isDropped = Flag()
    private var isEnded = false

    private static let partsOnTheirWayMax = 2

    init(_ name: String, in storage: BucketStorage, isReadBack: Bool) {
        self.storage = storage
        key = storage.key(name)
        self.isReadBack = isReadBack
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(VaultError) {
        tail += bytes
        self.bytes += UInt64(bytes.count)
        if isReadBack { whole += bytes }
        let partBytes = storage.client.partBytes
        while tail.count >= partBytes {
            let part = Array(tail.prefix(partBytes))
            tail.removeFirst(partBytes)
            try send(part)
        }
    }

    func read(count: Int, at offset: UInt64) throws(VaultError) -> [UInt8] {
        precondition(isReadBack, "this file was not to be read back")
        let start = min(whole.count, Int(clamping: offset))
        return Array(whole[start..<min(whole.count, start + count)])
    }

    func finish(_ end: [UInt8]) throws(VaultError) {
        try end.withUnsafeBytesTyped { bytes throws(VaultError) in try append(bytes) }
        try storage.requireClaims()
        if upload == nil {
            try atStore { () throws(S3Error) in try storage.client.put(key, tail) }
        } else {
            if !tail.isEmpty { try send(tail) }
            while !parts.isEmpty { try takePart() }
            let (upload, tags, bytes) = (upload ?? "", tags, bytes)
            try atStore { () throws(S3Error) in
                try storage.client.completeUpload(key, upload: upload, tags: tags, bytes: bytes)
            }
            storage.ended(upload)
        }
        isEnded = true
        tail = []
        whole = []
    }

    func discard() {
        guard !isEnded else { return }
        isEnded = true
        isDropped.raise()
        guard let upload else { return }
        // Whatever became of the parts, the upload goes with them; they are waited for so that none comes after it.
        for part in parts { _ = try? part.wait() }
        parts = []
        storage.ended(upload)
        // What stays is dropped by a prune.
        try? storage.client.abortUpload(key, upload: upload, attempts: 1)
    }

    /// Begins to send a part, on a thread beside.
    private func send(_ part: [UInt8]) throws(VaultError) {
        try storage.requireClaims()
        let id: String
        if let upload {
            id = upload
        } else {
            id = try atStore { () throws(S3Error) in try storage.client.beginUpload(key) }
            upload = id
            storage.began(id)
        }
        while parts.count >= NewBucketFile.partsOnTheirWayMax { try takePart() }
        let (client, target, number, isDropped) = (
            storage.client, key, tags.count + parts.count + 1, isDropped
        )
        let future = UploadThreads.pool.runIfActive(eventLoop: UploadThreads.loop) {
            () -> Result<String, S3Error> in
            do throws(S3Error) {
                return .success(
                    try client.putPart(target, upload: id, number: number, part) {
                        !isDropped.isRaised
                    }
                )
            } catch {
                return .failure(error)
            }
        }
        parts.append(future)
    }

    /// Waits for the first part that is on its way.
    private func takePart() throws(VaultError) {
        let result: Result<String, S3Error>
        do {
            result = try parts.removeFirst().wait()
        } catch {
            throw VaultError(.failed, "the threads that upload have ended: \(error)")
        }
        switch result {
        case .success(let tag): tags.append(tag)
        case .failure(let error): throw VaultError(error)
        }
    }
}

/// Says once that something is no longer wanted.
private final class Flag: Sendable {
    private let raised = Mutex(false)

    var isRaised: Bool { raised.withLock { $0 } }
    func raise() { raised.withLock { $0 = true } }
}

/// Threads that wait for uploads; they live as long as the process.
private enum UploadThreads {
    /// 4: two files with two parts each.
    static let pool: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 4)
        pool.start()
        return pool
    }()

    static let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
}

extension [UInt8] {
    /// The bytes as a buffer; carries typed errors out, which the standard closure does not.
    fileprivate func withUnsafeBytesTyped(
        _ body: (UnsafeRawBufferPointer) throws(VaultError) -> Void
    ) throws(VaultError) {
        let result = withUnsafeBytes { buffer -> Result<Void, VaultError> in
            do throws(VaultError) {
                return .success(try body(buffer))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}
