import BackupVault
import FileSystemEngine
import VarveModel

/// One backup, from the held instant to the published point.
///
/// Not Sendable: the writer belongs to one task. It stores in order what child tasks have read, cut and compressed
/// ahead of it (``PointReader``), of which ``PointWindow`` bounds the bytes.
final class BackupRun {
    let request: BackupRequest
    let reader: PointReader
    let vault: Vault
    private let writer: VaultWriter
    private var names: MapRoot?
    private var inodes: MapRoot?
    private var nameEdits: [MapEdit] = []
    private var inodeEdits: [MapEdit] = []
    private var statistics = BackupStatistics()
    private var inodesDone: UInt64 = 0
    private var window: PointWindow
    private var looks = PointLooks(inodes: 0)
    private var visits = PointVisits()
    private var told = BackupProgress(inodes: 0, bytesRead: 0)
    private var inodesTotal: UInt64?
    private var bytesTotal: UInt64?
    /// Whether the maps still have nodes of the earlier point, which may turn out to be damaged.
    private var isIncrement = false

    /// Edits of a map that go in at once: each batch rewrites the nodes it touches.
    private let editsMax = 16_384

    private init(
        _ request: BackupRequest,
        _ fileSystem: FileSystem,
        _ vault: Vault
    ) throws(BackupError) {
        self.request = request
        self.vault = vault
        do throws(VaultError) {
            writer = try vault.beginWrite()
        } catch {
            throw BackupError(error)
        }
        reader = PointReader(
            fileSystem: fileSystem,
            instant: request.instant,
            vault: vault,
            preparer: writer.preparer
        )
        window = PointWindow(readingMax: BackupRun.readingMax(of: fileSystem))
    }

    /// As many visits as the engine works at, as many that wait for a turn there, and two at hand.
    private static func readingMax(of fileSystem: FileSystem) -> Int {
        2 * fileSystem.longReadsMax + 2
    }

    static func run(
        _ request: BackupRequest,
        of fileSystem: FileSystem,
        to vault: Vault
    ) async throws(BackupError) -> BackupResult {
        let run = try BackupRun(request, fileSystem, vault)
        do throws(BackupError) {
            return try await run.makePoint()
        } catch {
            run.writer.abandon()
            throw error
        }
    }

    private func makePoint() async throws(BackupError) -> BackupResult {
        var fullBecause: String?
        switch try await start() {
        case .point(let point, let bookmark):
            do throws(BackupError) {
                try writer.stand(onEarlier: point)
                names = point.maps[PointFormat.names]
                inodes = point.maps[PointFormat.inodes]
                isIncrement = true
                try await copyChanges(since: bookmark.epoch)
                try applyNames()
                try applyInodes()
            } catch  where error.code == .stale || error.code == .notFound {
                fullBecause = error.message
            }
        case .none(let reason): fullBecause = reason
        }
        if fullBecause != nil {
            beginAnew()
            try await copyEverything()
            try applyNames()
            try applyInodes()
        }
        let size = try await reader.engine { () async throws(FileSystemError) in
            try await reader.fileSystem.room()
        }
        statistics.inodes = size.inodes
        statistics.bytesTotal = size.liveBytes
        let point = try publish(isFull: fullBecause != nil)
        do throws(FileSystemError) {
            // Only now: until the point stands, the next backup starts where this one did.
            try await reader.fileSystem.setBookmark(
                BackupService.bookmarkName(of: vault),
                at: request.instant
            )
        } catch {
            throw BackupError(error)
        }
        return BackupResult(point: point, fullBecause: fullBecause, statistics: statistics)
    }

    /// Forgets what an increment had come to before its earlier point failed it.
    private func beginAnew() {
        names = nil
        inodes = nil
        nameEdits = []
        inodeEdits = []
        statistics = BackupStatistics()
        isIncrement = false
        window = PointWindow(readingMax: BackupRun.readingMax(of: reader.fileSystem))
        looks = PointLooks(inodes: 0)
        visits = PointVisits()
        inodesDone = 0
        told = BackupProgress(inodes: 0, bytesRead: 0)
        (inodesTotal, bytesTotal) = (nil, nil)
    }

    // MARK: Everything

    private func copyEverything() async throws(BackupError) {
        let size = try await reader.engine { () async throws(FileSystemError) in
            try await reader.fileSystem.room()
        }
        (inodesTotal, bytesTotal) = (size.inodes, size.liveBytes)
        let result = await withTaskGroup(of: PointAnswer.self) { group in
            await attemptEverything(&group)
        }
        try result.get()
    }

    private func attemptEverything(
        _ group: inout TaskGroup<PointAnswer>
    ) async -> Result<Void, BackupError> {
        do throws(BackupError) {
            try await readEverything(&group)
            try await finish(&group)
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    private func readEverything(
        _ group: inout TaskGroup<PointAnswer>
    ) async throws(BackupError) {
        var names = NamePosition.start
        var after = InodeNumber(rawValue: 0)
        while true {
            let page = try await reader.inodes(after: after)
            guard let last = page.last else { break }
            for attributes in page {
                for task in try await reader.tasks(for: attributes) { try await add(task, &group) }
            }
            after = last.inode
            // Between pages of inodes, so that content is being read meanwhile.
            try await copyNames(from: &names)
        }
        while names != .end { try await copyNames(from: &names) }
    }

    /// How far the names have come.
    private enum NamePosition: Equatable {
        case start
        case after(InodeNumber, cookie: UInt64)
        case end
    }

    /// Copies one page of names.
    private func copyNames(from position: inout NamePosition) async throws(BackupError) {
        let page: [DirentRecord]
        switch position {
        case .start: page = try await reader.names(after: nil)
        case .after(let directory, let cookie):
            page = try await reader.names(after: (directory, cookie))
        case .end: return
        }
        for record in page {
            let name = PointName(inode: record.inode, kind: record.kind, name: record.name)
            let key = PointFormat.key(record.directory, cookie: record.cookie)
            try edit(name: MapEdit(key, name.encoded()))
        }
        position = page.last.map { .after($0.directory, cookie: $0.cookie) } ?? .end
    }

    // MARK: What changed

    private func copyChanges(since base: Epoch) async throws(BackupError) {
        guard names != nil, let oldInodes = inodes else {
            throw BackupError(.notFound, "the earlier recovery point is not one of a file system")
        }
        let changes = try await reader.changes(since: base)
        statistics.changeKeys = changes.keys
        for part in changes.names.chunks(of: 512) {
            for edit in try await reader.edits(ofNames: part) { try self.edit(name: edit) }
        }
        guard !changes.inodes.isEmpty else { return }
        let result = await withTaskGroup(of: PointAnswer.self) { group in
            await attempt(changes, since: base, oldInodes, &group)
        }
        try result.get()
    }

    private func attempt(
        _ changes: PointChanges,
        since base: Epoch,
        _ old: MapRoot,
        _ group: inout TaskGroup<PointAnswer>
    ) async -> Result<Void, BackupError> {
        do throws(BackupError) {
            looks = PointLooks(inodes: changes.inodes.count)
            inodesTotal = UInt64(changes.inodes.count)
            while !looks.isDone {
                beginLooks(at: changes, since: base, old, &group)
                if let tasks = looks.popFirst() {
                    for task in tasks { try await add(task, &group) }
                } else {
                    try await advance(&group)
                }
            }
            try await finish(&group)
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    /// Looks ahead at changed inodes, so that what is to be read of them is known in time.
    private func beginLooks(
        at changes: PointChanges,
        since base: Epoch,
        _ old: MapRoot,
        _ group: inout TaskGroup<PointAnswer>
    ) {
        while let (number, places) = looks.begin(of: changes.inodes.count) {
            let part = Array(changes.inodes[places])
            let reader = reader
            // A child of the group of `copyChanges`, which does not return before it has ended; as many as `PointLooks` lets begin.
            group.addTask { await reader.look(at: part, since: base, old, number) }
        }
    }

    // MARK: Reading ahead

    private func add(
        _ task: PointTask,
        _ group: inout TaskGroup<PointAnswer>
    ) async throws(BackupError) {
        if let visit = visits.add(task) { try await begin(visit, &group) }
    }

    /// Begins to read as soon as there is room; stores until there is.
    private func begin(
        _ visit: PointVisit,
        _ group: inout TaskGroup<PointAnswer>
    ) async throws(BackupError) {
        if Task.isCancelled { throw BackupError(.cancelled, "the backup was cancelled") }
        while !window.hasRoom(for: visit.bytesMax) { try await advance(&group) }
        read(visit, window.begin(holding: visit.bytesMax), &group)
    }

    private func read(_ visit: PointVisit, _ number: Int, _ group: inout TaskGroup<PointAnswer>) {
        let reader = reader
        // A child of the group that called, which does not return before it has ended; as many as the window has room for.
        group.addTask { await reader.answer(visit, number) }
    }

    /// Waits until a child task has come back, and stores what is next in order.
    private func advance(_ group: inout TaskGroup<PointAnswer>) async throws(BackupError) {
        switch await group.next() {
        case .visit(let number, let result)?:
            window.land(number, try result.get())
            try takeLanded(&group)
        case .look(let number, let result)?: looks.land(number, try result.get())
        case nil: preconditionFailure("what is neither landed nor stored is being read")
        }
    }

    private func finish(_ group: inout TaskGroup<PointAnswer>) async throws(BackupError) {
        if let visit = visits.rest() { try await begin(visit, &group) }
        while !window.isEmpty { try await advance(&group) }
        statistics.bytesHeldMax = window.bytesHeldMax
        tellProgress(isEnd: true)
    }

    private func takeLanded(_ group: inout TaskGroup<PointAnswer>) throws(BackupError) {
        while let landing = window.popFirst() {
            try take(landing.pieces)
            if let rest = landing.rest {
                read(rest, window.goOn(holding: rest.bytesMax), &group)
            }
        }
        tellProgress(isEnd: false)
    }

    /// Tells of every 256 inodes or 16 MiB, and of the end.
    private func tellProgress(isEnd: Bool) {
        let now = BackupProgress(
            inodes: inodesDone,
            bytesRead: statistics.bytesRead,
            inodesTotal: inodesTotal,
            bytesTotal: bytesTotal
        )
        guard
            isEnd || now.inodes >= told.inodes + 256
                || now.bytesRead >= told.bytesRead + 16 << 20
        else { return }
        told = now
        request.progress(now)
    }

    // MARK: Storing

    private func take(_ pieces: [PointPiece]) throws(BackupError) {
        for piece in pieces {
            switch piece {
            case .delete(let key): try edit(inode: MapEdit(key, nil))
            case .inode(let inode):
                inodesDone += 1
                try takeInode(inode)
            case .tile(let inode, let tile, let content):
                statistics.contentEdits += 1
                statistics.bytesRead += content.byteCount
                let key = PointFormat.key(inode, tile: tile)
                try edit(inode: MapEdit(key, try store(content).encoded()))
            }
        }
    }

    private func takeInode(_ details: InodeDetails) throws(BackupError) {
        statistics.inodeEdits += 1
        var inode = PointInode(attributes: details.attributes, target: details.target)
        for attribute in details.extended {
            let value: PointInode.Attribute.Value =
                attribute.value.count <= PointFormat.attributeBytesInline
                ? .inline(attribute.value)
                : .chunk(
                    try storing { () throws(VaultError) in try writer.store(attribute.value) }
                )
            inode.extended.append(PointInode.Attribute(name: attribute.name, value: value))
        }
        try edit(inode: MapEdit(PointFormat.key(details.attributes.inode), inode.encoded()))
    }

    /// Stores the chunks of a tile and maps its runs onto them.
    private func store(_ content: PointTileContent) throws(BackupError) -> PointTile {
        let chunks = try storing { () throws(VaultError) in try writer.store(content.chunks) }
        let fresh = PointTile.extents(of: content.runs, over: chunks)
        guard let old = content.old else { return PointTile(extents: fresh) }
        return old.replacing(content.runs, with: fresh, data: content.data)
    }

    private func edit(name edit: MapEdit) throws(BackupError) {
        statistics.nameEdits += 1
        nameEdits.append(edit)
        if nameEdits.count >= editsMax { try applyNames() }
    }

    private func edit(inode edit: MapEdit) throws(BackupError) {
        inodeEdits.append(edit)
        if inodeEdits.count >= editsMax { try applyInodes() }
    }

    private func applyNames() throws(BackupError) {
        guard !nameEdits.isEmpty || names == nil else { return }
        names = try update(names, nameEdits)
        nameEdits = []
    }

    private func applyInodes() throws(BackupError) {
        guard !inodeEdits.isEmpty || inodes == nil else { return }
        inodes = try update(inodes, inodeEdits)
        inodeEdits = []
    }

    private func update(_ map: MapRoot?, _ edits: [MapEdit]) throws(BackupError) -> MapRoot {
        do throws(VaultError) {
            return try writer.update(map, edits: edits)
        } catch {
            throw isIncrement ? BackupError(earlierPoint: error) : BackupError(error)
        }
    }

    private func publish(isFull: Bool) throws(BackupError) -> RecoveryPoint {
        let counters = writer.counters
        statistics.bytesNew = counters.plainBytes
        statistics.bytesStored = counters.storedBytes
        statistics.chunksStored = UInt64(counters.chunksStored)
        statistics.chunksDeduplicated = UInt64(counters.chunksDeduplicated)
        statistics.nodesRead = UInt64(counters.nodesRead)
        statistics.nodesWritten = UInt64(counters.nodesWritten)
        statistics.isFull = isFull ? 1 : 0
        var maps: [String: MapRoot] = [:]
        maps[PointFormat.names] = names
        maps[PointFormat.inodes] = inodes
        var named = statistics.named
        if let days = request.coldAfterDays { named[RecoveryPoint.coldAfterDays] = UInt64(days) }
        var labels = request.labels
        labels["kind"] = isFull ? "full" : "incremental"
        let draft = RecoveryPointDraft(
            source: request.source,
            instant: request.instant.rawValue,
            instantTime: Timestamp(seconds: request.instant.second),
            created: request.created,
            expires: request.expires,
            maps: maps,
            statistics: named,
            labels: labels
        )
        return try storing { () throws(VaultError) in try writer.publish(draft) }
    }

    func storing<Value>(
        _ body: () throws(VaultError) -> Value
    ) throws(BackupError) -> Value {
        do throws(VaultError) {
            return try body()
        } catch {
            throw BackupError(error)
        }
    }
}

extension Array {
    /// Parts of `count` elements, the last one shorter.
    fileprivate func chunks(of count: Int) -> [[Element]] {
        stride(from: 0, to: self.count, by: count).map {
            Array(self[$0..<Swift.min($0 + count, self.count)])
        }
    }
}
