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
                let bytes = [UInt8](repeating: 7, count: fileMiB << 20)
                let inode = try await fileSystem.makeFile("large", bytes)
                let raw = try HostDisk().open(floorGround.path + "/raw", .createNew)
                try raw.write(bytes, at: 0)
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

    private func ours(_ fileSystem: FileSystem, _ inode: InodeNumber) async throws -> Side {
        let watch = Stopwatch()
        for number in 0..<reads {
            let start = page(number, of: fileMiB)
            let result = try await fileSystem.read(inode, start..<start + 4_096, as: .root)
            precondition(result.bytes.count == 4_096, "a short read")
        }
        return watch.side(reads)
    }

    private func floor(_ raw: any DiskFile) throws -> Side {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 4_096)
        defer { buffer.deallocate() }
        let watch = Stopwatch()
        for number in 0..<reads { _ = try raw.read(into: buffer, at: page(number, of: fileMiB)) }
        return watch.side(reads)
    }
}
