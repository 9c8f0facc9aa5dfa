import Disk
import Foundation
import MetadataStore
import VarveModel

/// The one thread that changes a file system: it gathers operations, runs them in one transaction,
/// makes it durable and then answers (design: group commit).
///
/// While the log of one batch syncs, the next one's operations run in a transaction of their own, which ends when that
/// sync has; no delay is added. One operation that comes alone is synced by this thread, and changes no other
/// (docs/decisions/0021).
final class Committer: Sendable {
    private let condition = NSCondition()
    // SAFETY: these four are touched under `condition`'s lock alone; an operation belongs to the
    // queue until the thread takes it, and to the thread from then on.
    private nonisolated(unsafe) var queue: [Operation] = []
    private nonisolated(unsafe) var isStopping = false
    private nonisolated(unsafe) var isStopped = false
    private nonisolated(unsafe) var timer: FlushTimer
    private let core: Core
    private let syncer: LogSyncer
    private let gate: AdmissionGate

    init(core: Core, writer: sending MetadataWriter) {
        self.core = core
        let condition = condition
        syncer = LogSyncer(core: core) {
            condition.lock()
            condition.broadcast()
            condition.unlock()
        }
        gate = AdmissionGate(limit: core.limits.queuedOperationsMax)
        timer = FlushTimer(seconds: core.limits.flushSeconds)
        // SAFETY: the writer is handed to the thread and touched there alone.
        nonisolated(unsafe) let context = WriteContext(writer: writer, core: core)
        let thread = Thread { [self] in work(context) }
        thread.name = "varve-commit"
        thread.start()
    }

    /// Runs `body` in a transaction and answers when that is durable.
    ///
    /// Refusals wait too: what they show was perhaps made a moment ago in the same batch.
    ///
    /// - Parameters:
    ///   - scope: Unstable writes that enter the database first.
    ///   - room: What it means for a full disk.
    ///   - isOfMove: Whether a move asks, and no client, whom moves heed.
    ///   - body: The change.
    /// - Returns: What `body` answered.
    /// - Throws: What it threw, and `.noSpace`, `.readOnly`, `.failed`.
    func run<Value: Sendable>(
        flushing scope: FlushScope = .none,
        room: RoomUse = .takes,
        isOfMove: Bool = false,
        _ body: @escaping @Sendable (WriteContext) throws -> Value
    ) async throws(FileSystemError) -> Value {
        if !isOfMove { core.copyPace.noteCall() }
        try core.requireWritable()
        if room == .takes { try await core.requireRoom() }
        await gate.enter()
        let result: Result<Value, FileSystemError> = await withUnsafeContinuation { continuation in
            let operation = AwaitedOperation(
                flushes: scope,
                room: room,
                continuation: continuation,
                body: body
            )
            if !push(operation) { operation.reply() }
        }
        gate.leave()
        return try result.get()
    }

    /// Queues what nobody waits for.
    func enqueue(
        flushing scope: FlushScope = .none,
        room: RoomUse = .takes,
        _ body: @escaping @Sendable (WriteContext) throws -> Void
    ) {
        _ = push(BackgroundOperation(flushes: scope, room: room, body: body))
    }

    private func push(_ operation: Operation) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !isStopping else { return false }
        queue.append(operation)
        if queue.count == 1 { condition.signal() }
        return true
    }

    /// Operations that wait to be run.
    var queued: Int {
        condition.lock()
        defer { condition.unlock() }
        return queue.count
    }

    /// Runs what is queued, then ends the thread and returns.
    func stop() {
        condition.lock()
        isStopping = true
        condition.broadcast()
        while !isStopped { condition.wait() }
        condition.unlock()
    }

    private func work(_ context: WriteContext) {
        HostThread.takeShortSlices()
        let runner = BatchRunner(core: core, context: context)
        while let first = gather() {
            guard let batch = runner.run(first, joining: joining, defers: isShared) else {
                continue
            }
            syncer.sync(batch)
            context.tidy()
        }
        syncer.stop()
        condition.lock()
        isStopped = true
        condition.broadcast()
        condition.unlock()
    }

    /// The next batch, with a flush of unstable writes when that is due; `nil` at the end.
    private func gather() -> [Operation]? {
        condition.lock()
        defer { condition.unlock() }
        while queue.isEmpty {
            if isStopping { return nil }
            guard let seconds = core.limits.flushSeconds else {
                condition.wait()
                continue
            }
            _ = condition.wait(until: Date(timeIntervalSinceNow: Double(seconds)))
            if queue.isEmpty, isFlushDue() { return [flushAll()] }
        }
        let count = min(queue.count, core.limits.batchOperationsMax)
        var batch = Array(queue.prefix(count))
        queue.removeFirst(count)
        // Last, so that what it meets is told to no operation but itself.
        if isFlushDue() { batch.append(flushAll()) }
        return batch
    }

    /// What joins a transaction of `count` operations; `nil` when it is time to end it.
    ///
    /// Not before the log of the last one is synced: until then it costs nobody time to run what comes.
    private func joining(after count: Int) -> [Operation]? {
        condition.lock()
        defer { condition.unlock() }
        let room = max(0, core.limits.batchOperationsMax - count)
        while queue.isEmpty || room == 0 {
            guard syncer.isBusy else { return nil }
            condition.wait()
        }
        let more = Array(queue.prefix(room))
        queue.removeFirst(more.count)
        return more
    }

    /// Whether others are there for whom to run the next transaction while this one's log syncs.
    private func isShared(count: Int) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        return count > 1 || !queue.isEmpty
    }

    private func isFlushDue() -> Bool {
        timer.isDue(at: .now, isPending: core.pending.bytes > 0)
    }

    private func flushAll() -> Operation {
        BackgroundOperation(flushes: .all) { _ in }
    }
}
