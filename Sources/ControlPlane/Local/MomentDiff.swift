import FileSystemEngine
import LocalAPI
import VarveModel

/// What differs between two instants: the journal names the keys, then both ends are compared.
struct MomentDiff: Sendable {
    private let engine: FileSystem
    private let old: Epoch
    private let new: Epoch

    /// Differences in one answer at most: more are counted as cut.
    private static let differencesMax = 100_000
    private static let pageKeys = 4_096
    /// 1 MiB: the piece in which two contents are compared.
    private static let pieceBytes: UInt64 = 1 << 20

    init(_ engine: FileSystem, from old: Epoch, to new: Epoch) {
        self.engine = engine
        self.old = old
        self.new = new
    }

    /// Compares.
    func run(_ report: RouteTable.Report) async throws -> DiffReport {
        var found = DiffReport(differences: [], compared: 0, isCut: false)
        // Gathered first: an inode has keys of several kinds, and shows once.
        var inodes: [InodeNumber: TouchedParts] = [:]
        var resume: ChangePosition?
        repeat {
            let page = try await engine.changes(
                after: old,
                through: new,
                resumeAfter: resume,
                limit: MomentDiff.pageKeys
            )
            for change in page.changes {
                found.compared += 1
                switch change {
                case .dirent(let directory, let cookie):
                    found.differences += try await name(directory, cookie)
                case .inode(let inode): inodes[inode, default: []].insert(.attributes)
                case .extendedAttributes(let inode): inodes[inode, default: []].insert(.xattrs)
                case .content(let inode, _): inodes[inode, default: []].insert(.data)
                }
            }
            resume = page.resumeAfter
            report(Progress(phase: "comparing", done: found.compared))
        } while resume != nil && found.differences.count <= MomentDiff.differencesMax
        for (inode, parts) in inodes.sorted(by: { $0.key < $1.key }) {
            if let difference = try await difference(inode, parts) {
                found.differences.append(difference)
            }
            if found.differences.count > MomentDiff.differencesMax { break }
        }
        found.isCut = found.differences.count > MomentDiff.differencesMax
        found.differences = Array(found.differences.prefix(MomentDiff.differencesMax))
            .sorted { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }
        return found
    }

    /// A name that came, went, or names something else.
    private func name(_ directory: InodeNumber, _ cookie: UInt64) async throws -> [Difference] {
        let before = try await engine.dirent(directory: directory, cookie: cookie, at: old)
        let after = try await engine.dirent(directory: directory, cookie: cookie, at: new)
        guard before != after else { return [] }
        var found: [Difference] = []
        for (record, epoch, sign) in [(before, old, "-"), (after, new, "+")] {
            guard let record else { continue }
            let above = try await engine.path(of: record.directory, at: .past(epoch))
            found.append(
                Difference(
                    sign: sign,
                    path: MomentDiff.text(above + [record.name]),
                    kind: record.kind.word,
                    what: []
                )
            )
        }
        return found
    }

    /// An inode that is there at both ends and differs.
    private func difference(_ inode: InodeNumber, _ parts: TouchedParts) async throws -> Difference?
    {
        guard let before = try await attributes(inode, old),
            let after = try await attributes(inode, new)
        else { return nil }
        var what: [String] = []
        if try await hasOtherData(before, after, parts) { what.append("data") }
        if MomentDiff.comparable(before) != MomentDiff.comparable(after) {
            what.append("attributes")
        }
        if parts.contains(.xattrs) {
            let past = try await engine.extendedAttributes(of: inode, at: old)
            let present = try await engine.extendedAttributes(of: inode, at: new)
            if past != present { what.append("xattrs") }
        }
        guard !what.isEmpty else { return nil }
        return Difference(
            sign: "M",
            path: MomentDiff.text(try await engine.path(of: inode, at: .past(new))),
            kind: after.kind.word,
            what: what
        )
    }

    private func attributes(_ inode: InodeNumber, _ epoch: Epoch) async throws -> Attributes? {
        do throws(FileSystemError) {
            return try await engine.attributes(of: inode, at: .past(epoch))
        } catch {
            guard error.code == .notFound || error.code == .stale else { throw error }
            return nil
        }
    }

    /// Owner, mode and, except of directories, whose names show by themselves, the time of modification.
    private static func comparable(_ found: Attributes) -> [Int64] {
        let time = found.kind == .directory ? .epoch : found.modified
        return [
            Int64(found.permissions), Int64(found.uid), Int64(found.gid), time.seconds,
            Int64(time.nanoseconds),
        ]
    }

    /// Whether bytes differ: a small file's bytes change with its inode's key alone.
    private func hasOtherData(
        _ before: Attributes,
        _ after: Attributes,
        _ parts: TouchedParts
    ) async throws -> Bool {
        guard after.kind == .regular else { return false }
        guard before.size == after.size else { return true }
        guard parts.contains(.data) || before.change != after.change else { return false }
        var offset: UInt64 = 0
        while offset < after.size {
            let range = offset..<min(after.size, offset + MomentDiff.pieceBytes)
            let left = try await engine.bulkRead(before.inode, range, at: .past(old))
            let right = try await engine.bulkRead(after.inode, range, at: .past(new))
            if left.bytes != right.bytes { return true }
            offset = range.upperBound
        }
        return false
    }

    private static func text(_ names: [FileName]) -> EscapedBytes {
        EscapedBytes(
            names.isEmpty ? [UInt8(ascii: "/")] : names.flatMap { [UInt8(ascii: "/")] + $0.bytes }
        )
    }
}

/// What of an inode the journal names.
private struct TouchedParts: OptionSet {
    let rawValue: UInt8

    static let attributes = TouchedParts(rawValue: 1)
    static let xattrs = TouchedParts(rawValue: 2)
    static let data = TouchedParts(rawValue: 4)
}
