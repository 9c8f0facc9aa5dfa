import Backup
import BackupVault
import Disk
import FileSystemEngine
import Foundation
import Policies
import TestKit
import Testing
import VarveModel

/// Parts of a tree, by pattern and by path: what is meant comes, all of it, and nothing else is touched.
@Suite struct PartialRestoreTests {
    /// A file system, its recovery point, and another file system to restore to.
    private final class Bench {
        let world: BackupWorld
        let source: FileSystem
        let other: FileSystem
        let vault: Vault
        let point: RecoveryPoint

        init() async throws {
            (world, _) = try BackupWorld.inMemory()
            source = try await world.makeFileSystem()
            other = try await world.makeFileSystem()
            vault = try world.makeVault()
            for path in [
                "home/ann/plan.odt", "home/ann/mail/new/1", "home/ann/mail/old/2",
                "home/bob/plan.odt",
                "home/bob/notes", "etc/hosts", "plan.odt",
            ] {
                try await Bench.write(path, path, in: source)
            }
            let notes = try await source.resolve([FileName](path: "home/bob/notes"), as: .root)
            let etc = try await source.resolve([FileName](path: "etc"), as: .root)
            _ = try await source.link(
                notes.inode,
                as: try #require(FileName("notes")),
                in: etc.inode,
                as: .root
            )
            _ = try await source.setAttributes(etc.inode, .init(permissions: 0o711), as: .root)
            point = try await BackupService(clock: world.clock)
                .backUp(source, source: "fs", to: vault).point
        }

        static func write(_ path: String, _ text: String, in fileSystem: FileSystem) async throws {
            let names = [FileName](path: path)
            var directory = InodeNumber.root
            for name in names.dropLast() {
                do throws(FileSystemError) {
                    directory = try await fileSystem.lookup(name, in: directory, as: .root).inode
                } catch {
                    let new = NewInode(.directory, permissions: 0o750)
                    directory = try await fileSystem.create(name, in: directory, new, as: .root)
                        .inode
                }
            }
            let made = try await fileSystem.create(
                try #require(names.last),
                in: directory,
                NewInode(.regular, permissions: 0o640),
                as: .root
            )
            let bytes = Array(text.utf8)
            _ = try await fileSystem.write(made.inode, bytes, at: 0, stability: .stable, as: .root)
        }

        func selection(_ patterns: [String], _ items: [String] = []) throws -> TreeSelection {
            TreeSelection(
                patterns: try patterns.map { try PathGlob($0) },
                items: items.map { [FileName](path: $0) }
            )
        }

        /// The paths of what there is, directories with a slash behind.
        static func paths(_ fileSystem: FileSystem) async throws -> Set<String> {
            let dump = try await TreeDump.of(fileSystem)
            return Set(
                dump.files.filter { $0.key != "" }.map { path, file in
                    let names = path.split(separator: "/").map {
                        String(decoding: Hex.decode(String($0)) ?? [], as: UTF8.self)
                    }
                    return names.joined(separator: "/") + (file.kind == .directory ? "/" : "")
                }
            )
        }
    }

    @Test func `patterns and paths select files and whole directories, and the way to them`()
        async throws
    {
        let bench = try await Bench()
        let report = try await TreeCopy.run(
            from: .recoveryPoint(bench.vault, bench.point, path: []),
            selecting: try bench.selection(["*.odt"], ["home/ann/mail", "etc/hosts", "not/there"]),
            to: .fileSystem(bench.other, path: [], .root)
        )
        #expect(
            try await Bench.paths(bench.other) == [
                "home/", "home/ann/", "home/ann/plan.odt", "home/ann/mail/", "home/ann/mail/new/",
                "home/ann/mail/new/1", "home/ann/mail/old/", "home/ann/mail/old/2", "home/bob/",
                "home/bob/plan.odt", "etc/", "etc/hosts", "plan.odt",
            ]
        )
        #expect(report.files == 6)
        #expect(report.omissions.map { String(decoding: $0.path, as: UTF8.self) } == ["not/there"])
        let etc = try await bench.other.resolve([FileName](path: "etc"), as: .root)
        #expect(etc.permissions == 0o711, "what was made on the way is as it was")
        await bench.world.close()
    }

    @Test func `directories that stand on the way stay as they are`() async throws {
        let bench = try await Bench()
        try await Bench.write("etc/own", "mine", in: bench.other)
        let before = try await bench.other.resolve([FileName](path: "etc"), as: .root)
        let root = try await bench.other.attributes(of: .root)
        _ = try await TreeCopy.run(
            from: .recoveryPoint(bench.vault, bench.point, path: []),
            selecting: try bench.selection([], ["etc/hosts"]),
            to: .fileSystem(bench.other, path: [], .root),
            existing: .mirror
        )
        let after = try await bench.other.resolve([FileName](path: "etc"), as: .root)
        #expect(after.permissions == before.permissions && after.uid == before.uid)
        #expect(try await bench.other.attributes(of: .root).permissions == root.permissions)
        #expect(try await Bench.paths(bench.other) == ["etc/", "etc/own", "etc/hosts"])
        await bench.world.close()
    }

    @Test func `a mirror removes what was not there within what is selected, and nowhere else`()
        async throws
    {
        let bench = try await Bench()
        try await Bench.write("home/ann/mail/new/later", "x", in: bench.source)
        try await Bench.write("home/ann/later", "x", in: bench.source)
        let epoch = try await bench.source.hold()
        _ = try await TreeCopy.run(
            from: .recoveryPoint(bench.vault, bench.point, path: []),
            selecting: try bench.selection(["/home/*/mail"]),
            to: .fileSystem(bench.source, path: [], .root),
            existing: .mirror
        )
        let paths = try await Bench.paths(bench.source)
        #expect(!paths.contains("home/ann/mail/new/later"))
        #expect(paths.contains("home/ann/later") && paths.contains("plan.odt"))
        try await bench.source.release(epoch)
        await bench.world.close()
    }

    @Test func `a selection that means nothing is an error, and makes nothing`() async throws {
        let bench = try await Bench()
        do throws(BackupError) {
            _ = try await TreeCopy.run(
                from: .recoveryPoint(bench.vault, bench.point, path: []),
                selecting: TreeSelection(patterns: [], items: [[FileName](path: "none")]),
                to: .fileSystem(bench.other, path: [FileName](path: "made"), .root)
            )
            Issue.record("nothing was selected")
        } catch {
            #expect(error.code == .notFound)
        }
        #expect(try await Bench.paths(bench.other).isEmpty)
        await bench.world.close()
    }

    /// Goal: what is listed costs its own length: 30,000 prefixes of one path would be gigabytes.
    @Test func `a very deep path is looked for, and missed`() async throws {
        let bench = try await Bench()
        let deep = [FileName](repeating: try #require(FileName("home")), count: 30_000)
        let report = try await TreeCopy.run(
            from: .recoveryPoint(bench.vault, bench.point, path: []),
            selecting: TreeSelection(patterns: [], items: [deep, [FileName](path: "plan.odt")]),
            to: .fileSystem(bench.other, path: [], .root)
        )
        #expect(report.omissionsCount == 1)
        #expect(try await Bench.paths(bench.other) == ["plan.odt"])
        await bench.world.close()
    }

    @Test func `a selection and a plan end when nobody waits for them`() async throws {
        let bench = try await Bench()
        let place = TreePlace.recoveryPoint(bench.vault, bench.point, path: [])
        for selection in [nil, try bench.selection(["*.odt"])] {
            let code = await withTaskGroup(of: BackupError.Code?.self) { group in
                group.cancelAll()
                group.addTask { await PartialRestoreTests.planCode(of: place, selection) }
                return await group.reduce(nil) { $1 ?? $0 }
            }
            #expect(code == .cancelled)
        }
        await bench.world.close()
    }

    /// How a plan fails.
    private static func planCode(
        of place: TreePlace,
        _ selection: TreeSelection?
    ) async -> BackupError.Code? {
        do throws(BackupError) {
            _ = try await TreeCopy.plan(
                from: place,
                selecting: selection,
                to: nil,
                existing: .refuse
            )
            return nil
        } catch {
            return error.code
        }
    }

    /// Sees what a file system holds at each moment that it is told of.
    private actor Witness {
        private(set) var seen: [Set<String>?] = []

        func look(at fileSystem: FileSystem) async {
            // What cannot be read is nobody's expectation.
            seen.append(try? await Bench.paths(fileSystem))
        }
    }

    /// Goal: whoever takes a snapshot to undo a copy by takes it of what the copy changes, and of nothing that it does not.
    @Test func `a copy tells before its first change, and only when there will be one`()
        async throws
    {
        let bench = try await Bench()
        try await Bench.write("mine", "mine", in: bench.other)
        let witness = Witness()
        func copy(_ path: String, _ patterns: [String], fails: Bool = false) async throws {
            let other = bench.other
            _ = try await TreeCopy.run(
                from: .recoveryPoint(bench.vault, bench.point, path: [FileName](path: path)),
                selecting: patterns.isEmpty ? nil : try bench.selection(patterns),
                to: .fileSystem(other, path: [], .root),
                existing: .mirror,
                willWrite: { () async throws(BackupError) in
                    await witness.look(at: other)
                    if fails { throw BackupError(.noSpace, "no snapshot") }
                }
            )
        }
        await #expect(throws: BackupError.self) { try await copy("nowhere", []) }
        await #expect(throws: BackupError.self) { try await copy("", ["*.none"]) }
        #expect(await witness.seen.isEmpty, "nothing was to be changed")
        await #expect(throws: BackupError.self) { try await copy("", [], fails: true) }
        #expect(try await Bench.paths(bench.other) == ["mine"], "it was told that it may not")
        try await copy("", [])
        #expect(await witness.seen == [["mine"], ["mine"]])
        #expect(try await Bench.paths(bench.other).count > 1)
        await bench.world.close()
    }

    /// Goal: what stands in place is changed, never what it points at.
    @Test func `a symlink in place is replaced, and what it points at is left alone`() async throws
    {
        let bench = try await Bench()
        try await Bench.write("elsewhere/own", "mine", in: bench.other)
        let link = NewInode(.symlink(target: Array("elsewhere".utf8)), permissions: 0o777)
        let parts: [(name: String, selection: TreeSelection?)] = [
            ("home", nil), ("etc", try bench.selection([], ["hosts"])), ("plan.odt", nil),
        ]
        for (name, selection) in parts {
            let path = [FileName](path: name)
            _ = try await bench.other.create(path[0], in: .root, link, as: .root)
            let place = TreePlace.recoveryPoint(bench.vault, bench.point, path: path)
            let target = TreeTarget.name(bench.other, path: path, .root)
            let plan = try await TreeCopy.plan(
                from: place,
                selecting: selection,
                to: target,
                existing: .mirror
            )
            #expect(plan.entries.first?.path == [] && plan.entries.first?.sign == .overwritten)
            #expect(!plan.entries.contains { $0.sign == .removed })
            _ = try await TreeCopy.run(
                from: place,
                selecting: selection,
                to: target,
                existing: .mirror
            )
            let made = try await bench.other.resolve(path, as: .root, followLast: false)
            #expect(made.kind == (name == "plan.odt" ? .regular : .directory))
        }
        let paths = try await Bench.paths(bench.other)
        #expect(paths.isSuperset(of: ["elsewhere/", "elsewhere/own", "etc/hosts", "home/ann/"]))
        #expect(paths.filter { $0.hasPrefix("elsewhere") }.count == 2)
        await bench.world.close()
    }

    /// Goal: a restore in place makes nothing worse: what it cannot bring back whole stays as it stands.
    @Test(arguments: [false, true])
    func `a damaged large file leaves the live one as it is`(isDamaged: Bool) async throws {
        let (world, disk) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        try await Bench.write("large", "", in: fileSystem)
        let path = [FileName](path: "large")
        let inode = try await fileSystem.resolve(path, as: .root).inode
        var generator = SeededGenerator(seed: testSeed(default: 74))
        let old = generator.bytes(3 << 20)
        _ = try await fileSystem.write(inode, old, at: 0, stability: .stable, as: .root)
        let point = try await BackupService(clock: world.clock)
            .backUp(fileSystem, source: "fs", to: vault).point
        let live = generator.bytes(3 << 20)
        _ = try await fileSystem.write(inode, live, at: 0, stability: .stable, as: .root)
        let packs = world.root + "/vaults/main/packs"
        for name in try disk.list(packs) where isDamaged {
            let pack = packs + "/" + name
            let size = try disk.status(of: pack)?.size ?? 0
            if size > 2 << 20 { try disk.corrupt(pack, at: 2 << 20, mask: 1) }
        }
        let report = try await TreeCopy.run(
            from: .recoveryPoint(vault, point, path: []),
            to: .name(fileSystem, path: [], .root),
            existing: .mirror
        )
        #expect(report.damageCount == (isDamaged ? 1 : 0))
        #expect(try await Bench.paths(fileSystem) == ["large"])
        let found = try await fileSystem.resolve(path, as: .root)
        let read = try await fileSystem.read(
            found.inode,
            0..<UInt64(live.count),
            at: .live,
            as: .root,
            isAccess: false
        )
        #expect(read.bytes == (isDamaged ? live : old))
        await world.close()
    }

    @Test func `a directory of the host that stands on the way keeps its mode`() async throws {
        let bench = try await Bench()
        let home = try TemporaryDirectory()
        let etc = home.path + "/etc"
        #expect(mkdir(etc, 0o500) == 0)
        let report = try await TreeCopy.run(
            from: .recoveryPoint(bench.vault, bench.point, path: []),
            selecting: try bench.selection([], ["etc/hosts"]),
            to: .host(home.path),
            existing: .replace
        )
        #expect(report.files == (geteuid() == 0 ? 1 : 0))
        var found = stat()
        #expect(stat(etc, &found) == 0 && found.st_mode & 0o7777 == 0o500)
        await bench.world.close()
    }

    /// Goal: a dry run tells what then happens, name by name.
    ///
    /// Method: random trees at both ends; the plan is compared with the difference that the copy makes.
    @Test(arguments: [ExistingNames.replace, .mirror])
    func `a plan is what the copy then does`(existing: ExistingNames) async throws {
        var generator = SeededGenerator(seed: testSeed(default: 73))
        var signs: [TreePlan.Sign: Int] = [:]
        for round in 0..<6 {
            let (world, _) = try BackupWorld.inMemory()
            let source = try await world.makeFileSystem()
            let target = try await world.makeFileSystem()
            for (fileSystem, text) in [(source, "new"), (target, "old")] {
                for number in 0..<12 where Bool.random(using: &generator) {
                    let path = "d\(number % 3)/e\(number % 2)/f\(number)"
                    try await Bench.write(path, text, in: fileSystem)
                }
                try await Bench.write("always/\(text)", text, in: fileSystem)
            }
            let place = TreePlace.fileSystem(source, path: [], .live, .root)
            let goal = TreeTarget.fileSystem(target, path: [], .root)
            let selection =
                round % 2 == 0
                ? nil
                : TreeSelection(patterns: [try PathGlob("/d1"), try PathGlob("f?")], items: [])
            let before = try await TreeDump.of(target)
            let beforePaths = try await Bench.paths(target)
            let plan = try await TreeCopy.plan(
                from: place,
                selecting: selection,
                to: goal,
                existing: existing
            )
            #expect(try await TreeDump.of(target) == before, "planning changes nothing")
            _ = try await TreeCopy.run(
                from: place,
                selecting: selection,
                to: goal,
                existing: existing
            )
            let after = try await Bench.paths(target)
            func paths(_ sign: TreePlan.Sign) -> Set<String> {
                Set(
                    plan.entries.filter { $0.sign == sign }.map { entry in
                        entry.path.map(\.description).joined(separator: "/")
                            + (entry.kind == .directory ? "/" : "")
                    }
                )
            }
            for entry in plan.entries { signs[entry.sign, default: 0] += 1 }
            #expect(paths(.created) == after.subtracting(beforePaths), "round \(round)")
            let gone = beforePaths.subtracting(after)
            // What goes with its directory is not told one by one.
            #expect(paths(.removed).isSubset(of: gone))
            #expect(gone.allSatisfy { path in paths(.removed).contains { path.hasPrefix($0) } })
            #expect(paths(.left).isSubset(of: beforePaths.intersection(after)))
            #expect(paths(.overwritten).isSubset(of: beforePaths.intersection(after)))
            await world.close()
        }
        let expected: Set<TreePlan.Sign> =
            existing == .mirror
            ? [.created, .overwritten, .removed] : [.created, .overwritten, .left]
        #expect(Set(signs.keys) == expected, "\(signs)")
    }
}
