import BackupVault
import FileSystemEngine
import VarveModel

/// Reads a file system at one held instant, many things at a time.
struct PointReader: Sendable {
    let fileSystem: FileSystem
    let instant: Epoch
    let vault: Vault
    /// Cuts and compresses what was read, on the reading task.
    let preparer: ChunkPreparer

    /// Tiles of the file system in one of ours: 1, unless it was made with smaller ones.
    var tilesInOurs: UInt32 {
        UInt32(max(1, PointFormat.tileBytes / fileSystem.limits.tileBytes))
    }

    /// Names in the order of their keys.
    func names(
        after position: (directory: InodeNumber, cookie: UInt64)?
    ) async throws(BackupError) -> [DirentRecord] {
        try await engine { () async throws(FileSystemError) in
            try await fileSystem.dirents(after: position, limit: 8_192, at: instant)
        }
    }

    func inodes(after inode: InodeNumber) async throws(BackupError) -> [Attributes] {
        try await engine { () async throws(FileSystemError) in
            try await fileSystem.inodes(after: inode, limit: 1_024, at: instant)
        }
    }

    /// These inodes, in their order; `nil` for one that is gone.
    func inodes(_ inodes: [InodeNumber]) async throws(BackupError) -> [InodeDetails?] {
        try await engine { () async throws(FileSystemError) in
            try await fileSystem.inodes(inodes, at: instant)
        }
    }

    /// What to read of an inode in a full backup.
    func tasks(for attributes: Attributes) async throws(BackupError) -> [PointTask] {
        guard attributes.kind == .regular, attributes.size > PointFormat.tileBytes else {
            return [.whole(attributes)]
        }
        var tasks: [PointTask] = [.attributes(attributes)]
        for (tile, runs) in try await tiles(of: attributes.inode) {
            tasks.append(.tile(attributes.inode, tile, runs))
        }
        return tasks
    }

    /// All data of a file by tiles, in order.
    func tiles(
        of inode: InodeNumber
    ) async throws(BackupError) -> [(tile: UInt32, runs: [Range<UInt64>])] {
        let runs = try await engine { () async throws(FileSystemError) in
            try await fileSystem.dataRanges(inode, at: .past(instant))
        }
        var tiles: [(tile: UInt32, runs: [Range<UInt64>])] = []
        for run in runs {
            var at = run.lowerBound
            while at < run.upperBound {
                let tile = UInt32(at / PointFormat.tileBytes)
                let end = min(run.upperBound, (UInt64(tile) + 1) * PointFormat.tileBytes)
                if tiles.last?.tile == tile {
                    tiles[tiles.count - 1].runs.append(at..<end)
                } else {
                    tiles.append((tile, [at..<end]))
                }
                at = end
            }
        }
        return tiles
    }

    /// What a visit brings, under its number.
    func answer(_ visit: PointVisit, _ number: Int) async -> PointAnswer {
        PointAnswer(number: number, result: await attempt(visit))
    }

    /// Apart from ``answer(_:_:)``: Swift 6.3.1 in release returned a wrong number beside a typed catch there.
    private func attempt(_ visit: PointVisit) async -> Result<[PointPiece], BackupError> {
        do throws(BackupError) {
            switch visit {
            case .whole(let inodes): return .success(try await read(whole: inodes))
            case .one(let task): return .success(try await read(task))
            case .ready(let pieces): return .success(pieces)
            }
        } catch {
            return .failure(error)
        }
    }

    /// Inodes of at most one tile each, in one visit of the engine.
    private func read(whole inodes: [Attributes]) async throws(BackupError) -> [PointPiece] {
        let found = try await engine { () async throws(FileSystemError) in
            try await fileSystem.bulkInodes(inodes, runsMax: PointTile.runsMax, at: instant)
        }
        var pieces: [PointPiece] = []
        for one in found {
            let number = one.details.attributes.inode
            pieces.append(.inode(one.details))
            guard !one.runs.isEmpty else { continue }
            let count = one.runs.reduce(0) { $0 + $1.count }
            try requireWhole(one.bytes, count, number)
            // One tile: its runs are those of the file.
            let content = PointTileContent(
                runs: one.runs.map { UInt32($0.lowerBound)..<UInt32($0.upperBound) },
                chunks: preparer.prepare(one.bytes),
                byteCount: UInt64(count)
            )
            pieces.append(.tile(number, 0, content))
        }
        return pieces
    }

    private func requireWhole(
        _ bytes: [UInt8],
        _ count: Int,
        _ inode: InodeNumber
    ) throws(BackupError) {
        guard bytes.count == count else {
            throw BackupError(
                .corrupt,
                "inode \(inode.rawValue): \(bytes.count) bytes where \(count) are",
                remedy: "Run varve doctor."
            )
        }
    }

    private func read(_ task: PointTask) async throws(BackupError) -> [PointPiece] {
        switch task {
        case .ready(let piece): return [piece]
        case .whole(let attributes): return try await read(whole: [attributes])
        case .attributes(let attributes): return try await inode(attributes)
        case .tile(let inode, let tile, let runs):
            return [.tile(inode, tile, try await content(inode, tile, runs))]
        case .changedTile(let delta, let tile, let attributes):
            return try await delta.piece(tile, attributes).map { [$0] } ?? []
        }
    }

    /// What is to be read of changed inodes, one list each in their order.
    func tasks(
        for changes: [(InodeNumber, PointChange)],
        since base: Epoch,
        _ old: MapRoot
    ) async throws(BackupError) -> [Result<[PointTask], BackupError>] {
        let found = try await inodes(changes.map(\.0))
        return await withTaskGroup(of: (Int, Result<[PointTask], BackupError>).self) { group in
            for (index, (inode, change)) in changes.enumerated() {
                let delta = PointDelta(reader: self, inode: inode, base: base, old: old)
                let now = found[index]
                group.addTask { (index, await PointReader.attempt(delta, change, now)) }
            }
            var tasks = [Result<[PointTask], BackupError>](
                repeating: .success([]),
                count: changes.count
            )
            for await (index, result) in group { tasks[index] = result }
            return tasks
        }
    }

    /// Apart from the task's closure, as ``attempt(_:)``.
    private static func attempt(
        _ delta: PointDelta,
        _ change: PointChange,
        _ now: InodeDetails?
    ) async -> Result<[PointTask], BackupError> {
        do throws(BackupError) {
            return .success(try await delta.tasks(change, now: now))
        } catch {
            return .failure(error)
        }
    }

    /// An inode with its symlink target and extended attributes.
    private func inode(_ attributes: Attributes) async throws(BackupError) -> [PointPiece] {
        try await inodes([attributes.inode]).compactMap { $0.map(PointPiece.inode) }
    }

    /// Reads runs of one tile.
    func content(
        _ inode: InodeNumber,
        _ tile: UInt32,
        _ runs: [Range<UInt64>]
    ) async throws(BackupError) -> PointTileContent {
        let start = UInt64(tile) * PointFormat.tileBytes
        let runs = PointTile.bounded(runs)
        var found: [UInt8] = []
        for run in runs {
            let bytes = try await engine { () async throws(FileSystemError) in
                try await fileSystem.bulkRead(inode, run, at: .past(instant)).bytes
            }
            try requireWhole(bytes, run.count, inode)
            if found.isEmpty { found = bytes } else { found += bytes }
        }
        return PointTileContent(
            runs: runs.map { UInt32($0.lowerBound - start)..<UInt32($0.upperBound - start) },
            chunks: preparer.prepare(found),
            byteCount: UInt64(found.count)
        )
    }

    func engine<Value>(
        _ body: () async throws(FileSystemError) -> Value
    ) async throws(BackupError) -> Value {
        do throws(FileSystemError) {
            return try await body()
        } catch {
            throw BackupError(error)
        }
    }
}
