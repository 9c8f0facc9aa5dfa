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
        var seen: Set<Name> = []
        var resume: ChangePosition?
        repeat {
            let page = try await engine.changes(
                after: old,
                through: new,
                resumeAfter: resume,
                limit: MomentDiff.pageKeys
            )
            var names: [(directory: InodeNumber, cookie: UInt64)] = []
            for change in page.changes {
                found.compared += 1
                switch change {
                case .dirent(let directory, let cookie):
                    // It comes once for each epoch in which it changed.
                    let name = Name(directory: directory, cookie: cookie)
                    if seen.insert(name).inserted { names.append((directory, cookie)) }
                case .inode(let inode): inodes[inode, default: []].insert(.attributes)
                case .extendedAttributes(let inode): inodes[inode, default: []].insert(.xattrs)
                case .content(let inode, _): inodes[inode, default: []].insert(.data)
                }
            }
            found.differences += try await differences(ofNames: names)
            resume = page.resumeAfter
            report(Progress(phase: "comparing", done: found.compared))
        } while resume != nil && found.differences.count <= MomentDiff.differencesMax
        var rest = inodes.sorted { $0.key < $1.key }[...]
        while !rest.isEmpty, found.differences.count <= MomentDiff.differencesMax {
            found.differences += try await differences(of: rest.prefix(MomentDiff.pageKeys))
            rest = rest.dropFirst(MomentDiff.pageKeys)
        }
        found.isCut = found.differences.count > MomentDiff.differencesMax
        found.differences = Array(found.differences.prefix(MomentDiff.differencesMax))
            .sorted { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }
        return found
    }

    /// Names that came, went, or name something else.
    private func differences(
        ofNames names: [(directory: InodeNumber, cookie: UInt64)]
    ) async throws -> [Difference] {
        let before = try await engine.dirents(names, at: old)
        let after = try await engine.dirents(names, at: new)
        let differing = zip(before, after).filter { $0 != $1 }
        return try await differences("-", differing.compactMap(\.0), at: old)
            + differences("+", differing.compactMap(\.1), at: new)
    }

    private func differences(
        _ sign: String,
        _ records: [DirentRecord],
        at epoch: Epoch
    ) async throws -> [Difference] {
        let directories = Array(Set(records.map(\.directory)))
        let paths = try await engine.paths(of: directories, at: epoch)
        let above = Dictionary(uniqueKeysWithValues: zip(directories, paths))
        return try records.map { record in
            guard let above = above[record.directory] ?? nil else {
                throw FileSystemError(
                    .corrupt,
                    "directory \(record.directory.rawValue) holds '\(record.name)' and has no name",
                    remedy: "Run varve doctor."
                )
            }
            return Difference(
                sign: sign,
                path: MomentDiff.text(above + [record.name]),
                kind: record.kind.word,
                what: []
            )
        }
    }

    /// Inodes that are there at both ends, have a name, and differ.
    private func differences(
        of touched: some Collection<(key: InodeNumber, value: TouchedParts)>
    ) async throws -> [Difference] {
        let numbers = touched.map(\.key)
        let before = try await engine.attributes(of: numbers, at: old)
        let after = try await engine.attributes(of: numbers, at: new)
        let otherXattrs = try await withOtherXattrs(
            touched.filter { $0.value.contains(.xattrs) }.map(\.key)
        )
        var differing: [(Attributes, what: [String])] = []
        for (parts, ends) in zip(touched, zip(before, after)) {
            guard let before = ends.0, let after = ends.1 else { continue }
            var what: [String] = []
            if try await hasOtherData(before, after, parts.value) { what.append("data") }
            if MomentDiff.comparable(before) != MomentDiff.comparable(after) {
                what.append("attributes")
            }
            if otherXattrs.contains(parts.key) { what.append("xattrs") }
            if !what.isEmpty { differing.append((after, what)) }
        }
        let paths = try await engine.paths(of: differing.map(\.0.inode), at: new)
        return zip(differing, paths).compactMap { found, path in
            // Open without a name: no path leads to it.
            guard let path else { return nil }
            return Difference(
                sign: "M",
                path: MomentDiff.text(path),
                kind: found.0.kind.word,
                what: found.what
            )
        }
    }

    private func withOtherXattrs(_ inodes: [InodeNumber]) async throws -> Set<InodeNumber> {
        let before = try await engine.inodes(inodes, at: old)
        let after = try await engine.inodes(inodes, at: new)
        let differing = zip(inodes, zip(before, after)).filter { _, ends in
            ends.0?.extended != ends.1?.extended
        }
        return Set(differing.map(\.0))
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
        if !parts.contains(.data) {
            guard before.change != after.change else { return false }
            // Bytes in slices have keys of their own: without one they are as they were.
            let wasInline = try await engine.inlineCount(before.inode, at: old) != nil
            let isInline = try await engine.inlineCount(after.inode, at: new) != nil
            guard wasInline || isInline else { return false }
        }
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

/// A name as the journal calls it.
private struct Name: Hashable {
    let directory: InodeNumber
    let cookie: UInt64
}

/// What of an inode the journal names.
private struct TouchedParts: OptionSet {
    let rawValue: UInt8

    static let attributes = TouchedParts(rawValue: 1)
    static let xattrs = TouchedParts(rawValue: 2)
    static let data = TouchedParts(rawValue: 4)
}
