import Dispatch
import Disk
import Foundation
import SegmentStore
import Synchronization
import TestKit
import Testing
import VarveModel

/// Many threads at once: no byte of one record in another, and a sync covers what had returned.
@Suite struct ConcurrencyTests {
    struct Written: Sendable {
        let address: RecordAddress
        let draft: RecordDraft
        let fill: UInt8
        let size: Int
    }

    @Test func `appends, reads and syncs from many threads keep their bytes apart`() throws {
        let world = try World()
        let store = world.store
        let written = Mutex<[Written]>([])
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            var random = SeededGenerator(seed: UInt64(thread) + 1)
            for step in 0..<150 {
                let number = UInt64(thread * 1000 + step + 1)
                let size = Int.random(in: 1...9000, using: &random)
                let fill = UInt8.random(in: 0...255, using: &random)
                let tier: Tier = step % 5 == 0 ? .archive : .standard
                do {
                    let plain = [UInt8](repeating: fill, count: size)
                    let address = try store.append(draft(number), plain, tier: tier)
                    let mine = Written(
                        address: address,
                        draft: draft(number),
                        fill: fill,
                        size: size
                    )
                    if step % 10 == 9 { try store.syncDirty() }
                    let other = written.withLock { written in
                        written.append(mine)
                        return written.randomElement(using: &random) ?? mine
                    }
                    let found = try store.bytes(other.address, other.draft, 0..<other.size)
                    if found != [UInt8](repeating: other.fill, count: other.size) {
                        failures.withLock { $0.append("\(other.draft.identity): other bytes") }
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        #expect(failures.withLock { $0 }.isEmpty)
        try store.close()
        let all = written.withLock { $0 }
        #expect(all.count == 1200)
        #expect(Set(all.map { "\($0.address.segment) \($0.address.offset)" }).count == 1200)
        try world.reopen()
        for record in all {
            let found = try world.store.bytes(record.address, record.draft, 0..<record.size)
            #expect(found == [UInt8](repeating: record.fill, count: record.size))
        }
        for usage in world.store.usage() {
            let scan = try world.store.scan(usage.segment)
            #expect(scan.hasTable)
            #expect(scan.records.count == all.count { $0.address.segment == usage.segment })
        }
    }

    /// Goal: whatever had returned before a sync began is durable when it ends, while others append.
    @Test func `a sync covers every append that had returned`() throws {
        let disk = SimulatedDisk()
        let world = try World(disk: disk)
        let store = world.store
        let promises = Mutex<[(cut: Int, records: [Written])]>([])
        let done = Mutex<[Written]>([])
        DispatchQueue.concurrentPerform(iterations: 6) { thread in
            for step in 0..<60 {
                let number = UInt64(thread * 1000 + step + 1)
                let fill = UInt8(thread * 40 + step % 40)
                // A failure here shows as a missing record below.
                guard
                    let address = try? store.append(
                        draft(number),
                        [UInt8](repeating: fill, count: 700)
                    )
                else { continue }
                let before = done.withLock { done in
                    done.append(
                        Written(address: address, draft: draft(number), fill: fill, size: 700)
                    )
                    return done
                }
                if step % 7 == thread, (try? store.syncDirty()) != nil {
                    promises.withLock { $0.append((disk.operations, before)) }
                }
            }
        }
        let all = promises.withLock { $0 }.sorted { $0.cut < $1.cut }
        #expect(done.withLock { $0.count } == 360)
        #expect(all.count > 30)
        var replay = disk.replay()
        for promise in all {
            replay.advance(to: promise.cut)
            let after = try world.on(replay.image(.dropUnsynced), known: store.usage())
            for record in promise.records {
                let found = try after.store.bytes(record.address, record.draft, 0..<700)
                #expect(found == [UInt8](repeating: record.fill, count: 700))
            }
        }
    }

    /// Goal: a full segment is synced even while somebody still writes to it, and closed only then.
    @Test func `a sync covers a closing segment that has a write in flight`() throws {
        let disk = SimulatedDisk()
        let spy = SpyDisk(disk)
        let world = try World(disk: disk, door: spy)
        let store = world.store
        let early = try store.append(draft(1), [1, 2, 3])
        let begun = DispatchSemaphore(value: 0)
        let mayGoOn = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        let late = Mutex<RecordAddress?>(nil)
        spy.before { _ in
            begun.signal()
            mayGoOn.wait()
        }
        let thread = Thread {
            // A failure shows as a missing address below.
            let address = try? store.append(draft(2), [4])
            late.withLock { $0 = address }
            ended.signal()
        }
        thread.start()
        begun.wait()
        spy.before(nil)
        store.finishSegment(.standard)
        try store.syncDirty()
        let image = disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced)
        let after = try world.on(image, known: store.usage())
        #expect(try after.store.bytes(early, draft(1), 0..<3) == [1, 2, 3])
        #expect(store.usage(of: early.segment)?.state == .open)
        mayGoOn.signal()
        ended.wait()
        try store.syncDirty()
        #expect(store.usage(of: early.segment)?.state == .closed)
        let scan = try store.scan(early.segment)
        #expect(scan.hasTable)
        #expect(scan.records.map(\.address) == [early, try #require(late.withLock { $0 })])
    }
}
