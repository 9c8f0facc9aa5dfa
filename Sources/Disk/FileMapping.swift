private import CLinux
private import Glibc
private import Synchronization

/// A stretch of a file in our address space, read-only; it ends with its last owner.
final class FileMapping: Sendable {
    // SAFETY: mapped in init, unmapped in deinit, read between; the kernel lets any thread read.
    private nonisolated(unsafe) let memory: UnsafeRawBufferPointer

    /// Mappings of this process at most: the kernel allows 65,530 with those of malloc and threads.
    private static let countMax = 16_384
    private static let count = Atomic<Int>(0)

    /// Maps the first `size` bytes, which may reach past the end; `nil` when the kernel refuses.
    init?(descriptor: Int32, size: Int) {
        guard FileMapping.count.add(1, ordering: .relaxed).newValue <= FileMapping.countMax,
            let start = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED
        else {
            FileMapping.count.subtract(1, ordering: .relaxed)
            return nil
        }
        memory = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: memory.baseAddress), memory.count)
        FileMapping.count.subtract(1, ordering: .relaxed)
    }

    var size: Int { memory.count }

    /// The bytes of `range`, which lies inside, if the page cache holds all of them.
    func resident(_ range: Range<Int>, of descriptor: Int32) -> ResidentBytes? {
        let answer = varve_is_cached(descriptor, UInt64(range.lowerBound), UInt64(range.count))
        let isCached = answer < 0 ? isResident(range) : answer == 1
        guard isCached else { return nil }
        return ResidentBytes(UnsafeRawBufferPointer(rebasing: memory[range]), of: self)
    }

    /// What kernels before 6.5 say, page by page.
    private func isResident(_ range: Range<Int>) -> Bool {
        let start = range.lowerBound & ~(FileMapping.pageBytes - 1)
        guard let first = memory.baseAddress else { return false }
        let pages = (range.upperBound - start + FileMapping.pageBytes - 1) / FileMapping.pageBytes
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: pages) { found in
            let place = UnsafeMutableRawPointer(mutating: first + start)
            let result = mincore(place, range.upperBound - start, found.baseAddress)
            return result == 0 && found.allSatisfy { $0 & 1 == 1 }
        }
    }

    private static let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
}

/// The mapping of one open file, made when first asked for and grown with the file.
final class GrowingMapping: Sendable {
    private let state = Mutex<FileMapping?>(nil)
    /// A mapping costs address space alone, so the next bytes appended are in it already.
    private static let stepBytes = 256 << 20

    /// The bytes of `range` if the page cache holds all of them.
    func resident(_ range: Range<UInt64>, of descriptor: Int32) -> ResidentBytes? {
        guard let end = Int(exactly: range.upperBound), end < 1 << 40 else { return nil }
        let mapping = state.withLock { mapping -> FileMapping? in
            if let mapping, mapping.size >= end { return mapping }
            let steps = (end + GrowingMapping.stepBytes - 1) / GrowingMapping.stepBytes
            let size = steps * GrowingMapping.stepBytes
            mapping = FileMapping(descriptor: descriptor, size: size) ?? mapping
            return mapping.flatMap { $0.size >= end ? $0 : nil }
        }
        return mapping?.resident(Int(range.lowerBound)..<end, of: descriptor)
    }

    /// Lets go of it; what is being read ends first.
    func end() {
        state.withLock { $0 = nil }
    }
}
