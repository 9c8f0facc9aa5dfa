import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: what NFS needs beyond POSIX calls: a directory's `change` around one operation, exclusive creates that may be
/// repeated, and opens that go on whatever the mode says by now.
@Suite struct EntryTests {
    private let user = Credentials(uid: 1_000, gid: 1_000)

    private func change(_ fileSystem: FileSystem, _ inode: InodeNumber) async throws -> UInt64 {
        try await fileSystem.attributes(of: inode).change
    }

    @Test func `each change of a directory says what it was before and is after`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = NewInode(.regular, permissions: 0o644)
        var last = try await change(fileSystem, .root)
        let made = try await fileSystem.createEntry(
            try name("f"),
            in: .root,
            file,
            as: .root
        )
        #expect(made.directory.before == last)
        last = try await change(fileSystem, .root)
        #expect(made.directory.after == last && made.directory.before < last)
        let linked = try await fileSystem.linkEntry(
            made.attributes.inode,
            as: try name("g"),
            in: .root,
            as: .root
        )
        #expect(linked.directory.before == last && linked.attributes.links == 2)
        let directory = try await fileSystem.createEntry(
            try name("d"),
            in: .root,
            NewInode(.directory, permissions: 0o755),
            as: .root
        )
        #expect(directory.directory.before == linked.directory.after)
        let target = directory.attributes.inode
        let before = try await change(fileSystem, target)
        let moved = try await fileSystem.renameEntry(
            try name("f"),
            in: .root,
            to: try name("h"),
            in: target,
            as: .root
        )
        #expect(moved.source.before == directory.directory.after)
        #expect(moved.target.before == before)
        let after = try await change(fileSystem, target)
        last = try await change(fileSystem, .root)
        #expect(moved.target.after == after && moved.source.after == last)
        let removed = try await fileSystem.removeEntry(try name("g"), in: .root, as: .root)
        #expect(removed.before == last)
        last = try await change(fileSystem, .root)
        #expect(removed.after == last)
        await fileSystem.close()
    }

    @Test func `one operation removes anything, a directory only when it is empty`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        _ = try await fileSystem.makeFile("f")
        let directory = try await fileSystem.create(
            try name("d"),
            in: .root,
            NewInode(.directory, permissions: 0o755),
            as: .root
        )
        _ = try await fileSystem.create(
            try name("x"),
            in: directory.inode,
            NewInode(.fifo, permissions: 0o644),
            as: .root
        )
        let full = await #expect(throws: FileSystemError.self) {
            try await fileSystem.removeEntry(try name("d"), in: .root, as: .root)
        }
        #expect(full?.code == .notEmpty)
        _ = try await fileSystem.removeEntry(try name("x"), in: directory.inode, as: .root)
        for text in ["d", "f"] {
            _ = try await fileSystem.removeEntry(try name(text), in: .root, as: .root)
        }
        let page = try await fileSystem.readDirectory(.root, limit: 10, as: .root)
        #expect(page.entries.isEmpty && page.directory.links == 2)
        let gone = await #expect(throws: FileSystemError.self) {
            try await fileSystem.removeEntry(try name("f"), in: .root, as: .root)
        }
        #expect(gone?.code == .notFound)
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    @Test
    func `an exclusive create is answered again, also after a restart, until the file is used`()
        async throws
    {
        var world = try await EngineWorld.make()
        let file = NewInode(.regular, permissions: 0o644)
        let verifier: UInt64 = 0xFFFF_FFFF_0000_0001
        let first = try await world.fileSystem.createEntry(
            try name("f"),
            in: .root,
            file,
            as: .root,
            verifier: verifier
        )
        try await world.reopen()
        let fileSystem = world.fileSystem
        let again = try await fileSystem.createEntry(
            try name("f"),
            in: .root,
            file,
            as: .root,
            verifier: verifier
        )
        #expect(again.attributes.inode == first.attributes.inode)
        #expect(again.directory.before == again.directory.after)
        for other in [verifier + 1, verifier ^ 1 << 40, 0] {
            let refused = await #expect(throws: FileSystemError.self) {
                try await fileSystem.createEntry(
                    try name("f"),
                    in: .root,
                    file,
                    as: .root,
                    verifier: other
                )
            }
            #expect(refused?.code == .exists)
        }
        _ = try await fileSystem.write(
            first.attributes.inode,
            [1],
            at: 0,
            stability: .stable,
            as: .root
        )
        let used = await #expect(throws: FileSystemError.self) {
            try await fileSystem.createEntry(
                try name("f"),
                in: .root,
                file,
                as: .root,
                verifier: verifier
            )
        }
        #expect(used?.code == .exists)
        await fileSystem.close()
    }

    @Test func `who opened a file for writing goes on, and still loses set-user-id`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        for bytes in [[UInt8](repeating: 1, count: 10), [UInt8](repeating: 2, count: 10_000)] {
            let made = try await fileSystem.makeFile("f\(bytes.count)")
            _ = try await fileSystem.setAttributes(
                made,
                AttributeChanges(permissions: 0o4400),
                as: .root
            )
            let refused = await #expect(throws: FileSystemError.self) {
                try await fileSystem.write(made, bytes, at: 0, stability: .stable, as: user)
            }
            #expect(refused?.code == .denied)
            let written = try await fileSystem.write(
                made,
                bytes,
                at: 0,
                stability: .stable,
                as: user,
                isOpenForWriting: true
            )
            #expect(written.attributes.permissions == 0o400)
            #expect(try await fileSystem.contents(made) == bytes)
            let uncut = await #expect(throws: FileSystemError.self) {
                try await fileSystem.setAttributes(made, AttributeChanges(size: 1), as: user)
            }
            #expect(uncut?.code == .denied)
            let cut = try await fileSystem.setAttributes(
                made,
                AttributeChanges(size: 1),
                as: user,
                isOpenForWriting: true
            )
            #expect(cut.size == 1)
            let mode = await #expect(throws: FileSystemError.self) {
                try await fileSystem.setAttributes(
                    made,
                    AttributeChanges(permissions: 0o777),
                    as: user,
                    isOpenForWriting: true
                )
            }
            #expect(mode?.code == .notPermitted, "an open gives no ownership")
        }
        await fileSystem.close()
    }

    @Test func `secrets of front-ends are a file system's own, and the same at every start`()
        async throws
    {
        var world = try await EngineWorld.make()
        let secret = world.fileSystem.secret(for: "a")
        #expect(secret.count == 32 && secret != world.fileSystem.secret(for: "b"))
        try await world.reopen()
        #expect(world.fileSystem.secret(for: "a") == secret)
        let other = try await EngineWorld.make()
        #expect(other.fileSystem.secret(for: "a") != secret)
        await world.fileSystem.close()
        await other.fileSystem.close()
    }
}
