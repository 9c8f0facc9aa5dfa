import FileSystemEngine
import Lifecycle
import VarveModel

/// Measures reads of 4 KiB with the recorder of access days against without, in one file system that is opened anew
/// for each side of each round.
struct AccessClockCost {
    let place: Workplace
    let fileMiB: Int
    let reads: Int
    let rounds: Int

    init(_ place: Workplace, small: Bool, rounds: Int) {
        self.place = place
        fileMiB = small ? 1 : 64
        reads = small ? 100 : 50_000
        // A part in a hundred is asked for: many short rounds.
        self.rounds = small ? 1 : rounds * 5
    }

    func run() async throws {
        var figures = Rounds(
            "4 KiB reads with access days",
            unit: "/s",
            floor: "without",
            digits: 3
        )
        try await place.onNewGround { ground in
            let without = ground.newConfiguration()
            let made = try await FileSystem.create(without)
            let bytes = [UInt8](repeating: 7, count: fileMiB << 20)
            let inode = try await made.makeFile("read", bytes)
            await made.close()
            for round in 0..<rounds {
                var with = without
                with.accessObserver = AccessRecorder()
                let pair = try await alternate(
                    round,
                    ours: { try await read(inode, with) },
                    floor: { try await read(inode, without) }
                )
                figures.add(ours: pair.ours, floor: pair.floor)
            }
        }
        figures.show()
    }

    private func read(
        _ inode: InodeNumber,
        _ configuration: FileSystemConfiguration
    ) async throws -> Side {
        let fileSystem = try await FileSystem.open(configuration)
        try await read(inode, reads / 10, of: fileSystem)
        let watch = Stopwatch()
        try await read(inode, reads, of: fileSystem)
        let side = watch.side(reads)
        await fileSystem.close()
        return side
    }

    private func read(_ inode: InodeNumber, _ count: Int, of fileSystem: FileSystem) async throws {
        for number in 0..<count {
            let start = page(number, of: fileMiB)
            let result = try await fileSystem.read(inode, start..<start + 4_096, as: .root)
            precondition(result.bytes.count == 4_096, "a short read")
        }
    }
}
