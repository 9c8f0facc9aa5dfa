import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: live state and every retained instant read back exactly, whatever was done (I4, I6).
///
/// Method: seeded random operations on the engine and on a plain model; `VARVE_SEED` replays a run.
@Suite struct ModelTests {
    /// Kinds that a run of full length must have met.
    static let refusals: [FileSystemError.Code] = [
        .notFound, .exists, .notDirectory, .isDirectory, .notEmpty, .denied, .notPermitted,
        .invalid, .stale, .noAttribute, .tooManyLinks, .fileTooBig, .nameTooLong, .rangeError,
        .unsupported, .loop, .noSuchRange,
    ]

    static let operations = [
        "create regular", "create directory", "create symlink", "create fifo", "create socket",
        "create characterDevice", "create blockDevice", "link", "unlink", "removeDirectory",
        "rename", "write unstable", "write stable", "truncate", "punch", "setAttributes",
        "setExtendedAttribute", "removeExtendedAttribute", "read", "read resident", "read ahead",
        "lookup",
        "resolve", "open",
        "close", "commit", "endSecond", "createSnapshot", "deleteSnapshot", "hold", "release",
        "collectGarbage", "snapshot expired", "reap", "roll back everything",
        "roll back an inode", "roll back a name", "move to standard", "move to infrequentAccess",
        "move to archive", "reopen", "check live", "check changes", "check history", "access noted",
        "compact", "records compacted", "segment emptied", "clone", "clone of the past",
        "seek data", "seek hole",
    ]

    /// Goal: under a byte budget too, whatever instant is retained reads back exactly; the budget holds.
    @Test func `the engine agrees with the model when the past may hold few bytes`() async throws {
        let budget = HistoryBudget(percentOfLive: 20, bytesMin: 100_000)
        var run = try await ModelRun(seed: testSeed(default: 2_027), history: budget)
        try await run.run(TestSizes.current.engineModelOperations / 4, closing: false)
        guard !run.failures.isBroken else { return }
        // Past the running cell everything of the grid may go.
        run.world.clock.advance(seconds: 120)
        try await run.fileSystem.maintainAll()
        try await run.fileSystem.maintainAll()
        let found = try await run.fileSystem.statistics()
        let counters = try await run.fileSystem.readers.run { context in
            try context.begin(.live)
            return try context.reader.counters()
        }
        let live =
            counters.stored.reduce(0, +) - found.historyBytes - found.snapshotBytes
        print("budget: live \(live), history \(found.historyBytes), \(found.snapshotBytes) pinned")
        #expect(found.historyBytes <= budget.bytes(live: live) ?? 0)
        #expect(found.snapshotBytes > 0)
        #expect(run.retainedChecked > 0)
        try await run.checkAllRetained()
        await run.fileSystem.close()
    }

    @Test func `the engine agrees with the model`() async throws {
        let count = TestSizes.current.engineModelOperations
        let seed = testSeed(default: 2_026)
        var run = try await ModelRun(seed: seed)
        try await run.run(count)
        print("model: seed \(seed), \(run.step) steps, \(run.retainedChecked) retained instants")
        print("  operations:", run.operations.sorted { $0.key < $1.key })
        print("  refusals:", run.refusals.sorted { "\($0.key)" < "\($1.key)" })
        guard !run.failures.isBroken else { return }
        #expect(run.retainedChecked > 0)
        for kind in Self.operations { #expect(run.operations[kind] ?? 0 > 0, "\(kind)") }
        for code in Self.refusals { #expect(run.refusals[code] ?? 0 > 0, "\(code)") }
    }
}
