import Disk
import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Going back, and back from there: names that moved, files with names on both sides, records that are
/// shared by the past, the present and other tiers.
@Suite struct RollbackTests {
    private static let bytes = [UInt8](repeating: 3, count: 50_000)

    // None is inlined: Swift 6.3.1 in release does not compile a test that takes in several of them.

    @inline(never)
    private func directory(
        _ fileSystem: FileSystem,
        _ text: String,
        in parent: InodeNumber = .root
    ) async throws -> InodeNumber {
        try await fileSystem.create(
            try name(text),
            in: parent,
            NewInode(.directory, permissions: 0o755),
            as: .root
        ).inode
    }

    @inline(never)
    private func move(
        _ fileSystem: FileSystem,
        _ text: String,
        in source: InodeNumber,
        to newText: String,
        in target: InodeNumber
    ) async throws {
        try await fileSystem.rename(
            try name(text),
            in: source,
            to: try name(newText),
            in: target,
            as: .root
        )
    }

    /// Every path, with kind, links and content.
    @inline(never)
    private func tree(
        _ fileSystem: FileSystem,
        at view: View = .live
    ) async throws -> [String: String] {
        var lines: [String: String] = [:]
        var queue: [(String, InodeNumber)] = [("", .root)]
        while let (path, inode) = queue.popLast() {
            let page = try await fileSystem.readDirectory(
                inode,
                limit: 1_000,
                at: view,
                as: .root
            )
            for entry in page.entries {
                let (text, found) = ("\(path)/\(entry.name)", entry.attributes)
                var line = "\(found.inode.rawValue) \(found.kind) \(found.links)"
                line += " \(String(found.permissions, radix: 8))"
                if found.kind == .directory { queue.append((text, found.inode)) }
                if found.kind == .regular {
                    let bytes = try await fileSystem.contents(found.inode, at: view)
                    line += " \(bytes.count) \(Set(bytes).sorted())"
                }
                lines[text] = line
            }
        }
        return lines
    }

    @inline(never)
    private func clean(_ world: EngineWorld) async throws {
        for _ in 0..<3 {
            world.clock.advance(seconds: 5_000)
            while try await world.fileSystem.reap().isMoreDue {}
            while try await world.fileSystem.collectGarbage().isMoreDue {}
        }
        #expect(try await world.fileSystem.verify().isEmpty)
    }

    @Test func `the undo of a rollback is a rollback, as often as one likes`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", Self.bytes)
        _ = try await fileSystem.makeFile("small", [1, 2, 3])
        let old = try await fileSystem.createSnapshot("old")
        let then = try await tree(fileSystem)
        _ = try await fileSystem.write(file, [9], at: 20_000, stability: .stable, as: .root)
        _ = try await fileSystem.setAttributes(file, AttributeChanges(size: 30_000), as: .root)
        try await fileSystem.unlink(try name("small"), in: .root, as: .root)
        _ = try await fileSystem.makeFile("new", Self.bytes)
        let new = try await fileSystem.createSnapshot("new")
        let now = try await tree(fileSystem)
        #expect(then != now)
        for round in 0..<4 {
            world.clock.advance(seconds: 3)
            let isBack = round % 2 == 0
            let instant = isBack ? old.epoch : new.epoch
            _ = try await fileSystem.restoreInPlace(.root, to: instant)
            #expect(try await tree(fileSystem) == (isBack ? then : now), "round \(round)")
        }
        #expect(try await tree(fileSystem, at: .past(old.epoch)) == then)
        #expect(try await tree(fileSystem, at: .past(new.epoch)) == now)
        try await clean(world)
        await fileSystem.close()
    }

    @Test func `a subtree takes back what was moved out of it and leaves what took its name`()
        async throws
    {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let top = try await directory(fileSystem, "top")
        let inner = try await directory(fileSystem, "inner", in: top)
        let outside = try await directory(fileSystem, "outside")
        let made = try await fileSystem.makeFile("f", Self.bytes)
        try await move(fileSystem, "f", in: .root, to: "f", in: inner)
        let snapshot = try await fileSystem.createSnapshot("s")
        let then = try await tree(fileSystem)
        // The directory leaves, and another with a file of the same name comes in its place.
        try await move(fileSystem, "inner", in: top, to: "taken", in: outside)
        let again = try await directory(fileSystem, "inner", in: top)
        _ = try await fileSystem.makeFile("f", [1])
        try await move(fileSystem, "f", in: .root, to: "f", in: again)
        try await move(fileSystem, "f", in: inner, to: "g", in: outside)
        _ = try await fileSystem.write(made, [8], at: 100, stability: .unstable, as: .root)
        _ = try await fileSystem.restoreInPlace(top, to: snapshot.epoch)
        let found = try await tree(fileSystem)
        #expect(found["/top/inner"] == then["/top/inner"])
        // A file that has a name outside the subtree keeps it, and has its old one again.
        #expect(found["/outside/g"] != nil)
        #expect(found["/top/inner/f"] == found["/outside/g"])
        #expect(found["/outside/taken"] == nil, "a directory has one name")
        #expect(try await fileSystem.contents(made) == Self.bytes)
        #expect(try await fileSystem.attributes(of: made).links == 2)
        try await clean(world)
        await fileSystem.close()
    }

    @Test func `hard links over the edge of a subtree keep their count`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let top = try await directory(fileSystem, "top")
        let file = try await fileSystem.makeFile("out", Self.bytes)
        _ = try await fileSystem.link(file, as: try name("in"), in: top, as: .root)
        _ = try await fileSystem.link(file, as: try name("also"), in: top, as: .root)
        let snapshot = try await fileSystem.createSnapshot("s")
        try await fileSystem.unlink(try name("in"), in: top, as: .root)
        try await fileSystem.unlink(try name("also"), in: top, as: .root)
        _ = try await fileSystem.link(file, as: try name("later"), in: top, as: .root)
        _ = try await fileSystem.link(file, as: try name("second"), in: .root, as: .root)
        _ = try await fileSystem.setAttributes(file, AttributeChanges(size: 5), as: .root)
        _ = try await fileSystem.restoreInPlace(top, to: snapshot.epoch)
        let found = try await tree(fileSystem)
        #expect(
            found.keys.sorted() == ["/out", "/second", "/top", "/top/also", "/top/in"]
        )
        #expect(try await fileSystem.attributes(of: file).links == 4)
        #expect(try await fileSystem.contents(file) == Self.bytes)
        // All names outside go; those inside keep the file.
        for text in ["out", "second"] {
            try await fileSystem.unlink(try name(text), in: .root, as: .root)
        }
        #expect(try await fileSystem.attributes(of: file).links == 2)
        _ = try await fileSystem.restoreInPlace(try name("out"), in: .root, to: snapshot.epoch)
        #expect(try await fileSystem.attributes(of: file).links == 3)
        try await clean(world)
        await fileSystem.close()
    }

    @Test func `records shared by a rollback survive a move, the past's end and a merge`()
        async throws
    {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", Self.bytes)
        _ = try await fileSystem.createSnapshot("a")
        let a = try #require(try await fileSystem.snapshots().first)
        _ = try await fileSystem.write(
            file,
            [UInt8](repeating: 4, count: 50_000),
            at: 0,
            stability: .stable,
            as: .root
        )
        _ = try await fileSystem.restoreInPlace(file, to: a.epoch)
        _ = try await fileSystem.move(file, to: .archive)
        #expect(try await fileSystem.contents(file) == Self.bytes)
        #expect(try await fileSystem.contents(file, at: .past(a.epoch)) == Self.bytes)
        // Crowded by single bytes, so that the shared record's tile is merged.
        for index in 0..<600 {
            _ = try await fileSystem.write(
                file,
                [5],
                at: UInt64(index * 11 % 16_000),
                stability: .unstable,
                as: .root
            )
        }
        let live = try await fileSystem.contents(file)
        try await fileSystem.flush()
        _ = try await fileSystem.collectGarbage()
        #expect(try await fileSystem.contents(file) == live)
        #expect(try await fileSystem.contents(file, at: .past(a.epoch)) == Self.bytes)
        let b = try await fileSystem.createSnapshot("b")
        _ = try await fileSystem.restoreInPlace(file, to: a.epoch)
        try await fileSystem.deleteSnapshot("a")
        try await clean(world)
        #expect(try await fileSystem.contents(file) == Self.bytes)
        #expect(try await fileSystem.contents(file, at: .past(b.epoch)) == live)
        _ = try await fileSystem.move(file, to: .standard)
        try await fileSystem.deleteSnapshot("b")
        try await fileSystem.unlink(try name("f"), in: .root, as: .root)
        try await clean(world)
        let rows = try await fileSystem.readers.run { context in
            context.rest()
            try context.begin(.live)
            return try context.reader.audit()
        }
        #expect(rows.slices == 0 && rows.referrers == 0, "\(rows)")
        #expect(try await fileSystem.statistics().liveBytes == 0)
        await fileSystem.close()
    }

    @Test
    func `an instant that is gone is stale to every question, and its hold was the last word`()
        async throws
    {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", Self.bytes)
        let hold = try await fileSystem.hold()
        _ = try await fileSystem.setAttributes(file, AttributeChanges(size: 1), as: .root)
        world.clock.advance(seconds: 10_000)
        while try await fileSystem.collectGarbage().isMoreDue {}
        #expect(try await fileSystem.contents(file, at: .past(hold.epoch)) == Self.bytes)
        try await fileSystem.release(hold)
        try await fileSystem.release(hold)
        let view = View.past(hold.epoch)
        for question in 0..<6 {
            let error = await #expect(throws: FileSystemError.self) {
                switch question {
                case 0: _ = try await fileSystem.contents(file, at: view)
                case 1: _ = try await fileSystem.readDirectory(.root, limit: 1, at: view, as: .root)
                case 2: _ = try await fileSystem.hold(hold.epoch)
                case 3: _ = try await fileSystem.restoreInPlace(.root, to: hold.epoch)
                case 4: _ = try await fileSystem.path(of: file, at: view)
                default:
                    _ = try await fileSystem.lookup(try name("f"), in: .root, at: view, as: .root)
                }
            }
            #expect(error?.code == .stale, "question \(question)")
        }
        // Another's hold at another instant is untouched by the second release.
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }
}
