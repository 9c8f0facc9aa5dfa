import MetadataStore
import Testing
import VarveModel

@testable import Lifecycle

/// Which moves are carried out as one.
@Suite struct MoveBatchTests {
    private static func move(_ number: Int, to tier: Tier, bytes: UInt64) -> JournaledMove {
        JournaledMove(
            id: Int64(number),
            move: LifecycleMove(
                row: AccessDay(
                    inode: InodeNumber(rawValue: UInt64(number)),
                    day: 1,
                    tier: .standard
                ),
                path: [],
                to: tier,
                bytes: bytes,
                reason: "",
                keepsUses: false,
                access: nil
            )
        )
    }

    @Test func `a batch leads to one tier, and is bounded in files and in bytes`() {
        let moves =
            (0..<100).map {
                Self.move($0, to: $0 % 3 == 0 ? .archive : .infrequentAccess, bytes: 10)
            } + [Self.move(100, to: .archive, bytes: 1 << 40)]
            + (101..<106).map { Self.move($0, to: .archive, bytes: 3 << 20) }
        let batches = MoveBatch.batches(of: moves)
        #expect(batches.map(\.moves.count) == [34, 64, 2, 1, 2, 2, 1])
        for batch in batches {
            #expect(batch.moves.allSatisfy { $0.move.to == batch.to })
            #expect(batch.moves.map(\.id) == batch.moves.map(\.id).sorted())
        }
        #expect(Set(batches.flatMap(\.moves).map(\.id)) == Set(moves.map(\.id)))
        #expect(MoveBatch.batches(of: []).isEmpty)
    }
}
