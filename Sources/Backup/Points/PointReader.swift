import BackupVault
import FileSystemEngine
import VarveModel

/// Something to read for a recovery point; tasks come in the order of their keys.
enum PointTask: Sendable {
    /// An inode with all that it has: at most one tile.
    case whole(InodeDetails)
    /// A large file without its data.
    case attributes(InodeDetails)
    /// One tile of a large file: runs of data as bytes of the file.
    case tile(InodeNumber, UInt32, [Range<UInt64>])
    /// An inode that changed after `base`, as it is now; `old` is the earlier point's map.
    case change(InodeNumber, PointChange, now: InodeDetails?, base: Epoch, old: MapRoot)
}

/// What changed of an inode.
struct PointChange: Sendable, Hashable {
    /// Attributes, extended ones included; of a small file perhaps its bytes.
    var isInode = false
    var tiles: Set<UInt32> = []
    /// Any tile may have changed.
    var isAnyTile = false
}

/// Something that was read.
enum PointPiece: Sendable {
    case delete([UInt8])
    case inode(InodeDetails)
    case tile(InodeNumber, UInt32, PointTileContent)
}

/// Bytes of a tile that are to be stored.
struct PointTileContent: Sendable {
    /// Runs within the tile, in order.
    var runs: [Range<UInt32>]
    /// Their bytes, one after another.
    var bytes: [UInt8]
    /// The tile as the earlier point has it, when only `runs` of it are replaced.
    var old: PointTile?
    /// All data of the tile, when `old` is given.
    var data: [Range<UInt32>] = []
}

/// Tasks that are read at once: 64, or 16 MiB of tiles.
struct PointBatch {
    private var tasks: [PointTask] = []
    private var tiles = 0

    var isFull: Bool { tasks.count >= 64 || tiles >= 4 }

    mutating func add(_ task: PointTask) {
        switch task {
        case .whole(let inode):
            if inode.attributes.size > PointFormat.tileBytes / 4 { tiles += 1 }
        case .tile: tiles += 1
        case .change(_, let change, _, _, _): if change.tiles.count > 1 { tiles += 1 }
        case .attributes: break
        }
        tasks.append(task)
    }

    mutating func take() -> [PointTask] {
        defer { self = PointBatch() }
        return tasks
    }
}

/// Reads a file system at one held instant, many things at a time.
struct PointReader: Sendable {
    let fileSystem: FileSystem
    let instant: Epoch
    let vault: Vault

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

    func inodes(after inode: InodeNumber) async throws(BackupError) -> [InodeDetails] {
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
    func tasks(for inode: InodeDetails) async throws(BackupError) -> [PointTask] {
        let attributes = inode.attributes
        guard attributes.kind == .regular, attributes.size > PointFormat.tileBytes else {
            return [.whole(inode)]
        }
        var tasks: [PointTask] = [.attributes(inode)]
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

    /// Does all tasks at once; the answers come in their order.
    func read(_ tasks: [PointTask]) async -> Result<[PointPiece], BackupError> {
        await withTaskGroup(of: (Int, Result<[PointPiece], BackupError>).self) { group in
            for (index, task) in tasks.enumerated() {
                group.addTask { (index, await attempt(task)) }
            }
            var pieces = [[PointPiece]](repeating: [], count: tasks.count)
            var failure: BackupError?
            for await (index, result) in group {
                switch result {
                case .success(let found): pieces[index] = found
                case .failure(let error): failure = failure ?? error
                }
            }
            if let failure { return .failure(failure) }
            return .success(pieces.flatMap(\.self))
        }
    }

    /// Apart from the task's closure: Swift 6.3.1 in release returned a wrong index beside a typed catch there.
    private func attempt(_ task: PointTask) async -> Result<[PointPiece], BackupError> {
        do throws(BackupError) {
            return .success(try await read(task))
        } catch {
            return .failure(error)
        }
    }

    private func read(_ task: PointTask) async throws(BackupError) -> [PointPiece] {
        switch task {
        case .whole(let inode):
            var pieces: [PointPiece] = [.inode(inode)]
            let attributes = inode.attributes
            guard attributes.kind == .regular, attributes.size > 0 else { return pieces }
            for (tile, runs) in try await tiles(of: attributes.inode) {
                let content = try await content(attributes.inode, tile, runs)
                pieces.append(.tile(attributes.inode, tile, content))
            }
            return pieces
        case .attributes(let inode): return [.inode(inode)]
        case .tile(let inode, let tile, let runs):
            return [.tile(inode, tile, try await content(inode, tile, runs))]
        case .change(let inode, let change, let now, let base, let old):
            return try await PointDelta(reader: self, inode: inode, base: base, old: old)
                .pieces(change, now: now)
        }
    }

    /// Reads runs of one tile.
    func content(
        _ inode: InodeNumber,
        _ tile: UInt32,
        _ runs: [Range<UInt64>]
    ) async throws(BackupError) -> PointTileContent {
        let start = UInt64(tile) * PointFormat.tileBytes
        var content = PointTileContent(runs: [], bytes: [])
        for run in runs {
            let bytes = try await engine { () async throws(FileSystemError) in
                try await fileSystem.bulkRead(inode, run, at: .past(instant)).bytes
            }
            guard bytes.count == run.count else {
                throw BackupError(
                    .corrupt,
                    "inode \(inode.rawValue): \(bytes.count) bytes at \(run)",
                    remedy: "Run varve doctor."
                )
            }
            content.runs.append(UInt32(run.lowerBound - start)..<UInt32(run.upperBound - start))
            if content.bytes.isEmpty {
                content.bytes = bytes
            } else {
                content.bytes += bytes
            }
        }
        return content
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
