import MetadataStore
import SegmentStore
import VarveModel

/// A row whose record is to be copied.
struct PlannedCopy: Sendable {
    let row: SliceRow
    let old: RecordPointer
}

/// Where the next piece of a copy begins.
struct CopyPosition: Sendable {
    /// The file, by its place among those that move as one.
    var file = 0
    /// The last row that was looked at; `nil` before the file's first.
    var row: SliceKey?
}

/// A piece of what files that move as one have to copy: whole tiles.
struct CopyPiece: Sendable {
    struct Plan: Sendable {
        let file: Int
        let copies: Result<[PlannedCopy], FileSystemError>
        let isHeldBack: Bool
    }

    var plans: [Plan] = []
    /// `nil` after the last.
    var next: CopyPosition?

    /// 4 MiB: while a piece is copied, at the pace that clients leave, nothing that is freed comes back.
    static let bytesMax: UInt64 = 4 << 20
}

extension ReadContext {
    /// The rows of files, dead ones too, whose records lie in another tier and may leave it, from a position on.
    func planCopies(
        of inodes: [InodeNumber],
        from position: CopyPosition = CopyPosition(),
        to tier: Tier
    ) -> CopyPiece {
        var piece = CopyPiece()
        var at = position
        var bytes: UInt64 = 0
        while at.file < inodes.count {
            var walk = CopyWalk(inode: inodes[at.file], tier: tier, bytes: bytes)
            let end = FileSystemError.result { try plan(&walk, after: at.row) }
            piece.plans.append(
                CopyPiece.Plan(
                    file: at.file,
                    copies: end.map { _ in walk.planned },
                    isHeldBack: walk.isHeldBack
                )
            )
            if case .success(let row?) = end {
                piece.next = CopyPosition(file: at.file, row: row)
                return piece
            }
            bytes = walk.bytes
            at = CopyPosition(file: at.file + 1)
            if bytes >= CopyPiece.bytesMax, at.file < inodes.count {
                piece.next = at
                return piece
            }
        }
        return piece
    }

    /// Walks a file's rows to the end of a tile by which there is enough to copy; `nil` at the last row.
    private func plan(_ walk: inout CopyWalk, after position: SliceKey?) throws -> SliceKey? {
        if position == nil { try attributes(of: walk.inode, at: .live).requireRegular() }
        var last = position ?? SliceKey(before: walk.inode)
        while true {
            let page = try reader.slices(ofInodeAt: last, limit: 1_024)
            for row in page {
                if walk.bytes >= CopyPiece.bytesMax, row.tile != last.tile { return last }
                last = SliceKey(row)
                guard let old = row.record else { continue }
                if try mayMove(old, &walk) { walk.take(row, old) }
            }
            guard page.count == 1_024 else { return nil }
        }
    }

    private func mayMove(_ old: RecordPointer, _ walk: inout CopyWalk) throws -> Bool {
        if let known = walk.may[old] { return known }
        var may = false
        if let current = core.segments.usage(of: old.segment)?.tier {
            may = try reader.mayMove(old, from: current, to: walk.tier, of: walk.inode)
            if !may, current != walk.tier { walk.isHeldBack = true }
        }
        walk.may[old] = may
        return may
    }
}

/// What a walk through a file's rows has found.
private struct CopyWalk {
    let inode: InodeNumber
    let tier: Tier
    /// Sealed bytes to copy, of the files before too.
    var bytes: UInt64
    var planned: [PlannedCopy] = []
    var may: [RecordPointer: Bool] = [:]
    var isHeldBack = false
    private var counted: Set<RecordPointer> = []

    init(inode: InodeNumber, tier: Tier, bytes: UInt64) {
        self.inode = inode
        self.tier = tier
        self.bytes = bytes
    }

    mutating func take(_ row: SliceRow, _ old: RecordPointer) {
        planned.append(PlannedCopy(row: row, old: old))
        if counted.insert(old).inserted { bytes += old.length }
    }
}

extension Core {
    /// Copies what was planned of each file; what could not be is told with it, and no space for one is none for those
    /// that follow.
    ///
    /// What is `known` to be copied is not copied again, whichever file it was for.
    func copies(
        _ plans: [CopyPiece.Plan],
        to tier: Tier,
        _ known: CopiedRecords
    ) -> [(copies: RecordCopies, failure: FileSystemError?)] {
        var full: FileSystemError?
        return plans.map { plan in
            if let full { return (RecordCopies(), full) }
            var copies = RecordCopies()
            do {
                for planned in try plan.copies.get() {
                    try copy(planned, to: tier, known, &copies)
                }
                return (copies, nil)
            } catch {
                let failure = FileSystemError(translating: error)
                if failure.code == .noSpace { full = failure }
                return (copies, failure)
            }
        }
    }

    private func copy(
        _ planned: PlannedCopy,
        to tier: Tier,
        _ known: CopiedRecords,
        _ copies: inout RecordCopies
    ) throws {
        let (row, old) = (planned.row, planned.old)
        let copy = try known[old] ?? copy(old, RecordIdentity(row.home), to: tier, known)
        copies.plainBytes[copy.record] = copy.plainBytes
        copies.swaps.append(
            RecordSwap(
                inode: row.inode,
                tile: row.tile,
                sequence: row.sequence,
                died: row.died,
                old: old,
                new: copy.record
            )
        )
    }

    private func copy(
        _ old: RecordPointer,
        _ identity: RecordIdentity,
        to tier: Tier,
        _ known: CopiedRecords
    ) throws -> CopiedRecords.Copy {
        // Whoever closes the file system waits for one record, not for a file.
        if copyThreads.isStopping { throw FileSystemError.closed }
        let made = try copyPace.step(isHurried: { self.copyThreads.isStopping }) { rest in
            try segments.countedCopy(
                of: RecordAddress(old),
                expecting: identity,
                to: tier,
                rest: rest
            )
        }
        let copy = CopiedRecords.Copy(
            record: RecordPointer(made.address),
            plainBytes: UInt64(made.plainBytes)
        )
        known.note(copy, of: old)
        return copy
    }
}
