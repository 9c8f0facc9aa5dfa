import Disk
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// One story a test: what a client sees, live and past.
@Suite struct EngineBasicsTests {
    @Test func `a new file system holds an empty root`() async throws {
        let world = try await EngineWorld.make()
        let root = try await world.fileSystem.attributes(of: .root)
        #expect(root.kind == .directory && root.links == 2 && root.permissions == 0o755)
        let page = try await world.fileSystem.readDirectory(.root, limit: 10, as: .root)
        #expect(page.entries.isEmpty && page.isEnd)
        await world.fileSystem.close()
    }

    @Test(arguments: [0, 1, 2_048, 2_049, 16_384, 100_000])
    func `bytes written are read back, live and after a restart`(count: Int) async throws {
        var world = try await EngineWorld.make()
        var generator = SeededGenerator(seed: UInt64(count))
        let bytes = generator.bytes(count)
        let file = try await world.fileSystem.makeFile("f", bytes)
        #expect(try await world.fileSystem.contents(file) == bytes)
        try await world.reopen()
        #expect(try await world.fileSystem.contents(file) == bytes)
        let found = try await world.fileSystem.lookup(try name("f"), in: .root, as: .root)
        #expect(found.inode == file && found.size == UInt64(count))
        await world.fileSystem.close()
    }

    @Test func `a small file grows out of its row and keeps its bytes`() async throws {
        let world = try await EngineWorld.make()
        let file = try await world.fileSystem.makeFile("f", [1, 2, 3])
        _ = try await world.fileSystem.write(
            file,
            [9],
            at: 40_000,
            stability: .unstable,
            as: .root
        )
        let bytes = try await world.fileSystem.contents(file)
        #expect(bytes.count == 40_001 && bytes.prefix(3) == [1, 2, 3] && bytes.last == 9)
        _ = try await world.fileSystem.commit(file)
        #expect(try await world.fileSystem.contents(file) == bytes)
        await world.fileSystem.close()
    }

    @Test func `an unstable write is read at once and survives a commit`() async throws {
        var world = try await EngineWorld.make()
        let file = try await world.fileSystem.makeFile("f")
        var generator = SeededGenerator(seed: 5)
        let bytes = generator.bytes(50_000)
        let wrote = try await world.fileSystem.write(
            file,
            bytes,
            at: 10,
            stability: .unstable,
            as: .root
        )
        #expect(wrote.attributes.size == 50_010)
        #expect(
            try await world.fileSystem.contents(file) == [UInt8](repeating: 0, count: 10) + bytes
        )
        #expect(try await world.fileSystem.commit(file) == wrote.verifier)
        try await world.reopen()
        #expect(try await world.fileSystem.contents(file).suffix(50_000) == bytes[...])
        #expect(world.fileSystem.verifier != wrote.verifier)
        await world.fileSystem.close()
    }

    @Test func `a snapshot keeps what was, whatever comes after`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", [UInt8](repeating: 7, count: 30_000))
        let snapshot = try await fileSystem.createSnapshot("before")
        _ = try await fileSystem.write(file, [1, 2, 3], at: 5, stability: .stable, as: .root)
        try await fileSystem.unlink(try name("f"), in: .root, as: .root)
        _ = try await fileSystem.reap()
        let past = View.past(snapshot.epoch)
        let found = try await fileSystem.resolve([try name("f")], at: past, as: .root)
        #expect(
            try await fileSystem.contents(found.inode, at: past)
                == [UInt8](repeating: 7, count: 30_000)
        )
        await #expect(throws: FileSystemError.self) {
            try await fileSystem.resolve([try name("f")], as: .root)
        }
        await fileSystem.close()
    }

    @Test func `any past second reads as it was`() async throws {
        let world = try await EngineWorld.make()
        let file = try await world.fileSystem.makeFile("f")
        for second in 0..<10 {
            _ = try await world.fileSystem.write(
                file,
                [UInt8(second)],
                at: UInt64(second),
                stability: .stable,
                as: .root
            )
            world.clock.advance(seconds: 1)
        }
        for second in 0..<10 {
            let time = EngineWorld.start.adding(seconds: Int64(second))
            let instant = try await world.fileSystem.instant(atOrBefore: time)
            let bytes = try await world.fileSystem.contents(file, at: .past(instant))
            #expect(bytes == (0...UInt8(second)).map { $0 })
        }
        await world.fileSystem.close()
    }

    @Test func `an open file outlives its name, and ends with its last handle`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", [1, 2, 3])
        let handle = try await fileSystem.open(file)
        try await fileSystem.unlink(try name("f"), in: .root, as: .root)
        #expect(try await fileSystem.contents(file) == [1, 2, 3])
        #expect(try await fileSystem.attributes(of: file).links == 0)
        fileSystem.close(handle)
        try await fileSystem.flush()
        await #expect(throws: FileSystemError.self) { try await fileSystem.attributes(of: file) }
        await fileSystem.close()
    }

    @Test func `many creates in flight are all there`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        try await withThrowingTaskGroup(of: InodeNumber.self) { group in
            for index in 0..<200 {
                group.addTask { try await fileSystem.makeFile("f\(index)", [UInt8(index)]) }
            }
            try await group.waitForAll()
        }
        var seen: Set<FileName> = []
        var cookie: UInt64 = 0
        while true {
            let page = try await fileSystem.readDirectory(.root, after: cookie, limit: 7, as: .root)
            for entry in page.entries {
                #expect(seen.insert(entry.name).inserted)
                cookie = entry.cookie
            }
            if page.isEnd { break }
        }
        #expect(seen.count == 200)
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    /// Goal: what a restore in place holds in memory is bounded, by count.
    @Test func `more than one transaction holds is not set back in place, and nothing changes`()
        async throws
    {
        var limits = EngineWorld.smallLimits
        limits.restoreKeysMax = 100
        limits.nameHashBits = 55
        let world = try await EngineWorld.make(limits: limits)
        let fileSystem = world.fileSystem
        let few = try await fileSystem.createSnapshot("few")
        for index in 0..<20 { _ = try await fileSystem.makeFile("f\(index)") }
        let many = try await fileSystem.createSnapshot("many")
        for index in 20..<300 { _ = try await fileSystem.makeFile("f\(index)") }
        for instant in [many, few] {
            do throws(FileSystemError) {
                _ = try await fileSystem.restoreInPlace(.root, to: instant.epoch)
                Issue.record("it was set back")
            } catch {
                #expect(error.code == .unsupported && error.message.contains("100"))
            }
            let page = try await fileSystem.readDirectory(.root, limit: 1_000, as: .root)
            #expect(page.entries.count == 300)
        }
        for index in 20..<300 {
            try await fileSystem.unlink(try name("f\(index)"), in: .root, as: .root)
        }
        let now = try await fileSystem.createSnapshot("now")
        for index in 300..<320 { _ = try await fileSystem.makeFile("f\(index)") }
        #expect(try await fileSystem.restoreInPlace(.root, to: now.epoch) > 0)
        let page = try await fileSystem.readDirectory(.root, limit: 1_000, as: .root)
        #expect(page.entries.count == 20)
        await fileSystem.close()
    }

    /// Goal: a long write is sealed from the pieces in which it lies; what becomes a row is gathered.
    @Test func `pieces are written as one, and gathered for a row alone`() async throws {
        var random = SeededGenerator(seed: testSeed(default: 91))
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var plain: [UInt8] = []
        let file = try await fileSystem.makeFile("f")
        for length in [5, 1_000, 30_000, 16_384, 100_000, 1, 20_000] {
            let pieces = Pieces(
                (0..<4).map { _ in
                    random.bytes(Int.random(in: 0...length / 2 + 1, using: &random))
                }
            )
            let offset = Int.random(in: 0...plain.count, using: &random)
            let wasSmall = plain.count <= 2_048
            _ = try await fileSystem.write(
                file,
                gathering: pieces,
                at: UInt64(offset),
                stability: .unstable,
                as: .root
            )
            let end = offset + pieces.count
            plain += [UInt8](repeating: 0, count: max(0, end - plain.count))
            plain.replaceSubrange(offset..<end, with: pieces.pieces.flatMap { $0 })
            let read = try await fileSystem.read(file, 0..<1 << 20, as: .root)
            try #require(read.bytes == plain, "\(length) bytes")
            if !wasSmall { #expect(pieces.gathered.load(ordering: .relaxed) == 0) }
        }
        await fileSystem.close()
    }

    private final class Pieces: WrittenBytes {
        let pieces: [[UInt8]]
        let gathered = Atomic<Int>(0)

        init(_ pieces: [[UInt8]]) {
            self.pieces = pieces
        }

        var count: Int { pieces.reduce(0) { $0 + $1.count } }

        var bytes: [UInt8] {
            gathered.add(1, ordering: .relaxed)
            return pieces.flatMap { $0 }
        }

        func withPieces<Result>(_ body: ([UnsafeRawBufferPointer]) -> Result) -> Result {
            pieces[0].withUnsafeBytes { first in
                pieces[1].withUnsafeBytes { second in
                    pieces[2].withUnsafeBytes { third in
                        pieces[3].withUnsafeBytes { body([first, second, third, $0]) }
                    }
                }
            }
        }
    }
}
