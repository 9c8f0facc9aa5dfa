import Disk
import FileSystemEngine
import Foundation
import VarveModel

/// Measures writes and reads of 1 MiB against raw pwrite+fdatasync and pread.
struct SequentialData {
    let place: Workplace
    let calls: Int
    let rounds: Int
    let callBytes = 1 << 20
    /// Writes and reads on the way at once, as a client with a window of 8 has.
    let inFlight = 8

    init(_ place: Workplace, small: Bool, rounds: Int) {
        self.place = place
        calls = small ? 8 : 1_024
        self.rounds = rounds
    }

    func run() async throws {
        var writes = Rounds("sequential write, \(calls) MiB, 1 MiB calls", unit: "MiB/s")
        var reads = Rounds("sequential read, \(calls) MiB, 1 MiB calls", unit: "MiB/s")
        for round in 0..<rounds {
            var ourRead = 0.0
            var floorRead = 0.0
            let pair = try await alternate(
                round,
                ours: {
                    let (write, read) = try await ours()
                    ourRead = read
                    return write
                },
                floor: {
                    let (write, read) = try floor()
                    floorRead = read
                    return write
                }
            )
            writes.add(ours: pair.ours, floor: pair.floor)
            reads.add(ours: ourRead, floor: floorRead)
        }
        writes.show()
        reads.show()
    }

    /// Random bytes: nothing below may gain by compressing them.
    private func payload() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<callBytes / 8).flatMap { _ in
            withUnsafeBytes(of: generator.next()) { Array($0) }
        }
    }

    private func ours() async throws -> (write: Double, read: Double) {
        let fileSystem = try await place.makeFileSystem("sequential")
        let bytes = payload()
        guard let name = FileName("large") else { return (0, 0) }
        let file = try await fileSystem.create(
            name,
            in: .root,
            NewInode(.regular, permissions: 0o644),
            as: .root
        )
        let writing = Stopwatch()
        try await window { call in
            _ = try await fileSystem.write(
                file.inode,
                bytes,
                at: UInt64(call * callBytes),
                stability: .unstable,
                as: .root
            )
        }
        _ = try await fileSystem.commit(file.inode)
        let write = Double(calls) / writing.seconds
        let reading = Stopwatch()
        try await window { call in
            let start = UInt64(call * callBytes)
            let result = try await fileSystem.read(
                file.inode,
                start..<start + UInt64(callBytes),
                as: .root
            )
            precondition(result.bytes.count == callBytes, "a short read")
        }
        let read = Double(calls) / reading.seconds
        await fileSystem.close()
        try place.remove("sequential")
        return (write, read)
    }

    /// Runs every call, `inFlight` at once, in order of their start.
    private func window(_ call: @escaping @Sendable (Int) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<calls {
                if number >= inFlight { try await group.next() }
                group.addTask { try await call(number) }
            }
            try await group.waitForAll()
        }
    }

    private func floor() throws -> (write: Double, read: Double) {
        let path = place.path + "/raw"
        let file = try HostDisk().open(path, .createNew)
        let bytes = payload()
        let writing = Stopwatch()
        for call in 0..<calls { try file.write(bytes, at: UInt64(call * callBytes)) }
        try file.sync()
        let write = Double(calls) / writing.seconds
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: callBytes, alignment: 4_096)
        defer { buffer.deallocate() }
        let reading = Stopwatch()
        for call in 0..<calls { _ = try file.read(into: buffer, at: UInt64(call * callBytes)) }
        let read = Double(calls) / reading.seconds
        file.close()
        try place.remove("raw")
        return (write, read)
    }
}
