import Disk
import FileSystemEngine
import Foundation
import VarveModel

/// Measures writes and reads of 1 MiB against raw pwrite+fdatasync and pread.
///
/// Reads are measured twice: from a warm page cache, and from the disk with the page cache dropped.
struct SequentialData {
    let place: Workplace
    let calls: Int
    let rounds: Int
    let callBytes = 1 << 20
    /// Writes and reads on the way at once, as a client with a window of 8 has.
    let inFlight = 8

    /// What one side did.
    struct Sides: Sendable {
        var write: Side
        var warmRead: Side
        var coldRead: Side
    }

    init(_ place: Workplace, small: Bool, rounds: Int) {
        self.place = place
        calls = small ? 8 : 1_024
        self.rounds = rounds
    }

    func run() async throws {
        var writes = Rounds("sequential write, \(calls) MiB, 1 MiB calls", unit: "MiB/s")
        var warm = Rounds("sequential read, page cache warm", unit: "MiB/s")
        var cold = Rounds("sequential read, page cache dropped", unit: "MiB/s")
        for round in 0..<rounds {
            let pair = try await alternate(
                round,
                ours: { try await place.onNewGround { try await ours(on: $0) } },
                floor: { try await place.onNewGround { try floor(on: $0) } }
            )
            writes.add(ours: pair.ours.write, floor: pair.floor.write)
            warm.add(ours: pair.ours.warmRead, floor: pair.floor.warmRead)
            cold.add(ours: pair.ours.coldRead, floor: pair.floor.coldRead)
        }
        writes.show()
        warm.show()
        cold.show()
    }

    /// Random bytes: nothing below may gain by compressing them.
    private func payload() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<callBytes / 8).flatMap { _ in
            withUnsafeBytes(of: generator.next()) { Array($0) }
        }
    }

    // MARK: Varve

    private func ours(on ground: Ground) async throws -> Sides {
        let configuration = ground.newConfiguration()
        let fileSystem = try await FileSystem.create(configuration)
        let bytes = payload()
        guard let name = FileName("large") else { throw CancellationError() }
        let file = try await fileSystem.create(
            name,
            in: .root,
            NewInode(.regular, permissions: 0o644),
            as: .root
        )
        let writing = Stopwatch()
        try await window(calls, inFlight: inFlight) { call in
            _ = try await fileSystem.write(
                file.inode,
                bytes,
                at: UInt64(call * callBytes),
                stability: .unstable,
                as: .root
            )
        }
        _ = try await fileSystem.commit(file.inode)
        let write = writing.side(calls)
        let warm = try await readAll(file.inode, of: fileSystem)
        await fileSystem.close()
        try ground.dropCaches()
        let reopened = try await FileSystem.open(configuration)
        let cold = try await readAll(file.inode, of: reopened)
        await reopened.close()
        return Sides(write: write, warmRead: warm, coldRead: cold)
    }

    private func readAll(_ inode: InodeNumber, of fileSystem: FileSystem) async throws -> Side {
        let watch = Stopwatch()
        try await window(calls, inFlight: inFlight) { call in
            let start = UInt64(call * callBytes)
            let result = try await fileSystem.read(
                inode,
                start..<start + UInt64(callBytes),
                as: .root
            )
            precondition(result.bytes.count == callBytes, "a short read")
        }
        return watch.side(calls)
    }

    // MARK: The floor

    private func floor(on ground: Ground) throws -> Sides {
        let file = try HostDisk().open(ground.path + "/raw", .createNew)
        let bytes = payload()
        let writing = Stopwatch()
        for call in 0..<calls { try file.write(bytes, at: UInt64(call * callBytes)) }
        try file.sync()
        let write = writing.side(calls)
        let warm = try readAll(file)
        file.close()
        try ground.dropCaches()
        let reopened = try HostDisk().open(ground.path + "/raw", .read)
        let cold = try readAll(reopened)
        reopened.close()
        return Sides(write: write, warmRead: warm, coldRead: cold)
    }

    private func readAll(_ file: any DiskFile) throws -> Side {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: callBytes, alignment: 4_096)
        defer { buffer.deallocate() }
        let watch = Stopwatch()
        for call in 0..<calls { _ = try file.read(into: buffer, at: UInt64(call * callBytes)) }
        return watch.side(calls)
    }
}
