import Disk
import FileSystemEngine
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import Backup
@testable import BackupVault

/// Goal: what a verify finds is told in paths and bytes: nothing is told that a restore does not leave out, and of damaged
/// content all that it leaves out (I7).
///
/// Method: packs' chunks are damaged one after another; what a restore then could not do is held against what was told.
@Suite struct LostPartsTests {
    struct Sample {
        let world: BackupWorld
        let disk: SimulatedDisk
        let vault: Vault
        let point: RecoveryPoint
    }

    /// A tree whose maps have several nodes each: a large file, one in a deep directory under two names, one with a long
    /// extended attribute, and many.
    static func sample() async throws -> Sample {
        var generator = SeededGenerator(seed: testSeed(default: 91))
        let (world, disk) = try BackupWorld.inMemory()
        let fs = try await world.makeFileSystem()
        func make(
            _ name: String,
            in directory: InodeNumber,
            _ kind: NewInode.Kind,
            _ bytes: [UInt8] = []
        ) async throws -> InodeNumber {
            let inode = try await fs.create(
                try #require(FileName(name)),
                in: directory,
                NewInode(kind, permissions: 0o755),
                as: .root
            ).inode
            guard !bytes.isEmpty else { return inode }
            _ = try await fs.write(inode, bytes, at: 0, stability: .unstable, as: .root)
            return inode
        }
        _ = try await make("large", in: .root, .regular, generator.bytes(5 << 20))
        let outer = try await make("outer", in: .root, .directory)
        let inner = try await make("inner", in: outer, .directory)
        let twice = try await make("one", in: inner, .regular, generator.bytes(30_000))
        _ = try await fs.link(twice, as: try #require(FileName("two")), in: outer, as: .root)
        _ = try await fs.setExtendedAttribute(
            Array("user.long".utf8),
            generator.bytes(9_000),
            of: try await make("dressed", in: outer, .regular, generator.bytes(10)),
            as: .root
        )
        let many = try await make("many", in: .root, .directory)
        for number in 0..<500 {
            _ = try await make("n\(number)", in: many, .regular, generator.bytes(20))
        }
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        let point = try await service.backUp(fs, source: "fs", to: vault).point
        return Sample(world: world, disk: disk, vault: vault, point: point)
    }

    /// Paths that a restore could not do for damage, each with a `/` before it.
    private func omitted(_ sample: Sample) async throws -> Set<String> {
        let target = try await sample.world.makeFileSystem()
        let vault = try reopened(sample)
        do throws(BackupError) {
            let report = try await TreeCopy.run(
                from: .recoveryPoint(vault, sample.point, path: []),
                to: .fileSystem(target, path: [], .root)
            )
            await target.close()
            return Set(
                report.omissions.filter(\.isDamage).map {
                    "/" + String(decoding: $0.path, as: UTF8.self)
                }
            )
        } catch {
            await target.close()
            #expect(error.code == .corrupt)
            return ["/"]
        }
    }

    func reopened(_ sample: Sample) throws -> Vault {
        try Vault.open(
            disk: sample.disk,
            directory: "/var/vaults/main",
            root: sample.world.rootKey
        )
    }

    private func told(_ sample: Sample) throws -> [LostPart] {
        let vault = try reopened(sample)
        let lost = try LostParts(vault).all(in: vault.verify(readData: true))
        #expect(lost.allSatisfy { $0.point == sample.point && $0.partCount == $0.parts.count })
        return lost.flatMap(\.parts)
    }

    func flip(_ id: ChunkID, in sample: Sample) throws {
        let found = try #require(sample.vault.place(of: id))
        let path = "/var/vaults/main/packs/" + PackFormat.fileName(found.pack.id)
        try sample.disk.corrupt(path, at: UInt64(found.place.offset) + 5, mask: 2)
    }

    @Test func `what a verify names is what a restore leaves out`() async throws {
        let sample = try await Self.sample()
        var kinds: Set<String> = []
        let ids = sample.vault.knowledge.withLock { Array($0.index.chunks.keys) }
        let nodes = ids.filter { sample.vault.place(of: $0)?.pack.kind == .nodes }
        let contents = ids.filter { sample.vault.place(of: $0)?.pack.kind == .content }
        #expect(nodes.count > 4 && contents.count > 40)
        let long = contents.filter { sample.vault.place(of: $0)?.place.length == 9_000 }
        for id in nodes + contents.prefix(6) + long {
            try flip(id, in: sample)
            let parts = try told(sample)
            var paths: Set<String> = []
            for part in parts {
                let path = String(decoding: part.path, as: UTF8.self)
                kinds.insert("\(part.what)".split(separator: "(").first.map(String.init) ?? "")
                paths.insert(path)
            }
            let left = try await omitted(sample)
            #expect(!parts.isEmpty && !left.isEmpty)
            if nodes.contains(id) {
                let lost = parts.filter { $0.what != .names }
                #expect(lost.allSatisfy { isLeftOut($0, left) }, "\(id): \(left) lacks \(paths)")
                // Damage costs no neighbours: nothing is left out but what was told.
                let others = left.filter { !isTold($0, parts) }
                #expect(others.isEmpty, "\(id): \(others) beside \(paths)")
            } else {
                // Of a file with two names both: one is copied, and the other linked to it.
                #expect(left == paths, "\(id)")
            }
            try flip(id, in: sample)
        }
        #expect(try told(sample).isEmpty)
        #expect(kinds == ["content", "extendedAttributes", "inode", "names"])
        await sample.world.close()
    }

    /// Whether a path was told, or may be beneath what has lost names.
    private func isTold(_ path: String, _ parts: [LostPart]) -> Bool {
        parts.contains { part in
            let told = String(decoding: part.path, as: UTF8.self)
            return told == path
                || part.what == .names && path.hasPrefix(told == "/" ? "/" : told + "/")
        }
    }

    /// Whether a restore left out a path, or what it is beneath.
    private func isLeftOut(_ part: LostPart, _ left: Set<String>) -> Bool {
        let path = String(decoding: part.path, as: UTF8.self)
        return left.contains { $0 == path || path.hasPrefix($0 == "/" ? "/" : $0 + "/") }
    }

    @Test func `bytes are told exactly, and every name of a file`() async throws {
        let sample = try await Self.sample()
        let map = try #require(sample.point.maps[PointFormat.inodes])
        var extents: [InodeNumber: [(range: Range<UInt64>, chunk: ChunkID)]] = [:]
        for entry in try sample.vault.scan(map, limit: 100) {
            guard let (inode, tile) = PointFormat.tile(ofKey: entry.key) else { continue }
            let start = UInt64(tile) * PointFormat.tileBytes
            for extent in try PointTile(entry.value).extents {
                let range =
                    start + UInt64(extent.range.lowerBound)..<start
                    + UInt64(extent.range.upperBound)
                extents[inode, default: []].append((range, extent.chunk.id))
            }
        }
        // The last chunk of the large file, in whichever tiles it is.
        let large = try #require(
            extents.values.first { ($0.last?.range.upperBound ?? 0) == 5 << 20 }
        )
        let last = try #require(large.last).chunk
        let first = try #require(large.first { $0.chunk == last }).range.lowerBound
        let ranges = [first..<(5 << 20 as UInt64)]
        try flip(last, in: sample)
        let shared = extents.values.first { $0.reduce(0) { $0 + $1.range.count } == 30_000 }?.first?
            .chunk
        #expect(try told(sample) == [LostPart(path: Array("/large".utf8), what: .content(ranges))])
        try flip(try #require(shared), in: sample)
        let paths = Set(try told(sample).map { String(decoding: $0.path, as: UTF8.self) })
        #expect(paths == ["/large", "/outer/inner/one", "/outer/two"])
        await sample.world.close()
    }

    /// Goal: however much is lost, what is held is bounded, and the rest counted.
    @Test func `of very many parts some are told, of each point, and all are counted`() async throws
    {
        let sample = try await Self.sample()
        let service = BackupService(clock: sample.world.clock)
        let fs = try await sample.world.makeFileSystem()
        _ = try await fs.create(
            try #require(FileName("alone")),
            in: .root,
            NewInode(.regular, permissions: 0o644),
            as: .root
        )
        sample.world.clock.advance(seconds: 1)
        let other = try await service.backUp(fs, source: "other", to: sample.vault).point
        for point in [sample.point, other] {
            try flip(try #require(point.maps[PointFormat.inodes]).node.id, in: sample)
        }
        let vault = try reopened(sample)
        let report = try vault.verify(readData: true)
        let whole = try LostParts(vault).all(in: report)
        #expect(whole.map(\.point.id) == [sample.point.id, other.id])
        // 500 files in `many`, seven other names, and the root.
        #expect(whole[0].partCount == 508 && whole[0].parts.count == 508)
        #expect(whole[1].partCount == 2 && whole.allSatisfy { $0.isComplete })
        let few = try LostParts(vault, partsMax: 30, partsEachMax: 12).all(in: report)
        #expect(few.map(\.partCount) == whole.map(\.partCount))
        #expect(few.map(\.parts.count) == [12, 2])
        #expect(Set(few[0].parts).isSubset(of: whole[0].parts))
        await sample.world.close()
    }

    /// Goal: joined and searched by halves, lost runs say what each of them says.
    @Test func `lost runs that are joined cover what they covered apart`() {
        var generator = SeededGenerator(seed: testSeed(default: 92))
        for round in 0..<300 {
            var losses = PointLosses()
            var runs: [(after: (UInt64, UInt32?)?, last: UInt64, map: String)] = []
            for _ in 0..<Int.random(in: 0...8, using: &generator) {
                let first = UInt64.random(in: 1...20, using: &generator)
                let tile = Bool.random(using: &generator) ? UInt32(first % 3) : nil
                let after = first == 20 ? nil : (first, tile)
                let last = first + UInt64.random(in: 0...6, using: &generator)
                let map = Bool.random(using: &generator) ? PointFormat.names : PointFormat.inodes
                runs.append((after, last, map))
                losses.add(Self.subtree(after, last, map), chunk: nil)
            }
            losses.settle()
            let size: UInt64? = round % 3 == 0 ? nil : UInt64(round % 5) * PointFormat.tileBytes
            for inode in 1...30 as ClosedRange<UInt64> {
                let isLost = runs.contains { run in
                    guard run.map == PointFormat.inodes, run.last >= inode else { return false }
                    guard let after = run.after, after.0 >= inode else { return true }
                    guard after.0 == inode, let size else { return after.0 == inode }
                    return size > (after.1.map { (UInt64($0) + 1) * PointFormat.tileBytes } ?? 0)
                }
                let found = losses.isLost(InodeNumber(rawValue: inode)) { size }
                #expect(found == isLost, "\(runs) \(inode) \(String(describing: size))")
                let lacksNames = runs.contains {
                    $0.map == PointFormat.names && ($0.after?.0 ?? 0) <= inode && inode <= $0.last
                }
                #expect(losses.hasLostNames(InodeNumber(rawValue: inode)) == lacksNames)
            }
        }
    }

    private static func subtree(
        _ after: (UInt64, UInt32?)?,
        _ last: UInt64,
        _ map: String
    ) -> AffectedPart {
        func key(_ inode: UInt64, _ tile: UInt32?) -> [UInt8] {
            let number = InodeNumber(rawValue: inode)
            if map == PointFormat.names { return PointFormat.key(number, cookie: 7) }
            return tile.map { PointFormat.key(number, tile: $0) } ?? PointFormat.key(number)
        }
        return AffectedPart(
            point: RecoveryPointID(.random()),
            source: "fs",
            labels: [:],
            map: map,
            key: key(last, nil),
            isSubtree: true,
            after: after.map { key($0.0, $0.1) }
        )
    }
}
