import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: what memory can answer costs no statement, and is what the database would say.
@Suite struct RememberedRowsTests {
    private static func world() async throws -> EngineWorld {
        var limits = EngineWorld.smallLimits
        limits.readers = 1
        limits.readerLingerMilliseconds = 600_000
        return try await EngineWorld.make(limits: limits)
    }

    private static func readerSteps(_ fileSystem: FileSystem) async throws -> UInt64 {
        try await fileSystem.readers.run { $0.reader.rowsStepped }
    }

    @Test func `asking again, opening and closing step no row`() async throws {
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", [1, 2, 3])
        func ask() async throws {
            #expect(try await fileSystem.attributes(of: file).size == 3)
            let found = try await fileSystem.lookup(try name("f"), in: .root, as: .root)
            #expect(found.inode == file)
            await #expect(throws: FileSystemError.self) {
                try await fileSystem.lookup(try name("none"), in: .root, as: .root)
            }
            fileSystem.close(try await fileSystem.open(file))
        }
        try await ask()
        let read = try await Self.readerSteps(fileSystem)
        let written = try await fileSystem.committer.run { $0.writer.rowsStepped }
        let alone = try await fileSystem.committer.run { $0.writer.rowsStepped }
        for _ in 0..<100 { try await ask() }
        let again = try await fileSystem.committer.run { $0.writer.rowsStepped }
        #expect(try await Self.readerSteps(fileSystem) == read)
        // An empty transaction's steps, and no more.
        #expect(again - alone == alone - written)
        await fileSystem.close()
    }

    @Test func `a change is seen by whoever asks after its answer`() async throws {
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", [1])
        func lookUp(_ text: String) async throws -> InodeNumber? {
            do {
                return try await fileSystem.lookup(try name(text), in: .root, as: .root).inode
            } catch let error as FileSystemError where error.code == .notFound {
                return nil
            }
        }
        for step in 0..<50 {
            let (from, to) = step.isMultiple(of: 2) ? ("f", "g") : ("g", "f")
            #expect(try await lookUp(from) == file)
            #expect(try await lookUp(to) == nil)
            try await fileSystem.rename(
                try name(from),
                in: .root,
                to: try name(to),
                in: .root,
                as: .root
            )
            #expect(try await lookUp(from) == nil)
            #expect(try await lookUp(to) == file)
            let size = UInt64(step + 2)
            _ = try await fileSystem.write(
                file,
                [7],
                at: size - 1,
                stability: step.isMultiple(of: 3) ? .stable : .unstable,
                as: .root
            )
            #expect(try await fileSystem.attributes(of: file).size == size)
            #expect(try await fileSystem.lookup(try name(to), in: .root, as: .root).size == size)
            let mode = AttributeChanges(permissions: UInt16(step))
            _ = try await fileSystem.setAttributes(file, mode, as: .root)
            #expect(try await fileSystem.attributes(of: file).permissions == UInt16(step))
            if step == 20 { _ = try await fileSystem.createSnapshot("s") }
        }
        let directory = AttributeChanges(permissions: 0o700)
        _ = try await fileSystem.setAttributes(.root, directory, as: .root)
        await #expect(throws: FileSystemError.self) {
            try await fileSystem.lookup(
                try name("f"),
                in: .root,
                as: Credentials(uid: 5, gid: 5)
            )
        }
        await fileSystem.close()
        await #expect(throws: FileSystemError.self) { try await fileSystem.attributes(of: file) }
    }
}
