import FileSystemEngine
import VarveModel

/// Measures reads of log text from IA against the same bytes in Standard, in one file system.
struct TierReads {
    let place: Workplace
    let files: Int
    let reads: Int
    let rounds: Int
    private static let fileMiB = 16
    /// Reads on the way at once, as a client with a window of 8 has.
    private static let inFlight = 8

    /// What one side did.
    struct Sides: Sendable {
        var cold: Side
        var warm: Side
        var random: Side
        /// Of one file alone, whose blocks memory holds.
        var near: Side
    }

    init(_ place: Workplace, small: Bool, rounds: Int) {
        self.place = place
        files = small ? 1 : 16
        reads = small ? 100 : 50_000
        self.rounds = rounds
    }

    func run() async throws {
        let mebibytes = files * TierReads.fileMiB
        var cold = Rounds("IA, whole files, page cache dropped", unit: "MiB/s", floor: "Standard")
        var warm = Rounds("IA, whole files, warm", unit: "MiB/s", floor: "Standard")
        var random = Rounds("IA, 4 KiB of \(mebibytes) MiB, warm", unit: "/s", floor: "Standard")
        var near = Rounds(
            "IA, 4 KiB of \(TierReads.fileMiB) MiB, warm",
            unit: "/s",
            floor: "Standard"
        )
        try await place.onNewGround { ground in
            let configuration = ground.newConfiguration()
            let (standard, moved) = try await fill(configuration)
            for round in 0..<rounds {
                let pair = try await alternate(
                    round,
                    ours: { try await readAll(moved, configuration, ground) },
                    floor: { try await readAll(standard, configuration, ground) }
                )
                cold.add(ours: pair.ours.cold, floor: pair.floor.cold)
                warm.add(ours: pair.ours.warm, floor: pair.floor.warm)
                random.add(ours: pair.ours.random, floor: pair.floor.random)
                near.add(ours: pair.ours.near, floor: pair.floor.near)
            }
        }
        cold.show()
        warm.show()
        random.show()
        near.show()
    }

    private func fill(
        _ configuration: FileSystemConfiguration
    ) async throws -> (standard: [InodeNumber], moved: [InodeNumber]) {
        let fileSystem = try await FileSystem.create(configuration)
        var lines = LogLines(seed: 7)
        var standard: [InodeNumber] = []
        var moved: [InodeNumber] = []
        for number in 0..<files {
            let bytes = lines.text(TierReads.fileMiB << 20)
            standard.append(try await fileSystem.makeFile("standard-\(number)", bytes))
            moved.append(try await fileSystem.makeFile("moved-\(number)", bytes))
            let result = try await fileSystem.move(moved[number], to: .infrequentAccess)
            precondition(result.bytes == bytes.count, "\(result.bytes) bytes moved")
        }
        await fileSystem.close()
        return (standard, moved)
    }

    private func readAll(
        _ inodes: [InodeNumber],
        _ configuration: FileSystemConfiguration,
        _ ground: Ground
    ) async throws -> Sides {
        try ground.dropCaches()
        let fileSystem = try await FileSystem.open(configuration)
        let cold = try await readInOrder(inodes, of: fileSystem)
        let warm = try await readInOrder(inodes, of: fileSystem)
        let random = try await readAnywhere(inodes, of: fileSystem)
        let near = try await readAnywhere([inodes[0]], of: fileSystem)
        await fileSystem.close()
        return Sides(cold: cold, warm: warm, random: random, near: near)
    }

    private func readInOrder(_ inodes: [InodeNumber], of fileSystem: FileSystem) async throws
        -> Side
    {
        let watch = Stopwatch()
        for inode in inodes {
            try await window(TierReads.fileMiB, inFlight: TierReads.inFlight) { call in
                let start = UInt64(call) << 20
                let result = try await fileSystem.read(inode, start..<start + 1 << 20, as: .root)
                precondition(result.bytes.count == 1 << 20, "a short read")
            }
        }
        return watch.side(inodes.count * TierReads.fileMiB)
    }

    private func readAnywhere(
        _ inodes: [InodeNumber],
        of fileSystem: FileSystem
    ) async throws -> Side {
        let watch = Stopwatch()
        for number in 0..<reads {
            let place = page(number, of: inodes.count * TierReads.fileMiB)
            let fileBytes = UInt64(TierReads.fileMiB) << 20
            let start = place % fileBytes
            let result = try await fileSystem.read(
                inodes[Int(place / fileBytes)],
                start..<start + 4_096,
                as: .root
            )
            precondition(result.bytes.count == 4_096, "a short read")
        }
        return watch.side(reads)
    }
}
