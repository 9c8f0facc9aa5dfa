import MetadataStore
import VarveModel

/// One rollback inside a transaction.
///
/// Of everything: each key that changed since is set back, O(changes). Of a subtree: both its present
/// and its past are walked; names are set back first, then what the inodes hold. A file that has names
/// outside the subtree keeps them.
struct Rollback {
    let context: WriteContext
    let instant: Epoch

    init(_ context: WriteContext, _ instant: Epoch) {
        self.context = context
        self.instant = instant
    }

    private var writer: MetadataWriter { context.writer }
    private var past: View { .past(instant) }

    /// Everything.
    func everything() throws -> UInt64 {
        let keys = try changedKeys { _ in true }
        try restore(keys)
        var inodes: Set<InodeNumber> = []
        for key in keys { inodes.insert(key.inode) }
        for inode in inodes.sorted() {
            guard let row = try writer.inode(inode, at: .live) else { continue }
            try writer.clearOrphan(inode)
            if row.links == 0 { try context.endInode(row) }
        }
        try seal(inodes)
        return UInt64(keys.count)
    }

    /// An inode that is alive now and was then; its names above it stay as they are.
    func subtree(_ root: InodeNumber) throws -> UInt64 {
        var walk = Walk(core: core)
        try walk.add(root, writer, past, isThen: true)
        try walk.add(root, writer, .live, isThen: false)
        try walk.addMovedAway(writer)
        let row = try context.row(root)
        if row.kind == .directory { try requireOutside(row.parent, walk) }
        return try settle(walk)
    }

    /// A name of a live directory.
    func name(_ dirent: DirentRow) throws -> UInt64 {
        var walk = Walk(core: core)
        try walk.add(dirent.inode, writer, past, isThen: true)
        let live = try writer.lookup(dirent.name, in: dirent.directory, at: .live)
        if let live { try walk.add(live.inode, writer, .live, isThen: false) }
        try walk.addMovedAway(writer)
        try requireOutside(dirent.directory, walk)
        let edge = Edge(directory: dirent.directory, then: [dirent], now: live.map { [$0] } ?? [])
        return try settle(walk, edges: [edge])
    }

    /// Refuses to bring a directory back below itself.
    private func requireOutside(_ directory: InodeNumber, _ walk: Walk) throws {
        var next = directory
        while true {
            guard !walk.then.contains(next), !walk.now.contains(next) else {
                throw FileSystemError(
                    .invalid,
                    "what was below then is above now (directory \(next.rawValue))",
                    remedy: "Restore a directory above both."
                )
            }
            if next == .root { return }
            next = try context.row(next).parent
        }
    }

    /// The names of one directory at both ends.
    private struct Edge {
        let directory: InodeNumber
        var then: [DirentRow]
        var now: [DirentRow]
    }

    private func settle(_ walk: Walk, edges: [Edge] = []) throws -> UInt64 {
        var edges = edges
        for directory in walk.directories.sorted() {
            edges.append(
                Edge(
                    directory: directory,
                    then: walk.then.contains(directory)
                        ? try Walk.names(in: directory, writer, past) : [],
                    now: walk.now.contains(directory)
                        ? try Walk.names(in: directory, writer, .live) : []
                )
            )
        }
        let keys = try changedKeys { walk.then.contains($0) }
        try restoreInodes(walk, keys)
        for edge in edges { try removeNames(edge) }
        for edge in edges { try addNames(edge, walk) }
        for edge in edges where !walk.then.contains(edge.directory) {
            guard var row = try writer.inode(edge.directory, at: .live) else { continue }
            try context.touchContent(&row)
            try writer.updateInode(row)
        }
        try endTheNameless(walk)
        try seal(Set(keys.map(\.inode)))
        return UInt64(walk.then.union(walk.now).count)
    }

    // MARK: Inodes

    /// Sets what inodes hold; files keep the names that they have now, directories are named anew.
    private func restoreInodes(_ walk: Walk, _ keys: [ChangeKey]) throws {
        var live: [InodeNumber: InodeRow] = [:]
        for inode in walk.then { live[inode] = try writer.inode(inode, at: .live) }
        try restore(
            keys.filter { key in
                switch key {
                case .dirent, .link: false
                case .inode, .xattr, .inline, .content: true
                }
            }
        )
        for inode in walk.then.sorted() {
            guard let set = try writer.inode(inode, at: .live) else { continue }
            let now = live[inode]
            var row = set
            row.links = now?.links ?? (row.kind == .directory ? 2 : 0)
            row.parent = now?.parent ?? InodeNumber(rawValue: 0)
            row.parentHash = now?.parentHash ?? 0
            guard row != set else { continue }
            try writer.updateInode(row)
        }
        for inode in try writer.orphans() where walk.then.contains(inode) {
            try writer.clearOrphan(inode)
        }
    }

    /// Ends what neither end of the walk names any more.
    private func endTheNameless(_ walk: Walk) throws {
        for inode in walk.now.subtracting(walk.then).sorted() {
            guard var row = try writer.inode(inode, at: .live) else { continue }
            if row.kind == .directory {
                try context.endDirectory(&row)
            } else if row.links == 0 {
                try context.endInode(row)
            }
        }
        for inode in walk.then.sorted() {
            guard let row = try writer.inode(inode, at: .live), row.links == 0 else { continue }
            try context.endInode(row)
        }
    }

    /// Numbers of later writes must lie above those of the slices that came back.
    private func seal(_ inodes: Set<InodeNumber>) throws {
        let sequence = try writer.nextSequence()
        for inode in inodes.sorted() {
            guard var row = try writer.inode(inode, at: .live), row.kind == .regular else {
                continue
            }
            row.appliedSequence = sequence
            try writer.updateInode(row)
        }
        core.pending.raiseBarriers(to: sequence)
    }

    private var core: Core { context.core }

    // MARK: Names

    private func removeNames(_ edge: Edge) throws {
        let then = Set(edge.then.map(PlacedName.init))
        for dirent in edge.now where !then.contains(PlacedName(dirent)) {
            try writer.removeDirent(directory: dirent.directory, hash: dirent.hash)
            try unname(dirent)
        }
    }

    private func unname(_ dirent: DirentRow) throws {
        guard var row = try writer.inode(dirent.inode, at: .live) else { return }
        if row.kind == .directory {
            try adjustLinks(of: dirent.directory, by: -1)
        } else {
            try writer.removeName(&row, directory: dirent.directory, hash: dirent.hash)
            try context.touch(&row)
            try writer.updateInode(row)
        }
    }

    private func addNames(_ edge: Edge, _ walk: Walk) throws {
        let now = Set(edge.now.map(PlacedName.init))
        for dirent in edge.then where !now.contains(PlacedName(dirent)) {
            guard var row = try writer.inode(dirent.inode, at: .live) else { continue }
            if row.kind == .directory { try leavePresentPlace(row, walk) }
            let hash = try writer.insertDirent(
                directory: dirent.directory,
                name: dirent.name,
                inode: dirent.inode,
                kind: dirent.kind
            )
            if row.kind == .directory {
                row.parent = dirent.directory
                row.parentHash = hash
                try adjustLinks(of: dirent.directory, by: 1)
            } else {
                try writer.addName(&row, directory: dirent.directory, hash: hash)
            }
            try writer.updateInode(row)
        }
    }

    /// A directory that was moved out of the subtree comes back: it has one name.
    private func leavePresentPlace(_ row: InodeRow, _ walk: Walk) throws {
        let dirent = try writer.dirent(directory: row.parent, hash: row.parentHash, at: .live)
        guard let dirent, dirent.inode == row.inode else { return }
        try writer.removeDirent(directory: dirent.directory, hash: dirent.hash)
        try adjustLinks(of: dirent.directory, by: -1)
        guard !walk.then.contains(dirent.directory) else { return }
        var parent = try context.row(dirent.directory)
        try context.touchContent(&parent)
        try writer.updateInode(parent)
    }

    private func adjustLinks(of directory: InodeNumber, by delta: Int64) throws {
        guard var row = try writer.inode(directory, at: .live) else { return }
        row.links = UInt32(Int64(row.links) + delta)
        try context.touch(&row)
        try writer.updateInode(row)
    }

    // MARK: Keys

    /// What changed since, of inodes that `isWanted` says; a directory stands for its names.
    private func changedKeys(_ isWanted: (InodeNumber) -> Bool) throws -> [ChangeKey] {
        let keys = try writer.changedKeys(
            after: instant,
            through: writer.epoch,
            stopsBeyond: context.core.limits.restoreKeysMax
        ) { isWanted($0.inode) }
        try Rollback.requireHeld(keys.count, context.core)
        return keys
    }

    /// Refuses what one transaction cannot hold.
    fileprivate static func requireHeld(_ count: Int, _ core: Core) throws(FileSystemError) {
        guard count <= core.limits.restoreKeysMax else {
            throw FileSystemError(
                .unsupported,
                "more than \(core.limits.restoreKeysMax) inodes and names would be set back at once",
                remedy: "Restore parts of it one by one, or all of it to another place (--to)."
            )
        }
    }

    private func restore(_ keys: [ChangeKey]) throws {
        for key in keys {
            let stamp = RestoreStamp(change: try writer.nextChange(), changed: context.now)
            try writer.restore(key, to: instant, stamp: stamp)
        }
    }
}

/// The inodes of a subtree now and then.
private struct Walk {
    let core: Core
    var then: Set<InodeNumber> = []
    var now: Set<InodeNumber> = []
    var directories: Set<InodeNumber> = []

    mutating func add(
        _ root: InodeNumber,
        _ writer: MetadataWriter,
        _ view: View,
        isThen: Bool
    ) throws {
        var queue = [root]
        while let inode = queue.popLast() {
            let isNew = isThen ? then.insert(inode).inserted : now.insert(inode).inserted
            guard isNew, let row = try writer.inode(inode, at: view), row.kind == .directory else {
                continue
            }
            directories.insert(inode)
            queue += try Walk.names(in: inode, writer, view).map(\.inode)
            try Rollback.requireHeld(then.count + now.count + queue.count, core)
        }
    }

    /// Follows what was below then and is alive elsewhere now: it is coming back.
    mutating func addMovedAway(_ writer: MetadataWriter) throws {
        for inode in then.subtracting(now).sorted()
        where try writer.inode(inode, at: .live) != nil {
            try add(inode, writer, .live, isThen: false)
        }
    }

    static func names(
        in directory: InodeNumber,
        _ writer: MetadataWriter,
        _ view: View
    ) throws -> [DirentRow] {
        var names: [DirentRow] = []
        while true {
            let page = try writer.list(
                directory,
                after: names.last?.hash ?? 0,
                limit: 1_024,
                at: view
            )
            names += page
            if page.count < 1_024 { return names }
        }
    }
}

/// What a name says, whatever its hash and birth.
private struct PlacedName: Hashable {
    let directory: InodeNumber
    let name: FileName
    let inode: InodeNumber

    init(_ dirent: DirentRow) {
        directory = dirent.directory
        name = dirent.name
        inode = dirent.inode
    }
}
