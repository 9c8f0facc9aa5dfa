private import Synchronization
package import VarveModel

/// Rows of the present that were read lately, exactly as the database has them.
///
/// What asks for a name, an inode's attributes or where a file's bytes are is answered from here without a change of threads.
/// A commit takes out what it changes before it is visible to anybody, and a reader puts in only what
/// no commit can have overtaken. The version is twice the number of the last commit, and one more
/// while the next is under way: a transaction that begins at commit N or later and meets version 2 N
/// shows just commit N (docs/decisions/0019).
package final class LiveRowCache: Sendable {
    /// An inode's row, with the access time that reads have left, if later than the row's.
    package struct Inode: Sendable {
        package let row: InodeRow
        package let accessed: Timestamp?

        package init(row: InodeRow, accessed: Timestamp?) {
            self.row = row
            self.accessed = accessed
        }
    }

    /// A name that was looked for, and what it leads to, all at one version.
    package struct Found: Sendable {
        package let directory: Inode
        /// `nil`: there is no such name.
        package let inode: Inode?
        package let version: UInt64
    }

    /// A name in a directory.
    struct Name: Hashable, Sendable {
        let directory: InodeNumber
        let name: FileName
    }

    private struct State {
        var inodes: RecentlyUsed<InodeNumber, Inode>
        /// To `nil` for a name that is not there.
        var names: RecentlyUsed<Name, InodeNumber?>
        var tiles = RememberedTiles()
    }

    /// Inodes and names that are kept at most, of each: some 400 bytes for one of both, 26 MiB.
    package static let countMax = 1 << 16

    private let state: Mutex<State>
    /// Changed under the lock alone.
    private let current = Atomic<UInt64>(0)

    init(countMax: Int = LiveRowCache.countMax) {
        state = Mutex(
            State(inodes: RecentlyUsed(countMax: countMax), names: RecentlyUsed(countMax: countMax))
        )
    }

    /// Twice the number of the last commit; odd while the next is under way.
    package var version: UInt64 { current.load(ordering: .acquiring) }

    // MARK: Asking

    /// An inode's row; `nil` when it is not here, which says nothing of whether there is one.
    package func inode(_ inode: InodeNumber) -> Inode? {
        state.withLock { $0.inodes[inode] }
    }

    /// An inode's row, and the version at which it was here.
    package func versionedInode(_ inode: InodeNumber) -> (inode: Inode, version: UInt64)? {
        state.withLock { state in
            state.inodes[inode].map { ($0, current.load(ordering: .relaxed)) }
        }
    }

    /// Rows of several inodes, as a transaction shows them that began at `commit`; `nil` for each that is not here.
    package func inodes(
        _ inodes: some Collection<InodeNumber>,
        ofCommit commit: UInt64
    ) -> [Inode?] {
        var found: [Inode?] = []
        found.reserveCapacity(inodes.count)
        var rest = inodes[...]
        while !rest.isEmpty {
            // So many at a time that others need not wait long.
            let part = rest.prefix(LiveRowCache.partMax)
            rest = rest.dropFirst(LiveRowCache.partMax)
            state.withLock { state in
                // What the next commit changes is taken out before it is visible to anybody.
                let isOfCommit = current.load(ordering: .relaxed) / 2 == commit
                for inode in part { found.append(isOfCommit ? state.inodes[inode] : nil) }
            }
        }
        return found
    }

    private static let partMax = 64

    /// What some tiles of a file show, each ascending, at the version of its row that was asked for before.
    ///
    /// - Returns: `nil` when one of them is not here, or a commit has begun or ended since.
    package func tiles(
        _ tiles: ClosedRange<Int64>,
        of inode: InodeNumber,
        atVersion version: UInt64
    ) -> [[TileExtent]]? {
        state.withLock { state in
            guard current.load(ordering: .relaxed) == version else { return nil }
            var found: [[TileExtent]] = []
            found.reserveCapacity(tiles.count)
            for tile in tiles {
                guard let extents = state.tiles.extents(inode, tile: tile) else { return nil }
                found.append(extents)
            }
            return found
        }
    }

    /// A name with both its ends; `nil` when any part is not here.
    package func lookup(_ name: FileName, in directory: InodeNumber) -> Found? {
        state.withLock { state in
            guard let parent = state.inodes[directory],
                let target = state.names[Name(directory: directory, name: name)]
            else { return nil }
            let version = current.load(ordering: .relaxed)
            guard let target else {
                return Found(directory: parent, inode: nil, version: version)
            }
            guard let inode = state.inodes[target] else { return nil }
            return Found(directory: parent, inode: inode, version: version)
        }
    }

    /// Where a name leads: nowhere, or to an inode; `nil` when it is not here.
    func target(of name: Name) -> InodeNumber?? {
        state.withLock { $0.names[name] }
    }

    // MARK: Filling

    /// Keeps a live row that a transaction shows which began at `commit` or later.
    func keep(_ inode: Inode, commit: UInt64) {
        state.withLock { state in
            guard current.load(ordering: .relaxed) == 2 * commit else { return }
            state.inodes[inode.row.inode] = inode
        }
    }

    /// Keeps where a live name leads, or that there is none, as such a transaction shows.
    func keep(_ name: Name, leadsTo target: InodeNumber?, commit: UInt64) {
        state.withLock { state in
            guard current.load(ordering: .relaxed) == 2 * commit else { return }
            state.names[name] = .some(target)
        }
    }

    /// Keeps what a tile of a live file shows in such a transaction.
    func keep(_ extents: [TileExtent], _ inode: InodeNumber, tile: Int64, commit: UInt64) {
        state.withLock { state in
            guard current.load(ordering: .relaxed) == 2 * commit else { return }
            state.tiles.keep(extents, inode, tile: tile)
        }
    }

    // MARK: Commits

    /// Takes out what a commit changes; from now to ``endCommit()`` nothing is put in.
    func beginCommit(_ touched: TouchedRows) {
        state.withLock { state in
            current.add(1, ordering: .releasing)
            for inode in touched.inodes { state.inodes[inode] = nil }
            for name in touched.names { state.names[name] = nil }
            for tile in touched.tiles { state.tiles.remove(tile.inode, tile: tile.tile) }
        }
    }

    /// The commit is visible to all who begin to read; or it failed, and nothing has changed.
    func endCommit(isVisible: Bool) {
        state.withLock { _ in
            let version = current.load(ordering: .relaxed)
            current.store(isVisible ? version + 1 : version - 1, ordering: .releasing)
        }
    }

    /// Forgets all, for good.
    func close() {
        state.withLock { state in
            // Odd: a commit that never ends.
            current.store(.max, ordering: .releasing)
            state = State(inodes: RecentlyUsed(countMax: 2), names: RecentlyUsed(countMax: 2))
        }
    }
}

/// What a transaction has changed of what ``LiveRowCache`` may hold; what is undone may stay named here.
struct TouchedRows {
    private(set) var inodes: [InodeNumber] = []
    private(set) var names: [LiveRowCache.Name] = []
    /// Tiles of which a live slice has come, gone or moved; ``SliceRow/rangeTile`` for all of a file's.
    private(set) var tiles: [RecordHome] = []

    mutating func touch(_ inode: InodeNumber) {
        inodes.append(inode)
    }

    mutating func touch(_ row: DirentRow) {
        names.append(LiveRowCache.Name(directory: row.directory, name: row.name))
    }

    /// A slice that is past changes nothing of what the present shows.
    mutating func touch(_ row: SliceRow) {
        guard row.died == .never else { return }
        tiles.append(RecordHome(inode: row.inode, tile: row.tile))
    }

    mutating func removeAll() {
        inodes.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
        tiles.removeAll(keepingCapacity: true)
    }
}

/// A bounded dictionary that lets go of what was not asked for lately.
///
/// Two halves: what is asked for moves to the young one; when that is full it becomes the old one, and
/// what the old one still had is gone.
struct RecentlyUsed<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]
    private let halfMax: Int

    init(countMax: Int) {
        precondition(countMax >= 2, "a half holds one at least")
        halfMax = countMax / 2
    }

    var count: Int { young.count + old.count }

    subscript(key: Key) -> Value? {
        mutating get {
            if let value = young[key] { return value }
            guard let value = old.removeValue(forKey: key) else { return nil }
            insert(value, for: key)
            return value
        }
        set {
            old.removeValue(forKey: key)
            if let newValue {
                insert(newValue, for: key)
            } else {
                young.removeValue(forKey: key)
            }
        }
    }

    private mutating func insert(_ value: Value, for key: Key) {
        if young.count >= halfMax, young[key] == nil {
            old = young
            young.removeAll(keepingCapacity: true)
        }
        young[key] = value
    }
}
