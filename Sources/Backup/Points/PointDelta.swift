import BackupVault
import FileSystemEngine
import VarveModel

/// What became of one inode since an earlier recovery point.
///
/// Of a tile that changed, only the runs that were written are read. What the earlier point and those
/// runs do not explain to the byte is read anew.
struct PointDelta: Sendable {
    let reader: PointReader
    let inode: InodeNumber
    let base: Epoch
    let old: MapRoot

    /// What is to be read: its tiles one task each, so that no number of them is held.
    ///
    /// - Parameters:
    ///   - change: What the journal says of the inode.
    ///   - now: The inode at the instant; `nil` when it is gone.
    /// - Returns: Tasks in the order of their keys.
    /// - Throws: `.stale` when the earlier point is damaged, and what the engine answers.
    func tasks(
        _ change: PointChange,
        now: Attributes?
    ) async throws(BackupError) -> [PointTask] {
        let earlier = try value(PointFormat.key(inode))
        guard let now else {
            guard earlier != nil else { return [] }
            let keys = try oldTiles().map { PointFormat.key(inode, tile: $0) }
            return [.ready(.delete(PointFormat.key(inode)))] + keys.map { .ready(.delete($0)) }
        }
        // What the earlier point does not know is read as in a full backup.
        guard let earlier else { return try await reader.tasks(for: now) }
        guard now.kind == .regular else { return [.attributes(now)] }
        let oldSize = try PointInode(earlier).attributes.size
        let tiles = try await tilesToRead(change, now, oldSize: oldSize)
        return [.attributes(now)] + tiles.map { .changedTile(self, $0, now) }
    }

    /// The tiles that may differ from the earlier point's.
    private func tilesToRead(
        _ change: PointChange,
        _ attributes: Attributes,
        oldSize: UInt64
    ) async throws(BackupError) -> [UInt32] {
        var tiles = change.tiles
        guard !change.isAnyTile else {
            // It was cut somewhere: everything that it has or had.
            tiles.formUnion(try oldTiles())
            tiles.formUnion(try await reader.tiles(of: inode).map(\.tile))
            return tiles.sorted()
        }
        // Bytes that lie in the inode's own rows change with it, whatever size it was extended to.
        if change.isInode { tiles.insert(0) }
        if attributes.size != oldSize {
            // The tile of the shorter end holds bytes that came or went; those behind it went whole.
            tiles.insert(UInt32(min(attributes.size, oldSize) / PointFormat.tileBytes))
            if attributes.size < oldSize {
                let first = UInt32(attributes.size / PointFormat.tileBytes)
                tiles.formUnion(try oldTiles(from: first))
            }
        }
        return tiles.sorted()
    }

    /// What to store or delete of one tile; `nil` when neither.
    func piece(
        _ tile: UInt32,
        _ attributes: Attributes
    ) async throws(BackupError) -> PointPiece? {
        let start = UInt64(tile) * PointFormat.tileBytes
        let shown = start..<max(start, min(attributes.size, start + PointFormat.tileBytes))
        var data = try await data(tile, after: .zero, within: shown)
        var isInline = false
        if data.isEmpty, tile == 0, !shown.isEmpty {
            // No slices: a hole, or bytes in the inode's own rows, which are few and always read.
            data = try await inlineData(within: shown)
            isInline = !data.isEmpty
        }
        let key = PointFormat.key(inode, tile: tile)
        let earlier = try value(key)
        guard !data.isEmpty else { return earlier == nil ? nil : .delete(key) }
        if let earlier, !isInline {
            let written = try await self.data(tile, after: base, within: shown)
            switch try await patch(try PointTile(earlier), tile, written, data, start) {
            case .unchanged: return nil
            case .patched(let content): return .tile(inode, tile, content)
            case .unsuitable: break
            }
        }
        return .tile(inode, tile, try await reader.content(inode, tile, data))
    }

    private enum Patch {
        case unchanged
        case patched(PointTileContent)
        /// It would cost too much, or would not be exact.
        case unsuitable
    }

    /// The earlier tile with what was written laid over it.
    private func patch(
        _ map: PointTile,
        _ tile: UInt32,
        _ written: [Range<UInt64>],
        _ data: [Range<UInt64>],
        _ start: UInt64
    ) async throws(BackupError) -> Patch {
        func local(_ runs: [Range<UInt64>]) -> [Range<UInt32>] {
            runs.map { UInt32($0.lowerBound - start)..<UInt32($0.upperBound - start) }
        }
        let writtenBytes = written.reduce(0) { $0 + $1.count }
        guard 2 * writtenBytes <= data.reduce(0, { $0 + $1.count }) else { return .unsuitable }
        let kept = map.replacing(local(written), with: [], data: local(data))
        let shown = kept.bytesShown + UInt64(writtenBytes)
        // All that is data now is either written since or known from before.
        guard shown == data.reduce(0, { $0 + UInt64($1.count) }) else { return .unsuitable }
        if written.isEmpty, kept == map { return .unchanged }
        // A run that is cut into chunks is as many extents.
        let cuts = writtenBytes / reader.vault.chunker.sizes.minimum + 1
        let ranges = kept.extents.count + written.count + cuts
        let needed = kept.bytesReferenced + UInt64(writtenBytes)
        guard ranges <= PointTile.rangesMax, needed <= 2 * shown else { return .unsuitable }
        var content = try await reader.content(inode, tile, written)
        content.old = map
        content.data = local(data)
        return .patched(content)
    }

    /// Runs of a tile that hold data written after an instant, as slices.
    private func data(
        _ tile: UInt32,
        after: Epoch,
        within shown: Range<UInt64>
    ) async throws(BackupError) -> [Range<UInt64>] {
        let runs = try await reader.engine { () async throws(FileSystemError) in
            var runs: [Range<UInt64>] = []
            for part in 0..<reader.tilesInOurs {
                runs += try await reader.fileSystem.dataWritten(
                    inode,
                    tile: tile * reader.tilesInOurs + part,
                    after: after,
                    at: reader.instant
                )
            }
            return runs
        }
        return runs.map { $0.clamped(to: shown) }.filter { !$0.isEmpty }
    }

    private func inlineData(
        within shown: Range<UInt64>
    ) async throws(BackupError) -> [Range<UInt64>] {
        let count = try await reader.engine { () async throws(FileSystemError) in
            try await reader.fileSystem.inlineCount(inode, at: reader.instant)
        }
        let run = (0..<UInt64(count ?? 0)).clamped(to: shown)
        return run.isEmpty ? [] : [run]
    }

    // MARK: The earlier point

    private func value(_ key: [UInt8]) throws(BackupError) -> MapValue? {
        do throws(VaultError) {
            return try reader.vault.value(of: key, in: old)
        } catch {
            throw BackupError(earlierPoint: error)
        }
    }

    /// The tiles that the earlier point has of this inode.
    private func oldTiles(from first: UInt32 = 0) throws(BackupError) -> [UInt32] {
        var tiles: [UInt32] = []
        var key = PointFormat.key(inode, tile: first)
        while true {
            let entries: [MapEntry]
            do throws(VaultError) {
                entries = try reader.vault.scan(old, from: key, limit: 64)
            } catch {
                throw BackupError(earlierPoint: error)
            }
            for entry in entries {
                guard let (owner, tile) = PointFormat.tile(ofKey: entry.key), owner == inode else {
                    return tiles
                }
                tiles.append(tile)
            }
            guard let last = entries.last, entries.count == 64 else { return tiles }
            key = last.key + [0]
        }
    }
}

extension BackupError {
    /// The earlier point, which an increment stands on, cannot be read: `.stale` when it is damaged, so that
    /// everything is read anew.
    init(earlierPoint error: VaultError) {
        self =
            error.code == .corrupt
            ? BackupError(.stale, "the earlier recovery point is damaged: \(error.message)")
            : BackupError(error)
    }
}

extension VaultWriter {
    /// As ``stand(on:)``, for what can do without the point.
    ///
    /// - Throws: `.stale` where its manifest is damaged, `.notFound` where it is gone: everything is then read anew.
    func stand(onEarlier point: RecoveryPoint) throws(BackupError) {
        do throws(VaultError) {
            try stand(on: point.id)
        } catch {
            throw BackupError(earlierPoint: error)
        }
    }
}
