import FileSystemEngine
import MetadataStore
import VarveModel

/// How many stored bytes a byte of data takes in each tier.
struct StoredRatios: Sendable {
    private var ratios: [Tier: Double] = [.standard: 1]

    /// Takes Standard as it stands, and the colder tiers by what the last 1,000 moves came to.
    init(_ fileSystem: FileSystem, _ journal: JournalStore) async throws(LifecycleError) {
        let recent: [TransitionRecord]
        do throws(MetadataError) {
            recent = try await journal.transitions(fileSystem.id.text, limit: 1_000)
        } catch {
            throw LifecycleError(error)
        }
        for tier in [Tier.infrequentAccess, .archive] {
            let moves = recent.filter { $0.to == tier && $0.state == .committed }
            let before = moves.reduce(0) { $0 + Double($1.storedBefore) }
            let after = moves.reduce(0) { $0 + Double($1.storedAfter) }
            // Nothing known yet: zstd halves what is neither text nor compressed already.
            ratios[tier] = before > 0 ? after / before : 0.5
        }
    }

    func stored(_ bytes: UInt64, in tier: Tier) -> UInt64 {
        UInt64(Double(bytes) * (ratios[tier] ?? 1))
    }
}
