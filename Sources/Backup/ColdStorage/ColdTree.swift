package import BackupVault
package import Keyring
import Synchronization
import VarveModel

/// A recovery point in cold storage that is open: its names, and the bytes of its files, out of its archive.
///
/// It reads the index once, and then of the archive only what is asked for. It holds 16 bytes for each directory and page of the index in
/// which that has names, the paths of files with several names, and some pages and frames. Every call blocks.
package final class ColdTree: Sendable {
    package let point: RecoveryPoint
    /// What the archive says of itself.
    package let info: ColdArchiveInfo

    /// Where the archive's index has an entry.
    struct Place: Sendable, Hashable {
        let page: Int
        let index: Int

        init(page: Int, index: Int) {
            self.page = page
            self.index = index
        }

        /// Never 0.
        var number: UInt64 { (UInt64(page) << 32 | UInt64(index)) + 1 }

        init?(number: UInt64) {
            guard number > 0 else { return nil }
            page = Int((number - 1) >> 32)
            index = Int((number - 1) & 0xFFFF_FFFF)
        }
    }

    struct Found: Sendable {
        let place: Place
        let entry: ColdArchiveEntry
    }

    private struct State {
        let reader: ColdArchiveReader
        /// The pages read last, the latest at the end.
        var pages: [(number: Int, entries: [ColdArchiveEntry])] = []
        /// Where the data of the files read last stands, the latest at the end.
        var data: [(place: Place, data: TarFileData)] = []
    }

    private let state: Mutex<State>
    private let index: Index
    let name: String

    /// 16 pages of some 2,500 entries.
    private static let pagesHeldMax = 16
    /// 16 frames of 1 MiB: several files that stand together are read at once.
    private static let framesHeldMax = 16
    private static let dataHeldMax = 32

    private init(
        _ point: RecoveryPoint,
        _ reader: sending ColdArchiveReader,
        _ index: Index
    ) {
        self.point = point
        self.index = index
        info = reader.info
        name = reader.name
        state = Mutex(State(reader: reader))
    }

    /// Opens the archive of a point.
    ///
    /// - Parameters:
    ///   - point: One in cold storage.
    ///   - vault: Its own.
    ///   - key: The archive's file key, where the vault's own key does not open it.
    /// - Returns: The point's tree.
    /// - Throws: `.wrongKey` when another's identity is needed; `.corrupt` when the archive is missing, or not what was moved;
    ///   `.invalid` of a warm point.
    package static func open(
        _ point: RecoveryPoint,
        of vault: Vault,
        key: AgeFileKey? = nil
    ) throws(BackupError) -> ColdTree {
        guard let record = point.cold else {
            throw BackupError(.invalid, "recovery point \(point.id) is not in cold storage")
        }
        try requireKey(key, of: record, point, vault)
        let file: ColdFile
        do throws(VaultError) {
            file = try vault.openArchive(of: point)
        } catch {
            throw BackupError(error)
        }
        let reader = try ColdArchiveReader(
            VaultArchiveBytes(file),
            framesHeldMax: framesHeldMax,
            unlocking: { header throws(KeyringError) in
                let found =
                    if let key { try header.verified(key) } else {
                        try header.fileKey([vault.coldIdentity])
                    }
                // Whoever has a recipient can make an archive, but none under this key.
                guard found.digest == record.fileKeyDigest else {
                    throw KeyringError(
                        .notAuthentic,
                        "it is another one than was written for \(point.id)",
                        remedy: "Put the right one back from a copy."
                    )
                }
                return found
            }
        )
        let index = try Index(reader)
        return ColdTree(point, reader, index)
    }

    /// Refuses to look for what this machine cannot read.
    private static func requireKey(
        _ key: AgeFileKey?,
        of record: ColdRecord,
        _ point: RecoveryPoint,
        _ vault: Vault
    ) throws(BackupError) {
        if let key {
            guard key.digest != record.fileKeyDigest else { return }
            throw BackupError(
                .wrongKey,
                "the identity is of another archive than that of recovery point \(point.id)",
                remedy:
                    "Name the identity of one of its recipients ('varve recovery-point describe \(point.id)')."
            )
        }
        guard !record.recipients.contains(vault.coldIdentity.recipient.description) else { return }
        throw BackupError(
            .wrongKey,
            "recovery point \(point.id) is in cold storage, and this machine cannot read it: it opens to "
                + record.recipients.prefix(3).joined(separator: ", ")
                + (record.recipients.count > 3 ? " and others" : ""),
            remedy: "Name the identity file of one of them (--identity FILE)."
        )
    }

    // MARK: Entries

    /// What a path names; symbolic links on the way are not followed.
    func find(_ path: [FileName]) throws(TreeFailure) -> Found {
        var found = try entry(at: index.root)
        for (depth, name) in path.enumerated() {
            guard found.entry.kind == .directory else {
                throw TreeFailure(
                    call: "look up",
                    errno: SystemError.notDirectory,
                    reason: "'\(name)' is not in a directory"
                )
            }
            guard let next = try entry(of: FileName.path(Array(path[...depth]))) else {
                throw TreeFailure(
                    call: "look up",
                    errno: SystemError.notFound,
                    reason: "recovery point \(point.id) has no '\(name)' there"
                )
            }
            found = next
        }
        return found
    }

    private func entry(of path: [UInt8]) throws(TreeFailure) -> Found? {
        for page in pages(of: Index.parent(of: path)) {
            let entries = try self.page(page)
            guard let index = entries.firstIndex(where: { $0.path == path }) else { continue }
            return Found(place: Place(page: page, index: index), entry: entries[index])
        }
        return nil
    }

    /// The entry at a place.
    ///
    /// - Throws: Not found for what is none.
    func entry(at place: Place) throws(TreeFailure) -> Found {
        guard place.page < index.pageCount, case let entries = try page(place.page),
            place.index < entries.count
        else {
            throw TreeFailure(
                call: "look up",
                errno: SystemError.notFound,
                reason: "recovery point \(point.id) has no inode \(place.number)"
            )
        }
        return Found(place: place, entry: entries[place.index])
    }

    /// Pages of the index that have names of a directory; a few others perhaps.
    func pages(of directory: some Collection<UInt8>) -> [Int] { index.pages(of: directory) }

    /// The names of a directory in one page, from a place in it on.
    func names(
        of directory: [UInt8],
        in page: Int,
        from first: Int = 0
    ) throws(TreeFailure) -> [Found] {
        let entries = try self.page(page)
        var found: [Found] = []
        for (number, entry) in entries.enumerated().dropFirst(first)
        where !entry.path.isEmpty && Index.parent(of: entry.path).elementsEqual(directory) {
            found.append(Found(place: Place(page: page, index: number), entry: entry))
        }
        return found
    }

    /// Where a file's bytes are: at its first name.
    func first(of found: Found) -> (place: Place, links: UInt32) {
        let path = found.entry.isFurtherName ? found.entry.link : found.entry.path
        guard let first = index.firsts[path] else { return (found.place, 1) }
        return (first.place ?? found.place, first.links)
    }

    private func page(_ number: Int) throws(TreeFailure) -> [ColdArchiveEntry] {
        do throws(BackupError) {
            return try state.withLock { state throws(BackupError) in
                if let known = state.pages.firstIndex(where: { $0.number == number }) {
                    let page = state.pages.remove(at: known)
                    state.pages.append(page)
                    return page.entries
                }
                let entries = try state.reader.page(number)
                if state.pages.count == ColdTree.pagesHeldMax { state.pages.removeFirst() }
                state.pages.append((number, entries))
                return entries
            }
        } catch {
            throw TreeFailure(archive: error)
        }
    }

    // MARK: Headers and bytes

    /// The header of an entry in the tar stream, which has what the index has not.
    ///
    /// - Throws: Damage, also when the header is another entry's.
    func header(_ entry: ColdArchiveEntry) throws(TreeFailure) -> ArchiveEntry {
        do throws(BackupError) {
            return try state.withLock { state throws(BackupError) in
                try ColdTree.header(entry, state.reader)
            }
        } catch {
            throw TreeFailure(archive: error)
        }
    }

    private static func header(
        _ entry: ColdArchiveEntry,
        _ reader: ColdArchiveReader
    ) throws(BackupError) -> ArchiveEntry {
        var at = entry.place.lowerBound
        var failure: BackupError?
        let found: ArchiveEntry?
        do throws(ArchiveFailure) {
            let decoder = try ArchiveDecoder {
                let end = min(entry.place.upperBound, at + 64 << 10)
                guard failure == nil, at < end else { return nil }
                do throws(BackupError) {
                    let bytes = try reader.tar(at..<end)
                    at = end
                    return bytes
                } catch {
                    failure = error
                    return nil
                }
            }
            found = try decoder.next()
        } catch {
            if let failure { throw failure }
            throw .damaged(reader.name, error.reason)
        }
        if let failure { throw failure }
        guard var header = found, let names = FileName.components(header.path) else {
            throw .damaged(reader.name, UnpackingGuide.unfit)
        }
        header.path = FileName.path(names)
        guard ColdArchiveNext(entry).isOf(header) else {
            throw .damaged(reader.name, UnpackingGuide.unfit)
        }
        return header
    }

    /// Runs of a file's data; the rest is holes.
    func dataRanges(of file: Found) throws(TreeFailure) -> [Range<UInt64>] {
        do throws(BackupError) {
            return try state.withLock { state throws(BackupError) in
                try ColdTree.data(of: file, &state).runs.map(\.range)
            }
        } catch {
            throw TreeFailure(archive: error)
        }
    }

    /// Bytes of a file, holes as zeros; what lies behind its end is dropped.
    func read(_ range: Range<UInt64>, of file: Found) throws(TreeFailure) -> [UInt8] {
        let range = range.clamped(to: 0..<file.entry.size)
        guard !range.isEmpty else { return [] }
        do throws(BackupError) {
            return try state.withLock { state throws(BackupError) in
                let data = try ColdTree.data(of: file, &state)
                let reader = state.reader
                return try data.read(range) { tar throws(BackupError) in try reader.tar(tar) }
            }
        } catch {
            throw TreeFailure(archive: error)
        }
    }

    private static func data(
        of file: Found,
        _ state: inout State
    ) throws(BackupError) -> TarFileData {
        if let known = state.data.last(where: { $0.place == file.place }) { return known.data }
        let reader = state.reader
        let data = try TarFileData(file.entry, of: reader.name) { range throws(BackupError) in
            try reader.tar(range)
        }
        if state.data.count == dataHeldMax { state.data.removeFirst() }
        state.data.append((file.place, data))
        return data
    }
}

extension ColdTree {
    /// What is known of an archive's index while its tree is open.
    struct Index: Sendable {
        /// A file with several names: where its first one is, and how many there are.
        struct First: Sendable {
            var place: Place?
            var links: UInt32
        }

        let root: Place
        let pageCount: Int
        private(set) var firsts: [[UInt8]: First] = [:]
        /// By the hash of the directory's path, then by page.
        private var directories: [(hash: Int, page: Int32)] = []

        /// Reads all pages, twice where files have several names.
        init(_ reader: ColdArchiveReader) throws(BackupError) {
            pageCount = reader.pageCount
            var found: Place?
            for number in 0..<reader.pageCount {
                var parents: Set<Int> = []
                for (index, entry) in try reader.page(number).enumerated() {
                    if entry.path.isEmpty {
                        found = Place(page: number, index: index)
                        continue
                    }
                    parents.insert(Index.hash(Index.parent(of: entry.path)))
                    if entry.isFurtherName {
                        firsts[entry.link, default: First(links: 1)].links += 1
                    }
                }
                for hash in parents { directories.append((hash, Int32(number))) }
            }
            guard let found else {
                throw .damaged(reader.name, "its index has no top directory")
            }
            root = found
            directories.sort { ($0.hash, $0.page) < ($1.hash, $1.page) }
            if !firsts.isEmpty { try findFirsts(reader) }
        }

        private mutating func findFirsts(_ reader: ColdArchiveReader) throws(BackupError) {
            for number in 0..<reader.pageCount {
                for (index, entry) in try reader.page(number).enumerated()
                where !entry.isFurtherName && firsts[entry.path] != nil {
                    firsts[entry.path]?.place = Place(page: number, index: index)
                }
            }
            guard firsts.values.allSatisfy({ $0.place != nil }) else {
                throw .damaged(reader.name, "its index has further names of files that it lacks")
            }
        }

        func pages(of directory: some Collection<UInt8>) -> [Int] {
            let hash = Index.hash(directory)
            var low = 0
            var high = directories.count
            while low < high {
                let middle = (low + high) / 2
                if directories[middle].hash < hash { low = middle + 1 } else { high = middle }
            }
            return directories[low...].prefix { $0.hash == hash }.map { Int($0.page) }
        }

        private static func hash(_ path: some Collection<UInt8>) -> Int {
            var hasher = Hasher()
            for byte in path { hasher.combine(byte) }
            return hasher.finalize()
        }

        /// The path of the directory that a path stands in; empty for the top.
        static func parent(of path: [UInt8]) -> ArraySlice<UInt8> {
            guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return [] }
            return path[..<slash]
        }
    }
}

extension TreeFailure {
    /// What an archive that does not read costs: damage where that is what it is.
    init(archive error: BackupError) {
        self.init(
            call: "read",
            errno: SystemError.failed,
            reason: error.description,
            isDamage: error.code == .corrupt
        )
    }
}
