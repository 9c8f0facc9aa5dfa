import Synchronization

/// Tools that one owner at a time may use (compressors, buffers), kept for the next.
///
/// A burst makes as many as it needs; at most `idleMax` stay.
final class LendingPool<Tool>: Sendable {
    // SAFETY: a tool is either in `idle` or with the one caller that took it out.
    private struct Lent: @unchecked Sendable {
        let tool: Tool
    }

    private let idle = Mutex<[Lent]>([])
    private let idleMax: Int
    private let make: @Sendable () -> Tool

    init(idleMax: Int, make: @escaping @Sendable () -> Tool) {
        self.idleMax = idleMax
        self.make = make
    }

    /// Runs `body` with a tool that nobody else has meanwhile.
    func with<Result, Failure: Error>(_ body: (Tool) throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        let lent = idle.withLock { $0.popLast() } ?? Lent(tool: make())
        defer {
            idle.withLock { idle in
                if idle.count < idleMax { idle.append(lent) }
            }
        }
        return try body(lent.tool)
    }
}

/// Memory that is allocated once and used again: fresh pages cost more than sealing into them.
final class ScratchPool: Sendable {
    /// Smallest and largest run that is kept: 8 KiB to 8 MiB, by powers of two.
    private static let classes = 13...23

    /// Runs of one size; freed with the last owner.
    private final class Scratch {
        let memory: UnsafeMutableRawBufferPointer

        init(_ count: Int) {
            memory = .allocate(byteCount: count, alignment: 4096)
        }

        deinit {
            memory.deallocate()
        }
    }

    private let pools: [LendingPool<Scratch>]

    init() {
        // 32 MiB of each size at most, and no more than 64 runs.
        pools = ScratchPool.classes.map { power in
            LendingPool(idleMax: min(64, (32 << 20) >> power)) { Scratch(1 << power) }
        }
    }

    /// Runs `body` with `count` bytes of undefined content.
    func with<Result, Failure: Error>(
        _ count: Int,
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let power = Int.bitWidth - max(count - 1, 1).leadingZeroBitCount
        let index = max(power - ScratchPool.classes.lowerBound, 0)
        guard index < pools.count else {
            let scratch = Scratch(count)
            return try body(scratch.memory)
        }
        return try pools[index].with { (scratch) throws(Failure) -> Result in
            try body(UnsafeMutableRawBufferPointer(rebasing: scratch.memory[0..<count]))
        }
    }
}
