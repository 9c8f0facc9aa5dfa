private import Synchronization

/// What is known of names: which files are open, which may differ between zones, and what waits for a directory's sync.
final class ZonedNames: Sendable {
    private struct Directory {
        var changes = 0
        var inFlight = 0
        /// Names that no sync has made durable, by the number of their last change.
        var names: [String: Int] = [:]
    }

    private struct State {
        var records: [String: FileRecord] = [:]
        var open: [ObjectIdentifier: ZonedHandles] = [:]
        var directories: [String: Directory] = [:]
        /// As the members' files say, or more.
        var listed: Set<String>
        var isAll: Bool
        /// By zone: what it must be given even where it seems to hold it, since a call failed there.
        var forced: [Int: [(record: FileRecord, ranges: ByteRanges)]] = [:]
    }

    private let state: Mutex<State>

    init(listed: [String], isAll: Bool) {
        state = Mutex(State(listed: Set(listed), isAll: isAll))
    }

    // MARK: Files

    /// The record of a file that has a name, made when there is none; it counts as opened once more.
    func openRecord(_ name: String, size: UInt64) -> FileRecord {
        state.withLock { state in
            let record =
                state.records[name]
                ?? FileRecord(
                    name: name,
                    size: size,
                    isListed: state.isAll || state.listed.contains(name)
                )
            state.records[name] = record
            record.opened()
            return record
        }
    }

    func add(_ handles: ZonedHandles) {
        state.withLock { $0.open[ObjectIdentifier(handles)] = handles }
    }

    func remove(_ handles: ZonedHandles) {
        state.withLock { state in
            guard state.open.removeValue(forKey: ObjectIdentifier(handles)) != nil else { return }
            close(handles.record, &state)
        }
    }

    /// Ends one opening of ``openRecord(_:size:)``.
    func release(_ record: FileRecord) {
        state.withLock { close(record, &$0) }
    }

    private func close(_ record: FileRecord, _ state: inout State) {
        if record.closed(), let name = record.name { state.records[name] = nil }
    }

    var openFiles: [ZonedHandles] { state.withLock { Array($0.open.values) } }

    func renamed(_ source: String, to target: String) {
        state.withLock { state in
            state.records[target]?.rename(to: nil)
            let record = state.records.removeValue(forKey: source)
            record?.rename(to: target)
            record?.enlist()
            state.records[target] = record
        }
    }

    func removed(_ name: String) {
        state.withLock { $0.records.removeValue(forKey: name)?.rename(to: nil) }
    }

    // MARK: Directories

    /// Begins a change of names that lie in one directory each.
    func beginNames(_ names: [String]) {
        state.withLock { state in
            for name in names {
                let parent = DiskPath.relativeParent(of: name)
                var directory = state.directories[parent] ?? Directory()
                directory.changes += 1
                directory.inFlight += 1
                directory.names[name] = directory.changes
                state.directories[parent] = directory
            }
        }
    }

    func endNames(_ names: [String]) {
        state.withLock { state in
            for name in names {
                state.directories[DiskPath.relativeParent(of: name)]?.inFlight -= 1
            }
        }
    }

    /// What a sync that begins now makes durable; `nil` while a change is under way, which it may miss.
    func namesToSync(in directory: String) -> Int? {
        state.withLock { state in
            guard let found = state.directories[directory], found.inFlight == 0 else { return nil }
            return found.changes
        }
    }

    func namesSynced(_ changes: Int?, in directory: String) {
        guard let changes else { return }
        state.withLock { state in
            guard var found = state.directories[directory] else { return }
            found.names = found.names.filter { $0.value > changes }
            let isSettled = found.names.isEmpty && found.inFlight == 0
            state.directories[directory] = isSettled ? nil : found
        }
    }

    func directoryRemoved(_ directory: String) {
        state.withLock { $0.directories[directory] = nil }
    }

    var unsyncedDirectories: [String] { state.withLock { $0.directories.keys.sorted() } }

    // MARK: The list

    func isListed(_ name: String) -> Bool {
        state.withLock { $0.isAll || $0.listed.contains(name) }
    }

    /// Names that every zone holds alike, durably; they have left the list when this returns.
    func settle() -> Set<String> {
        state.withLock { state in
            guard !state.isAll else { return [] }
            var settled: Set<String> = []
            for name in state.listed {
                let directory = state.directories[DiskPath.relativeParent(of: name)]
                guard directory?.names[name] == nil else { continue }
                if let record = state.records[name] {
                    guard record.settle() else { continue }
                    if record.isIdle { state.records[name] = nil }
                }
                settled.insert(name)
            }
            state.listed.subtract(settled)
            return settled
        }
    }

    /// What the list says once `names` stand in it.
    func list(with names: some Sequence<String>) -> (names: [String], isAll: Bool) {
        state.withLock { state in
            let union = state.listed.union(names)
            let isAll = state.isAll || union.count > ZoneFile.namesMax
            return (isAll ? [] : union.sorted(), isAll)
        }
    }

    /// They stand there durably.
    func enlist(_ names: some Sequence<String>, isAll: Bool) {
        state.withLock { state in
            state.listed.formUnion(names)
            if isAll, !state.isAll {
                state.isAll = true
                state.listed = []
                for record in state.records.values { record.enlist() }
            }
            for name in names { state.records[name]?.enlist() }
        }
    }

    /// Goes from "all" back to names, once every zone is a member and equal to the others.
    func endAll() {
        state.withLock { state in
            guard state.isAll, state.directories.isEmpty else { return }
            state.isAll = false
            state.listed = Set(state.records.keys)
        }
    }

    var listedCount: Int? { state.withLock { $0.isAll ? nil : $0.listed.count } }

    var records: [FileRecord] { state.withLock { Array($0.records.values) } }

    // MARK: Zones that fail

    /// Remembers what no sync has made durable in `zone`: its page cache may show it, and have lost it.
    func force(_ zone: Int) {
        state.withLock { state in
            var seen: Set<ObjectIdentifier> = []
            for record in Array(state.records.values) + state.open.values.map(\.record) {
                let pending = record.pending
                guard !pending.isEmpty, seen.insert(ObjectIdentifier(record)).inserted else {
                    continue
                }
                state.forced[zone, default: []].append((record, pending))
            }
        }
    }

    func forced(_ zone: Int) -> [String: ByteRanges] {
        state.withLock { state in
            (state.forced[zone] ?? []).reduce(into: [:]) { found, forced in
                guard let name = forced.record.name else { return }
                found[name, default: ByteRanges()].formUnion(forced.ranges)
            }
        }
    }

    func unforce(_ zone: Int) { state.withLock { $0.forced[zone] = nil } }
}

extension DiskPath {
    /// `a` of `a/b`; the empty name, which is the root, of `a`.
    static func relativeParent(of name: String) -> String {
        guard let slash = name.lastIndex(of: "/") else { return "" }
        return String(name[..<slash])
    }
}
