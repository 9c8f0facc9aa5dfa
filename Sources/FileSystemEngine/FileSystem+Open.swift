import Disk
import Foundation
import MetadataStore
import SegmentStore
import Synchronization
import VarveModel

/// How a file system comes and goes.
extension FileSystem {
    /// Makes a file system: its directories, its metadata database, its root directory (root:root, 0755).
    ///
    /// - Throws: `.exists` when its database stands already, `.noSpace`, `.failed`.
    package static func create(
        _ configuration: FileSystemConfiguration
    ) async throws(FileSystemError) -> FileSystem {
        try await Blocking.run { try Opening(configuration).create() }
    }

    /// Opens one that was made before, and mends what a crash has left.
    ///
    /// - Throws: `.notFound`, `.corrupt` (also a wrong key), `.unsupported` (a newer format),
    ///   `.failed`.
    package static func open(
        _ configuration: FileSystemConfiguration
    ) async throws(FileSystemError) -> FileSystem {
        try await Blocking.run {
            do {
                return try Opening(configuration).open()
            } catch {
                // A start writes a little, and frees: it may use the disk's reserve.
                guard FileSystemError(translating: error).code == .noSpace,
                    configuration.reserve?.release() == true
                else { throw error }
                return try Opening(configuration, isShortOfRoom: true).open()
            }
        }
    }

    /// Removes a file system's files, durably; it is closed, and its key is erased already.
    package static func removeFiles(
        of configuration: FileSystemConfiguration
    ) throws(FileSystemError) {
        do {
            let disk = configuration.disk
            for directory in [configuration.directory] + configuration.zones {
                try disk.removeTree(directory)
                let parent = DiskPath.parent(of: directory)
                // Whoever forgets the file system next must not see its name come back: nobody would
                // know whose it is (I6).
                if try disk.status(of: parent) != nil { try disk.syncDirectory(parent) }
            }
        } catch {
            throw FileSystemError(error)
        }
    }

    /// Writes what is pending, ends the threads and closes the stores; further calls are refused.
    package func close() async {
        flushAccessTimes()
        // First: what a move copies must not come into segments whose rows say that nothing more does.
        await Blocking.join { [core] in
            core.copyThreads.stop()
            core.reclaimDrained()
        }
        // Whoever called `write` unstable was told that only `commit` keeps it: a failure here is theirs.
        try? await committer.run(flushing: .all, room: .frees) { try $0.sealSegmentRows() }
        await Blocking.join { [self] in
            committer.stop()
            readers.stop()
            core.close()
        }
    }
}

extension Core {
    /// Closes the stores, in the order in which they refer to each other.
    fileprivate func close() {
        reclaimDrained()
        do {
            try segments.close(after: DurablePosition(database.sealed.walDurable))
        } catch {
            // A segment without its table is scanned instead.
            configuration.log("close segments of \(configuration.id): \(error.message)")
        }
        database.close()
    }
}

/// The steps of making and opening.
private struct Opening {
    let configuration: FileSystemConfiguration
    /// Whether the log is to begin anew before anything is written, so that it need not grow.
    private let isShortOfRoom: Bool

    init(_ configuration: FileSystemConfiguration, isShortOfRoom: Bool = false) {
        self.configuration = configuration
        self.isShortOfRoom = isShortOfRoom
    }

    private var path: String { configuration.directory + "/meta.sqlite" }

    func create() throws -> FileSystem {
        let disk = configuration.disk
        for directory in [configuration.directory] + configuration.zones {
            try disk.makeDirectories(directory)
        }
        guard try disk.status(of: path) == nil else {
            throw FileSystemError(.exists, "a file system's metadata stands at '\(path)'")
        }
        let database = try FileSystemDatabase.create(
            disk: disk,
            path: path,
            key: configuration.dataKey,
            FileSystemDatabaseOptions(
                fileSystem: configuration.unique,
                family: configuration.family,
                second: max(0, configuration.clock.now().seconds),
                nameHashBits: configuration.limits.nameHashBits,
                tileBytes: configuration.limits.tileBytes
            ),
            report: configuration.log
        )
        return try start(database) { writer in
            let now = configuration.clock.now()
            _ = try writer.begin(second: max(0, now.seconds))
            guard try writer.inode(.root, at: .live) == nil else { return writer.rollback() }
            try writer.insertInode(
                InodeRow(
                    inode: .root,
                    kind: .directory,
                    permissions: 0o755,
                    links: 2,
                    accessed: now,
                    modified: now,
                    changed: now,
                    created: now,
                    change: try writer.nextChange(),
                    parent: .root
                )
            )
            _ = try writer.commit()
        }
    }

    func open() throws -> FileSystem {
        guard try configuration.disk.status(of: path) != nil else {
            throw FileSystemError(
                .notFound,
                "no file system's metadata at '\(path)'",
                remedy: "Check the state directory, or restore the file system from a vault."
            )
        }
        let remembered = SegmentStore.rememberedPosition(segmentSettings)
        let database = try FileSystemDatabase.open(
            disk: configuration.disk,
            path: path,
            key: configuration.dataKey,
            fileSystem: configuration.unique,
            requireAtLeast: WALPosition(remembered.position),
            report: configuration.log
        )
        if isShortOfRoom { _ = try database.sealed.checkpoint(waitsForReaders: true) }
        return try start(database, remembered) { writer in try recover(writer) }
    }

    /// Ends what only the last process knew of: holds, and files open without a name.
    private func recover(_ writer: MetadataWriter) throws {
        _ = try writer.begin(second: max(0, configuration.clock.now().seconds))
        try writer.releaseAllHolds()
        for inode in try writer.orphans() {
            try writer.clearOrphan(inode)
            try writer.removeInode(inode)
        }
        _ = try writer.commit()
    }

    private func start(
        _ database: FileSystemDatabase,
        _ remembered: RememberedPosition? = nil,
        _ prepare: (MetadataWriter) throws -> Void
    ) throws -> FileSystem {
        do {
            let writer = try database.writer()
            try prepare(writer)
            let newSegments = NewSegments()
            let segments = try segmentStore(database, writer, newSegments, remembered)
            let core = Core(
                configuration: configuration,
                database: database,
                segments: segments,
                newSegments: newSegments,
                tileBytes: writer.tileBytes,
                hasAccessTimes: try writer.hasImplicitAccessTimes()
            )
            let contexts = try (0..<configuration.limits.readers).map { _ in
                ReadContext(reader: try database.reader(), core: core)
            }
            // SAFETY: nobody else refers to the contexts and the writer; they go to their threads here.
            nonisolated(unsafe) let given = (writer: writer, contexts: contexts)
            return FileSystem(
                core: core,
                committer: Committer(core: core, writer: given.writer),
                readers: WorkerPool(
                    contexts: given.contexts,
                    longMax: ReadContext.longReadsMax(readers: configuration.limits.readers),
                    lingerMilliseconds: configuration.limits.readerLingerMilliseconds,
                    queueMax: configuration.limits.queuedOperationsMax
                )
            )
        } catch {
            database.close()
            throw error
        }
    }

    private var segmentSettings: SegmentStoreConfiguration {
        var settings = SegmentStoreConfiguration(
            disk: configuration.disk,
            zones: configuration.zones.map { zone in
                SegmentZone(name: DiskPath.name(of: DiskPath.parent(of: zone)), directory: zone)
            },
            key: configuration.dataKey,
            family: configuration.family
        )
        settings.report = configuration.log
        settings.openFiles = configuration.openFiles
        configuration.limits.tune(&settings)
        return settings
    }

    private func segmentStore(
        _ database: FileSystemDatabase,
        _ writer: MetadataWriter,
        _ newSegments: NewSegments,
        _ remembered: RememberedPosition?
    ) throws -> SegmentStore {
        let rows = try dropEmptySegments(writer)
        let known = rows.map { row in
            SegmentUsage(
                segment: row.id,
                tier: row.tier,
                state: .closed,
                recordBytes: row.bytes,
                deadBytes: row.dead
            )
        }
        let sequences = database.sequences
        let segments = try SegmentStore(segmentSettings, known: known) {
            (tier) throws(SegmentError) in
            // A sequence number serves: none is ever given twice, crash or not.
            guard let number = sequences.take(.sequence) else {
                throw SegmentError(.invalid, "the numbers of segments have run out for now")
            }
            let id = SegmentID(rawValue: number)
            newSegments.noteMade(id, tier)
            return id
        }
        if let remembered { segments.keep(remembered) }
        for unknown in segments.unknownSegments { try segments.discard(unknown) }
        let open = rows.filter { $0.state == .open }
        if !open.isEmpty { try CrashSweep(segments, writer, configuration).run(open) }
        return segments
    }

    /// Forgets segments in which no record is named any more: their files are then unknown, and go.
    private func dropEmptySegments(_ writer: MetadataWriter) throws -> [SegmentRow] {
        let rows = try writer.segments()
        let empty = rows.filter { $0.dead >= $0.bytes }
        guard !empty.isEmpty else { return rows }
        _ = try writer.begin(second: max(0, configuration.clock.now().seconds))
        for row in empty { try writer.removeSegment(row.id) }
        _ = try writer.commit()
        return rows.filter { $0.dead < $0.bytes }
    }
}

extension MetadataWriter {
    /// Notes that nothing is appended to today's segments any more, and nothing of them forgotten.
    func sealSegments() throws {
        for var row in try segments() where row.state == .open {
            row.state = .sealed
            try putSegment(row)
        }
    }
}

extension WriteContext {
    /// The last act of a clean shutdown: the next start need not sweep.
    fileprivate func sealSegmentRows() throws {
        try putSegments()
        try writer.sealSegments()
    }
}

/// Runs what blocks on a thread of its own.
enum Blocking {
    static func run<Value: Sendable>(
        named name: String = "varve-open",
        _ body: @escaping @Sendable () throws -> Value
    ) async throws(FileSystemError) -> Value {
        let result: Result<Value, FileSystemError> = await withUnsafeContinuation { continuation in
            let thread = Thread { continuation.resume(returning: FileSystemError.result(body)) }
            thread.name = name
            thread.start()
        }
        return try result.get()
    }

    static func join(_ body: @escaping @Sendable () -> Void) async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let thread = Thread {
                body()
                continuation.resume()
            }
            thread.name = "varve-close"
            thread.start()
        }
    }
}
