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
    /// Reads of one file in the test of access times.
    package let accessReads: Int

    package static let ci = TestSizes(
        engineModelOperations: 20_000,
        fuzzInputs: 2_000,
        costTreeFiles: 10_000,
        daemonKills: 5,
        powerCutStride: 7,
        accessReads: 20_000
    )
    package static let full = TestSizes(
        engineModelOperations: 100_000,
        fuzzInputs: 100_000,
        costTreeFiles: 100_000,
        daemonKills: 20,
        powerCutStride: 1,
        accessReads: 1_000_000
    )

    /// The size in force: `VARVE_FULL=1` chooses the full one.
    package static let current: TestSizes = getenv("VARVE_FULL") == nil ? ci : full
}
