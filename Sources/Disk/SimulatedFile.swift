/// An open file of a simulated disk; it outlives its name.
final class SimulatedFile: DiskFile {
    private let disk: SimulatedDisk
    private let node: Int
    private let path: String

    init(disk: SimulatedDisk, node: Int, path: String) {
        self.disk = disk
        self.node = node
        self.path = path
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError)
        -> Int
    {
        // The pages are shared, not copied, so the copying happens outside the lock.
        let bytes = try disk.change { state throws(DiskError) in
            try state.faults.admitRead(path)
            return state.tree.files[node] ?? SimulatedBytes()
        }
        let count = bytes.read(into: buffer, at: offset)
        disk.arrange {
            $0.bytesRead += UInt64(count)
            $0.reads?.append(RecordedRead(path: path, offset: offset, count: count))
        }
        return count
    }

    /// Holds every second run of 16 KiB in its page cache, so that both ways of reading are taken.
    func resident(_ range: Range<UInt64>) -> ResidentBytes? {
        guard (range.lowerBound >> 14).isMultiple(of: 2) else { return nil }
        let memory = OwnedMemory(range.count)
        do throws(DiskError) {
            let count = try read(into: memory.bytes, at: range.lowerBound)
            return count == range.count
                ? ResidentBytes(UnsafeRawBufferPointer(memory.bytes), of: memory) : nil
        } catch {
            // What cannot be read is not held; the caller's own read says why.
            return nil
        }
    }

    /// As ``resident(_:)``.
    func readResident(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Bool {
        guard (offset >> 14).isMultiple(of: 2) else { return false }
        do throws(DiskError) {
            return try read(into: buffer, at: offset) == buffer.count
        } catch {
            // What cannot be read is not held; the caller's own read says why.
            return false
        }
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        guard !buffer.isEmpty else { return }
        let content = [UInt8](buffer)
        let range = offset..<offset + UInt64(content.count)
        try disk.change { state throws(DiskError) in
            try state.admit(.write, path)
            try reserve(range, in: &state)
            state.tree.files[node, default: SimulatedBytes()].write(content[...], at: offset)
            state.bytesWritten += UInt64(content.count)
            state.record(path, .write(node: node, offset: offset, bytes: content))
        }
    }

    func sync() throws(DiskError) {
        try disk.change { state throws(DiskError) in
            do throws(DiskError) {
                try state.admit(.sync, path)
            } catch {
                if error.code != .powerCut { state.record(path, .failedSync(node: node)) }
                throw error
            }
            state.record(path, .sync(node: node))
        }
    }

    func truncate(to size: UInt64) throws(DiskError) {
        try resize(.truncate, .truncate(node: node, size: size))
    }

    func size() throws(DiskError) -> UInt64 {
        try disk.change { state throws(DiskError) in state.tree.files[node]?.size ?? 0 }
    }

    func preallocate(_ range: Range<UInt64>) throws(DiskError) {
        try disk.change { state throws(DiskError) in
            try state.admit(.preallocate, path)
            try reserve(range, in: &state)
            let change = RecordedOperation.Change.preallocate(node: node, range: range)
            state.tree.apply(change)
            state.record(path, change)
        }
    }

    func punch(_ range: Range<UInt64>) throws(DiskError) {
        try resize(.punch, .punch(node: node, range: range))
    }

    func close() {}

    /// A change that takes no space and may give some back.
    private func resize(
        _ kind: RecordedOperation.Kind,
        _ change: RecordedOperation.Change
    ) throws(DiskError) {
        try disk.change { state throws(DiskError) in
            try state.admit(kind, path)
            let before = state.tree.files[node]?.allocated ?? 0
            state.tree.apply(change)
            let after = state.tree.files[node]?.allocated ?? 0
            state.used = state.used + after - min(before, state.used + after)
            state.record(path, change)
        }
    }

    private func reserve(
        _ range: Range<UInt64>,
        in state: inout SimulatedDisk.State
    ) throws(DiskError) {
        let pages = (state.tree.files[node] ?? SimulatedBytes()).pagesNeeded(for: range)
        let needed = UInt64(pages * SimulatedBytes.pageBytes)
        guard needed == 0 || state.used + needed <= state.capacity else {
            throw DiskError(.noSpace, "write '\(path)': No space left on device")
        }
        state.used += needed
    }
}

/// Memory that ends with its owner.
private final class OwnedMemory {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ count: Int) {
        bytes = .allocate(byteCount: count, alignment: 16)
    }

    deinit {
        bytes.deallocate()
    }
}
