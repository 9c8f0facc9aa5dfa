import Disk
import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Many clients at once: each sees its own writes, and nothing is torn or lost.
@Suite struct ConcurrencyTests {
    @Test func `clients in directories of their own each agree with what they did`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let maintenance = Task<Void, any Error> {
            for round in 0..<30 {
                _ = try await fileSystem.collectGarbage()
                _ = try await fileSystem.reap()
                _ = try await fileSystem.compact()
                if round % 5 == 0 { _ = try await fileSystem.createSnapshot("s\(round)") }
                world.clock.advance(seconds: 7)
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<8 {
                group.addTask { try await Self.work(fileSystem, client) }
            }
            try await group.waitForAll()
        }
        try await maintenance.value
        try await fileSystem.flush()
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    private static func work(_ fileSystem: FileSystem, _ client: Int) async throws {
        var generator = SeededGenerator(seed: UInt64(client))
        var limits = 0
        var files: [Int: (inode: InodeNumber, bytes: [UInt8])] = [:]
        for _ in 0..<150 {
            let index = Int.random(in: 0..<6, using: &generator)
            let text = "c\(client)-\(index)"
            guard var file = files[index] else {
                files[index] = (try await fileSystem.makeFile(text), [])
                continue
            }
            switch Int.random(in: 0..<8, using: &generator) {
            case 0:
                try await fileSystem.unlink(try name(text), in: .root, as: .root)
                files[index] = nil
                continue
            case 1:
                let size = Int.random(in: 0..<40_000, using: &generator)
                let changes = AttributeChanges(size: UInt64(size))
                _ = try await fileSystem.setAttributes(file.inode, changes, as: .root)
                file.bytes = Array((file.bytes + [UInt8](repeating: 0, count: size)).prefix(size))
            case 2:
                let tiers: [Tier] = [.standard, .infrequentAccess]
                let tier = tiers.randomElement(using: &generator) ?? .standard
                _ = try await fileSystem.move(file.inode, to: tier)
                limits += 1
            default:
                let offset = Int.random(in: 0..<30_000, using: &generator)
                let bytes = generator.bytes(Int.random(in: 1..<20_000, using: &generator))
                let stability: Stability = Bool.random(using: &generator) ? .stable : .unstable
                _ = try await fileSystem.write(
                    file.inode,
                    bytes,
                    at: UInt64(offset),
                    stability: stability,
                    as: .root
                )
                let padding = max(0, offset + bytes.count - file.bytes.count)
                file.bytes += [UInt8](repeating: 0, count: padding)
                file.bytes.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            }
            files[index] = file
            let found = try await fileSystem.contents(file.inode)
            #expect(found == file.bytes, "client \(client), file \(index)")
        }
    }

    @Test func `writers of one file each leave their bytes`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<16 {
                group.addTask {
                    for round in 0..<20 {
                        let offset = UInt64(writer * 20 + round) * 1_000
                        _ = try await fileSystem.write(
                            file,
                            [UInt8](repeating: UInt8(writer + 1), count: 1_000),
                            at: offset,
                            stability: round % 3 == 0 ? .stable : .unstable,
                            as: .root
                        )
                    }
                }
            }
            try await group.waitForAll()
        }
        let bytes = try await fileSystem.contents(file)
        #expect(bytes.count == 320_000)
        for writer in 0..<16 {
            let part = bytes[writer * 20_000..<(writer + 1) * 20_000]
            #expect(part.allSatisfy { $0 == UInt8(writer + 1) }, "writer \(writer)")
        }
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    @Test func `a tile of many slices is merged, and every instant reads as before`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", [UInt8](repeating: 1, count: 10_000))
        var expected = [UInt8](repeating: 1, count: 10_000)
        var snapshots: [(Epoch, [UInt8])] = []
        for index in 0..<1_500 {
            let offset = (index * 7) % 10_000
            _ = try await fileSystem.write(
                file,
                [UInt8(truncatingIfNeeded: index)],
                at: UInt64(offset),
                stability: .unstable,
                as: .root
            )
            expected[offset] = UInt8(truncatingIfNeeded: index)
            guard index % 300 == 299 else { continue }
            let snapshot = try await fileSystem.createSnapshot("s\(index)")
            snapshots.append((snapshot.epoch, expected))
            _ = try await fileSystem.collectGarbage()
        }
        #expect(try await fileSystem.contents(file) == expected)
        for (epoch, bytes) in snapshots {
            #expect(try await fileSystem.contents(file, at: .past(epoch)) == bytes)
        }
        let slices = try await fileSystem.readers.run { context in
            try context.begin(.live)
            return try context.reader.tileBasis(file, tile: 0).sequences.count
        }
        #expect(slices <= Core.slicesMax, "\(slices) slices")
        await fileSystem.close()
    }
}
