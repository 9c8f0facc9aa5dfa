import Disk
import FileSystemEngine
import VarveModel

/// Measures random reads of 4 KiB, one at a time, against raw pread; the page cache is warm.
struct RandomRead {
    let place: Workplace
    let fileMiB: Int
    let reads: Int
    let rounds: Int

    init(_ place: Workplace, small: Bool, rounds: Int) {
        self.place = place
        fileMiB = small ? 4 : 256
        reads = small ? 100 : 50_000
        self.rounds = rounds
    }

    func run() async throws {
        var figures = Rounds("random read, 4 KiB of \(fileMiB) MiB, warm", unit: "/s")
        try await place.onNewGround { ourGround in
            try await place.onNewGround { floorGround in
                let fileSystem = try await ourGround.makeFileSystem()
                let inode = try await fill(fileSystem)
                let raw = try HostDisk().open(floorGround.path + "/raw", .createNew)
                let bytes = [UInt8](repeating: 7, count: 1 << 20)
                for number in 0..<fileMiB { try raw.write(bytes, at: UInt64(number) << 20) }
                try raw.sync()
                for round in 0..<rounds {
                    let pair = try await alternate(
                        round,
                        ours: { try await ours(fileSystem, inode) },
                        floor: { try floor(raw) }
                    )
                    figures.add(ours: pair.ours, floor: pair.floor)
                }
                await fileSystem.close()
                raw.close()
            }
        }
        figures.show()
    }

    private func fill(_ fileSystem: FileSystem) async throws -> InodeNumber {
        guard let name = FileName("large") else { throw CancellationError() }
        let inode = try await fileSystem.create(
            name,
            in: .root,
            NewInode(.regular, permissions: 0o644),
            as: .root
        ).inode
        let bytes = [UInt8](repeating: 7, count: 1 << 20)
        for number in 0..<fileMiB {
            _ = try await fileSystem.write(
                inode,
                bytes,
                at: UInt64(number) << 20,
                stability: .unstable,
                as: .root
            )
        }
        _ = try await fileSystem.commit(inode)
        return inode
    }

    /// The same places on both sides.
    private func offset(_ number: Int) -> UInt64 {
        let pages = UInt64(fileMiB) << 8
        return (((UInt64(number) &* 0x9E37_79B9_7F4A_7C15) >> 20) % pages) << 12
    }

    private func ours(_ fileSystem: FileSystem, _ inode: InodeNumber) async throws -> Side {
        let watch = Stopwatch()
        for number in 0..<reads {
            let start = offset(number)
            let result = try await fileSystem.read(inode, start..<start + 4_096, as: .root)
            precondition(result.bytes.count == 4_096, "a short read")
        }
        return watch.side(reads)
    }

    private func floor(_ raw: any DiskFile) throws -> Side {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 4_096)
        defer { buffer.deallocate() }
        let watch = Stopwatch()
        for number in 0..<reads { _ = try raw.read(into: buffer, at: offset(number)) }
        return watch.side(reads)
    }
}
