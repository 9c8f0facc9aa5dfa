import Backup
import BackupVault
import Disk
import FileSystemEngine
import Foundation
import Keyring
import TestKit
import Testing
import VarveModel

/// Goal: whoever has a vault's directory, the root key and docs/formats/ restores without Varve (I5, I7).
///
/// Method: `Tests/SecondReader/restore.py`, written from those pages with stock libraries alone, restores points of an odd
/// tree on which changes of every kind were made; what it restores is compared, by programs that are not ours, with the
/// planted tree and with exports of each instant.
@Suite(.enabled(if: Witness.isPresent && SecondReader.isPresent), .serialized)
struct SecondReaderTests {
    @Test func `an odd tree comes back by the documentation alone, patched, pruned and expired`()
        async throws
    {
        let bench = try await Bench()
        let world = bench.world
        try await bench.backUp()
        try bench.vault.setParity(ParityPolicy(share: 0.05))
        try await bench.change()
        try await bench.backUp(expires: world.clock.now().adding(seconds: 10))
        try await bench.changeAgain()
        try await bench.backUp()
        #expect(bench.points.map { $0.statistics["isFull"] } == [1, 0, 0])
        #expect(try Witness.differences(bench.planted, bench.export(0)) == "")
        for number in bench.points.indices { try bench.expectRestored(number) }

        world.clock.advance(seconds: 3_600)
        #expect(try bench.vault.expire(now: world.clock.now()).map(\.id) == [bench.points[1].id])
        try bench.vault.delete(bench.points[0].id)
        #expect(try bench.vault.prune().packsDeleted > 0)
        try bench.expectRestored(2)
        let listed = try SecondReader.run(bench.key, bench.directory, "list")
        #expect(listed.status == 0, "\(listed.output)")
        #expect(listed.output.contains(bench.points[2].id.description.dropFirst(3)))
        #expect(listed.output.split(separator: "\n").count == 1)
        let gone = try SecondReader.run(
            bench.key,
            bench.directory,
            "restore",
            bench.points[0].id.description,
            bench.work + "/gone"
        )
        #expect(gone.status == 2, "\(gone.output)")
        await world.close()
    }

    @Test func `copies in another vault come back by the documentation alone`() async throws {
        let bench = try await Bench()
        try await bench.backUp()
        try await bench.change()
        try await bench.backUp()
        let second = try bench.world.makeVault("second")
        let copies = try PointCopies(from: bench.vault, to: second, clock: bench.world.clock)
        let outcomes = try await copies.copy(.everything).outcomes
        #expect(outcomes.map(\.point) == bench.points)
        // Nothing is left of the first vault.
        try HostDisk().removeTree(bench.directory)
        for (number, outcome) in outcomes.enumerated() {
            guard case .copied(let copy, _, let base) = outcome.what else {
                Issue.record("\(outcome)")
                continue
            }
            #expect((base == nil) == (number == 0))
            try bench.expectRestored(number, from: copy, in: bench.home.path + "/var/vaults/second")
        }
        await bench.world.close()
    }

    /// A file with a bit flipped in its header, its middle and its last byte, and cut short.
    private static func damaged(_ whole: Data, isText: Bool) -> [Data] {
        // Of the one text a last line's end says nothing.
        let offsets =
            isText
            ? [whole.count / 2] : [min(60, whole.count - 1), whole.count / 2, whole.count - 1]
        let flipped = offsets.map { offset in
            var damaged = whole
            damaged[offset] ^= 4
            return damaged
        }
        return flipped + [whole.prefix(whole.count / 2)]
    }

    /// Goal: its checks can fail: a flipped bit anywhere is named, or harmless.
    @Test func `the second reader finds every flipped bit that it meets`() async throws {
        let bench = try await Bench()
        try await bench.backUp()
        let names = try FileManager.default.subpathsOfDirectory(atPath: bench.directory).sorted()
        var found = 0
        // What restores needs neither.
        let passed = ["index/", "leases/", "vouchers/"]
        for name in names where !passed.contains(where: { name.hasPrefix($0) }) {
            let path = bench.directory + "/" + name
            guard let whole = FileManager.default.contents(atPath: path), !whole.isEmpty else {
                continue
            }
            for damaged in Self.damaged(whole, isText: name == "vault.json") {
                try damaged.write(to: URL(fileURLWithPath: path))
                let to = bench.work + "/damaged"
                let ended = try SecondReader.run(
                    bench.key,
                    bench.directory,
                    "restore",
                    bench.points[0].id.description,
                    to
                )
                #expect(ended.status == 2, "\(name): \(ended.output)")
                #expect(ended.output.hasPrefix("restore.py: "), "\(name): \(ended.output)")
                // It may have ended before it was made.
                try? FileManager.default.removeItem(atPath: to)
            }
            try whole.write(to: URL(fileURLWithPath: path))
            found += 1
        }
        // The description, the two keys, a manifest, a pack of content and one of nodes.
        #expect(found >= 6, "\(names)")
        try bench.expectRestored(0)
        await bench.world.close()
    }

    @Test func `a lost manifest is told from a deleted one by the documentation alone`()
        async throws
    {
        let bench = try await Bench()
        for _ in 0..<3 { try await bench.backUp() }
        let ids = bench.points.map(\.id.description)
        try bench.vault.delete(bench.points[0].id)
        let whole = try SecondReader.run(bench.key, bench.directory, "list")
        #expect(whole.status == 0 && !whole.output.contains("lost"), "\(whole.output)")
        let manifest = "\(bench.directory)/manifests/\(ids[1]).manifest"
        try FileManager.default.removeItem(atPath: manifest)
        let listed = try SecondReader.run(bench.key, bench.directory, "list")
        #expect(listed.status == 2, "\(listed.output)")
        #expect(listed.output.contains("restore.py: \(ids[1]) of fs is lost"), "\(listed.output)")
        #expect(!listed.output.contains(ids[0].dropFirst(3)))
        #expect(listed.output.contains(ids[2].dropFirst(3)))
        try bench.expectRestored(2)
        await bench.world.close()
    }

    /// Goal: damage that does not concern a point does not keep it.
    @Test func `a damaged pack that a point does not need is passed over`() async throws {
        let bench = try await Bench()
        try await bench.backUp()
        let packs = bench.directory + "/packs/"
        let before = Set(try FileManager.default.contentsOfDirectory(atPath: packs))
        try await bench.change()
        try await bench.backUp()
        let later = try FileManager.default.contentsOfDirectory(atPath: packs)
            .filter { !before.contains($0) }
        #expect(!later.isEmpty)
        for name in later { try Data("short".utf8).write(to: URL(fileURLWithPath: packs + name)) }
        try bench.expectRestored(0)
        let missed = try SecondReader.run(
            bench.key,
            bench.directory,
            "restore",
            bench.points[1].id.description,
            bench.work + "/missed"
        )
        #expect(missed.status == 2, "\(missed.output)")
        #expect(later.contains { missed.output.contains($0) }, "\(missed.output)")
        await bench.world.close()
    }

    /// An odd tree in a file system, and a vault beside it.
    private final class Bench {
        let home: TemporaryDirectory
        let world: BackupWorld
        let fileSystem: FileSystem
        let vault: Vault
        private(set) var points: [RecoveryPoint] = []

        var planted: String { home.path + "/planted" }
        var work: String { home.path }
        var key: String { home.path + "/root.key" }
        var directory: String { home.path + "/var/vaults/main" }

        init() async throws {
            home = try TemporaryDirectory()
            world = try BackupWorld(disk: HostDisk(), root: home.path + "/var")
            fileSystem = try await world.makeFileSystem()
            vault = try world.makeVault()
            try HostDisk().replace(home.path + "/root.key", with: world.rootKey.encoded())
            try Witness.plantOddTree(at: home.path + "/planted")
            let imported = try await TreeCopy.run(
                from: .host(home.path + "/planted"),
                to: .fileSystem(fileSystem, path: [], .root)
            )
            #expect(imported.omissions == [])
        }

        /// The host's copy of an instant, by our own export.
        func export(_ number: Int) -> String { home.path + "/export-\(number)" }

        func backUp(expires: Timestamp? = nil) async throws {
            world.clock.advance(seconds: 60)
            let exported = try await TreeCopy.run(
                from: .fileSystem(fileSystem, path: [], .live, .root),
                to: .host(export(points.count))
            )
            #expect(exported.omissions == [])
            points.append(
                try await BackupService(clock: world.clock)
                    .backUp(fileSystem, source: "fs", to: vault, expires: expires).point
            )
        }

        /// Restores a point by the script; equal to its instant in every respect.
        func expectRestored(_ number: Int) throws {
            try expectRestored(number, from: points[number], in: directory)
        }

        /// The same, of a point in any vault that shows an instant.
        func expectRestored(
            _ number: Int,
            from point: RecoveryPoint,
            in directory: String
        ) throws {
            let to = home.path + "/restored"
            let ended = try SecondReader.run(
                key,
                directory,
                "restore",
                point.id.description,
                to
            )
            #expect(ended.status == 0 && ended.output == "", "\(ended.output)")
            let differences = try Witness.differences(export(number), to)
            #expect(differences == "", "point \(number): \(differences)")
            try FileManager.default.removeItem(atPath: to)
        }

        /// Patched extents, zeros, holes where data was, a shorter and a longer file, names that moved and went.
        func change() async throws {
            var generator = SeededGenerator(seed: testSeed(default: 61))
            let large = try await inode("holes/large")
            for offset in [1 << 20, (4 << 20) - 2_000, (9 << 20) + 17] as [UInt64] {
                try await write(generator.bytes(5_000), to: large, at: offset)
            }
            try await write([UInt8](repeating: 0, count: 70_000), to: large, at: 3 << 20)
            try await fileSystem.punch(large, 5 << 20..<(6 << 20) + 100, as: .root)
            let islands = try await inode("holes/islands")
            _ = try await fileSystem.setAttributes(islands, .init(size: 13_000_000), as: .root)
            try await write([1, 2, 3], to: try await inode("holes/nothing"), at: 60 << 20)
            try await write(
                Array("longer than it was".utf8),
                to: try await inode("links/first"),
                at: 5
            )
            try await rename("names/deep", to: "kinds/deep")
            let below = try await inode("links/below")
            try await fileSystem.unlink(try #require(FileName("third")), in: below, as: .root)
            try await fileSystem.setExtendedAttribute(
                Array("user.chunk".utf8),
                generator.bytes(4_000),
                of: large,
                as: .root
            )
        }

        /// A tile of hundreds of runs, a file that goes, one that comes under its name.
        func changeAgain() async throws {
            let comb = try await fileSystem.create(
                try #require(FileName("comb")),
                in: .root,
                NewInode(.regular, permissions: 0o640),
                as: .root
            ).inode
            for tooth in 0..<300 {
                try await write([UInt8(tooth % 251) + 1], to: comb, at: UInt64(tooth) * 8_192)
            }
            let holes = try await inode("holes")
            try await fileSystem.unlink(try #require(FileName("end")), in: holes, as: .root)
            let end = try await fileSystem.create(
                try #require(FileName("end")),
                in: holes,
                NewInode(.regular, permissions: 0o604),
                as: .root
            ).inode
            try await write(Array("short".utf8), to: end, at: 0)
        }

        private func inode(_ path: String) async throws -> InodeNumber {
            try await fileSystem.resolve([FileName](path: path), as: .root).inode
        }

        private func write(_ bytes: [UInt8], to inode: InodeNumber, at offset: UInt64) async throws
        {
            _ = try await fileSystem.write(
                inode,
                bytes,
                at: offset,
                stability: .unstable,
                as: .root
            )
        }

        private func rename(_ old: String, to new: String) async throws {
            let (from, to) = ([FileName](path: old), [FileName](path: new))
            try await fileSystem.rename(
                try #require(from.last),
                in: try await fileSystem.resolve(from.dropLast(), as: .root).inode,
                to: try #require(to.last),
                in: try await fileSystem.resolve(to.dropLast(), as: .root).inode,
                as: .root
            )
        }
    }
}

/// `Tests/SecondReader/restore.py`, which knows the documentation and no line of our code.
enum SecondReader {
    private static let script = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("SecondReader/restore.py").path

    /// Whether this machine has its libraries; where everything is required, their absence is a failure.
    static var isPresent: Bool {
        let isThere =
            (try? Witness.run("/usr/bin/python3", ["-c", "import cryptography, zstandard"])
                .status) == 0
        if !isThere, ProcessInfo.processInfo.environment["VARVE_REQUIRE"] == "all" {
            Issue.record("python3, python3-cryptography and python3-zstandard must be installed")
        }
        return isThere
    }

    static func run(
        _ key: String,
        _ vault: String,
        _ verb: String...
    ) throws -> (status: Int32, output: String) {
        try Witness.run("/usr/bin/python3", [script, "--root-key", key, vault] + verb)
    }
}
