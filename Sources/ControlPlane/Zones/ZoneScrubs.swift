import FileSystemEngine
import LocalAPI
import MetadataStore
import VarveModel

/// Reads and verifies every copy of file systems, one after another.
enum ZoneScrubs {
    /// Scrubs each; one that fails is told, and keeps no other from its turn.
    ///
    /// - Throws: `CancellationError` when the task is cancelled: what was put right until then stays so.
    static func run(
        _ entries: [FileSystems.Entry],
        _ options: ScrubOptions,
        _ report: @escaping @Sendable (Progress) -> Void
    ) async throws -> [ScrubResult] {
        var results: [ScrubResult] = []
        for entry in entries {
            try Task.checkCancellation()
            results.append(await scrub(entry, options, report))
        }
        try Task.checkCancellation()
        return results
    }

    /// Scrubs one; of one that does not open it answers why.
    static func scrub(
        _ entry: FileSystems.Entry,
        _ options: ScrubOptions,
        _ report: @escaping @Sendable (Progress) -> Void
    ) async -> ScrubResult {
        let (id, name) = (entry.record.id.text, entry.record.name)
        do {
            let found = try await entry.engine.get().scrub(options: options) { progress in
                report(
                    Progress(
                        phase:
                            "\(name): \(progress.stage.words), \(progress.healed) healed, \(progress.lost) lost",
                        done: progress.bytesRead,
                        total: progress.bytesTotal,
                        bytes: progress.bytesRead
                    )
                )
            }
            return ScrubResult(found, id, name)
        } catch {
            return ScrubResult(fileSystem: id, name: name, error: APIError(error))
        }
    }
}

extension ScrubProgress.Stage {
    fileprivate var words: String {
        switch self {
        case .metadata: "metadata"
        case .segments: "segments"
        case .records: "data"
        }
    }
}

extension ScrubResult {
    init(_ found: ScrubReport, _ id: String, _ name: String) {
        self.init(
            fileSystem: id,
            name: name,
            isComplete: found.isComplete,
            bytesRead: found.bytesRead,
            healedCount: found.healedCount,
            healedBytes: found.healedBytes,
            healed: found.healed.map {
                Healed(zone: $0.zone, bytes: $0.bytes, message: $0.message)
            },
            lostCount: found.lostCount,
            lost: found.lost.map {
                Lost(
                    path: $0.path,
                    inode: $0.inode?.rawValue,
                    offset: $0.range?.lowerBound,
                    bytes: $0.range.map { $0.upperBound - $0.lowerBound },
                    segment: $0.segment?.rawValue,
                    zones: $0.zones,
                    message: $0.message,
                    remedy: $0.remedy
                )
            }
        )
    }
}
