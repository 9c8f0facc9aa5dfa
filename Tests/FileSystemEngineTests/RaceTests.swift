import Disk
import MetadataStore
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// What two callers may find when they come at the same moment.
@Suite struct RaceTests {
    private static let big = [UInt8](repeating: 7, count: 8_192)

    /// Goal: a write and a truncate that meet leave one of the two orders, never a file of the written
    /// size that reads as zeros.
    ///
    /// Method: the slice that was sealed first must not enter the rows beneath the cut that came after.
    @Test func `a write beside a truncate is there whole or not at all`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", Self.big)
        var outcomes: Set<Int> = []
        for round in 0..<400 {
            _ = try await fileSystem.write(file, Self.big, at: 0, stability: .stable, as: .root)
            let bytes = [UInt8](repeating: UInt8(round % 250 + 1), count: 4_096)
            async let written = fileSystem.write(
                file,
                bytes,
                at: 0,
                stability: .unstable,
                as: .root
            )
            async let cut = fileSystem.setAttributes(file, AttributeChanges(size: 0), as: .root)
            _ = try await (written, cut)
            let seen = try await fileSystem.contents(file)
            try await fileSystem.flush()
            let kept = try await fileSystem.contents(file)
            try #require(seen == kept, "round \(round): a flush changed what is read")
            try #require(kept.isEmpty || kept == bytes, "round \(round): \(kept.count) bytes")
            outcomes.insert(kept.count)
        }
        #expect(outcomes.isSubset(of: [0, 4_096]))
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    @Test func `a name that is replaced again and again is always found`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        _ = try await fileSystem.makeFile("target")
        let isDone = Mutex(false)
        let replacer = Task<Void, any Error> {
            defer { isDone.withLock { $0 = true } }
            for _ in 0..<400 {
                _ = try await fileSystem.makeFile("next")
                try await fileSystem.rename(
                    try name("next"),
                    in: .root,
                    to: try name("target"),
                    in: .root,
                    as: .root
                )
            }
        }
        var found = 0
        while !isDone.withLock({ $0 }) {
            _ = try await fileSystem.lookup(try name("target"), in: .root, as: .root)
            _ = try await fileSystem.resolve([try name("target")], as: .root)
            found += 1
        }
        try await replacer.value
        #expect(found > 0)
        await fileSystem.close()
    }

    @Test func `a listing shows every unstable write that was answered before it`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", Self.big)
        let isDone = Mutex(false)
        let flusher = Task<Void, any Error> {
            while !isDone.withLock({ $0 }) { try await fileSystem.flush() }
        }
        var size = UInt64(Self.big.count)
        for _ in 0..<1_500 {
            let written = try await fileSystem.write(
                file,
                [1],
                at: size,
                stability: .unstable,
                as: .root
            )
            size += 1
            let page = try await fileSystem.readDirectory(.root, limit: 10, as: .root)
            let found = try await fileSystem.lookup(try name("f"), in: .root, as: .root)
            guard page.entries.first?.attributes.size == size, found.size == size else {
                Issue.record(
                    "size \(size), listed \(page.entries.map(\.attributes.size)), found \(found.size)"
                )
                break
            }
            #expect(written.attributes.change <= found.change)
        }
        isDone.withLock { $0 = true }
        try await flusher.value
        await fileSystem.close()
    }

    @Test func `a rollback beside writes leaves each of them whole`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", Self.big)
        let snapshot = try await fileSystem.createSnapshot("s")
        for round in 0..<120 {
            let bytes = [UInt8](repeating: UInt8(round + 10), count: 8_192)
            async let written = fileSystem.write(
                file,
                bytes,
                at: 0,
                stability: .unstable,
                as: .root
            )
            async let back = fileSystem.restoreInPlace(.root, to: snapshot.epoch)
            _ = try await (written, back)
            let seen = try await fileSystem.contents(file)
            try await fileSystem.flush()
            let kept = try await fileSystem.contents(file)
            try #require(seen == kept, "round \(round): a flush changed what is read")
            try #require(kept == bytes || kept == Self.big, "round \(round)")
        }
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    @Test func `an operation that fails after sealing leaves its segment usable`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f")
        // The first record of the file system: its segment is made by an operation that is refused.
        let refused = await #expect(throws: FileSystemError.self) {
            try await fileSystem.committer.run { context in
                var row = try context.row(file)
                try context.writeSlices(&row, Self.big, at: 0)
                throw FileSystemError(.invalid, "refused by the test")
            }
        }
        #expect(refused?.code == .invalid)
        _ = try await fileSystem.write(file, Self.big, at: 0, stability: .stable, as: .root)
        #expect(try await fileSystem.contents(file) == Self.big)
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    @Test func `an inode whose removal was refused can be opened in the same batch`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f")
        let wasOpened = Mutex(false)
        try await fileSystem.committer.run { context in
            let mark = try context.mark()
            try context.unlink(try name("f"), in: .root, as: .root)
            #expect(fileSystem.core.openFiles.open(file) == nil, "it is on its way out")
            try context.revert(to: mark)
            wasOpened.withLock { $0 = fileSystem.core.openFiles.open(file) != nil }
        }
        #expect(wasOpened.withLock { $0 })
        await fileSystem.close()
    }
}
