import Disk
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Files made at once: equal to files made step by step, in one transaction, whole or not at all.
@Suite struct CreateWholeTests {
    private func draft(
        _ runs: [(UInt64, [UInt8])],
        size: UInt64? = nil,
        attributes: [ExtendedAttribute] = []
    ) -> WholeFile {
        WholeFile(
            permissions: 0o4751,
            uid: 12,
            gid: 34,
            accessed: Timestamp(seconds: 5, nanoseconds: 6),
            modified: Timestamp(seconds: 7, nanoseconds: 8),
            size: size ?? runs.last.map { $0.0 + UInt64($0.1.count) } ?? 0,
            runs: runs.map { WholeFile.Run(offset: $0.0, bytes: $0.1) },
            attributes: attributes
        )
    }

    /// What an inode shows, apart from its number and the times of its making.
    private func shown(_ inode: InodeNumber, _ fileSystem: FileSystem) async throws -> [String] {
        let found = try await fileSystem.attributes(of: inode)
        var names: [String] = []
        for name in try await fileSystem.extendedAttributeNames(of: inode, as: .root) {
            let value = try await fileSystem.extendedAttribute(name, of: inode, as: .root)
            names.append("\(name)=\(value)")
        }
        return [
            "\(found.permissions) \(found.uid) \(found.gid) \(found.links) \(found.size)",
            "\(found.allocated) \(found.accessed) \(found.modified) \(found.kind)",
            "\(try await fileSystem.contents(inode).hashValue)",
            "\(try await fileSystem.dataRanges(inode))", "\(names)",
        ]
    }

    /// The same by separate calls.
    private func stepwise(
        _ text: String,
        _ file: WholeFile,
        _ fileSystem: FileSystem
    ) async throws -> InodeNumber {
        let inode = try await fileSystem.makeFile(text)
        for run in file.runs {
            _ = try await fileSystem.write(
                inode,
                run.bytes,
                at: run.offset,
                stability: .unstable,
                as: .root
            )
        }
        for attribute in file.attributes {
            try await fileSystem.setExtendedAttribute(
                attribute.name,
                attribute.value,
                of: inode,
                as: .root
            )
        }
        let changes = AttributeChanges(
            permissions: file.permissions,
            uid: file.uid,
            gid: file.gid,
            size: file.size,
            accessed: .exactly(file.accessed),
            modified: .exactly(file.modified)
        )
        _ = try await fileSystem.setAttributes(inode, changes, as: .root)
        return inode
    }

    @Test func `a file made at once is the one made step by step`() async throws {
        var world = try await EngineWorld.make()
        var generator = SeededGenerator(seed: testSeed(default: 91))
        let value = ExtendedAttribute(name: Array("user.a".utf8), value: [1, 2, 3])
        let files = [
            draft([]), draft([], size: 70_000), draft([(0, [1])]),
            draft([(0, generator.bytes(2_048))]),
            draft([(0, generator.bytes(2_049))]), draft([(0, generator.bytes(100))], size: 50_000),
            draft([(0, generator.bytes(40_000))], attributes: [value]),
            draft(
                [(20_000, generator.bytes(10)), (40_000, generator.bytes(30_000))],
                size: 90_000
            ),
        ]
        var pairs: [(InodeNumber, InodeNumber)] = []
        for (number, file) in files.enumerated() {
            let made = try await world.fileSystem.createWhole(
                try name("w\(number)"),
                in: .root,
                file,
                as: .root
            )
            #expect(made.refused.isEmpty)
            #expect(made.attributes.size == file.size)
            let other = try await stepwise("s\(number)", file, world.fileSystem)
            pairs.append((made.attributes.inode, other))
        }
        for _ in 0..<2 {
            for (number, (whole, other)) in pairs.enumerated() {
                let left = try await shown(whole, world.fileSystem)
                let right = try await shown(other, world.fileSystem)
                #expect(left == right, "file \(number)")
            }
            #expect(try await world.fileSystem.verify().isEmpty)
            try await world.reopen()
        }
        await world.fileSystem.close()
    }

    @Test func `one transaction makes a file, whatever it has`() async throws {
        let world = try await EngineWorld.make(disk: SimulatedDisk(recording: true))
        let fileSystem = world.fileSystem
        let value = ExtendedAttribute(name: Array("user.a".utf8), value: [1])
        _ = try await fileSystem.createWhole(
            try name("warm"),
            in: .root,
            draft([(0, [UInt8](repeating: 1, count: 9_000))]),
            as: .root
        )
        let before = world.disk.syncs.count
        let file = draft([(0, [UInt8](repeating: 1, count: 9_000))], attributes: [value])
        _ = try await fileSystem.createWhole(try name("a"), in: .root, file, as: .root)
        let syncs = world.disk.syncs[before...].map(\.path)
        // The segment first, then the log.
        #expect(syncs.count == 2, "\(syncs)")
        #expect(syncs.last?.hasSuffix("-wal") == true)
        await fileSystem.close()
    }

    @Test func `a refusal leaves nothing, not even its sealed bytes`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let bytes = [UInt8](repeating: 3, count: 200_000)
        _ = try await fileSystem.createWhole(
            try name("a"),
            in: .root,
            draft([(0, bytes)]),
            as: .root
        )
        let stored = try await fileSystem.statistics()
        for _ in 0..<20 {
            await expect(.exists) {
                _ = try await fileSystem.createWhole(
                    try name("a"),
                    in: .root,
                    draft([(0, bytes)]),
                    as: .root
                )
            }
        }
        let after = try await fileSystem.statistics()
        #expect(after.inodes == stored.inodes && after.liveBytes == stored.liveBytes)
        #expect(try await fileSystem.verify().isEmpty)
        await expect(.invalid) {
            let wrong = draft([(10, [1]), (5, [2])], size: 100)
            _ = try await fileSystem.createWhole(try name("b"), in: .root, wrong, as: .root)
        }
        await expect(.invalid) {
            let short = draft([(0, [1, 2, 3])], size: 2)
            _ = try await fileSystem.createWhole(try name("b"), in: .root, short, as: .root)
        }
        await expect(.fileTooBig) {
            let long = draft([], size: 2 << 20)
            _ = try await fileSystem.createWhole(try name("b"), in: .root, long, as: .root)
        }
        await fileSystem.close()
    }

    @Test func `who is not root makes only what it may, and hears what was refused`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let home = try await fileSystem.create(
            try name("home"),
            in: .root,
            NewInode(.directory, permissions: 0o700, uid: 7, gid: 7),
            as: .root
        ).inode
        let caller = Credentials(uid: 7, gid: 7)
        var own = draft([(0, [1, 2])])
        own.permissions = 0o444
        own.attributes = [
            ExtendedAttribute(name: Array("user.fine".utf8), value: [1]),
            ExtendedAttribute(name: Array("trusted.no".utf8), value: [2]),
        ]
        await expect(.notPermitted) {
            _ = try await fileSystem.createWhole(try name("a"), in: home, own, as: caller)
        }
        own.uid = nil
        own.gid = nil
        let made = try await fileSystem.createWhole(try name("a"), in: home, own, as: caller)
        #expect(made.refused.map(\.name) == [Array("trusted.no".utf8)])
        #expect(made.refused.first?.error.code == .notPermitted)
        let found = try await fileSystem.attributes(of: made.attributes.inode)
        #expect(found.permissions == 0o444 && found.uid == 7 && found.modified == own.modified)
        let names = try await fileSystem.extendedAttributeNames(of: found.inode, as: caller)
        #expect(names == [Array("user.fine".utf8)])
        await fileSystem.close()
    }

    private func expect(
        _ code: FileSystemError.Code,
        _ body: () async throws -> Void
    ) async {
        do {
            try await body()
            Issue.record("expected \(code)")
        } catch {
            #expect((error as? FileSystemError)?.code == code, "\(error)")
        }
    }
}
