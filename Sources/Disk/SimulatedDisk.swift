private import Synchronization
private import VarveModel

/// A disk in memory that records every change in one order and shows what a power cut would leave.
///
/// It promises what POSIX promises and no more (``CrashReplay``), and fails when told to.
package final class SimulatedDisk: Disk {
    /// Everything that calls share; guarded by one lock, held only for work in memory.
    struct State: Sendable {
        var tree: SimulatedTree
        var nodesMade: Int
        var history: [RecordedOperation] = []
        var operations = 0
        var syncs: [RecordedSync] = []
        var marks: [DiskMark] = []
        var held: Set<String> = []
        var capacity: UInt64
        var used: UInt64
        var faults = SimulatedFaults()
        var bytesWritten: UInt64 = 0
        var bytesRead: UInt64 = 0
        /// Where files were read; `nil` while nobody asked.
        var reads: [RecordedRead]?
        /// When each operation happened, on the power line.
        var moments: [Int] = []
        let isRecording: Bool
    }

    private let origin: SimulatedTree
    private let state: Mutex<State>

    /// An empty disk.
    ///
    /// - Parameters:
    ///   - capacity: Bytes in 4 KiB pages; more is `.noSpace`.
    ///   - recording: False keeps no bytes of past writes, for long runs that cut no power.
    ///   - line: Of several disks, where there are.
    package convenience init(
        capacity: UInt64 = 1 << 40,
        recording: Bool = true,
        line: PowerLine? = nil
    ) {
        self.init(tree: SimulatedTree(), capacity: capacity, recording: recording, line: line)
    }

    init(
        tree: SimulatedTree,
        capacity: UInt64,
        recording: Bool = true,
        line: PowerLine? = nil
    ) {
        origin = tree
        let nodes = Array(tree.files.keys) + Array(tree.directories.keys)
        state = Mutex(
            State(
                tree: tree,
                nodesMade: nodes.max() ?? 0,
                capacity: capacity,
                used: tree.files.values.reduce(0) { $0 + $1.allocated },
                faults: SimulatedFaults(line: line),
                isRecording: recording
            )
        )
    }

    // MARK: The record

    /// Mutating calls so far, syncs included.
    package var operations: Int { state.withLock { $0.operations } }

    package var history: [RecordedOperation] { state.withLock { $0.history } }

    package var syncs: [RecordedSync] { state.withLock { $0.syncs } }

    package var marks: [DiskMark] { state.withLock { $0.marks } }

    package var bytesWritten: UInt64 { state.withLock { $0.bytesWritten } }

    package var bytesRead: UInt64 { state.withLock { $0.bytesRead } }

    /// Remembers from now on where files are read.
    package func beginRecordingReads() { state.withLock { $0.reads = [] } }

    /// The reads since ``beginRecordingReads()``, in order; later ones are not remembered.
    package func endRecordingReads() -> [RecordedRead] {
        state.withLock { $0.reads.take() ?? [] }
    }

    /// How many of them had happened by a moment of the power line.
    package func operations(by moment: Int) -> Int {
        state.withLock { $0.moments.count { $0 <= moment } }
    }

    /// Remembers that `label` happened after the operations so far.
    package func mark(_ label: String) {
        state.withLock { $0.marks.append(DiskMark(position: $0.operations, label: label)) }
    }

    /// The marks that a power cut after `cut` operations finds made.
    package func marks(acknowledgedBy cut: Int) -> [DiskMark] {
        marks.filter { $0.position <= cut }
    }

    /// A walk through the record, which forks disks on its way.
    ///
    /// - Parameter skippedSync: The number of a sync that is treated as though it never happened.
    /// - Returns: A replay that stands before the first operation.
    package func replay(skippingSync skippedSync: Int? = nil) -> CrashReplay {
        state.withLock { state in
            precondition(state.isRecording, "this disk was told not to record")
            let skipped = skippedSync.map { state.syncs[$0 - 1].operation }
            return CrashReplay(
                from: origin,
                history: state.history,
                skippedOperation: skipped,
                capacity: state.capacity
            )
        }
    }

    /// The disk that a power cut after `n` operations leaves.
    package func image(
        cuttingAfter n: Int,
        fate: CutFate,
        skippingSync skippedSync: Int? = nil
    ) -> SimulatedDisk {
        var replay = replay(skippingSync: skippedSync)
        replay.advance(to: n)
        return replay.image(fate)
    }

    /// The same bytes with no open file, lock, fault or record: what `kill -9` leaves.
    package func restarted(line: PowerLine? = nil) -> SimulatedDisk {
        let (tree, capacity) = state.withLock { ($0.tree.reachable(), $0.capacity) }
        return SimulatedDisk(tree: tree, capacity: capacity, line: line)
    }

    // MARK: Disk

    package func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        let node = try change { state throws(DiskError) -> Int in
            if let node = state.tree.node(at: path) {
                guard mode != .createNew else { throw DiskError(.exists, "open '\(path)': exists") }
                guard !state.tree.isDirectory(node) else {
                    throw DiskError(.failed, "open '\(path)': is a directory")
                }
                return node
            }
            guard mode == .create || mode == .createNew else { throw missing("open", path) }
            let (directory, name) = try state.place(path, "open")
            try state.admit(.create, path)
            state.nodesMade += 1
            let node = state.nodesMade
            state.tree.files[node] = SimulatedBytes()
            state.tree.apply(.set(name, node: node), in: directory)
            state.record(path, .createFile(node: node, in: directory, name: name))
            return node
        }
        return SimulatedFile(disk: self, node: node, path: path)
    }

    package func status(of path: String) throws(DiskError) -> DiskStatus? {
        if state.withLock({ $0.faults.isGone }) { return nil }
        return try change { state throws(DiskError) in
            guard let node = state.tree.node(at: path) else { return nil }
            let bytes = state.tree.files[node]
            return DiskStatus(
                kind: bytes == nil ? .directory : .file,
                size: bytes?.size ?? 0,
                allocated: bytes?.allocated ?? 0,
                modified: .epoch
            )
        }
    }

    package func list(_ directory: String) throws(DiskError) -> [String] {
        try change { state throws(DiskError) in
            guard let node = state.tree.node(at: directory),
                let names = state.tree.directories[node]
            else { throw missing("list", directory) }
            return names.keys.sorted()
        }
    }

    package func makeDirectory(_ path: String) throws(DiskError) {
        try change { state throws(DiskError) in
            if let node = state.tree.node(at: path) {
                guard state.tree.isDirectory(node) else {
                    throw DiskError(.exists, "make directory '\(path)': a file is there")
                }
                return
            }
            let (parent, name) = try state.place(path, "make directory")
            try state.admit(.makeDirectory, path)
            state.nodesMade += 1
            state.tree.directories[state.nodesMade] = [:]
            state.tree.apply(.set(name, node: state.nodesMade), in: parent)
            state.record(path, .makeDirectory(node: state.nodesMade, in: parent, name: name))
        }
    }

    package func remove(_ path: String) throws(DiskError) {
        try change { state throws(DiskError) in
            guard let node = state.tree.node(at: path) else { throw missing("remove", path) }
            guard !state.tree.isDirectory(node) else {
                throw DiskError(.failed, "remove '\(path)': is a directory")
            }
            let (parent, name) = try state.place(path, "remove")
            try state.admit(.remove, path)
            state.release(node)
            state.tree.apply(.unset(name), in: parent)
            state.record(path, .remove(in: parent, name: name))
        }
    }

    package func removeDirectory(_ path: String) throws(DiskError) {
        try change { state throws(DiskError) in
            guard let node = state.tree.node(at: path),
                let names = state.tree.directories[node]
            else { throw missing("remove directory", path) }
            guard names.isEmpty else {
                throw DiskError(.failed, "remove directory '\(path)': not empty")
            }
            let (parent, name) = try state.place(path, "remove directory")
            try state.admit(.removeDirectory, path)
            state.tree.apply(.unset(name), in: parent)
            state.record(path, .removeDirectory(in: parent, name: name))
        }
    }

    package func rename(_ source: String, to target: String) throws(DiskError) {
        try change { state throws(DiskError) in
            guard let node = state.tree.node(at: source) else { throw missing("rename", source) }
            let (parent, name) = try state.place(source, "rename")
            let (newParent, newName) = try state.place(target, "rename")
            if let replaced = state.tree.node(at: target), replaced != node {
                guard !state.tree.isDirectory(replaced), !state.tree.isDirectory(node) else {
                    throw DiskError(.exists, "rename '\(source)' to '\(target)': exists")
                }
            }
            try state.admit(.rename, source)
            if let replaced = state.tree.node(at: target), replaced != node {
                state.release(replaced)
            }
            state.tree.apply(.unset(name), in: parent)
            state.tree.apply(.set(newName, node: node), in: newParent)
            state.record(
                source,
                .rename(node: node, in: parent, name: name, to: newParent, newName: newName)
            )
        }
    }

    package func syncDirectory(_ path: String) throws(DiskError) {
        try change { state throws(DiskError) in
            guard let node = state.tree.node(at: path), state.tree.isDirectory(node) else {
                throw missing("sync directory", path)
            }
            try state.admit(.syncDirectory, path)
            state.record(path, .syncDirectory(node: node))
        }
    }

    package func space(at path: String) throws(DiskError) -> DiskSpace {
        try change { state throws(DiskError) in
            let free = state.capacity > state.used ? state.capacity - state.used : 0
            return DiskSpace(total: state.capacity, available: free)
        }
    }

    package func lock(_ path: String) throws(DiskError) -> any DiskLock {
        try open(path, .create).close()
        try change { state throws(DiskError) in
            guard state.held.insert(path).inserted else {
                throw DiskError(.busy, "lock '\(path)': another holder has it")
            }
        }
        return SimulatedLock(disk: self, path: path)
    }

    func unlock(_ path: String) {
        state.withLock { _ = $0.held.remove(path) }
    }

    /// Does `body` under the lock, unless the power is off.
    func change<Value: Sendable>(
        _ body: (inout sending State) throws(DiskError) -> Value
    ) throws(DiskError) -> Value {
        try state.withLock { state throws(DiskError) in
            try state.faults.checkPower()
            if state.faults.isGone { throw DiskError(.notFound, "No such file or directory") }
            return try body(&state)
        }
    }

    /// Does `body` under the lock, power or none; for what tests set and read.
    func arrange(_ body: (inout sending State) -> Void) {
        state.withLock { body(&$0) }
    }
}

private func missing(_ call: String, _ path: String) -> DiskError {
    DiskError(.notFound, "\(call) '\(path)': No such file or directory")
}

extension SimulatedDisk.State {
    /// The directory and the name that a path stands for.
    func place(_ path: String, _ call: String) throws(DiskError) -> (directory: Int, name: String) {
        let parent = DiskPath.parent(of: path)
        guard path.hasPrefix("/"), let directory = tree.node(at: parent),
            tree.isDirectory(directory)
        else { throw missing(call, path) }
        return (directory, DiskPath.name(of: path))
    }

    mutating func record(_ path: String, _ change: RecordedOperation.Change) {
        operations += 1
        if let line = faults.line { moments.append(line.step()) }
        switch change {
        case .sync, .syncDirectory:
            var isDirectory = false
            if case .syncDirectory = change { isDirectory = true }
            syncs.append(
                RecordedSync(
                    number: syncs.count + 1,
                    operation: operations,
                    path: path,
                    isDirectory: isDirectory
                )
            )
        default: break
        }
        guard isRecording else { return }
        history.append(RecordedOperation(number: operations, path: path, change: change))
    }

    /// Lets a mutating call through, or throws the fault that was asked for.
    mutating func admit(
        _ kind: RecordedOperation.Kind,
        _ path: String
    ) throws(DiskError) {
        try faults.admit(kind, path)
    }

    /// Gives back the space of a file whose last name goes, open or not.
    mutating func release(_ node: Int) {
        used -= min(used, tree.files[node]?.allocated ?? 0)
    }
}

private final class SimulatedLock: DiskLock {
    private let disk: SimulatedDisk
    private let path: String
    private let isHeld = Mutex(true)

    init(disk: SimulatedDisk, path: String) {
        self.disk = disk
        self.path = path
    }

    func release() {
        let wasHeld = isHeld.withLock { held in
            defer { held = false }
            return held
        }
        if wasHeld { disk.unlock(path) }
    }

    deinit {
        release()
    }
}
