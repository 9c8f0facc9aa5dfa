package import BackupVault
package import Keyring
import Synchronization
package import VarveModel

/// A recovery point that is looked into without being restored.
///
/// As long as it lives no prune takes what the point needs. Every call blocks.
package final class PointTree: Sendable {
    package let vault: Vault
    package let point: RecoveryPoint
    let source: VaultSource
    /// Of one in cold storage, which has no maps.
    let cold: ColdTree?
    private let lease: VaultReading?

    /// Names in one page of a directory.
    package static let pageNames = 1_000

    private init(
        _ vault: Vault,
        _ point: RecoveryPoint,
        _ lease: VaultReading?,
        _ cold: ColdTree?
    ) {
        self.cold = cold
        self.vault = vault
        self.point = point
        self.lease = lease
        source = VaultSource(vault: vault, point: point, path: [])
    }

    /// Looks into a point in cold storage that is open already.
    package convenience init(_ tree: ColdTree, of vault: Vault) {
        self.init(vault, tree.point, nil, tree)
    }

    /// Begins to look into a point.
    ///
    /// - Parameters:
    ///   - id: The point's.
    ///   - vault: Its own.
    ///   - key: Of one in cold storage, its archive's file key, where the vault's own key does not open it.
    /// - Returns: The point, to be looked into.
    /// - Throws: `.notFound` when it is not there, or no more; `.wrongKey` of one in cold storage; `.corrupt`, `.unsupported`,
    ///   `.failed`.
    package static func open(
        _ id: RecoveryPointID,
        of vault: Vault,
        key: AgeFileKey? = nil
    ) throws(BackupError) -> PointTree {
        let lease = vault.beginReading()
        let point: RecoveryPoint
        do throws(VaultError) {
            point = try vault.recoveryPoint(id)
        } catch {
            throw BackupError(error)
        }
        let cold = point.isCold ? try ColdTree.open(point, of: vault, key: key) : nil
        return PointTree(vault, point, lease, cold)
    }

    /// What a path names; symbolic links on the way are not followed.
    ///
    /// - Throws: `.notFound`, `.invalid` for a way through what is no directory, `.corrupt`.
    package func resolve(_ path: [FileName]) throws(BackupError) -> PointEntry {
        try looking { () throws(TreeFailure) in
            if let cold { return try cold.pointEntry(try cold.find(path)) }
            var found = try source.inode(.root)
            for name in path {
                guard found.attributes.kind == .directory else {
                    throw TreeFailure(
                        call: "look up",
                        errno: SystemError.notDirectory,
                        reason: "'\(name)' is not in a directory"
                    )
                }
                found = try source.inode(try source.lookUp(name, in: found.attributes.inode))
            }
            return PointEntry(path.last ?? FileName.root, cookie: 0, found)
        }
    }

    /// A directory by its number, as a listing gave it.
    ///
    /// - Throws: `.notFound` when the point has no such inode, `.corrupt`.
    package func inode(_ number: InodeNumber) throws(BackupError) -> PointEntry {
        if let cold {
            return try looking { () throws(TreeFailure) in try cold.pointEntry(of: number) }
        }
        guard try value(ofInode: number) != nil else {
            throw BackupError(
                .notFound,
                "recovery point \(point.id) has no inode \(number.rawValue)"
            )
        }
        return try looking { () throws(TreeFailure) in
            PointEntry(FileName.root, cookie: 0, try source.inode(number))
        }
    }

    /// A page of a directory, in the order of its cookies.
    ///
    /// - Parameters:
    ///   - directory: Its inode.
    ///   - cookie: Where the page before ended; 0 for the first.
    /// - Returns: Entries, and those that are damaged.
    /// - Throws: `.corrupt` when the names themselves do not read.
    package func list(
        _ directory: InodeNumber,
        after cookie: UInt64
    ) throws(BackupError) -> PointPage {
        if let cold {
            return try looking { () throws(TreeFailure) in
                try cold.pointPage(of: directory, after: cookie)
            }
        }
        var page = PointPage()
        var key = PointFormat.key(directory, cookie: cookie)
        if cookie > 0 { key.append(0) }
        let entries = try reading { () throws(VaultError) in
            var scan = vault.entries(of: try source.nameMap(), from: key)
            return try scan.take(PointTree.pageNames) { key in
                PointFormat.directory(ofKey: key) == directory
            }
        }
        page.isEnd = entries.count < PointTree.pageNames
        for entry in entries {
            guard let place = PointFormat.name(ofKey: entry.key) else {
                throw BackupError(malformed: "a key of a name")
            }
            let name = try PointName(entry.value)
            page.cookie = place.cookie
            do throws(TreeFailure) {
                let found = try source.inode(name.inode)
                page.entries.append(PointEntry(name.name, cookie: place.cookie, found))
            } catch {
                page.damaged.append((name.name, BackupError(rootFailure: error)))
            }
        }
        return page
    }

    /// Bytes of a regular file, holes as zeros; what lies behind its end is dropped.
    ///
    /// - Throws: `.corrupt` when they do not verify.
    package func read(
        _ file: PointEntry,
        _ range: Range<UInt64>
    ) throws(BackupError) -> [UInt8] {
        let end = min(range.upperBound, file.attributes.size)
        guard range.lowerBound < end else { return [] }
        if let cold {
            return try looking { () throws(TreeFailure) in
                try cold.read(range.lowerBound..<end, of: file)
            }
        }
        var bytes = [UInt8](repeating: 0, count: Int(end - range.lowerBound))
        var at = range.lowerBound
        while at < end {
            let tile = UInt32(at / PointFormat.tileBytes)
            let start = UInt64(tile) * PointFormat.tileBytes
            let stop = min(end, start + PointFormat.tileBytes)
            let part = UInt32(at - start)..<UInt32(stop - start)
            let found = try looking { () throws(TreeFailure) in
                try source.tile(tile, of: file.attributes.inode)
            }
            for extent in found?.extents ?? [] {
                guard let piece = extent.clipped(to: part) else { continue }
                let from = Int(piece.skip)
                let data = try reading { () throws(VaultError) in
                    try vault.read(piece.chunk, range: from..<from + piece.range.count)
                }
                let place = Int(start + UInt64(piece.range.lowerBound) - range.lowerBound)
                bytes.replaceSubrange(place..<place + data.count, with: data)
            }
            at = stop
        }
        return bytes
    }

    func value(ofInode number: InodeNumber) throws(BackupError) -> MapValue? {
        try reading { () throws(VaultError) in
            try vault.value(of: PointFormat.key(number), in: try source.inodeMap())
        }
    }

    func reading<Value>(_ body: () throws(VaultError) -> Value) throws(BackupError) -> Value {
        do throws(VaultError) {
            return try body()
        } catch {
            throw BackupError(error)
        }
    }

    func looking<Value>(_ body: () throws(TreeFailure) -> Value) throws(BackupError) -> Value {
        do throws(TreeFailure) {
            return try body()
        } catch {
            throw BackupError(rootFailure: error)
        }
    }
}

/// A name of a recovery point, and what it names.
package struct PointEntry: Sendable {
    package let name: FileName
    /// Where a listing goes on behind it.
    package let cookie: UInt64
    package let attributes: Attributes
    /// Of a symbolic link.
    package let target: [UInt8]

    init(_ name: FileName, cookie: UInt64, _ found: PointInode) {
        self.init(name, cookie: cookie, found.attributes, target: found.target)
    }

    init(_ name: FileName, cookie: UInt64, _ attributes: Attributes, target: [UInt8]) {
        self.name = name
        self.cookie = cookie
        self.attributes = attributes
        self.target = target
    }
}

/// A part of a directory of a recovery point.
package struct PointPage: Sendable {
    package var entries: [PointEntry] = []
    package var damaged: [(name: FileName, error: BackupError)] = []
    /// Of the last name, damaged or not.
    package var cookie: UInt64 = 0
    package var isEnd = false
}

/// Goes through all names beneath a directory of a recovery point, page by page; one caller at a time.
package final class PointWalk: Sendable {
    /// A name with its path from the root.
    package struct Found: Sendable {
        package let path: [FileName]
        package let entry: PointEntry
    }

    /// What does not read.
    package struct Damage: Sendable {
        /// The first of it, with its path.
        package fileprivate(set) var first: [(path: [FileName], error: BackupError)] = []
        /// All of it.
        package fileprivate(set) var count: UInt64 = 0

        /// 1,000: beyond that it is counted.
        package static let firstMax = 1_000

        fileprivate mutating func add(_ path: [FileName], _ error: BackupError) {
            count += 1
            if first.count < Damage.firstMax { first.append((path, error)) }
        }
    }

    private struct State {
        /// Directories to list, the next one last, and where to go on in each.
        var pending: [(path: [FileName], directory: InodeNumber, after: UInt64)]
        var damage = Damage()
    }

    private let tree: PointTree
    private let isEntered: @Sendable ([FileName]) -> Bool
    private let state: Mutex<State>

    /// What did not read so far.
    package var damage: Damage { state.withLock { $0.damage } }

    /// Begins a walk.
    ///
    /// - Parameters:
    ///   - tree: The point.
    ///   - path: Of the directory.
    ///   - directory: Its inode.
    ///   - isEntered: Whether to go into a directory, by its path from the root.
    package init(
        _ tree: PointTree,
        from path: [FileName],
        _ directory: InodeNumber,
        isEntered: @escaping @Sendable ([FileName]) -> Bool
    ) {
        self.tree = tree
        self.isEntered = isEntered
        state = Mutex(State(pending: [(path, directory, 0)]))
    }

    /// Some more names; `nil` after the last.
    ///
    /// A directory that does not read is noted in `damage`, and the walk goes on.
    package func next() -> [Found]? {
        guard let (path, directory, after) = state.withLock({ $0.pending.popLast() }) else {
            return nil
        }
        do throws(BackupError) {
            let page = try tree.list(directory, after: after)
            return take(page, of: directory, at: path)
        } catch {
            state.withLock { $0.damage.add(path, error) }
            return []
        }
    }

    private func take(
        _ page: PointPage,
        of directory: InodeNumber,
        at path: [FileName]
    ) -> [Found] {
        let found = page.entries.map { Found(path: path + [$0.name], entry: $0) }
        let entered = found.filter {
            $0.entry.attributes.kind == .directory && isEntered($0.path)
        }
        state.withLock { state in
            if !page.isEnd { state.pending.append((path, directory, page.cookie)) }
            for one in page.damaged { state.damage.add(path + [one.name], one.error) }
            state.pending += entered.map { ($0.path, $0.entry.attributes.inode, 0) }
        }
        return found
    }
}
