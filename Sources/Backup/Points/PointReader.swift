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
        .visit(number, await attempt(visit))
    }

    /// Apart from ``answer(_:_:)``: Swift 6.3.1 in release returned a wrong number beside a typed catch there.
    private func attempt(_ visit: PointVisit) async -> Result<PointLanding, BackupError> {
        do throws(BackupError) {
            return .success(try await read(visit))
        } catch {
            return .failure(error)
        }
    }

    /// Reads what tasks name: the inodes among them in one visit of the engine.
    private func read(_ visit: PointVisit) async throws(BackupError) -> PointLanding {
        var inodes = try await bulkInodes(visit).makeIterator()
        var landing = PointLanding()
        for (place, task) in visit.tasks.enumerated() {
            switch task {
            case .ready(let piece): landing.pieces.append(piece)
            case .whole, .attributes:
                guard let inode = inodes.next() else {
                    let rest = Array(visit.tasks[place...])
                    landing.rest = PointVisit(tasks: rest, isNext: true)
                    return landing
                }
                landing.pieces += try pieces(of: inode)
            case .tile(let inode, let tile, let runs):
                landing.pieces.append(.tile(inode, tile, try await content(inode, tile, runs)))
            case .changedTile(let delta, let tile, let attributes):
                if let piece = try await delta.piece(tile, attributes) {
                    landing.pieces.append(piece)
                }
            }
        }
        return landing
    }

    /// The inodes that a visit asks for, as far as there is room for what they have beside data.
    private func bulkInodes(_ visit: PointVisit) async throws(BackupError) -> [BulkInode] {
        let requests = visit.tasks.compactMap(\.inode)
        guard let first = requests.first else { return [] }
        let found = try await bulkInodes(requests, detailBytesMax: PointVisit.detailBytesMax)
        guard found.isEmpty, visit.isNext else { return found }
        return try await bulkInodes([first], detailBytesMax: .max)
    }

    private func bulkInodes(
        _ requests: [FileSystem.BulkRequest],
        detailBytesMax: Int
    ) async throws(BackupError) -> [BulkInode] {
        try await engine { () async throws(FileSystemError) in
            try await fileSystem.bulkInodes(
                requests,
                detailBytesMax: detailBytesMax,
                runsMax: PointTile.runsMax,
                at: instant
            )
        }
    }

    /// An inode, and the one tile that it was read whole with.
    private func pieces(of one: BulkInode) throws(BackupError) -> [PointPiece] {
        guard !one.runs.isEmpty else { return [.inode(one.details)] }
        let number = one.details.attributes.inode
        let count = one.runs.reduce(0) { $0 + $1.count }
        try requireWhole(one.bytes, count, number)
        // Its runs are those of the file.
        let content = PointTileContent(
            runs: one.runs.map { UInt32($0.lowerBound)..<UInt32($0.upperBound) },
            chunks: preparer.prepare(one.bytes),
            byteCount: UInt64(count)
        )
        return [.inode(one.details), .tile(number, 0, content)]
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

    /// What is to be read of changed inodes, under their part's number.
    func look(
        at changes: [(InodeNumber, PointChange)],
        since base: Epoch,
        _ old: MapRoot,
        _ number: Int
    ) async -> PointAnswer {
        .look(number, await attemptLook(changes, base, old))
    }

    /// Apart from ``look(at:since:_:_:)``, as ``attempt(_:)``.
    private func attemptLook(
        _ changes: [(InodeNumber, PointChange)],
        _ base: Epoch,
        _ old: MapRoot
    ) async -> Result<[PointTask], BackupError> {
        do throws(BackupError) {
            return .success(try await tasks(for: changes, since: base, old))
        } catch {
            return .failure(error)
        }
    }

    private func tasks(
        for changes: [(InodeNumber, PointChange)],
        since base: Epoch,
        _ old: MapRoot
    ) async throws(BackupError) -> [PointTask] {
        let found = try await engine { () async throws(FileSystemError) in
            try await fileSystem.attributes(of: changes.map(\.0), at: instant)
        }
        var tasks: [PointTask] = []
        for ((inode, change), now) in zip(changes, found) {
            let delta = PointDelta(reader: self, inode: inode, base: base, old: old)
            tasks += try await delta.tasks(change, now: now)
        }
        return tasks
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
        if runs.count > 1 { found.reserveCapacity(runs.reduce(0) { $0 + $1.count }) }
        for run in runs {
            let bytes = try await engine { () async throws(FileSystemError) in
                try await fileSystem.bulkRead(inode, run, at: .past(instant)).bytes
            }
            try requireWhole(bytes, run.count, inode)
            if runs.count == 1 { found = bytes } else { found += bytes }
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
