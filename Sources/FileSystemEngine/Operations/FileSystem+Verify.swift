import MetadataStore
import SegmentStore
import Synchronization
import VarveModel

/// What doctor asks of a file system: does everything fit together, and does every record open?
extension FileSystem {
    /// Walks all rows at one held instant, and opens every record of the present and the past.
    ///
    /// The file system stays in use meanwhile.
    ///
    /// - Parameter progress: Told, now and then, how far it has come.
    /// - Returns: What is wrong, naming file, bytes and segment (I7); at most
    ///   ``VerifyWalk/findingsMax``.
    /// - Throws: What stops the walk itself: `.failed`, `.readOnly`, `.noSpace`.
    package func verify(
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws(FileSystemError) -> [Finding] {
        let hold = try await hold()
        let result: Result<[Finding], FileSystemError>
        do throws(FileSystemError) {
            result = .success(try await verify(at: hold.epoch, progress))
        } catch {
            result = .failure(error)
        }
        try await release(hold)
        return try result.get()
    }

    private func verify(
        at instant: Epoch,
        _ progress: @escaping @Sendable (String) -> Void
    ) async throws(FileSystemError) -> [Finding] {
        // It stays where it is: a copy between two steps would copy all that was checked.
        let walk = Mutex(VerifyWalk(instant: instant, missing: core.segments.missingSegments))
        while walk.withLock({ !$0.isComplete && $0.findings.count < VerifyWalk.findingsMax }) {
            let come = try await readers.run { context in
                try walk.withLock { walk in
                    try walk.step(context)
                    return walk.progress
                }
            }
            progress(come)
        }
        return walk.withLock { $0.findings }
    }
}

/// The state of one verification between its steps; each step is a page of rows.
struct VerifyWalk: Sendable {
    /// Enough to see what is wrong; a broken disk breaks everything.
    static let findingsMax = 1_000

    private enum Stage: Sendable {
        case dirents(after: DirentKey?)
        case inodes(after: InodeNumber)
        case slices(after: SliceKey?)
        case done
    }

    private struct Names: Sendable {
        var count: UInt32 = 0
        var directories: UInt32 = 0
        var kind: FileKind?
    }

    private let view: View
    private var stage = Stage.dirents(after: nil)
    private var names: [InodeNumber: Names] = [:]
    private var checked: Set<RecordPointer> = []
    private var lastInode = InodeNumber(rawValue: 0)
    private(set) var findings: [Finding] = []

    init(instant: Epoch, missing: [SegmentID]) {
        view = .past(instant)
        for segment in missing {
            findings.append(
                Finding(
                    .damage,
                    segment: segment,
                    "segment \(segment.rawValue) has rows and no file",
                    remedy: Finding.restoreRemedy
                )
            )
        }
    }

    var isComplete: Bool {
        if case .done = stage { true } else { false }
    }

    /// For people.
    var progress: String {
        switch stage {
        case .dirents: "\(names.count) inodes named"
        case .inodes(let last): "inodes up to \(last.rawValue)"
        case .slices: "\(checked.count) records opened"
        case .done: "done, \(findings.count) findings"
        }
    }

    mutating func step(_ context: ReadContext) throws {
        try context.begin(view)
        switch stage {
        case .dirents(let position): try names(after: position, context)
        case .inodes(let last): try inodes(after: last, context)
        case .slices(let position): try slices(after: position, context)
        case .done: return
        }
    }

    private mutating func names(after position: DirentKey?, _ context: ReadContext) throws {
        let page = try context.reader.dirents(after: position, limit: 4_096, at: view)
        for dirent in page {
            names[dirent.inode, default: Names()].count += 1
            names[dirent.inode]?.kind = dirent.kind
            if dirent.kind == .directory {
                names[dirent.directory, default: Names()].directories += 1
            }
        }
        let last = page.last.map { DirentKey(directory: $0.directory, hash: $0.hash) }
        stage =
            page.count < 4_096 ? .inodes(after: InodeNumber(rawValue: 0)) : .dirents(after: last)
    }

    private mutating func inodes(after last: InodeNumber, _ context: ReadContext) throws {
        let page = try context.reader.inodes(after: last, limit: 4_096, at: view)
        for row in page { try check(row, context) }
        guard page.count < 4_096 else {
            stage = .inodes(after: page.last?.inode ?? last)
            return
        }
        for (inode, named) in names.sorted(by: { $0.key < $1.key }) {
            note(inode, "is named \(named.count) times and has no row")
        }
        names = [:]
        stage = .slices(after: nil)
    }

    private mutating func check(_ row: InodeRow, _ context: ReadContext) throws {
        let named = names.removeValue(forKey: row.inode) ?? Names()
        if row.kind == .directory {
            let expected: UInt32 = row.inode == .root ? 0 : 1
            if named.count != expected, row.links > 0 {
                note(row.inode, "has \(named.count) names")
            }
            if row.links > 0, row.links != named.directories + 2 {
                note(
                    row.inode,
                    "counts \(row.links) links, its directories make \(named.directories + 2)"
                )
            }
        } else if row.links != named.count {
            note(row.inode, "counts \(row.links) links and has \(named.count) names")
        }
        if let kind = named.kind, kind != row.kind {
            note(row.inode, "is \(row.kind), its name says \(kind)")
        }
        let inline = try context.reader.inline(row.inode, at: view) ?? []
        if row.flags & InodeFlags.hasSlices != 0, !inline.isEmpty {
            note(row.inode, "has content in its row and in slices")
        }
    }

    private mutating func slices(after position: SliceKey?, _ context: ReadContext) throws {
        let ticket = context.core.fence.enter()
        defer { context.core.fence.leave(ticket) }
        try context.begin(.live)
        let page = try context.reader.slices(after: position, limit: 256)
        for row in page { try open(row, context) }
        stage = page.last.map { .slices(after: SliceKey($0)) } ?? .done
    }

    /// Opens a record once, however many slices show it.
    private mutating func open(_ row: SliceRow, _ context: ReadContext) throws {
        guard let record = row.record, checked.insert(record).inserted else { return }
        let identity = RecordIdentity(row.home)
        do {
            let found = try context.core.segments.readRecord(
                RecordAddress(record),
                expecting: identity
            )
            guard found.bytes.count >= Int(row.skip + row.length) else {
                throw SegmentError(.corrupt, "the record is shorter than its slice")
            }
        } catch let error as SegmentError {
            let start = UInt64(row.tile) * context.core.tileBytes + row.offset
            let path = try? context.path(of: row.inode, at: .live)  // It may have no name any more.
            let name = path.map { "/" + $0.map(\.description).joined(separator: "/") }
            findings.append(
                Finding(
                    .damage,
                    inode: row.inode,
                    range: start..<start + row.length,
                    segment: record.segment,
                    "\(name ?? "inode \(row.inode.rawValue)"): \(error.message)",
                    remedy: Finding.restoreRemedy
                )
            )
        }
    }

    private mutating func note(_ inode: InodeNumber, _ words: String) {
        findings.append(
            Finding(
                .inconsistency,
                inode: inode,
                "inode \(inode.rawValue) \(words)",
                remedy: "Restore the file system from a recovery point, and report this."
            )
        )
    }
}

extension Finding {
    static let restoreRemedy =
        "Restore the file from an earlier instant that still opens, or from a recovery point."

    init(
        _ kind: Kind,
        inode: InodeNumber? = nil,
        range: Range<UInt64>? = nil,
        segment: SegmentID? = nil,
        _ message: String,
        remedy: String
    ) {
        self.init(
            kind: kind,
            inode: inode,
            range: range,
            segment: segment,
            message: message,
            remedy: remedy
        )
    }
}
