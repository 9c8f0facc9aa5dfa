import Disk
import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Files that live on without a name, and what is left of them.
@Suite struct OpenFileTests {
    private static let bytes = [UInt8](repeating: 5, count: 20_000)

    private func orphans(_ fileSystem: FileSystem) async throws -> [InodeNumber] {
        try await fileSystem.readers.run { context in
            context.rest()
            try context.begin(.live)
            return try context.reader.orphans()
        }
    }

    @Test func `an unlinked open file is read and written until its last close`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", [1, 2, 3])
        let one = try await fileSystem.open(file)
        let two = try await fileSystem.open(file)
        try await fileSystem.unlink(try name("f"), in: .root, as: .root)
        #expect(try await orphans(fileSystem) == [file])
        #expect(try await fileSystem.attributes(of: file).links == 0)
        _ = try await fileSystem.write(file, Self.bytes, at: 0, stability: .unstable, as: .root)
        #expect(try await fileSystem.contents(file) == Self.bytes)
        let snapshot = try await fileSystem.createSnapshot("s")
        await #expect(throws: FileSystemError.self) {
            try await fileSystem.link(file, as: try name("again"), in: .root, as: .root)
        }
        fileSystem.close(one)
        fileSystem.close(one)
        #expect(try await fileSystem.contents(file) == Self.bytes, "one handle is left")
        fileSystem.close(two)
        try await fileSystem.flush()
        let gone = await #expect(throws: FileSystemError.self) {
            try await fileSystem.attributes(of: file)
        }
        #expect(gone?.code == .stale)
        #expect(try await orphans(fileSystem).isEmpty)
        while try await fileSystem.reap().isMoreDue {}
        #expect(try await fileSystem.contents(file, at: .past(snapshot.epoch)) == Self.bytes)
        let late = await #expect(throws: FileSystemError.self) {
            try await fileSystem.write(file, [1], at: 0, stability: .unstable, as: .root)
        }
        #expect(late?.code == .stale)
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    @Test func `a restart ends what was open without a name, and its space comes back`()
        async throws
    {
        var world = try await EngineWorld.make()
        let file = try await world.fileSystem.makeFile("f", Self.bytes)
        _ = try await world.fileSystem.open(file)
        try await world.fileSystem.unlink(try name("f"), in: .root, as: .root)
        try await world.reopen()
        let fileSystem = world.fileSystem
        let gone = await #expect(throws: FileSystemError.self) { try await fileSystem.open(file) }
        #expect(gone?.code == .stale)
        #expect(try await orphans(fileSystem).isEmpty)
        while try await fileSystem.reap().isMoreDue {}
        #expect(try await fileSystem.statistics().liveBytes == 0)
        await fileSystem.close()
    }

    @Test func `a rollback brings an unlinked open file back, and its close ends nothing`()
        async throws
    {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", Self.bytes)
        let snapshot = try await fileSystem.createSnapshot("s")
        let handle = try await fileSystem.open(file)
        try await fileSystem.unlink(try name("f"), in: .root, as: .root)
        _ = try await fileSystem.restoreInPlace(.root, to: snapshot.epoch)
        #expect(try await orphans(fileSystem).isEmpty)
        fileSystem.close(handle)
        try await fileSystem.flush()
        #expect(try await fileSystem.contents(file) == Self.bytes)
        #expect(try await fileSystem.attributes(of: file).links == 1)
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    @Test func `a rollback to a moment without a name ends the file once nobody has it open`()
        async throws
    {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", Self.bytes)
        let handle = try await fileSystem.open(file)
        try await fileSystem.unlink(try name("f"), in: .root, as: .root)
        let snapshot = try await fileSystem.createSnapshot("nameless")
        fileSystem.close(handle)
        try await fileSystem.flush()
        _ = try await fileSystem.restoreInPlace(.root, to: snapshot.epoch)
        let gone = await #expect(throws: FileSystemError.self) {
            try await fileSystem.attributes(of: file)
        }
        #expect(gone?.code == .stale)
        #expect(try await orphans(fileSystem).isEmpty)
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    @Test func `closing twice, and calling after it, is harmless`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", Self.bytes)
        let handle = try await fileSystem.open(file)
        await fileSystem.close()
        await fileSystem.close()
        fileSystem.close(handle)
        for attempt in 0..<4 {
            let error = await #expect(throws: FileSystemError.self) {
                switch attempt {
                case 0: _ = try await fileSystem.contents(file)
                case 1: _ = try await fileSystem.makeFile("g")
                case 2:
                    _ = try await fileSystem.write(
                        file,
                        [1],
                        at: 0,
                        stability: .stable,
                        as: .root
                    )
                default: _ = try await fileSystem.move(file, to: .archive)
                }
            }
            #expect(error?.message == FileSystemError.closed.message)
        }
    }

    /// Writes until it is told that the file system is closed; answers what was acknowledged last.
    private static func writeUntilClosed(
        _ fileSystem: FileSystem,
        _ file: InodeNumber
    ) async -> UInt8 {
        var last: UInt8 = 0
        for round in 1... {
            let value = UInt8(truncatingIfNeeded: round % 250 + 1)
            do {
                _ = try await fileSystem.write(
                    file,
                    [UInt8](repeating: value, count: 6_000),
                    at: 0,
                    stability: .stable,
                    as: .root
                )
                last = value
            } catch {
                #expect(error.message == FileSystemError.closed.message, "\(error)")
                return last
            }
        }
        return last
    }

    @Test func `closing while others write keeps all that was acknowledged`() async throws {
        var world = try await EngineWorld.make()
        for _ in 0..<8 {
            let fileSystem = world.fileSystem
            var files: [InodeNumber] = []
            for index in 0..<4 {
                let text = "f\(index)-\(UInt64.random(in: 0 ... .max))"
                files.append(try await fileSystem.makeFile(text, Self.bytes))
            }
            let writers = files.map { file in
                Task { await Self.writeUntilClosed(fileSystem, file) }
            }
            for _ in 0..<20 { try await fileSystem.flush() }
            try await world.reopen()
            for (file, writer) in zip(files, writers) {
                let acknowledged = await writer.value
                let found = try await world.fileSystem.contents(file)
                guard acknowledged != 0 else { continue }
                // The write that was refused may have been in time.
                let next = UInt8(Int(acknowledged) % 250 + 1)
                let values = Set(found[..<6_000])
                #expect(values == [acknowledged] || values == [next], "\(values)")
            }
            #expect(try await world.fileSystem.verify().isEmpty)
        }
        await world.fileSystem.close()
    }
}
