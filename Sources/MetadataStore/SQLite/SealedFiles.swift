import Disk
import Keyring
import Synchronization
import VarveModel

/// The two files of one open database, and what its connections share about them.
final class SealedFiles: Sendable {
    let path: String
    let logPath: String
    let base: any DiskFile
    let log: any DiskFile
    let keys: PageKeys
    let index = WALIndex()
    let counters = SealedCounters()
    /// The base and the log by their copies, which stand in messages by name.
    let baseCopies: SealedCopies
    let logCopies: SealedCopies
    /// Bytes that the log grows by at most, filled with zeros: overwriting is what syncs fast.
    private let growthBytes: UInt64
    private let isSuspect = Atomic<Bool>(false)
    /// Whether a write of the log has ended since its last sync began.
    private let isLogDirty = Atomic<Bool>(false)
    /// One sync of the log at a time: who finds it clean must know that the cleaning has ended.
    private let logSync = Mutex(())
    /// Held while the log begins anew, and while frames of it are put right: a frame must not come back after that.
    private let restarting = Mutex(())
    private let state: Mutex<LogState>

    private struct LogState {
        /// SQLite's own header of the log; zeros before the first.
        var header: [UInt8]
        var generation: UInt64
        /// Frames that the file has room for.
        var capacity: UInt64
        /// Frames up to the last whole transaction written.
        var committed: UInt64
        var durable: WALPosition
        /// The note's slot that is next.
        var turn: Int
        /// Pages of the database when it was opened.
        var pagesAtOpening: UInt32 = 0
    }

    init(
        path: String,
        base: any DiskFile,
        log: any DiskFile,
        keys: PageKeys,
        record: LogRecord,
        growthBytes: UInt64,
        report: @escaping @Sendable (String) -> Void
    ) throws(DiskError) {
        self.path = path
        logPath = SealedFiles.logPath(path)
        self.base = base
        self.log = log
        baseCopies = SealedCopies(base: base, of: path, report: report)
        logCopies = SealedCopies(log: log, of: path, report: report)
        self.keys = keys
        self.growthBytes = max(growthBytes, UInt64(SealedLayout.sealedFrameBytes))
        state = Mutex(
            LogState(
                header: record.header,
                generation: record.generation,
                capacity: SealedLayout.frames(inLogOf: try log.longestSize()),
                committed: 0,
                durable: .none,
                turn: 0
            )
        )
    }

    static func logPath(_ path: String) -> String { path + "-wal" }

    // MARK: Trust

    /// Refuses to go on after a sync has failed: nobody knows what the medium holds.
    func requireTrust() throws(MetadataError) {
        guard isSuspect.load(ordering: .acquiring) else { return }
        throw MetadataError(
            .failed,
            "database '\(path)' is suspect: a sync failed",
            remedy: "Check the disk, then restart: what is durable is read again."
        )
    }

    func distrust() {
        isSuspect.store(true, ordering: .releasing)
    }

    var isTrusted: Bool { !isSuspect.load(ordering: .acquiring) }

    // MARK: The log

    var durable: WALPosition { state.withLock { $0.durable } }

    var generation: UInt64 { state.withLock { $0.generation } }

    var logHeader: [UInt8] { state.withLock { $0.header } }

    var logCapacity: UInt64 { state.withLock { $0.capacity } }

    /// What frames sealed now say of the log: its generation, and how many frames were durable before.
    var claim: (generation: UInt64, durable: UInt64) {
        state.withLock {
            ($0.generation, $0.durable.generation == $0.generation ? $0.durable.frames : 0)
        }
    }

    /// Pages that the database has after its last commit.
    var committedPages: UInt32 {
        let known = index.committedPages
        return known > 0 ? known : state.withLock { $0.pagesAtOpening }
    }

    /// Takes what recovery has found as whole, once it has been synced.
    func adopt(frames: UInt64, pages: UInt32) {
        state.withLock {
            $0.pagesAtOpening = pages
            $0.committed = frames
            $0.durable = WALPosition(generation: $0.generation, frames: frames)
        }
    }

    /// Begins the log anew: SQLite's header, sealed with the next generation.
    func restartLog(header: UnsafeRawBufferPointer, with sealer: PageSealer) throws(MetadataError) {
        let header = Array(header)
        try restarting.withLock { _ throws(MetadataError) in
            let generation = generation + 1
            let record = LogRecord(header: header, generation: generation)
            try write(record.sealed(by: sealer), to: log, at: SealedLayout.logRecordOffset)
            noteWritten()
            state.withLock {
                $0.header = record.header
                $0.generation = generation
                $0.committed = 0
            }
        }
    }

    /// Writes sealed frames from `first` on; the file grows when it must.
    ///
    /// - Parameters:
    ///   - frames: Whole sealed frames.
    ///   - first: The index of the first.
    ///   - committed: Frames up to the last whole transaction among them, if they end one.
    /// - Throws: `.noSpace`, `.failed`.
    func append(
        _ frames: UnsafeRawBufferPointer,
        at first: UInt64,
        committed: UInt64?
    ) throws(MetadataError) {
        try requireTrust()
        let end = first + UInt64(frames.count / SealedLayout.sealedFrameBytes)
        if end > logCapacity { try growLog(to: end) }
        try write(frames, to: log, at: SealedLayout.offset(ofFrame: first))
        noteWritten()
        if let committed { state.withLock { $0.committed = committed } }
    }

    /// After a write of the log, never before: a sync that another connection began in between would
    /// take the mark with it and not cover the bytes.
    private func noteWritten() {
        isLogDirty.store(true, ordering: .releasing)
    }

    private func growLog(to frames: UInt64) throws(MetadataError) {
        let start = SealedLayout.offset(ofFrame: logCapacity)
        let needed = SealedLayout.offset(ofFrame: frames)
        // As much again as there is, up to the bound.
        let end = max(needed, start + min(growthBytes, start))
        let zeros = [UInt8](repeating: 0, count: 256 << 10)
        var offset = start
        do throws(DiskError) {
            while offset < end {
                let count = Int(min(UInt64(zeros.count), end - offset))
                try log.write(Array(zeros[0..<count]), at: offset)
                offset += UInt64(count)
            }
        } catch {
            // Growing ahead is a convenience; what is needed now must fit.
            guard error.code == .noSpace, offset >= needed else {
                throw MetadataError(error, database: path)
            }
        }
        let capacity = SealedLayout.frames(inLogOf: offset)
        state.withLock { $0.capacity = capacity }
    }

    /// Makes the log durable; what it held whole before the call is `durable` after it.
    func syncLog(with sealer: PageSealer) throws(MetadataError) {
        try requireTrust()
        let reached = state.withLock {
            WALPosition(generation: $0.generation, frames: $0.committed)
        }
        try logSync.withLock { _ throws(MetadataError) in
            guard isLogDirty.exchange(false, ordering: .acquiringAndReleasing) else { return }
            try sync(log)
            counters.logSyncs.add(1, ordering: .relaxed)
        }
        // Another connection's sync may have failed while this one waited for it.
        try requireTrust()
        let slot: Int? = state.withLock {
            guard reached > $0.durable else { return nil }
            $0.durable = reached
            $0.turn += 1
            return $0.turn % SealedLayout.noteOffsets.count
        }
        // The note is not synced: it says only what is true already, and is there when it is found.
        guard let slot, reached.frames > 0 else { return }
        do throws(MetadataError) {
            let note = DurableNote(reached).sealed(by: sealer)
            try write(note, to: base, at: SealedLayout.noteOffsets[slot])
        } catch {
            distrust()
            throw error
        }
    }

    // MARK: The base

    func syncBase() throws(MetadataError) {
        try requireTrust()
        try sync(base)
        counters.baseSyncs.add(1, ordering: .relaxed)
    }

    private func sync(_ file: any DiskFile) throws(MetadataError) {
        do throws(DiskError) {
            try file.sync()
        } catch {
            distrust()
            throw MetadataError(error, database: path)
        }
    }

    // MARK: Bytes

    func write(
        _ bytes: UnsafeRawBufferPointer,
        to file: any DiskFile,
        at offset: UInt64
    ) throws(MetadataError) {
        try requireTrust()
        do throws(DiskError) {
            try file.write(bytes, at: offset)
        } catch {
            throw MetadataError(error, database: path)
        }
        counters.bytesWritten.add(UInt64(bytes.count), ordering: .relaxed)
    }

    func write(
        _ bytes: [UInt8],
        to file: any DiskFile,
        at offset: UInt64
    ) throws(MetadataError) {
        try requireTrust()
        do throws(DiskError) {
            try file.write(bytes, at: offset)
        } catch {
            throw MetadataError(error, database: path)
        }
        counters.bytesWritten.add(UInt64(bytes.count), ordering: .relaxed)
    }

    /// Reads a page of the base; who reads it keeps checkpoints from it, as every reader of SQLite's does.
    ///
    /// - Returns: Whether `buffer` holds what `verifies` takes.
    func readPage(
        _ number: UInt32,
        into buffer: UnsafeMutableRawBufferPointer,
        verifies: (Int) -> Bool
    ) throws(MetadataError) -> Bool {
        let offset = SealedLayout.offset(ofPage: number)
        return try baseCopies.read(
            into: buffer,
            at: offset,
            { "page \(number)" },
            mending: { if isTrusted { $0() } },
            verifies: verifies
        )
    }

    /// Reads a frame of the log; where a copy lacks it, it is put there if the log has not begun anew meanwhile.
    ///
    /// - Returns: Whether `buffer` holds what `verifies` takes.
    func readFrame(
        _ index: UInt64,
        of generation: UInt64,
        into buffer: UnsafeMutableRawBufferPointer,
        verifies: (Int) -> Bool
    ) throws(MetadataError) -> Bool {
        try logCopies.read(
            into: buffer,
            at: SealedLayout.offset(ofFrame: index),
            { "frame \(index + 1)" },
            mending: { mend in
                whileLog(is: generation) { if isTrusted { mend() } }
            },
            verifies: verifies
        )
    }

    /// Runs `body` unless the log has begun anew since it was of this generation, and keeps it from that.
    func whileLog(is generation: UInt64, _ body: () -> Void) {
        restarting.withLock { _ in
            if self.generation == generation { body() }
        }
    }

    func size(of file: any DiskFile) throws(MetadataError) -> UInt64 {
        do throws(DiskError) {
            return try file.longestSize()
        } catch {
            throw MetadataError(error, database: path)
        }
    }

    func truncateBase(to size: UInt64) throws(MetadataError) {
        try requireTrust()
        do throws(DiskError) {
            if try base.longestSize() > size { try base.truncate(to: size) }
        } catch {
            throw MetadataError(error, database: path)
        }
    }
}

/// What a database has cost: for tests and metrics.
final class SealedCounters: Sendable {
    let logSyncs = Atomic<UInt64>(0)
    let baseSyncs = Atomic<UInt64>(0)
    let bytesWritten = Atomic<UInt64>(0)
    let pagesRead = Atomic<UInt64>(0)
    let framesSealed = Atomic<UInt64>(0)

    func countRead() { pagesRead.add(1, ordering: .relaxed) }
}
