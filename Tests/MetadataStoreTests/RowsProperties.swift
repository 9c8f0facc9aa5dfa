import MetadataStore
import TestKit
import Testing
import VarveModel

/// Goal: whatever is written, thinned, merged, moved, reaped and restored, every retained instant reads
/// back exactly (I4), no record is freed while a row shows it and none is kept for ever (I6).
///
/// Method: random operations on the rows and on plain dictionaries side by side; a copy of the
/// dictionaries is kept for every epoch, and each retained one is compared whole after every phase.
@Suite struct RowsProperties {
    private static let kinds = [
        "create", "make directory", "unlink", "remove inode", "rename", "rename over", "link",
        "name taken", "set xattr", "remove xattr", "set attributes", "write", "truncate", "punch",
        "put inline", "snapshot", "delete snapshot", "hold", "release hold", "refused instant",
        "bookmark", "remove bookmark", "merge", "merge refused", "move", "swap missed", "thin",
        "version dropped", "key trimmed", "slice reaped", "tile resolved", "roll back", "revert",
        "rollback", "reopen", "settle", "record freed", "instant checked", "difference checked",
        "same at both ends", "thin for bytes", "history counted", "pinned counted", "upgrade",
        "row remembered", "name remembered", "absence remembered", "tile remembered",
        "empty tile remembered",
        "share", "share within a file", "share of the past", "last referrer elsewhere",
        "receipt", "receipt replaced", "receipt forgotten", "receipt read in its transaction",
    ]

    @Test(arguments: [55, 4])
    func `the rows agree with the plain model at every retained instant`(bits: Int) throws {
        let seed = testSeed(default: UInt64(2_000 + bits))
        let world = try RowsWorld(seed: seed, nameHashBits: bits)
        let phases = TestSizes.current.engineModelOperations / 500
        do {
            for phase in 0..<phases {
                for _ in 0..<10 {
                    let operations = Int.random(in: 1..<24, using: &world.generator)
                    try world.transaction(operations: operations)
                }
                try world.check(stride: 8)
                if phase % 5 == 4 {
                    try world.settle()
                    try world.check()
                }
                if phase % 9 == 8 {
                    try world.reopen()
                    try world.check()
                }
            }
            try world.empty()
        } catch {
            Issue.record("VARVE_SEED=\(seed), \(bits) bits: \(error); \(world.mix)")
            return
        }
        let mix = world.mix.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        print("rows model, \(bits) bits, seed \(seed): " + mix.joined(separator: ", "))
        for kind in Self.kinds {
            #expect(world.mix[kind] ?? 0 > 0, "'\(kind)' never occurred")
        }
    }
}
