import BackupVault
package import VarveModel

/// What differs between two recovery points of one source in one vault.
///
/// Their maps are compared node by node, and what they share is never read: the cost is what changed. Paths come from
/// the names of the directories in which files changed; those of a file of several names, or of a point older than
/// the note of a file's directory (docs/formats/manifest.md), from one look at all names.
package struct PointDiff {
    /// One difference.
    package struct Difference: Sendable, Hashable {
        package enum Sign: String, Sendable {
            case added = "+"
            case removed = "-"
            case changed = "M"
        }

        package let sign: Sign
        package let path: [FileName]
        package let kind: FileKind
        /// Of a change: `data`, `attributes`, `xattrs`.
        package let what: [String]
    }

    /// What was found and what that took.
    package struct Report: Sendable {
        /// By path.
        package fileprivate(set) var differences: [Difference] = []
        /// Whether there were more than it holds.
        package fileprivate(set) var isCut = false
        /// Nodes of the four maps that were opened to be compared.
        package fileprivate(set) var nodesRead = 0
        /// Names that were looked at to find paths.
        package fileprivate(set) var namesRead = 0
    }

    /// 100,000: more are counted as cut.
    package static let differencesMax = 100_000

    private let old: PointTree
    private let new: PointTree
    private var report = Report()
    private var oldPaths: PointPaths
    private var newPaths: PointPaths

    private let isCancelled: () -> Bool

    private init(from old: PointTree, to new: PointTree, isCancelled: @escaping () -> Bool) {
        self.old = old
        self.new = new
        self.isCancelled = isCancelled
        oldPaths = PointPaths(old)
        newPaths = PointPaths(new)
    }

    /// Compares; blocks.
    ///
    /// - Parameters:
    ///   - old: The point before.
    ///   - new: The point behind it.
    ///   - isCancelled: Asked at every difference whether anybody still waits.
    /// - Returns: The differences, and what finding them took.
    /// - Throws: `.invalid` for points of two sources or vaults, `.cancelled`, `.corrupt`, `.failed`.
    package static func run(
        from old: PointTree,
        to new: PointTree,
        isCancelled: @escaping () -> Bool = { false }
    ) throws(BackupError) -> Report {
        guard old.cold == nil, new.cold == nil else {
            let cold = old.cold == nil ? new.point.id : old.point.id
            throw BackupError(
                .unsupported,
                "recovery point \(cold) is in cold storage, and has no maps to compare",
                remedy: "Restore it, and compare what came back."
            )
        }
        guard old.vault.id == new.vault.id, old.point.source == new.point.source else {
            throw BackupError(
                .invalid,
                "\(old.point.id) and \(new.point.id) are of two sources, or in two vaults",
                remedy: "Compare points of one file system in one vault."
            )
        }
        var diff = PointDiff(from: old, to: new, isCancelled: isCancelled)
        try diff.compareNames()
        try diff.compareInodes()
        diff.report.namesRead = diff.oldPaths.namesRead + diff.newPaths.namesRead
        diff.report.differences.sort { $0.path.lexicographicallyPrecedes($1.path) }
        return diff.report
    }

    // MARK: Names

    private mutating func compareNames() throws(BackupError) {
        var differences = new.vault.difference(
            from: try old.reading { () throws(VaultError) in try old.source.nameMap() },
            to: try new.reading { () throws(VaultError) in try new.source.nameMap() }
        )
        var found: [FoundName] = []
        while let difference = try next(&differences) {
            guard let place = PointFormat.name(ofKey: difference.key) else {
                throw BackupError(malformed: "a key of a name")
            }
            let before = try difference.old.map { value throws(BackupError) in try PointName(value)
            }
            let after = try difference.new.map { value throws(BackupError) in try PointName(value) }
            guard before != after else { continue }
            let directory = place.directory
            if let before { found.append(FoundName(sign: .removed, name: before, in: directory)) }
            if let after { found.append(FoundName(sign: .added, name: after, in: directory)) }
            try checkCancellation()
            if found.count > PointDiff.differencesMax { break }
        }
        report.nodesRead += differences.nodesRead
        var paths = (old: oldPaths, new: newPaths)
        try add(found.filter { $0.sign == .removed }, by: &paths.old)
        try add(found.filter { $0.sign == .added }, by: &paths.new)
        (oldPaths, newPaths) = paths
    }

    /// A name that is there at one end only.
    private struct FoundName {
        let sign: Difference.Sign
        let name: PointName
        let directory: InodeNumber

        init(sign: Difference.Sign, name: PointName, in directory: InodeNumber) {
            self.sign = sign
            self.name = name
            self.directory = directory
        }
    }

    /// Finds the paths of all directories together: a wide one above many of them is read once.
    private mutating func add(
        _ found: [FoundName],
        by paths: inout PointPaths
    ) throws(BackupError) {
        let directories = Set(found.map(\.directory))
        let wanted = directories.union(try paths.above(directories))
        for one in found {
            guard let above = try paths.path(of: one.directory, among: wanted) else {
                throw BackupError(
                    .corrupt,
                    "directory \(one.directory.rawValue) of the recovery point holds '\(one.name.name)' and has no name"
                )
            }
            let path = above + [one.name.name]
            add(Difference(sign: one.sign, path: path, kind: one.name.kind, what: []))
        }
    }

    private mutating func add(_ difference: Difference) {
        guard report.differences.count < PointDiff.differencesMax else {
            report.isCut = true
            return
        }
        report.differences.append(difference)
    }

    // MARK: Inodes

    /// What the maps say of one inode.
    private struct Change {
        var old: PointInode?
        var new: PointInode?
        /// Whether a tile was found that shows other bytes.
        var hasOtherTile = false

        /// Whether tiles still decide something: not of a file that is new, gone, or of another size.
        var needsTiles: Bool {
            !hasOtherTile && (old == nil) == (new == nil)
                && old?.attributes.size == new?.attributes.size
        }
    }

    private mutating func compareInodes() throws(BackupError) {
        var differences = new.vault.difference(
            from: try old.reading { () throws(VaultError) in try old.source.inodeMap() },
            to: try new.reading { () throws(VaultError) in try new.source.inodeMap() }
        )
        var changed: [(inode: InodeNumber, kind: FileKind, what: [String])] = []
        var current: (inode: InodeNumber, change: Change)?
        while let difference = try next(&differences) {
            let inode = PointFormat.inode(ofKey: difference.key)
            if let known = current, known.inode != inode {
                if let found = try verdict(known.inode, known.change) { changed.append(found) }
                current = nil
            }
            var change = current?.change ?? Change()
            if PointFormat.tile(ofKey: difference.key) != nil {
                if change.needsTiles {
                    change.hasOtherTile = try isOther(
                        try PointDiff.tile(difference.old),
                        try PointDiff.tile(difference.new)
                    )
                }
            } else {
                change.old = try difference.old.map { value throws(BackupError) in
                    try PointInode(value)
                }
                change.new = try difference.new.map { value throws(BackupError) in
                    try PointInode(value)
                }
            }
            current = (inode, change)
            try checkCancellation()
            if changed.count + report.differences.count > PointDiff.differencesMax { break }
        }
        if let known = current, let found = try verdict(known.inode, known.change) {
            changed.append(found)
        }
        report.nodesRead += differences.nodesRead
        try addPaths(to: changed)
    }

    private static func tile(_ value: MapValue?) throws(BackupError) -> PointTile {
        guard let value else { return PointTile() }
        return try PointTile(value)
    }

    /// How an inode that is there at both ends differs; `nil` when it does not, or is not.
    private func verdict(
        _ inode: InodeNumber,
        _ change: Change
    ) throws(BackupError) -> (inode: InodeNumber, kind: FileKind, what: [String])? {
        var before = change.old
        var after = change.new
        if before == nil, after == nil {
            // Its content alone differs: the key of its attributes is the same in both.
            guard let value = try new.value(ofInode: inode) else { return nil }
            after = try PointInode(value)
            before = after
        }
        guard let before, let after else { return nil }
        var what: [String] = []
        if hasOtherData(before, after, change) { what.append("data") }
        if PointDiff.comparable(before.attributes) != PointDiff.comparable(after.attributes) {
            what.append("attributes")
        }
        if before.extended != after.extended { what.append("xattrs") }
        guard !what.isEmpty else { return nil }
        return (inode, after.attributes.kind, what)
    }

    /// Owner, mode and, except of directories, whose names show by themselves, the time of modification.
    private static func comparable(_ found: Attributes) -> [Int64] {
        let time = found.kind == .directory ? .epoch : found.modified
        return [
            Int64(found.permissions), Int64(found.uid), Int64(found.gid), time.seconds,
            Int64(time.nanoseconds),
        ]
    }

    private func hasOtherData(
        _ before: PointInode,
        _ after: PointInode,
        _ change: Change
    ) -> Bool {
        guard after.attributes.kind == .regular else { return false }
        return change.hasOtherTile || before.attributes.size != after.attributes.size
    }

    /// Whether two tiles show other bytes; chunks are read only where their ids do not tell.
    ///
    /// Ids are digests of what chunks hold, under one key: both points are of one vault. Where whole chunks stand in
    /// the same runs, other ids are other bytes.
    private func isOther(_ old: PointTile, _ new: PointTile) throws(BackupError) -> Bool {
        if old == new { return false }
        let isOfWholeChunks = (old.extents + new.extents).allSatisfy {
            $0.skip == 0 && $0.range.count == Int($0.chunk.length)
        }
        if isOfWholeChunks, old.extents.map(\.range) == new.extents.map(\.range) { return true }
        return try bytes(of: old) != bytes(of: new)
    }

    /// All bytes of a tile: two maps of extents may show the same.
    private func bytes(of tile: PointTile) throws(BackupError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(PointFormat.tileBytes))
        for extent in tile.extents {
            let from = Int(extent.skip)
            let data = try new.reading { () throws(VaultError) in
                try new.vault.read(extent.chunk, range: from..<from + extent.range.count)
            }
            let place = Int(extent.range.lowerBound)
            bytes.replaceSubrange(place..<place + data.count, with: data)
        }
        return bytes
    }

    private mutating func addPaths(
        to changed: [(inode: InodeNumber, kind: FileKind, what: [String])]
    ) throws(BackupError) {
        let inodes = Set(changed.map(\.inode))
        let wanted = inodes.union(try newPaths.above(inodes))
        for found in changed {
            // Open without a name: no path leads to it.
            guard let path = try newPaths.path(of: found.inode, among: wanted) else { continue }
            add(Difference(sign: .changed, path: path, kind: found.kind, what: found.what))
        }
    }

    private func checkCancellation() throws(BackupError) {
        guard !isCancelled() else { throw BackupError(.cancelled, "the caller gave up") }
    }

    private func next(
        _ differences: inout MapDifferences
    ) throws(BackupError) -> MapDifference? {
        do throws(VaultError) {
            return try differences.next()
        } catch {
            throw BackupError(error)
        }
    }
}

/// Finds paths of inodes in a recovery point, and remembers what it saw on the way.
struct PointPaths {
    private let tree: PointTree
    /// One name each.
    private var names: [InodeNumber: (directory: InodeNumber, name: FileName)] = [:]
    private var directories: [InodeNumber: [FileName]] = [.root: []]
    private var isEverythingSeen = false
    private(set) var namesRead = 0

    init(_ tree: PointTree) {
        self.tree = tree
    }

    /// One path from the root; `nil` for an inode without a name.
    ///
    /// - Parameters:
    ///   - inode: Of any kind.
    ///   - wanted: Inodes that will be asked for too: their names are noted in passing.
    /// - Returns: The names from the root down.
    /// - Throws: `.corrupt`, `.failed`.
    mutating func path(
        of inode: InodeNumber,
        among wanted: Set<InodeNumber>
    ) throws(BackupError) -> [FileName]? {
        var climbed: [(inode: InodeNumber, name: FileName)] = []
        var next = inode
        while directories[next] == nil {
            guard let found = try name(of: next, among: wanted) else { return nil }
            climbed.append((next, found.name))
            next = found.directory
            guard climbed.count <= 1 << 16 else {
                throw BackupError(
                    .corrupt,
                    "directory \(next.rawValue) of the recovery point is beneath itself"
                )
            }
        }
        var path = directories[next] ?? []
        for step in climbed.reversed() {
            path.append(step.name)
            if step.inode != inode { directories[step.inode] = path }
        }
        return path
    }

    /// The directories above inodes, as far as these note them.
    func above(_ inodes: Set<InodeNumber>) throws(BackupError) -> Set<InodeNumber> {
        var found: Set<InodeNumber> = []
        for inode in inodes {
            var next = inode
            while let value = try tree.value(ofInode: next) {
                next = try PointInode(value).attributes.parent
                let isEnd = next.rawValue == 0 || next == .root
                guard !isEnd, found.insert(next).inserted else { break }
            }
        }
        return found
    }

    private mutating func name(
        of inode: InodeNumber,
        among wanted: Set<InodeNumber>
    ) throws(BackupError) -> (directory: InodeNumber, name: FileName)? {
        if let known = names[inode] { return known }
        guard let value = try tree.value(ofInode: inode) else { return nil }
        let attributes = try PointInode(value).attributes
        if attributes.parent.rawValue != 0 {
            try look(in: attributes.parent, for: inode, wanted)
            if let found = names[inode] { return found }
        }
        guard !isEverythingSeen else { return nil }
        try lookEverywhere(for: inode, wanted)
        return names[inode]
    }

    /// Reads the names of one directory.
    private mutating func look(
        in directory: InodeNumber,
        for inode: InodeNumber,
        _ wanted: Set<InodeNumber>
    ) throws(BackupError) {
        try read(from: PointFormat.key(directory, cookie: 0), inode, wanted) { $0 == directory }
    }

    /// Reads all names once, and notes those of every wanted inode.
    private mutating func lookEverywhere(
        for inode: InodeNumber,
        _ wanted: Set<InodeNumber>
    ) throws(BackupError) {
        isEverythingSeen = !wanted.isEmpty
        try read(from: [], inode, wanted) { _ in true }
    }

    private mutating func read(
        from start: [UInt8],
        _ inode: InodeNumber,
        _ wanted: Set<InodeNumber>,
        while isMeant: (InodeNumber) -> Bool
    ) throws(BackupError) {
        let map = try tree.reading { () throws(VaultError) in try tree.source.nameMap() }
        var scan = tree.vault.entries(of: map, from: start)
        while let entry = try next(&scan) {
            guard let place = PointFormat.name(ofKey: entry.key), isMeant(place.directory) else {
                return
            }
            namesRead += 1
            let name = try PointName(entry.value)
            guard name.inode == inode || wanted.contains(name.inode) else { continue }
            if names[name.inode] == nil { names[name.inode] = (place.directory, name.name) }
            if wanted.isEmpty { return }
        }
    }

    private func next(_ scan: inout MapScan) throws(BackupError) -> MapEntry? {
        do throws(VaultError) {
            return try scan.next()
        } catch {
            throw BackupError(error)
        }
    }
}
