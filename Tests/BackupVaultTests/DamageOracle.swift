import BackupVault
import Disk
import TestKit
import Testing
import VarveModel

/// What a damaged vault gives back, held against what its verify says.
struct DamageOracle {
    /// A key of a point.
    struct Part: Hashable, CustomStringConvertible {
        let point: RecoveryPointID
        let key: String

        var description: String { "\(point) \(key)" }
    }

    let world: VaultWorld
    let points: [(point: RecoveryPoint, contents: VaultWorld.Contents)]
    /// Points in cold storage, with the bytes of their archives.
    var cold: [(point: RecoveryPoint, archive: [UInt8])] = []
    /// What is held.
    var holds: [RecoveryPointID: [PointHold]] = [:]
    /// Whether a lock keeps all points.
    var isLocked = false

    /// Parts of all points.
    var partCount: Int { points.reduce(0) { $0 + $1.contents.count } }

    /// What a damaged vault showed.
    struct Outcome {
        /// The messages of the failed open or of the findings; empty when the vault says that it is whole.
        var complaints: [String] = []
        /// Parts that do not read; `nil` when the vault does not open at all.
        var missing: Set<Part>?
    }

    /// Reads everything: right bytes or a typed error; and what does not read is what verify names, no more, no less.
    ///
    /// - Parameters:
    ///   - what: The damage, for messages.
    ///   - gone: Points whose manifests are missing: they count as deleted, all of each is lost, and they need not be
    ///     named. Of every other point as much is lost as is named.
    /// - Returns: What was told, and what does not read.
    /// - Throws: What is no `VaultError`.
    func examine(_ what: String, gone: Set<RecoveryPointID> = []) throws -> Outcome {
        let vault: Vault
        do {
            vault = try world.reopened()
        } catch {
            let error = try #require(error as? VaultError, "\(what): \(error)")
            return Outcome(complaints: [error.message])
        }
        let missing = try unreadable(in: vault, what)
        let report = try world.reopened().verify(readData: true)
        var named = Set(report.findings.flatMap(\.affected).flatMap(parts))
        for finding in report.findings where finding.subject == .manifest {
            for (point, contents) in points where finding.file.contains("\(point.id)") {
                named.formUnion(contents.keys.map { Part(point: point.id, key: $0) })
            }
        }
        for (point, contents) in points where gone.contains(point.id) {
            let lost = missing.count { $0.point == point.id }
            #expect(lost == contents.count, "\(what): of \(point.id), which is gone, some reads")
        }
        let left = missing.subtracting(named).filter { !gone.contains($0.point) }
        let right = named.subtracting(missing)
        #expect(left.isEmpty, "\(what): lost and not named: \(left.count) \(left.prefix(3))")
        #expect(right.isEmpty, "\(what): named and not lost: \(right.count) \(right.prefix(3))")
        try examineCold(vault, report, what)
        try examineKeeping(vault, what)
        return Outcome(
            complaints: report.findings.map { $0.file + ": " + $0.message },
            missing: missing
        )
    }

    /// What a record or an archive costs is named by its point, and nothing else is.
    private func examineCold(_ vault: Vault, _ report: VerifyReport, _ what: String) throws {
        let told = report.findings.filter { [.cold, .archive, .manifest].contains($0.subject) }
        for (point, archive) in cold {
            var isLost = false
            do {
                let shown = try vault.recoveryPoint(point.id)
                #expect(shown == point, "\(what): another point")
                let file = try vault.openArchive(of: shown)
                // Archives authenticate themselves: bytes that are others are no archive (ColdArchiveDamageTests).
                isLost = try file.read(0..<file.byteCount) != archive
            } catch is VaultError {
                isLost = true
            } catch is DiskError {
                isLost = true
            }
            let isNamed = told.contains { ($0.file + $0.message).contains("\(point.id)") }
            #expect(isLost == isNamed, "\(what): \(point.id) is lost \(isLost), named \(isNamed)")
        }
    }

    /// What is held or locked stays, whatever is damaged; holds that read are those that were placed.
    private func examineKeeping(_ vault: Vault, _ what: String) throws {
        for (id, placed) in holds {
            do {
                let shown = try vault.holds(of: id)
                #expect(shown == placed, "\(what): other holds of \(id)")
            } catch {
                // It says that it does not know: then nothing goes.
            }
        }
        let kept = isLocked ? Set(points.map(\.point.id)).union(holds.keys) : Set(holds.keys)
        for id in kept {
            let path = VaultWorld.directory + "/manifests/\(id).manifest"
            let isThere = try world.disk.status(of: path) != nil
            #expect(throws: VaultError.self, "\(what): what is kept was deleted") {
                try vault.delete(id)
            }
            #expect(try (world.disk.status(of: path) != nil) == isThere, "\(what): \(id) went")
        }
    }

    private func unreadable(in vault: Vault, _ what: String) throws -> Set<Part> {
        var missing: Set<Part> = []
        for (point, contents) in points {
            let map: MapRoot
            do {
                let shown = try vault.recoveryPoint(point.id)
                #expect(shown == point, "\(what): another point")
                map = try #require(shown.maps["names"])
            } catch is VaultError {
                missing.formUnion(contents.keys.map { Part(point: point.id, key: $0) })
                continue
            }
            for (key, bytes) in contents {
                do {
                    let value = try vault.value(of: Array(key.utf8), in: map)
                    let chunks = try #require(value, "\(what): '\(key)' is missing").chunks
                    let shown = try chunks.flatMap { try vault.read($0) }
                    #expect(shown == bytes, "\(what): other bytes of '\(key)'")
                } catch is VaultError {
                    missing.insert(Part(point: point.id, key: key))
                }
            }
        }
        return missing
    }

    /// The keys that a finding means.
    private func parts(_ part: AffectedPart) -> [Part] {
        guard part.isSubtree else {
            return [Part(point: part.point, key: String(decoding: part.key, as: UTF8.self))]
        }
        let keys = points.first { $0.point.id == part.point }?.contents.keys.map { $0 } ?? []
        return keys.filter { key in
            let bytes = Array(key.utf8)
            let isBehind = part.after.map { $0.lexicographicallyPrecedes(bytes) } ?? true
            return isBehind && (part.key.isEmpty || !part.key.lexicographicallyPrecedes(bytes))
        }
        .map { Part(point: part.point, key: $0) }
    }
}
