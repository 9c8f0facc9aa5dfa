import Backup
import BackupVault
import Disk
import Keyring
import TestKit
import Testing
import VarveModel

/// Vaults on disks of their own, and points of plain contents in them: what is copied needs no file system.
struct CopyWorld {
    /// What a point shows: names and their bytes.
    typealias Contents = [String: [UInt8]]

    /// A vault and its disk.
    struct Place {
        let disk: SimulatedDisk
        let vault: Vault
    }

    static let day: Int64 = 86_400

    let clock = SimulatedClock(Timestamp(seconds: 1_800_000_000))
    let root = RootKey.random()

    static func directory(_ name: String) -> String { "/vaults/" + name }

    /// Small packs and chunks, so that a little content makes many; no two vaults need have the same.
    static func settings(average: Int = 1_024) -> VaultSettings {
        VaultSettings(
            packBytes: 64 << 10,
            compressionLevel: 1,
            chunks: ChunkSizes(minimum: average / 4, average: average, maximum: average * 4)
        )
    }

    func makeVault(
        _ name: String,
        on disk: SimulatedDisk = SimulatedDisk(recording: false),
        average: Int = 1_024
    ) throws -> Place {
        let vault = try Vault.create(
            disk: disk,
            directory: CopyWorld.directory(name),
            name: name,
            root: root,
            clock: clock,
            settings: CopyWorld.settings(average: average),
            pace: .simulated
        )
        return Place(disk: disk, vault: vault)
    }

    func open(_ name: String, on disk: some Disk) throws -> Vault {
        try Vault.open(
            disk: disk,
            directory: CopyWorld.directory(name),
            root: root,
            settings: CopyWorld.settings(),
            pace: .simulated
        )
    }

    /// Backs contents up as edits of an earlier point, or whole; an hour passes.
    @discardableResult
    func backUp(
        _ contents: Contents,
        to vault: Vault,
        after base: (point: RecoveryPoint, contents: Contents)? = nil,
        source: String = "fs",
        coldAfterDays: UInt64? = nil
    ) throws -> RecoveryPoint {
        clock.advance(seconds: 3_600)
        let writer = try vault.beginWrite()
        defer { writer.abandon() }
        let old = base?.contents ?? [:]
        var edits: [MapEdit] = []
        for name in Set(contents.keys).union(old.keys).sorted() where contents[name] != old[name] {
            let key = Array(name.utf8)
            guard let bytes = contents[name] else {
                edits.append(MapEdit(key, nil))
                continue
            }
            let prepared = writer.preparer.prepare(bytes)
            let chunks = try writer.store(prepared)
            edits.append(MapEdit(key, MapValue(Array("\(bytes.count)".utf8), chunks: chunks)))
        }
        edits.sort { $0.key.lexicographicallyPrecedes($1.key) }
        let map = try writer.update(base?.point.maps["files"], edits: edits)
        let now = clock.now()
        var draft = RecoveryPointDraft(
            source: source,
            instant: UInt64(now.seconds) << 20,
            instantTime: now,
            created: now,
            maps: ["files": map],
            statistics: ["inodes": map.count, "bytesStored": 7],
            labels: ["name": "home", "kind": "full", "job": "nightly", "mood": "good"]
        )
        draft.statistics[RecoveryPoint.coldAfterDays] = coldAfterDays
        return try writer.publish(draft)
    }

    /// Everything that a point shows.
    static func contents(of point: RecoveryPoint, in vault: Vault) throws -> Contents {
        var contents: Contents = [:]
        guard let map = point.maps["files"] else { return [:] }
        var scan = vault.entries(of: map)
        while let entry = try scan.next() {
            var bytes: [UInt8] = []
            for chunk in entry.value.chunks { bytes += try vault.read(chunk) }
            contents[String(decoding: entry.key, as: UTF8.self)] = bytes
        }
        return contents
    }

    static func random(
        _ count: Int,
        bytesMax: Int = 8_000,
        using generator: inout SeededGenerator
    ) -> Contents {
        var contents: Contents = ["empty": []]
        for index in 0..<count { contents["file \(index)"] = bytes(bytesMax, &generator) }
        return contents
    }

    /// Some compress, some do not.
    static func bytes(_ max: Int, _ generator: inout SeededGenerator) -> [UInt8] {
        let count = Int.random(in: 1...max, using: &generator)
        if Bool.random(using: &generator) { return generator.bytes(count) }
        let seed = generator.bytes(64)
        return (0..<count).map { seed[$0 % 64] }
    }

    /// Changes, adds and removes a few.
    static func change(_ contents: Contents, using generator: inout SeededGenerator) -> Contents {
        var changed = contents
        for _ in 0..<max(2, contents.count / 10) {
            let name = "file \(Int.random(in: 0..<contents.count * 2, using: &generator))"
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: changed[name] = nil
            case 1:
                // Written over in the middle: most chunks stay.
                guard let old = changed[name], old.count > 100 else { continue }
                changed[name]?.replaceSubrange(40..<60, with: generator.bytes(20))
            default: changed[name] = bytes(4_000, &generator)
            }
        }
        return changed
    }

    /// Copies, and answers what became of each point.
    func copy(
        _ selection: PointSelection,
        from source: Vault,
        to target: Vault,
        _ options: PointCopies.Options = PointCopies.Options()
    ) async throws -> [PointCopies.Outcome] {
        let copies = try PointCopies(from: source, to: target, clock: clock)
        return try await copies.copy(selection, options).outcomes
    }

    /// Copies one point, which must be copied.
    @discardableResult
    func copy(
        _ point: RecoveryPoint,
        from source: Vault,
        to target: Vault,
        _ options: PointCopies.Options = PointCopies.Options()
    ) async throws -> (copy: RecoveryPoint, cost: CopyStatistics, base: RecoveryPointID?) {
        let outcomes = try await copy(.ids([point.id]), from: source, to: target, options)
        guard case .copied(let copy, let cost, let base)? = outcomes.first?.what else {
            throw Failure(what: "\(outcomes)")
        }
        return (copy, cost, base)
    }

    /// A copy that was not made.
    struct Failure: Error { let what: String }
}

extension PointCopies.Outcome {
    /// Why the point was refused; `nil` when it was not.
    var refusal: BackupError? {
        guard case .refused(let error) = what else { return nil }
        return error
    }

    /// The copy that was there already.
    var there: RecoveryPointID? {
        guard case .there(let id) = what else { return nil }
        return id
    }
}

extension PointSelection {
    static var everything: PointSelection { .all { _ in true } }
}
