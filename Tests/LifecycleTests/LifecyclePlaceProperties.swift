import FileSystemEngine
import Lifecycle
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

/// Where bytes lie after months in which files share them, are written cold, deleted and brought back.
@Suite struct LifecyclePlaceProperties {
    private struct Known {
        let name: String
        let inode: InodeNumber
        var bytes: [UInt8]
    }

    /// One life: the world, what each file must read as, and the instants to go back to.
    private final class Life {
        let world: LifecycleWorld
        let policy: LifecyclePolicy
        var random: SeededGenerator
        var files: [Known] = []
        var instants: [(epoch: Epoch, files: [Known])] = []
        var made = 0
        var mix: [String: Int] = [:]

        init(seed: UInt64, back: Bool) async throws {
            random = SeededGenerator(seed: seed)
            world = try await LifecycleWorld()
            policy = LifecyclePolicy(
                name: "cold",
                transitions: try LifecycleTransitions(
                    toInfrequentAccess: .days7,
                    toArchive: .days14,
                    isPromotedOnAccess: back
                ),
                minimumSize: 3_000
            )
            for _ in 0..<8 { try await make() }
        }

        func count(_ what: String, _ by: Int = 1) { mix[what, default: 0] += by }

        private func name(_ text: String) throws -> FileName { try #require(FileName(text)) }

        private func make() async throws {
            made += 1
            let bytes = text(Int.random(in: 4_000...9_000, using: &random), seed: UInt64(made))
            let inode = try await world.makeFile("f\(made)", bytes)
            files.append(Known(name: "f\(made)", inode: inode, bytes: bytes))
        }

        /// Few files are used often, most hardly ever.
        private func pick() -> Int {
            let draw = Double.random(in: 0..<1, using: &random)
            return Int(draw * draw * Double(files.count))
        }

        func operate() async throws {
            let index = pick()
            switch Int.random(in: 0..<16, using: &random) {
            case 0..<5:
                count("read")
                #expect(try await world.read(files[index].inode) == files[index].bytes)
            case 5..<8:
                count("write")
                let more = random.bytes(500)
                let offset = Int.random(in: 0...3_000, using: &random)
                try await world.write(files[index].inode, more, at: UInt64(offset))
                files[index].bytes.replaceSubrange(offset..<offset + 500, with: more)
            case 8, 9:
                count("chmod")
                let changes = AttributeChanges(permissions: 0o600)
                let inode = files[index].inode
                _ = try await world.fileSystem.setAttributes(inode, changes, as: .root)
            case 10, 11:
                guard files.count < 24 else { return try await remove(index) }
                count("clone")
                made += 1
                let inode = try await world.clone(files[index].inode, as: "f\(made)")
                files.append(Known(name: "f\(made)", inode: inode, bytes: files[index].bytes))
            case 12: try await remove(index)
            case 13: try await make()
            case 14: try await bringBack()
            default: try await rollBack(index)
            }
        }

        private func remove(_ index: Int) async throws {
            guard files.count > 6 else { return }
            count("remove")
            try await world.fileSystem.unlink(try name(files[index].name), in: .root, as: .root)
            files.remove(at: index)
        }

        /// A name that is gone, as it was then.
        private func bringBack() async throws {
            guard let then = instants.randomElement(using: &random) else { return }
            let gone = then.files.filter { old in !files.contains { $0.inode == old.inode } }
            guard let file = gone.randomElement(using: &random) else { return }
            count("bring back")
            let name = try name(file.name)
            _ = try await world.fileSystem.restoreInPlace(name, in: .root, to: then.epoch)
            files.append(file)
        }

        private func rollBack(_ index: Int) async throws {
            guard let then = instants.randomElement(using: &random),
                let old = then.files.first(where: { $0.inode == files[index].inode })
            else { return }
            count("roll back")
            _ = try await world.fileSystem.restoreInPlace(old.inode, to: then.epoch)
            files[index].bytes = old.bytes
        }

        func remember(_ day: Int) async throws {
            let snapshot = try await world.fileSystem.createSnapshot("day-\(day)")
            instants.append((snapshot.epoch, files))
        }

        /// A run, of which files that are in Standard before and after lose nothing to the cold.
        func run() async throws {
            let before = try await coldOfStandard()
            let outcome = try await world.service.run(world.fileSystem, policy)
            #expect(outcome.failures == [])
            for move in outcome.moves {
                count(move.from == move.to ? "settle" : "to \(move.to.folder)")
            }
            for (inode, cold) in try await coldOfStandard() {
                guard let known = before[inode] else { continue }
                #expect(
                    cold <= known,
                    "inode \(inode.rawValue): \(cold) bytes are cold, not \(known)"
                )
            }
        }

        /// Bytes in colder tiers of each file that is in Standard.
        private func coldOfStandard() async throws -> [InodeNumber: UInt64] {
            var found: [InodeNumber: UInt64] = [:]
            for file in files where try await world.tier(file.inode) == .standard {
                let place = try await world.fileSystem.dataPlace(of: file.inode, in: .standard)
                found[file.inode] = place.elsewhere
            }
            return found
        }
    }

    /// Goal: no run takes bytes of a file in Standard to the cold; and once all is idle each byte is where its file is,
    /// or where a warmer file that shares it is.
    @Test(arguments: [UInt64(1), 2, 3])
    func `bytes are where their files are, whoever shares, writes, deletes and brings back`(
        seed: UInt64
    ) async throws {
        let life = try await Life(seed: testSeed(default: seed), back: seed != 2)
        for day in 0..<60 {
            for _ in 0..<4 { try await life.operate() }
            if day % 12 == 5 { try await life.remember(day) }
            try await life.world.pass(days: 1)
            try await life.run()
            if day % 10 == 9 {
                for _ in 0..<100 where try await !life.world.fileSystem.compact().isMoreDue {
                    break
                }
            }
        }
        // All are idle: each goes to Archive, and what others held follows within a month.
        for _ in 0..<25 {
            try await life.world.pass(days: 2)
            try await life.run()
        }
        print("lifecycle places, seed \(seed): \(life.mix.sorted { $0.key < $1.key })")
        for what in [
            "read", "write", "chmod", "clone", "remove", "bring back", "roll back", "to ia",
            "to archive",
        ] {
            #expect(life.mix[what, default: 0] > 0, "\(what) never came")
        }
        if seed == 2 { #expect(life.mix["settle", default: 0] > 0, "nothing was settled") }
        let fileSystem = life.world.fileSystem
        for file in life.files {
            #expect(try await life.world.tier(file.inode) == .archive, "\(file.name)")
            let place = try await fileSystem.dataPlace(of: file.inode, in: .archive)
            #expect(place.elsewhere == 0 && place.held == 0, "\(file.name): \(place)")
            #expect(try await life.world.read(file.inode) == file.bytes, "\(file.name)")
        }
        #expect(try await fileSystem.verify().map(\.message) == [])
        await fileSystem.close()
    }
}
