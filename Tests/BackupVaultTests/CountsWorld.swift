import Disk
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Vaults whose counts are looked at, and what they must be.
enum CountsWorld {
    typealias Points = [(point: RecoveryPoint, contents: VaultWorld.Contents)]

    static let folder = VaultWorld.directory + "/counts"

    /// Points of which each changes one entry of the one before and nothing else, so that it has one new path of nodes.
    static func chain(entries: Int, points count: Int, in world: VaultWorld) throws -> Points {
        var contents: VaultWorld.Contents = [:]
        for number in 0..<entries { contents["entry \(100_000 + number)"] = [UInt8(number % 5)] }
        var points: Points = []
        for day in 0..<count {
            points.append(try next(contents, after: points.last, day: day, in: world))
            contents = points[day].contents
        }
        return points
    }

    /// The next point of such a chain.
    static func next(
        _ contents: VaultWorld.Contents,
        after last: Points.Element?,
        day: Int,
        in world: VaultWorld
    ) throws -> Points.Element {
        var contents = contents
        if last != nil { contents["entry \(100_000 + day * 37)"] = [UInt8(100 + day)] }
        let point = try VaultWorld.backUp(contents, to: world.vault, after: last, day: Int64(day))
        return (point, contents)
    }

    /// The files of counts as they are.
    static func files(of world: VaultWorld) throws -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for path in try world.files() where path.hasPrefix(folder) {
            found[path] = try world.disk.contents(of: path)
        }
        return found
    }

    /// Changes counts behind the vault's back, as nothing but a mistake of ours could.
    static func forge(
        _ vault: Vault,
        updates: UInt32? = nil,
        _ change: (inout CountTable) throws -> Void
    ) throws {
        let stored = try #require(try vault.countsFiles.load())
        var table = stored.counts.table
        try change(&table)
        let before = StoredCounts(
            counts: stored.counts,
            chain: stored.chain,
            changes: 0,
            baseEntries: stored.baseEntries,
            changedEntries: 0,
            updates: updates.map { $0 - 1 } ?? stored.updates
        )
        let counts = ReferenceCounts(table: table, points: stored.counts.points)
        _ = try vault.countsFiles.write(counts, after: before)
    }

    /// What is wrong after a prune, held against a walk of all maps; nothing when all is well.
    static func violations(_ vault: Vault) throws -> [String] {
        let points = try vault.recoveryPoints().filter { !$0.isCold }
        var live = LiveChunks(source: vault)
        var fresh = ReferenceCounts()
        for point in points {
            for map in point.maps.values { try live.add(map) }
            try fresh.add(point, from: vault)
        }
        fresh.settle()
        guard let stored = try vault.countsFiles.load() else {
            return points.isEmpty ? [] : ["there are no counts"]
        }
        var wrong: [String] = []
        var counted: Set<ChunkID> = []
        stored.counts.table.forEachLive { counted.insert($0) }
        if counted != live.ids { wrong.append("\(counted.count) live, and not \(live.ids.count)") }
        if stored.counts.table.count != counted.count { wrong.append("counted wrong") }
        if Set(stored.counts.points.keys) != Set(points.map(\.id)) { wrong.append("other points") }
        if let chunk = fresh.table.firstDifference(from: stored.counts.table) {
            wrong.append("\(chunk): \(stored.counts.table[chunk]), not \(fresh.table[chunk])")
        }
        let missing = live.ids.count { vault.place(of: $0) == nil }
        if missing > 0 { wrong.append("\(missing) live chunks are gone") }
        return wrong
    }

    /// Packs in which nothing is live; a prune that nothing hinders leaves none.
    static func deadPacks(of vault: Vault) throws -> Int {
        var live = LiveChunks(source: vault)
        for point in try vault.recoveryPoints() {
            for map in point.maps.values { try live.add(map) }
        }
        return vault.knowledge.withLock { known in
            var needed: Set<UInt32> = []
            for id in live.ids { needed.formUnion(known.index.places(of: id).map(\.pack)) }
            return known.index.packs.count - needed.count
        }
    }
}
