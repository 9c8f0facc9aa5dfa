import Disk
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: whatever older state of parts of a vault is put back, no read gives wrong bytes, what is lost is named, and
/// a vault that goes on loses nothing more.
///
/// Method: a life of a vault, with a copy of its files after every step; then single files, and whole folders, of each
/// copy are put back into the last one.
@Suite struct RollbackTests {
    typealias Files = [String: [UInt8]]

    struct Life {
        let world: VaultWorld
        let oracle: DamageOracle
        let parity: Bool
        var states: [Files] = []
    }

    static func live(seed: UInt64, parity: Bool) throws -> Life {
        var generator = SeededGenerator(seed: seed)
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        if parity { try world.vault.setParity(ParityTests.policy) }
        var states: [Files] = []
        var points: [(point: RecoveryPoint, contents: VaultWorld.Contents)] = []
        var contents = VaultWorld.contents(14, bytesMax: 2_000, using: &generator)
        func keep() throws { states.append(try files(of: world)) }
        for day in 0..<4 as Range<Int64> {
            let point = try VaultWorld.backUp(
                contents,
                to: world.vault,
                after: points.last,
                day: day
            )
            points.append((point, contents))
            contents = VaultWorld.change(contents, using: &generator)
            try keep()
        }
        let idle = try world.vault.beginWrite()
        for number in 0..<2 {
            try world.vault.delete(points[number].point.id)
            try keep()
            _ = try world.vault.prune()
            try keep()
        }
        idle.abandon()
        _ = try world.vault.prune()
        try world.vault.rebuildIndex()
        try keep()
        return Life(
            world: world,
            oracle: DamageOracle(world: world, points: Array(points[2...])),
            parity: parity,
            states: states
        )
    }

    static func files(of world: VaultWorld) throws -> Files {
        var files: Files = [:]
        for path in try world.files() where !path.contains("/leases/") {
            files[path] = try world.disk.contents(of: path)
        }
        return files
    }

    /// Makes the vault's files these.
    static func put(_ files: Files, into world: VaultWorld) throws {
        for path in try world.files() where !path.contains("/leases/") && files[path] == nil {
            try world.disk.remove(path)
        }
        for (path, bytes) in files { try world.disk.replace(path, with: bytes) }
    }

    /// The last state with parts of earlier ones put back.
    static func rolledBack(_ life: Life) throws -> [(what: String, files: Files)] {
        let last = try #require(life.states.last)
        var found: [(String, Files)] = []
        for (number, state) in life.states.dropLast().enumerated() {
            for (path, bytes) in state where last[path] != bytes {
                let changed = last.merging([path: bytes]) { $1 }
                found.append(("\(path) of state \(number)", changed))
            }
            for folder in [
                "packs", "index", "manifests", "vouchers", "generations", "counts", "parity",
            ] {
                let part = state.filter { $0.key.contains("/\(folder)/") }
                let rest = last.filter { !$0.key.contains("/\(folder)/") }
                if folder == "parity", part.isEmpty { continue }
                // The folder as it was, and what it had beside what it has.
                found.append(("all \(folder) of state \(number)", rest.merging(part) { $1 }))
                found.append(("\(folder) of state \(number) too", last.merging(part) { $1 }))
            }
        }
        return found
    }

    @Test(arguments: [false, true])
    func `parts of an earlier state that are put back do no harm that is not named`(
        parity: Bool
    ) throws {
        let life = try Self.live(seed: testSeed(default: 171), parity: parity)
        let world = life.world
        let last = try #require(life.states.last)
        var lossless = 0
        var losing = 0
        var tried = 0
        for (what, files) in try Self.rolledBack(life) {
            try Self.put(files, into: world)
            tried += 1
            let gone = life.oracle.points.map(\.point.id).filter { id in
                !files.keys.contains { $0.contains("\(id)") }
            }
            let outcome = try life.oracle.examine(what, gone: Set(gone))
            let missing = try #require(outcome.missing, "\(what): does not open")
            let isWholeLoss = missing.allSatisfy { gone.contains($0.point) }
            if !missing.isEmpty, !isWholeLoss {
                // The oracle holds what is named against what is lost; something must be.
                #expect(!outcome.complaints.isEmpty, "\(what): lost, and nothing said")
                losing += 1
            }
            // Nothing but packs holds content, and nothing but manifests holds points.
            if Self.keepsAll(files, last) {
                #expect(missing.isEmpty, "\(what): \(missing.prefix(3))")
                lossless += 1
                try goesOn(life, what)
            }
        }
        print(
            "\(tried) states, parity \(parity), \(lossless) of them with all packs and manifests of the last one, "
                + "\(losing) lose parts of points that are there"
        )
        #expect(lossless > 20 && tried > lossless && losing > 0)
    }

    private static func keepsAll(_ files: Files, _ last: Files) -> Bool {
        last.allSatisfy { path, bytes in
            !(path.contains("/packs/") || path.contains("/manifests/")) || files[path] == bytes
        }
    }

    /// Backs up, prunes, deletes and prunes again: the points of the last state stay whole.
    private func goesOn(_ life: Life, _ what: String) throws {
        let vault = try life.world.reopened()
        let contents: VaultWorld.Contents = ["after": Array(what.utf8)]
        let point = try VaultWorld.backUp(contents, to: vault, day: 90)
        // A point that was deleted, and whose chunks went, says so; then it is deleted again.
        for _ in 0..<2 {
            do throws(VaultError) {
                _ = try vault.prune()
            } catch {
                let isNamed =
                    error.message.contains("recovery point") || error.message.contains("manifests/")
                #expect(error.code == .corrupt && isNamed, "\(what)")
            }
            // Of a point whose old voucher or parity was put back, that goes with it.
            let known = life.oracle.points.map(\.point.id) + [point.id]
            let listing = try vault.listing()
            for other in listing.points.map(\.id) + listing.damaged.map(\.id)
            where !known.contains(other) {
                try vault.delete(other)
            }
        }
        _ = try vault.prune()
        #expect(try VaultWorld.restore(point, from: life.world.reopened()) == contents, "\(what)")
        try vault.delete(point.id)
        _ = try vault.prune()
        // Old parity of packs that went long ago says that they are lost, until a repair finds that nothing needs them.
        if life.parity { _ = try vault.repair(.structure) }
        let outcome = try life.oracle.examine(what + ", and on")
        #expect(outcome.complaints.isEmpty, "\(what): \(outcome.complaints.prefix(2))")
        #expect(outcome.missing?.isEmpty == true, "\(what)")
    }

    @Test func `files under other files' names are refused, and named`() throws {
        let (oracle, files) = try EveryByteTests.sample(seed: 172)
        let disk = oracle.world.disk
        for folder in ["packs", "manifests", "index"] {
            let some = files.filter { $0.contains("/\(folder)/") }
            let bytes = try some.map { try disk.contents(of: $0) }
            try #require(some.count >= 2)
            for (from, source) in some.enumerated() {
                for (to, target) in some.enumerated() where to != from {
                    try disk.replace(target, with: bytes[from])
                    let outcome = try oracle.examine("\(source) as \(target)")
                    #expect(outcome.complaints.contains { $0.contains(DiskPath.name(of: target)) })
                    try disk.replace(target, with: bytes[to])
                }
                let ending = try #require(source.split(separator: ".").last)
                let prefix = folder == "manifests" ? "rp-" : ""
                let copy =
                    DiskPath.parent(of: source) + "/" + prefix
                    + String(repeating: "5", count: 32) + ".\(ending)"
                try disk.replace(copy, with: bytes[from])
                let outcome = try oracle.examine("\(source) twice")
                #expect(outcome.complaints.contains { $0.contains(DiskPath.name(of: copy)) })
                #expect(outcome.missing?.isEmpty == true)
                try disk.remove(copy)
            }
        }
        #expect(try oracle.examine("mended").complaints.isEmpty)
    }
}
