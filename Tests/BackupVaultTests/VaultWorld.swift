import BackupVault
import Disk
import Keyring
import TestKit
import VarveModel

/// A vault on a disk, and named contents to back up into it.
struct VaultWorld {
    /// What a recovery point shows: a name and its bytes.
    typealias Contents = [String: [UInt8]]

    static let directory = "/vaults/nightly"
    static let start = Timestamp(seconds: 1_800_000_000)
    /// Small packs and chunks, so that a little content makes many.
    static let settings = VaultSettings(
        packBytes: 64 << 10,
        compressionLevel: 1,
        chunks: ChunkSizes(minimum: 256, average: 1024, maximum: 4096)
    )

    let disk: SimulatedDisk
    let root: RootKey
    let vault: Vault

    init(
        disk: SimulatedDisk = SimulatedDisk(),
        root: RootKey = .random(),
        settings: VaultSettings = VaultWorld.settings,
        pace: LockPace = .simulated
    ) throws {
        self.disk = disk
        self.root = root
        vault = try Vault.create(
            disk: disk,
            directory: VaultWorld.directory,
            name: "nightly",
            root: root,
            clock: SimulatedClock(VaultWorld.start),
            settings: settings,
            pace: pace
        )
    }

    /// The same vault opened anew on another disk (a crash image, a copy).
    static func open(
        _ disk: some Disk,
        root: RootKey,
        pace: LockPace = .simulated
    ) throws -> Vault {
        try Vault.open(
            disk: disk,
            directory: directory,
            root: root,
            settings: settings,
            pace: pace
        )
    }

    func reopened() throws -> Vault {
        try VaultWorld.open(disk, root: root)
    }

    /// Backs contents up: full, or as edits of an earlier point.
    @discardableResult
    static func backUp(
        _ contents: Contents,
        to vault: Vault,
        after base: (point: RecoveryPoint, contents: Contents)? = nil,
        day: Int64 = 0,
        expires: Timestamp? = nil
    ) throws -> RecoveryPoint {
        let writer = try vault.beginWrite()
        defer { writer.abandon() }
        let map = try store(contents, by: writer, after: base)
        return try writer.publish(draft(map, day: day, expires: expires))
    }

    static func store(
        _ contents: Contents,
        by writer: VaultWriter,
        after base: (point: RecoveryPoint, contents: Contents)? = nil
    ) throws -> MapRoot {
        let old = base?.contents ?? [:]
        var edits: [MapEdit] = []
        for name in Set(contents.keys).union(old.keys) where contents[name] != old[name] {
            let key = Array(name.utf8)
            guard let bytes = contents[name] else {
                edits.append(MapEdit(key, nil))
                continue
            }
            var chunks: [ChunkReference] = []
            var failure: (any Error)?
            bytes.withUnsafeBytes { buffer in
                do { chunks = try writer.storeCut(buffer) } catch { failure = error }
            }
            if let failure { throw failure }
            edits.append(MapEdit(key, MapValue(Array("\(bytes.count)".utf8), chunks: chunks)))
        }
        edits.sort { $0.key.lexicographicallyPrecedes($1.key) }
        return try writer.update(base?.point.maps["names"], edits: edits)
    }

    static func draft(
        _ map: MapRoot,
        day: Int64 = 0,
        expires: Timestamp? = nil
    ) -> RecoveryPointDraft {
        RecoveryPointDraft(
            source: "fs-0123456789abcdef0",
            instant: UInt64(day) << 20,
            instantTime: start.adding(seconds: day * 86_400),
            created: start.adding(seconds: day * 86_400),
            expires: expires,
            maps: ["names": map],
            statistics: ["files": map.count],
            labels: ["day": "\(day)"]
        )
    }

    /// Everything that a recovery point shows.
    static func restore(_ point: RecoveryPoint, from vault: Vault) throws -> Contents {
        var contents: Contents = [:]
        guard let map = point.maps["names"] else { return [:] }
        var scan = vault.entries(of: map)
        while let entry = try scan.next() {
            var bytes: [UInt8] = []
            for chunk in entry.value.chunks { bytes += try vault.read(chunk) }
            contents[String(decoding: entry.key, as: UTF8.self)] = bytes
        }
        return contents
    }

    /// Random contents: some compressible, some not, one empty.
    static func contents(
        _ count: Int,
        bytesMax: Int = 8000,
        using generator: inout SeededGenerator
    ) -> Contents {
        var contents: Contents = ["empty": []]
        for index in 0..<count {
            contents["file \(index)"] = bytes(
                Int.random(in: 1...bytesMax, using: &generator),
                using: &generator
            )
        }
        return contents
    }

    static func bytes(_ count: Int, using generator: inout SeededGenerator) -> [UInt8] {
        if Bool.random(using: &generator) { return generator.bytes(count) }
        let words = ["varve ", "layer ", "lake ", "summer ", "winter "]
        var text = ""
        while text.utf8.count < count { text += words[Int.random(in: 0..<5, using: &generator)] }
        return Array(text.utf8.prefix(count))
    }

    /// Changes, adds and removes a few.
    static func change(_ contents: Contents, using generator: inout SeededGenerator) -> Contents {
        var changed = contents
        for _ in 0..<max(2, contents.count / 10) {
            let index = Int.random(in: 0..<contents.count * 2, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: changed["file \(index)"] = nil
            default:
                changed["file \(index)"] = bytes(
                    Int.random(in: 1...4000, using: &generator),
                    using: &generator
                )
            }
        }
        return changed
    }
}
