import NFSWire
import NIOCore
import Testing

@testable import NFSServer

/// Goal: a request runs exactly once, however often it is sent (RFC 8881 §2.10.6.1).
@Suite struct SlotTableTests {
    private let request = RequestFingerprint(byteCount: 100, hash: 1)
    private let other = RequestFingerprint(byteCount: 100, hash: 2)
    private let reply = ByteChain(copying: [1, 2, 3])

    private func table(ran: Bool = true, kept: Bool = true) -> SlotTable {
        var table = SlotTable(count: 4)
        guard ran else { return table }
        _ = table.begin(slot: 1, sequence: 1, highestSlot: 1, fingerprint: request)
        table.finish(slot: 1, reply: kept ? reply : nil)
        return table
    }

    @Test func `a new slot begins with 1`() {
        var table = table(ran: false)
        let first = table.begin(slot: 1, sequence: 1, highestSlot: 1, fingerprint: request)
        #expect(first == .run)
        #expect(table.running == 1)
    }

    @Test(arguments: [UInt32(0), 2, .max])
    func `any other sequence on a new slot is misordered`(sequence: UInt32) {
        var table = table(ran: false)
        let verdict = table.begin(
            slot: 1,
            sequence: sequence,
            highestSlot: 1,
            fingerprint: request
        )
        #expect(verdict == .refuse(.sequenceMisordered))
    }

    @Test func `a repeated sequence replays the kept reply, as often as it comes`() {
        var table = table()
        for _ in 0..<3 {
            let verdict = table.begin(slot: 1, sequence: 1, highestSlot: 1, fingerprint: request)
            #expect(verdict == .replay(reply))
        }
        #expect(table.running == 0)
    }

    @Test func `a reply that was not to be kept is not run again`() {
        var table = table(kept: false)
        let verdict = table.begin(slot: 1, sequence: 1, highestSlot: 1, fingerprint: request)
        #expect(verdict == .replayUncached)
    }

    @Test(arguments: [UInt32(0), 3, 4, .max])
    func `a sequence that is neither the last nor the next is misordered`(sequence: UInt32) {
        var table = table()
        let verdict = table.begin(
            slot: 1,
            sequence: sequence,
            highestSlot: 1,
            fingerprint: request
        )
        #expect(verdict == .refuse(.sequenceMisordered))
    }

    @Test func `another request under a used sequence is a false retry`() {
        var table = table()
        let verdict = table.begin(slot: 1, sequence: 1, highestSlot: 1, fingerprint: other)
        #expect(verdict == .refuse(.falseRetry))
    }

    @Test func `a retry of what still runs waits, and the next one is misordered`() {
        var table = SlotTable(count: 2)
        _ = table.begin(slot: 0, sequence: 1, highestSlot: 0, fingerprint: request)
        let retry = table.begin(slot: 0, sequence: 1, highestSlot: 0, fingerprint: request)
        #expect(retry == .refuse(.delay))
        let next = table.begin(slot: 0, sequence: 2, highestSlot: 0, fingerprint: other)
        #expect(next == .refuse(.sequenceMisordered))
    }

    @Test func `the next request forgets the reply of the one before`() {
        var table = table()
        let next = table.begin(slot: 1, sequence: 2, highestSlot: 1, fingerprint: other)
        #expect(next == .run)
        table.finish(slot: 1, reply: nil)
        let old = table.begin(slot: 1, sequence: 1, highestSlot: 1, fingerprint: request)
        #expect(old == .refuse(.sequenceMisordered))
    }

    @Test(arguments: [UInt32(4), 5, .max])
    func `a slot that the session does not have is refused`(slot: UInt32) {
        var table = table()
        let verdict = table.begin(slot: slot, sequence: 1, highestSlot: 3, fingerprint: request)
        #expect(verdict == .refuse(.badSlot))
    }

    @Test func `a highest slot beyond the table is refused`() {
        var table = table()
        let verdict = table.begin(slot: 1, sequence: 2, highestSlot: 4, fingerprint: request)
        #expect(verdict == .refuse(.badHighSlot))
    }

    @Test func `sequences wrap around`() {
        var table = SlotTable(count: 1, after: .max - 1)
        for sequence: UInt32 in [.max, 0, 1] {
            let verdict = table.begin(
                slot: 0,
                sequence: sequence,
                highestSlot: 0,
                fingerprint: request
            )
            #expect(verdict == .run)
            table.finish(slot: 0, reply: reply)
            let retry = table.begin(
                slot: 0,
                sequence: sequence,
                highestSlot: 0,
                fingerprint: request
            )
            #expect(retry == .replay(reply))
        }
    }
}
