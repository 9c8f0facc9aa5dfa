private import Glibc

/// How much each suite does: CI's size, or the full one (`./x test --full`).
///
/// The sizes stand here alone.
package struct TestSizes: Sendable {
    /// Random operations of the engine's model test.
    package let engineModelOperations: Int
    /// Random byte strings that each decoder is fed.
    package let fuzzInputs: Int
    /// Files in the larger tree of the cost tests; the smaller has 1,000.
    package let costTreeFiles: Int
    /// Times that `kill -9` hits the daemon in a row.
    package let daemonKills: Int
    /// Writes between two power cuts: 1 cuts after every write.
    package let powerCutStride: Int
    /// Bytes between two of a small vault that are damaged in turn: 1 damages each.
    package let vaultByteStride: Int
    /// Of the large vault whose bytes are damaged, and how many seeded ones are.
    package let vaultBytes: Int
    package let vaultHits: Int
    /// Of the boundaries between its structures one in so many is damaged: 1 damages each.
    package let boundaryStride: Int
    /// Times that `kill -9` hits the daemon during a backup, a prune and a copy, each.
    package let vaultKills: Int
    /// Sectors of each file with parity that are damaged in turn.
    package let parityHits: Int
    /// Of a cold archive's chunks one in so many is damaged: 1 damages each.
    package let archiveChunkStride: Int
    /// Vaults with locks that live beside the model of them.
    package let lockLives: Int
    /// Vaults whose counts are kept, lost, damaged and put back between prunes.
    package let countsLives: Int
    /// Reads of one file in the test of access times.
    package let accessReads: Int
    /// Hours of the jobs of a daemon that is restarted again and again, weeks of those that are due once a day, and how many
    /// seeds each is lived with.
    package let jobHours: Int64
    package let jobWeeks: Int64
    package let jobSeeds: UInt64
    /// Files that a year of lifecycle is lived with, and what happens to them a day.
    package let lifecycleFiles: Int
    package let lifecycleOperations: Int
    /// What the scenarios of a kernel's NFS client do.
    package let kernel: KernelSizes
    /// What loads the NFS server.
    package let load: LoadSizes

    package static let ci = TestSizes(
        engineModelOperations: 20_000,
        fuzzInputs: 2_000,
        costTreeFiles: 10_000,
        daemonKills: 5,
        powerCutStride: 7,
        vaultByteStride: 89,
        vaultBytes: 4 << 20,
        vaultHits: 300,
        boundaryStride: 24,
        vaultKills: 2,
        parityHits: 12,
        archiveChunkStride: 5,
        lockLives: 12,
        countsLives: 5,
        accessReads: 20_000,
        jobHours: 64,
        jobWeeks: 3,
        jobSeeds: 1,
        lifecycleFiles: 120,
        lifecycleOperations: 12,
        kernel: .ci,
        load: .ci
    )
    package static let full = TestSizes(
        engineModelOperations: 100_000,
        fuzzInputs: 100_000,
        costTreeFiles: 100_000,
        daemonKills: 20,
        powerCutStride: 1,
        vaultByteStride: 1,
        vaultBytes: 50 << 20,
        vaultHits: 5_000,
        boundaryStride: 1,
        vaultKills: 24,
        parityHits: 400,
        archiveChunkStride: 1,
        lockLives: 400,
        countsLives: 150,
        accessReads: 1_000_000,
        jobHours: 64,
        jobWeeks: 60,
        jobSeeds: 6,
        lifecycleFiles: 10_000,
        lifecycleOperations: 400,
        kernel: .full,
        load: .full
    )

    /// The size in force: `VARVE_FULL=1` chooses the full one.
    package static let current: TestSizes = getenv("VARVE_FULL") == nil ? ci : full
}

/// Sizes of `Tests/Kernel`'s scenarios: a kernel that runs as a process is slow at calls, and slower at processes.
package struct KernelSizes: Sendable {
    /// Of the repository that is cloned.
    package let commits: Int
    package let repositoryFiles: Int
    /// Real files that tar takes there and back, beside some odd ones.
    package let treeFiles: Int
    /// SQLite's, for each of three connections.
    package let transactions: Int
    /// Random locks against the model.
    package let lockRounds: Int
    /// Of each of fio's three files.
    package let verifiedMebibytes: Int
    /// Runs of bytes that are stored through mappings.
    package let mappedRounds: Int
    /// Renames of each of two processes.
    package let renames: Int
    /// How often the server is killed under processes that make and remove names, and what they do before each time.
    package let stormKills: Int
    package let stormRounds: Int
    /// Names that are listed while others come and go.
    package let directoryEntries: Int
    package let directoryListings: Int
    /// Whether the server is killed in the middle of every scenario, or of one, and a dead client's lease is waited for.
    package let isThorough: Bool

    package static let ci = KernelSizes(
        commits: 20,
        repositoryFiles: 100,
        treeFiles: 150,
        transactions: 25,
        lockRounds: 500,
        verifiedMebibytes: 8,
        mappedRounds: 300,
        renames: 50,
        stormKills: 3,
        stormRounds: 25,
        directoryEntries: 3_000,
        directoryListings: 3,
        isThorough: false
    )
    package static let full = KernelSizes(
        commits: 2_000,
        repositoryFiles: 10_000,
        treeFiles: 10_000,
        transactions: 1_000,
        lockRounds: 20_000,
        verifiedMebibytes: 256,
        mappedRounds: 5_000,
        renames: 2_000,
        stormKills: 20,
        stormRounds: 200,
        directoryEntries: 50_000,
        directoryListings: 20,
        isThorough: true
    )
}

/// How much clients load the NFS server with.
package struct LoadSizes: Sendable {
    /// Each with a connection and a session of its own.
    package let clients: Int
    /// Files that each holds open.
    package let openFiles: Int
    /// Seeded operations of all of them together.
    package let operations: Int
    /// Whether it goes on long enough for the daemon's caches to be full at a third of it, so that what grows later is no cache.
    package let boundsMemory: Bool

    package static let ci = LoadSizes(
        clients: 40,
        openFiles: 50,
        operations: 50_000,
        boundsMemory: false
    )
    package static let full = LoadSizes(
        clients: 200,
        openFiles: 1_000,
        operations: 1_000_000,
        boundsMemory: true
    )
}
