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

        /// As the one that Swift would make, but the name's bytes at once.
        func hash(into hasher: inout Hasher) {
            hasher.combine(directory)
            name.bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        }
    }

    /// What is kept, and the commit that it may show: nobody is told of it before that is durable.
    private struct Kept<Value: Sendable>: Sendable {
        let value: Value
        let commit: UInt64
    }

    private struct State {
        var inodes: RecentlyUsed<InodeNumber, Kept<Inode>>
        /// To `nil` for a name that is not there.
        var names: RecentlyUsed<Name, Kept<InodeNumber?>>
        /// Of the inodes that the commit under way changes: the access times that stay as they were.
        var accessed: [InodeNumber: Timestamp?] = [:]
        var tiles = RememberedTiles()
    }

    /// Inodes and names that are kept at most, of each: some 400 bytes for one of both, 26 MiB.
    package static let countMax = 1 << 16

    private let commits: CommitProgress
    private let state: Mutex<State>
    /// Changed under the lock alone.
    private let current = Atomic<UInt64>(0)

    init(commits: CommitProgress, countMax: Int = LiveRowCache.countMax) {
        self.commits = commits
        state = Mutex(
            State(inodes: RecentlyUsed(countMax: countMax), names: RecentlyUsed(countMax: countMax))
        )
    }

    /// Twice the number of the last commit; odd while the next is under way.
    package var version: UInt64 { current.load(ordering: .acquiring) }

    // MARK: Asking

    /// An inode's row; `nil` when it is not here, which says nothing of whether there is one.
    package func inode(_ inode: InodeNumber) -> Inode? {
        state.withLock { durable($0.inodes[inode]) }
    }

    /// An inode's row, and the version at which it was here.
    package func versionedInode(_ inode: InodeNumber) -> (inode: Inode, version: UInt64)? {
        state.withLock { state in
            durable(state.inodes[inode]).map { ($0, current.load(ordering: .relaxed)) }
        }
    }

    /// Rows of several inodes, as a transaction shows them that began at `commit`; `nil` for each that is not here.
    ///
    /// They may not be durable yet, as all that the transaction shows: its reader's answer waits for that.
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
                for inode in part {
                    found.append(isOfCommit ? state.inodes[inode]?.value : nil)
                }
            }
        }
        return found
    }

    private static let partMax = 64

    /// What some tiles of a file show, each ascending, at the version of its row that was asked for before.
    ///
    /// What changes the bytes that a tile shows changes the file's row too: as that is durable, so are they. What moves
    /// bytes alone shows the same ones before and after.
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
            guard let parent = durable(state.inodes[directory]),
                let target = durable(state.names[Name(directory: directory, name: name)])
            else { return nil }
            let version = current.load(ordering: .relaxed)
            guard let target else {
                return Found(directory: parent, inode: nil, version: version)
            }
            guard let inode = durable(state.inodes[target]) else { return nil }
            return Found(directory: parent, inode: inode, version: version)
        }
    }

    /// Where a name leads: nowhere, or to an inode; `nil` when it is not here.
    func target(of name: Name) -> InodeNumber?? {
        state.withLock { durable($0.names[name]) }
    }

    /// What may be shown already.
    private func durable<Value>(_ kept: Kept<Value>?) -> Value? {
        guard let kept, kept.commit <= commits.durable else { return nil }
        return kept.value
    }

    /// All that is in memory, for tests.
    var remembered: (inodes: [InodeNumber], names: [Name], tiles: [RecordHome]) {
        state.withLock { ($0.inodes.keys, $0.names.keys, $0.tiles.homes) }
    }

    // MARK: Filling

    /// Keeps a live row that a transaction shows which began at `commit` or later.
    func keep(_ inode: Inode, commit: UInt64) {
        state.withLock { state in
            guard current.load(ordering: .relaxed) == 2 * commit else { return }
            state.inodes[inode.row.inode] = Kept(value: inode, commit: commit)
        }
    }

    /// Keeps where a live name leads, or that there is none, as such a transaction shows.
    func keep(_ name: Name, leadsTo target: InodeNumber?, commit: UInt64) {
        state.withLock { state in
            guard current.load(ordering: .relaxed) == 2 * commit else { return }
            state.names[name] = Kept(value: target, commit: commit)
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

    /// Takes out what a commit changes; from now to ``endCommit(isVisible:_:)`` nobody puts anything in.
    func beginCommit(_ touched: TouchedRows) {
        state.withLock { state in
            current.add(1, ordering: .releasing)
            for inode in touched.inodes {
                let known = state.inodes.removeValue(for: inode)
                if let known, !touched.accessTimes.contains(inode) {
                    state.accessed.updateValue(known.value.accessed, forKey: inode)
                }
            }
            for (name, _) in touched.names { _ = state.names.removeValue(for: name) }
            for tile in touched.tiles { state.tiles.remove(tile.inode, tile: tile.tile) }
        }
    }

    /// The commit is visible to all who begin to read; or it failed, and nothing has changed.
    ///
    /// Who waited for it mostly asks for what it has made or changed: that goes in as the commit shows it, as far as
    /// the access time is known.
    func endCommit(isVisible: Bool, _ shown: ShownRows = ShownRows()) {
        state.withLock { state in
            let version = current.load(ordering: .relaxed)
            if isVisible { LiveRowCache.put(shown, commit: (version + 1) / 2, into: &state) }
            state.accessed.removeAll(keepingCapacity: true)
            current.store(isVisible ? version + 1 : version - 1, ordering: .releasing)
        }
    }

    private static func put(_ shown: ShownRows, commit: UInt64, into state: inout State) {
        for (row, isNew) in shown.inodes {
            let accessed: Timestamp?
            if row.kind != .regular || isNew {
                // No read has left a time of these: of all but regular files none ever does.
                accessed = nil
            } else if let known = state.accessed[row.inode] {
                accessed = known
            } else {
                continue
            }
            let inode = Inode(row: row, accessed: accessed)
            state.inodes[row.inode] = Kept(value: inode, commit: commit)
        }
        for (name, target) in shown.names {
            state.names[name] = Kept(value: target, commit: commit)
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
    private(set) var inodes: Set<InodeNumber> = []
    /// Of the inodes, those whose access time as reads leave it is another.
    private(set) var accessTimes: Set<InodeNumber> = []
    /// Names with a hash that they have, or had.
    private(set) var names: [(name: LiveRowCache.Name, hash: UInt64)] = []
    /// Tiles of which a live slice has come, gone or moved; ``SliceRow/rangeTile`` for all of a file's.
    private(set) var tiles: [RecordHome] = []

    mutating func touch(_ inode: InodeNumber) {
        inodes.insert(inode)
    }

    mutating func touchAccessTime(_ inode: InodeNumber) {
        inodes.insert(inode)
        accessTimes.insert(inode)
    }

    mutating func touch(_ row: DirentRow) {
        names.append((LiveRowCache.Name(directory: row.directory, name: row.name), row.hash))
    }

    /// A slice that is past changes nothing of what the present shows.
    mutating func touch(_ row: SliceRow) {
        guard row.died == .never else { return }
        tiles.append(RecordHome(inode: row.inode, tile: row.tile))
    }

    mutating func removeAll() {
        inodes.removeAll(keepingCapacity: true)
        accessTimes.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
        tiles.removeAll(keepingCapacity: true)
    }
}

/// What a commit shows of the rows that it has changed.
struct ShownRows {
    /// A new inode has no access time but the row's.
    var inodes: [(row: InodeRow, isNew: Bool)] = []
    /// Names, and what they lead to.
    var names: [(name: LiveRowCache.Name, target: InodeNumber?)] = []
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

    var keys: [Key] { Array(young.keys) + old.keys }

    subscript(key: Key) -> Value? {
        mutating get {
            if let value = young[key] { return value }
            guard let value = old.removeValue(forKey: key) else { return nil }
            insert(value, for: key)
            return value
        }
        set {
            guard let newValue else {
                _ = removeValue(for: key)
                return
            }
            if !old.isEmpty { old.removeValue(forKey: key) }
            insert(newValue, for: key)
        }
    }

    mutating func removeValue(for key: Key) -> Value? {
        let value = young.removeValue(forKey: key)
        // A key is hashed for each half that is asked.
        guard !old.isEmpty else { return value }
        return old.removeValue(forKey: key) ?? value
    }

    private mutating func insert(_ value: Value, for key: Key) {
        if young.count >= halfMax, young[key] == nil {
            old = young
            young.removeAll(keepingCapacity: true)
        }
        young[key] = value
    }
}
