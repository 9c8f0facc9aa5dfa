import BackupVault
import VarveModel

/// Why a point is not copied: what it has lost, in paths.
enum CopyDamage {
    /// As many paths are told: a verify tells all.
    private static let partsMax = 10

    /// Chunks of content, or of extended attributes, that the source does not give any more.
    ///
    /// - Parameters:
    ///   - imported: The lost chunks.
    ///   - batch: Entries that need them.
    ///   - map: Whose entries these are.
    ///   - point: What was to be copied.
    ///   - source: Its vault.
    /// - Returns: An error that names paths and bytes, as far as that batch tells.
    static func content(
        _ imported: ImportedChunks,
        _ batch: CopyBatch,
        of map: String,
        _ point: RecoveryPoint,
        in source: Vault
    ) -> BackupError {
        let lost = Set(imported.lost.map(\.chunk.id))
        var losses = PointLosses()
        for entry in batch.entries where map == PointFormat.inodes {
            for chunk in entry.value?.chunks ?? [] where lost.contains(chunk.id) {
                losses.add(chunk.id, underInodeKey: entry.key)
            }
        }
        losses.settle()
        let found = LostParts(source)
            .parts(of: point, losing: losses, isComplete: false, max: partsMax)
        var words = found.parts.map(words)
        if found.partCount > words.count { words.append("\(found.partCount - words.count) more") }
        let reason = imported.lost.first?.error.message ?? ""
        return refusal(
            point,
            source,
            (words.isEmpty ? "\(lost.count) chunks" : words.joined(separator: ", ")) + "; " + reason
        )
    }

    /// A node of a map that the source does not give any more.
    static func nodes(
        of map: String,
        _ point: RecoveryPoint,
        in source: Vault,
        _ error: VaultError
    ) -> BackupError {
        guard error.code == .corrupt else { return BackupError(error) }
        return refusal(point, source, "a part of its map of \(map); \(error.message)")
    }

    private static func refusal(
        _ point: RecoveryPoint,
        _ source: Vault,
        _ what: String
    ) -> BackupError {
        BackupError(
            .corrupt,
            "recovery point \(point.id) in vault '\(source.name)' is not copied, since it has lost \(what)",
            remedy:
                "'varve vault verify \(source.name) --read-data' names all that is lost, and --repair brings back "
                + "what can be; other recovery points may be whole."
        )
    }

    private static func words(_ part: LostPart) -> String {
        let path = "'\(String(decoding: part.path, as: UTF8.self))'"
        switch part.what {
        case .content(let ranges):
            let bytes = ranges.reduce(0) { $0 + UInt64($1.count) }
            return "\(bytes) bytes of \(path) from byte \(ranges.first?.lowerBound ?? 0) on"
        case .extendedAttributes: return "extended attributes of \(path)"
        case .inode: return path
        case .names: return "names in \(path)"
        }
    }
}
