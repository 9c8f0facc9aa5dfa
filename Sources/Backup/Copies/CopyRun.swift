import BackupVault
import VarveModel

/// One attempt to copy one recovery point, from the first look at its maps to the published copy.
///
/// Not Sendable: the writer belongs to one task. Child tasks read ahead of it, and ``CopyWindow`` keeps their order.
/// Of the maps only what differs from the base's is walked.
final class CopyRun {
    private let point: RecoveryPoint
    private let source: Vault
    private let base: CopyPairs.Pair?
    private let writer: VaultWriter
    private let progress: @Sendable (CopyProgress) -> Void
    /// What chunks of the source are called in the target.
    private(set) var names: ChunkNames
    private(set) var statistics = CopyStatistics()
    private var window = CopyWindow()
    private var batch = CopyBatch()
    /// Chunks that are being read.
    private var arriving: Set<ChunkID> = []
    /// The map that is being copied: its name, and what there is of it in the target.
    private var map = ""
    private var root: MapRoot?
    /// What the base has of it there.
    private var baseRoot: MapRoot?
    private var edits: [MapEdit] = []
    private var editBytes = 0
    /// Entries that are in the target's map, or its edits.
    private var entriesStored: UInt64 = 0
    private var told = CopyProgress(entries: 0, bytesRead: 0)

    /// Edits of a map that go in at once: each batch rewrites the nodes it touches.
    private static let editsMax = 16_384
    /// 16 MiB of them.
    private static let editBytesMax = 16 << 20

    private init(
        _ point: RecoveryPoint,
        from source: Vault,
        writer: VaultWriter,
        base: CopyPairs.Pair?,
        names: ChunkNames,
        progress: @escaping @Sendable (CopyProgress) -> Void
    ) {
        self.point = point
        self.source = source
        self.writer = writer
        self.base = base
        self.names = names
        self.progress = progress
    }

    /// What came of an attempt.
    enum Outcome {
        case published(RecoveryPoint)
        /// Somebody else was faster.
        case found(RecoveryPointID)
    }

    /// Copies a point.
    ///
    /// - Parameters:
    ///   - point: One that a reading lease keeps in place.
    ///   - source: Its vault.
    ///   - target: Another one.
    ///   - base: What its maps are changes to; its point of the source is kept in place too.
    ///   - names: What is known of chunks already; learns more, and is empty after an error.
    ///   - progress: Told every 1,024 entries or 4 MiB.
    ///   - draft: Makes the copy's manifest of its maps.
    /// - Returns: The copy, and what it cost.
    /// - Throws: `.stale` or `.notFound` when the base cannot be stood on: everything is then copied; `.corrupt`
    ///   when the
    ///   point has lost something, with what that is; `.noSpace`, `.cancelled`.
    static func run(
        _ point: RecoveryPoint,
        from source: Vault,
        to target: Vault,
        base: CopyPairs.Pair?,
        names: inout ChunkNames,
        progress: @escaping @Sendable (CopyProgress) -> Void,
        draft: ([String: MapRoot], CopyStatistics) -> RecoveryPointDraft
    ) async throws(BackupError) -> (outcome: Outcome, statistics: CopyStatistics) {
        let writer = try CopyRun.inVault { () throws(VaultError) in try target.beginWrite() }
        let run = CopyRun(
            point,
            from: source,
            writer: writer,
            base: base,
            names: names,
            progress: progress
        )
        // The run's alone from here on. What a failed one learned of its base is not believed.
        names = ChunkNames()
        do throws(BackupError) {
            if let base { try writer.stand(onEarlier: base.target) }
            let maps = try await run.copyMaps()
            names = run.names
            let outcome = try run.publish(draft(maps, run.statistics), in: target)
            return (outcome, run.statistics)
        } catch {
            writer.abandon()
            throw error
        }
    }

    private func copyMaps() async throws(BackupError) -> [String: MapRoot] {
        var maps: [String: MapRoot] = [:]
        for (name, root) in point.maps.sorted(by: { $0.key < $1.key }) {
            maps[name] = try await copy(name, root)
        }
        let counters = writer.counters
        statistics.chunksStored = UInt64(counters.chunksStored)
        statistics.bytesStored = counters.storedBytes
        statistics.chunksDeduplicated = UInt64(counters.chunksDeduplicated)
        statistics.targetNodesRead = UInt64(counters.nodesRead)
        statistics.targetNodesWritten = UInt64(counters.nodesWritten)
        statistics.bytesHeldMax = window.bytesHeldMax
        return maps
    }

    private func publish(
        _ draft: RecoveryPointDraft,
        in target: Vault
    ) throws(BackupError) -> Outcome {
        let origin = point.origin(in: source.id)
        return try CopyRun.inVault { () throws(VaultError) in
            let there = try target.listing().points
            if let known = there.last(where: { $0.origin(in: target.id) == origin }) {
                writer.abandon()
                return .found(known.id)
            }
            return .published(try writer.publish(draft))
        }
    }

    // MARK: One map

    private func copy(_ name: String, _ new: MapRoot) async throws(BackupError) -> MapRoot {
        map = name
        edits = []
        editBytes = 0
        var old: MapRoot?
        baseRoot = nil
        if let base, let there = base.target.maps[name], let here = base.source.maps[name] {
            guard there.count == here.count else { throw unequalBase() }
            (old, baseRoot) = (here, there)
        }
        root = baseRoot
        let before = old
        let result = await withTaskGroup(of: CopyAnswer.self) { group in
            await attempt(new, since: before, &group)
        }
        try result.get()
        try applyEdits(isEnd: true)
        guard let root, root.count == new.count else {
            if base != nil { throw unequalBase() }
            throw BackupError(
                .failed,
                "the copy's map '\(name)' has \(root?.count ?? 0) entries where the point has \(new.count)",
                remedy: "Nothing was published. Verify both vaults."
            )
        }
        return root
    }

    private func attempt(
        _ new: MapRoot,
        since old: MapRoot?,
        _ group: inout TaskGroup<CopyAnswer>
    ) async -> Result<Void, BackupError> {
        do throws(BackupError) {
            var differences = source.difference(from: old, to: new)
            while let difference = try next(&differences) {
                try plan(difference)
                if batch.isFull { try await begin(&group) }
            }
            statistics.nodesRead += UInt64(differences.nodesRead)
            try await begin(&group)
            while !window.isEmpty { try await advance(&group) }
            tellProgress(isEnd: true)
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    private func next(
        _ differences: inout MapDifferences
    ) throws(BackupError) -> MapDifference? {
        do throws(VaultError) {
            return try differences.next()
        } catch {
            // It may be the base's node that is damaged: without one, only the point's own are read.
            if base != nil { throw BackupError(earlierPoint: error) }
            throw CopyDamage.nodes(of: map, point, in: source, error)
        }
    }

    /// Puts a difference into the batch that is being filled, with the chunks that must be read for it.
    private func plan(_ difference: MapDifference) throws(BackupError) {
        statistics.entries += 1
        batch.add(MapEdit(difference.key, difference.new))
        guard let new = difference.new, !new.chunks.isEmpty else { return }
        if let old = difference.old, !old.chunks.isEmpty {
            try learn(from: old, under: difference.key, for: new)
        }
        for chunk in new.chunks where !arriving.contains(chunk.id) && known(chunk) == nil {
            arriving.insert(chunk.id)
            batch.read(chunk)
        }
    }

    /// A chunk as the target has it; `nil` when it must be read.
    private func known(_ chunk: ChunkReference) -> ChunkReference? {
        guard let known = names.name(of: chunk), writer.holds(known) else { return nil }
        return known
    }

    /// What an entry kept from the base needs no reading: the base's entry in the target names it, at the same place.
    private func learn(
        from old: MapValue,
        under key: [UInt8],
        for new: MapValue
    ) throws(BackupError) {
        let wanted = Set(new.chunks.lazy.filter { self.known($0) == nil }.map(\.id))
        guard let baseRoot, old.chunks.contains(where: { wanted.contains($0.id) }) else { return }
        let there: MapValue?
        do throws(VaultError) {
            there = try writer.value(of: key, in: baseRoot)
        } catch {
            throw BackupError(earlierPoint: error)
        }
        guard let there, there.bytes == old.bytes, there.chunks.count == old.chunks.count else {
            throw unequalBase()
        }
        for (chunk, other) in zip(old.chunks, there.chunks) where wanted.contains(chunk.id) {
            guard chunk.length == other.length else { throw unequalBase() }
            names.learn(chunk, is: other)
        }
    }

    private func unequalBase() -> BackupError {
        BackupError(.stale, "the copy of the earlier recovery point is not equal to it")
    }

    // MARK: Reading ahead

    /// Begins to read for the batch as soon as there is room; stores until there is.
    private func begin(_ group: inout TaskGroup<CopyAnswer>) async throws(BackupError) {
        guard !batch.entries.isEmpty else { return }
        while !window.hasRoom(for: batch) { try await advance(&group) }
        let chunks = batch.chunks
        let number = window.begin(batch)
        batch = CopyBatch()
        if chunks.isEmpty { return try takeLanded() }
        let (preparer, source) = (writer.preparer, source)
        // A child of the group that called, which does not return before it has ended; as many as the window has room
        // for.
        group.addTask { CopyAnswer(number, reading: chunks, of: source, by: preparer) }
    }

    /// Waits until a batch has been read, and stores what is next in order.
    private func advance(_ group: inout TaskGroup<CopyAnswer>) async throws(BackupError) {
        guard let answer = await group.next() else {
            preconditionFailure("what is neither landed nor stored is being read")
        }
        let imported = try CopyRun.inVault { () throws(VaultError) in try answer.result.get() }
        window.land(answer.number, imported)
        try takeLanded()
    }

    private func takeLanded() throws(BackupError) {
        if Task.isCancelled { throw BackupError(.cancelled, "the copying was cancelled") }
        while let (batch, imported) = window.popFirst() { try take(batch, imported) }
        tellProgress(isEnd: false)
    }

    /// Tells of every 1,024 entries or 4 MiB, and of the end of each map.
    private func tellProgress(isEnd: Bool) {
        guard
            isEnd || entriesStored >= told.entries + 1_024
                || statistics.bytesRead >= told.bytesRead + 4 << 20
        else { return }
        let entries = point.maps.values.reduce(0) { $0 + $1.count }
        told = CopyProgress(
            entries: entriesStored,
            bytesRead: statistics.bytesRead,
            entriesTotal: base == nil ? entries : nil,
            bytesTotal: base == nil ? point.statistics["bytesTotal"] : nil
        )
        progress(told)
    }

    // MARK: Storing

    private func take(_ batch: CopyBatch, _ imported: ImportedChunks) throws(BackupError) {
        statistics.chunksRead += UInt64(imported.count)
        statistics.bytesRead += imported.bytesRead
        if !imported.lost.isEmpty {
            throw CopyDamage.content(imported, batch, of: map, point, in: source)
        }
        let stored = try CopyRun.inVault { () throws(VaultError) in try writer.store(imported) }
        for (chunk, other) in stored {
            names.learn(chunk, is: other)
            arriving.remove(chunk.id)
        }
        entriesStored += UInt64(batch.entries.count)
        for entry in batch.entries {
            var value: MapValue?
            if let old = entry.value {
                var chunks: [ChunkReference] = []
                chunks.reserveCapacity(old.chunks.count)
                for chunk in old.chunks { chunks.append(try translated(chunk, in: batch)) }
                value = MapValue(old.bytes, chunks: chunks)
            }
            edits.append(MapEdit(entry.key, value))
            editBytes +=
                entry.key.count + (value.map { $0.bytes.count + 28 * $0.chunks.count } ?? 0)
        }
        try applyEdits(isEnd: false)
    }

    /// A chunk as the target has it; read once more where its name was forgotten, or its pack condemned, since it was
    /// planned.
    private func translated(
        _ chunk: ChunkReference,
        in batch: CopyBatch
    ) throws(BackupError) -> ChunkReference {
        if let known = known(chunk) { return known }
        let imported = try CopyRun.inVault { () throws(VaultError) in
            try writer.preparer.import([chunk], from: source)
        }
        statistics.chunksRead += UInt64(imported.count)
        statistics.bytesRead += imported.bytesRead
        let stored = try CopyRun.inVault { () throws(VaultError) in try writer.store(imported) }
        guard let other = stored.first?.reference else {
            throw CopyDamage.content(imported, batch, of: map, point, in: source)
        }
        names.learn(chunk, is: other)
        return other
    }

    private func applyEdits(isEnd: Bool) throws(BackupError) {
        let isMuch = edits.count >= CopyRun.editsMax || editBytes >= CopyRun.editBytesMax
        guard isMuch || (isEnd && (!edits.isEmpty || root == nil)) else { return }
        do throws(VaultError) {
            root = try writer.update(root, edits: edits)
        } catch {
            throw base == nil ? BackupError(error) : BackupError(earlierPoint: error)
        }
        edits = []
        editBytes = 0
    }

    /// Runs what asks a vault, with its errors in this target's words.
    static func inVault<Value>(
        _ body: () throws(VaultError) -> Value
    ) throws(BackupError) -> Value {
        do throws(VaultError) {
            return try body()
        } catch {
            throw BackupError(error)
        }
    }
}

/// What a child task read for a batch.
struct CopyAnswer: Sendable {
    let number: Int
    let result: Result<ImportedChunks, VaultError>

    init(
        _ number: Int,
        reading chunks: [ChunkReference],
        of source: Vault,
        by preparer: ChunkPreparer
    ) {
        self.number = number
        do throws(VaultError) {
            result = .success(try preparer.import(chunks, from: source))
        } catch {
            result = .failure(error)
        }
    }
}
