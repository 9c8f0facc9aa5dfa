import Synchronization
import VarveModel

/// A pax archive, as a place to write a tree to; its bytes go to `output` as they come.
///
/// A directory's header comes after its contents, when nothing in it will change any more; what
/// unpacks makes missing parents, and sets their attributes when it meets them.
final class ArchiveSink: TreeSink, @unchecked Sendable {
    // SAFETY: one worker (`workersMax` is 1), so one call at a time.
    private let encoder: ArchiveEncoder
    private let output: @Sendable ([UInt8]) async throws -> Void
    /// Hears of each entry and where it stands in the stream; nowhere if tar cannot hold it.
    private let noting: EntryNotes?
    /// Bytes handed to `output`.
    private var sent: UInt64 = 0
    /// The entry that is being written, and where it begins.
    private var current: (entry: ArchiveEntry, start: UInt64)?
    /// Set when a file's header promised bytes that could not be read.
    private var isBroken = false

    struct File: Sendable {
        let path: [UInt8]
        let size: UInt64
        let end: Mutexed
        /// Attributes that its header has no room for.
        let left: [TreeFailure]
    }

    /// How far the data of a file is.
    final class Mutexed: Sendable {
        let written = Mutex<UInt64>(0)
    }

    let workersMax = 1
    private static let zeros = [UInt8](repeating: 0, count: 1 << 20)

    /// What hears of each entry.
    typealias EntryNotes = @Sendable (ArchiveEntry, Range<UInt64>) -> Void

    init(
        noting: EntryNotes? = nil,
        to output: @escaping @Sendable ([UInt8]) async throws -> Void
    ) throws(TreeFailure) {
        do throws(ArchiveFailure) {
            encoder = try ArchiveEncoder()
        } catch {
            throw TreeFailure("archive", error)
        }
        self.output = output
        self.noting = noting
    }

    func makeDirectory(
        _ entry: TreeEntry,
        in parent: [UInt8]
    ) async throws(TreeFailure) -> [UInt8] {
        below(parent, entry.name)
    }

    func finish(
        _ directory: [UInt8],
        _ node: TreeNode,
        _ details: TreeDetails
    ) async throws(TreeFailure) -> [TreeFailure] {
        let (entry, left) = try ArchiveSink.fitted(
            ArchiveEntry(path: directory, node: node, details: details)
        )
        try await put(entry)
        return left
    }

    func makeFile(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        runs: [Range<UInt64>],
        in directory: [UInt8]
    ) async throws(TreeFailure) -> File {
        let path = below(directory, entry.name)
        let size = entry.node.size
        let isWhole = runs == [0..<size] || size == 0
        let (header, left) = try ArchiveSink.fitted(
            ArchiveEntry(
                path: path,
                node: entry.node,
                details: details,
                runs: isWhole ? nil : runs.map { $0.clamped(to: 0..<size) }.filter { !$0.isEmpty }
            )
        )
        try await begin(header)
        return File(path: path, size: size, end: Mutexed(), left: left)
    }

    func write(
        _ bytes: [UInt8],
        at offset: UInt64,
        to file: File
    ) async throws(TreeFailure) {
        try await fill(file, to: offset)
        let count = min(UInt64(bytes.count), file.size - min(file.size, offset))
        try await add(bytes, Int(count), file)
    }

    func finish(
        _ file: File,
        _ entry: TreeEntry,
        _ details: TreeDetails,
        written: UInt64
    ) async throws(TreeFailure) -> (link: [UInt8], failures: [TreeFailure]) {
        try await fill(file, to: file.size)
        try await end()
        return (file.path, file.left)
    }

    /// Bytes that are gone cannot be called back: the archive would lie, so it ends here.
    func abandon(_ file: File) async {
        isBroken = true
    }

    func makeSpecial(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        in directory: [UInt8]
    ) async throws(TreeFailure) -> (link: [UInt8], failures: [TreeFailure]) {
        let path = below(directory, entry.name)
        let (fitted, left) = try ArchiveSink.fitted(
            ArchiveEntry(path: path, node: entry.node, details: details)
        )
        try await put(fitted)
        return (path, left)
    }

    func link(
        _ entry: TreeEntry,
        to link: [UInt8],
        in directory: [UInt8]
    ) async throws(TreeFailure) {
        let path = below(directory, entry.name)
        let further = ArchiveEntry(path: path, hardLink: link, node: entry.node)
        try await put(try ArchiveSink.fitted(further).entry)
    }

    func find(_ name: FileName, in directory: [UInt8]) async throws(TreeFailure) -> [UInt8] {
        below(directory, name)
    }

    func findDirectory(
        _ name: FileName,
        in parent: [UInt8]
    ) async throws(TreeFailure) -> [UInt8]? { nil }

    func removeOthers(
        than kept: Set<FileName>,
        in directory: [UInt8]
    ) async throws(TreeFailure) {}

    func complete() async throws(TreeFailure) {
        try await encode { () throws(ArchiveFailure) in try encoder.close() }
    }

    // MARK: Leaves

    /// 1,000,000: libarchive 3.6 reads 1 MiB of a pax header and nothing behind a longer one.
    private static let headerBytesMax = 1_000_000
    /// What a record has beside its name and value: its length, `SCHILY.xattr.` and the like.
    private static let recordBytes = 48

    /// The entry with a header that readers take: attributes are left out for it, the largest first.
    private static func fitted(
        _ entry: ArchiveEntry
    ) throws(TreeFailure) -> (entry: ArchiveEntry, left: [TreeFailure]) {
        let link = entry.hardLink ?? entry.details.target
        let pathBytes = entry.path.count + link.count + 16 * recordBytes
        guard pathBytes < headerBytesMax else {
            throw TreeFailure(
                call: "archive",
                errno: SystemError.invalid,
                reason: "the path is too long for a tar header of \(headerBytesMax) bytes"
            )
        }
        var bytes = entry.details.attributes.reduce(pathBytes) { $0 + headerBytes($1) }
        guard bytes >= headerBytesMax else { return (entry, []) }
        var fitting = entry
        var left: [TreeFailure] = []
        var names: Set<[UInt8]> = []
        for attribute in entry.details.attributes.sorted(by: { $0.value.count > $1.value.count })
        where bytes >= headerBytesMax {
            bytes -= headerBytes(attribute)
            names.insert(attribute.name)
            left.append(
                TreeFailure(
                    call: "archive attribute \(String(decoding: attribute.name, as: UTF8.self))",
                    errno: SystemError.invalid,
                    reason: "all of its attributes do not fit into a tar header"
                )
            )
        }
        fitting.details.attributes.removeAll { names.contains($0.name) }
        return (fitting, left)
    }

    /// What an attribute takes in a header; an ACL has some 40 bytes of text for each line besides.
    private static func headerBytes(_ attribute: TreeDetails.Attribute) -> Int {
        attribute.name.count + attribute.value.count + recordBytes
            + ArchiveACL.lines(attribute).count * 40
    }

    private func below(_ directory: [UInt8], _ name: FileName) -> [UInt8] {
        directory.isEmpty ? name.bytes : directory + [UInt8(ascii: "/")] + name.bytes
    }

    private func put(_ entry: ArchiveEntry) async throws(TreeFailure) {
        if let noting, entry.node.kind == .socket {
            try requireIndexable(entry)
            return noting(entry, 0..<0)
        }
        try await begin(entry)
        try await end()
    }

    private func begin(_ entry: ArchiveEntry) async throws(TreeFailure) {
        try requireIndexable(entry)
        let start = sent
        try await encode { () throws(ArchiveFailure) in try encoder.begin(entry) }
        current = (entry, start)
    }

    private func end() async throws(TreeFailure) {
        try await encode { () throws(ArchiveFailure) in try encoder.endEntry() }
        if let (entry, start) = current { noting?(entry, start..<sent) }
        current = nil
    }

    /// An index has bounds; a plain stream has none.
    private func requireIndexable(_ entry: ArchiveEntry) throws(TreeFailure) {
        guard noting != nil, let reason = ColdArchiveEntry(entry, at: 0..<0).excess else { return }
        throw TreeFailure(call: "archive", errno: SystemError.invalid, reason: reason)
    }

    /// Lays zeros for a hole; the format leaves them out again.
    private func fill(_ file: File, to offset: UInt64) async throws(TreeFailure) {
        while true {
            let at = file.end.written.withLock { $0 }
            guard at < offset else { return }
            let count = Int(min(offset - at, UInt64(ArchiveSink.zeros.count)))
            try await add(ArchiveSink.zeros, count, file)
        }
    }

    /// Adds the first `count` of these bytes.
    private func add(_ bytes: [UInt8], _ count: Int, _ file: File) async throws(TreeFailure) {
        var failure: ArchiveFailure?
        bytes.withUnsafeBytes { buffer in
            do throws(ArchiveFailure) {
                try encoder.add(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            } catch {
                failure = error
            }
        }
        if let failure { throw TreeFailure("archive", failure) }
        file.end.written.withLock { $0 += UInt64(count) }
        try await send()
    }

    private func encode(_ body: () throws(ArchiveFailure) -> Void) async throws(TreeFailure) {
        guard !isBroken else {
            let reason = "a file could not be read to the end that its header names"
            throw TreeFailure(call: "archive", errno: SystemError.failed, reason: reason)
                .fatal(BackupError(.corrupt, reason, remedy: "Export to a directory instead."))
        }
        do throws(ArchiveFailure) {
            try body()
        } catch {
            throw TreeFailure("archive", error)
        }
        try await send()
    }

    private func send() async throws(TreeFailure) {
        let bytes = encoder.takeOutput()
        guard !bytes.isEmpty else { return }
        sent += UInt64(bytes.count)
        do {
            try await output(bytes)
        } catch {
            let reason = "the receiver of the archive is gone: \(error)"
            throw TreeFailure(call: "send", errno: SystemError.failed, reason: reason)
                .fatal(BackupError(.failed, reason))
        }
    }
}

extension TreeFailure {
    init(_ call: String, _ failure: ArchiveFailure) {
        self.init(call: call, errno: SystemError.invalid, reason: failure.reason)
        if !failure.isEntryOnly { fatal = BackupError(.invalid, "archive: \(failure.reason)") }
    }
}
