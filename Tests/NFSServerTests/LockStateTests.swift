import NFSWire
import TestKit
import Testing
import VarveModel

@testable import NFSServer

/// Goal: byte-range locks as RFC 8881 §9.1 to §9.4 and §18.10 to §18.12 have them.
@Suite struct LockStateTests {
    @Test func `a lock is granted, held against others, and given back`() throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        let open = try world.open(a).get()
        let open2 = try world.open(b).get()
        let lock = try #require(world.lock(a, open, .write, 10, 10).granted)
        #expect(lock.sequence == 1)
        let denial = try #require(world.lock(b, open2, .read, 15, 1).denied)
        #expect(denial.offset == 10 && denial.length == 10 && denial.type == .write)
        #expect(denial.owner.client == a && denial.owner.owner == Array("l".utf8))
        #expect(world.lock(b, open2, .read, 20, 1).granted != nil)
        let after = try world.unlock(a, lock).get()
        #expect(after.sequence == 2)
        #expect(world.lock(b, open2, .write, 15, 1, owner: "m").granted != nil)
    }

    @Test func `readers share, and a writer waits`() throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        let (open, open2) = (try world.open(a).get(), try world.open(b).get())
        #expect(world.lock(a, open, .read).granted != nil)
        let own = try #require(world.lock(b, open2, .readWaiting).granted)
        #expect(world.lock(b, own, .writeWaiting, owner: nil).denied?.type == .read)
    }

    @Test func `two owners of one client hold locks against each other`() throws {
        var world = StateWorld()
        let a = try world.client("a")
        let open = try world.open(a).get()
        #expect(world.lock(a, open, .write, owner: "x").granted != nil)
        #expect(world.lock(a, open, .write, owner: "y").denied != nil)
    }

    @Test func `an owner's lock is the same state on the file, one number on`() throws {
        var world = StateWorld()
        let a = try world.client("a")
        let open = try world.open(a).get()
        let first = try #require(world.lock(a, open, .write, 0, 10).granted)
        let second = try #require(world.lock(a, open, .write, 20, 10).granted)
        #expect(second.otherLow == first.otherLow && second.sequence == 2)
        #expect(world.lock(a, first, .write, 40, 1, owner: nil) == .refused(.oldStateID))
        #expect(world.lock(a, second, .write, 40, 1, owner: nil).granted?.sequence == 3)
    }

    @Test(arguments: [(UInt64(0), UInt64(0)), (6, .max - 4), (.max, 2), (1, .max)])
    func `ranges of no bytes and past the end of all are refused`(
        offset: UInt64,
        length: UInt64
    ) throws {
        var world = StateWorld()
        let a = try world.client("a")
        let open = try world.open(a).get()
        let outcome = world.lock(a, open, .write, offset, length)
        if length == .max {
            #expect(outcome.granted != nil, "all ones reach to the end from anywhere")
        } else {
            #expect(outcome == .refused(.invalid))
        }
    }

    @Test func `the last byte of all can be locked`() throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        let (open, open2) = (try world.open(a).get(), try world.open(b).get())
        #expect(world.lock(a, open, .write, .max, 1).granted != nil)
        #expect(world.lock(b, open2, .write, 0, .max).denied?.offset == .max)
        #expect(world.lock(b, open2, .write, 0, .max - 1).granted != nil)
    }

    @Test func `all clients lock so many ranges and no more`() throws {
        var limits = ServerLimits()
        limits.statesOfAllMax = 3
        var world = StateWorld(limits: limits)
        let (a, b) = (try world.client("a"), try world.client("b"))
        let (open, open2) = (try world.open(a).get(), try world.open(b).get())
        let lock = try #require(world.lock(a, open, .write, 0, 30).granted)
        #expect(world.lock(b, open2, .write, 100, 1).granted != nil)
        let split = try world.unlock(a, lock, 10, 10).get()
        #expect(world.state.rangeCount == 3)
        #expect(world.lock(b, open2, .write, 200, 1) == .refused(.delay))
        #expect(world.unlock(a, split, 2, 1) == .failure(.delay), "it would be split once more")
        #expect(world.unlock(a, split, 0, 10) != .failure(.delay))
        #expect(world.state.rangeCount == 2)
        #expect(world.lock(b, open2, .write, 200, 1).granted != nil)
        world.now = world.now.adding(seconds: world.state.limits.leaseSeconds + 1)
        world.renew(b)
        #expect(world.lock(b, open2, .write, 300, 1).granted != nil)
        #expect(world.state.clients[a] == nil, "courtesy goes first")
        world.state.remove(client: b)
        #expect(world.state.rangeCount == 0)
    }

    @Test func `a lock needs an open of its kind`() throws {
        var world = StateWorld()
        let a = try world.client("a")
        let read = try world.open(a, .read, owner: "r").get()
        let write = try world.open(a, .write, owner: "w").get()
        #expect(world.lock(a, read, .write) == .refused(.openMode))
        #expect(world.lock(a, write, .read) == .refused(.openMode))
        #expect(world.lock(a, read, .read).granted != nil)
    }

    @Test func `state ids of the wrong kind are refused`() throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        let open = try world.open(a).get()
        let lock = try #require(world.lock(a, open).granted)
        #expect(world.lock(a, lock, owner: "new") == .refused(.badStateID))
        #expect(world.lock(a, open, owner: nil) == .refused(.badStateID))
        #expect(world.lock(b, open) == .refused(.badStateID))
        #expect(world.unlock(a, open) == .failure(.badStateID))
        #expect(world.state.close(lock, of: a, on: StateWorld.file) == .badStateID)
        #expect(world.lock(a, open, on: StateWorld.other) == .refused(.badStateID))
        #expect(world.unlock(a, lock, 0, 0) == .failure(.invalid))
    }

    @Test func `LOCKT tells without locking`() throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        let open = try world.open(a).get()
        _ = world.lock(a, open, .write, 0, 100)
        func test(_ client: ClientID, _ owner: String, _ offset: UInt64, _ length: UInt64 = 1)
            -> Result<LockDenied?, NFSStatus>
        {
            world.state.testLock(
                LockTestArguments(
                    type: .read,
                    offset: offset,
                    length: length,
                    owner: StateOwner(client: client, owner: Array(owner.utf8))
                ),
                of: client,
                on: StateWorld.file,
                at: world.now
            )
        }
        #expect(try test(b, "l", 50).get()?.owner.client == a)
        #expect(try test(a, "l", 50).get() == nil, "its own")
        #expect(try test(a, "m", 50).get() != nil)
        #expect(try test(b, "l", 100).get() == nil)
        #expect(test(b, "l", 0, 0) == .failure(.invalid))
    }

    @Test func `CLOSE gives the locks back`() throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        let (open, open2) = (try world.open(a).get(), try world.open(b).get())
        let lock = try #require(world.lock(a, open).granted)
        #expect(world.state.close(open, of: a, on: StateWorld.file) == .ok)
        #expect(world.state.test(lock, of: a) == .badStateID)
        #expect(world.lock(b, open2).granted != nil)
    }

    @Test func `FREE_STATEID frees a lock state id without locks`() throws {
        var world = StateWorld()
        let a = try world.client("a")
        let open = try world.open(a).get()
        let lock = try #require(world.lock(a, open).granted)
        #expect(world.state.free(lock, of: a) == .locksHeld)
        let idle = try world.unlock(a, lock).get()
        #expect(world.state.free(lock, of: a) == .oldStateID)
        #expect(world.state.free(idle, of: a) == .ok)
        #expect(world.state.free(idle, of: a) == .badStateID)
    }

    @Test func `a dead client's locks are free once its lease is over`() throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        let (open, open2) = (try world.open(a).get(), try world.open(b).get())
        _ = world.lock(a, open)
        world.now = world.now.adding(seconds: world.state.limits.leaseSeconds)
        #expect(world.lock(b, open2).denied != nil)
        world.now = world.now.adding(seconds: 1)
        world.renew(b)
        #expect(world.lock(b, open2).granted != nil)
        #expect(world.state.clients[a] == nil && world.state.locks.count == 1)
    }

    @Test func `locks wait for the end of grace, and reclaims need one`() throws {
        var world = StateWorld(remembered: [.gateway("a")])
        let a = try world.client("a", reclaims: false)
        let b = try world.client("b")
        let (open, open2) = (try world.open(a).get(), try world.open(b).get())
        #expect(world.lock(b, open2) == .refused(.grace))
        #expect(world.lock(b, open2, reclaim: true) == .refused(.noGrace))
        #expect(world.lock(a, open, reclaim: true).granted != nil)
        #expect(world.state.reclaimComplete(a) == .ok)
        #expect(world.lock(a, open, .write, 50, 1, reclaim: true) == .refused(.noGrace))
        #expect(world.lock(b, open2, .write, 50, 1).granted != nil)
    }

    @Test func `a client has so many lock owners and no more`() throws {
        var limits = ServerLimits()
        limits.locksPerClientMax = 1
        var world = StateWorld(limits: limits)
        let a = try world.client("a")
        let open = try world.open(a).get()
        #expect(world.lock(a, open, .read, owner: "x").granted != nil)
        #expect(world.lock(a, open, .read, owner: "y") == .refused(.delay))
        #expect(world.lock(a, open, .read, 50, 1, owner: "x").granted != nil)
    }

    @Test func `an unlock splits no more ranges than a file may have`() throws {
        var limits = ServerLimits()
        limits.lockRangesPerFileMax = 3
        var world = StateWorld(limits: limits)
        let a = try world.client("a")
        let open = try world.open(a).get()
        var lock = try #require(world.lock(a, open, .write, 0, .max).granted)
        lock = try world.unlock(a, lock, 10, 1).get()
        lock = try world.unlock(a, lock, 20, 1).get()
        #expect(world.unlock(a, lock, 30, 1) == .failure(.delay))
        #expect(world.state.files[StateWorld.file]?.ranges.count == 3, "nothing was unlocked")
        lock = try world.unlock(a, lock, 0, 10).get()
        lock = try world.unlock(a, lock, 30, 1).get()
        _ = try world.unlock(a, lock).get()
        #expect(world.state.clients[a]?.rangeCount == 0)
    }

    @Test func `a client has so many ranges, of all files, and no more`() throws {
        var limits = ServerLimits()
        limits.lockRangesPerClientMax = 2
        var world = StateWorld(limits: limits)
        let (a, b) = (try world.client("a"), try world.client("b"))
        let open = try world.open(a).get()
        let open2 = try world.open(a, on: StateWorld.other).get()
        #expect(world.lock(a, open, .read, 0, 1).granted != nil)
        #expect(world.lock(a, open2, .read, 0, 1, on: StateWorld.other).granted != nil)
        #expect(world.lock(a, open2, .read, 5, 1, on: StateWorld.other) == .refused(.delay))
        let theirs = try world.open(b, on: StateWorld.other).get()
        #expect(world.lock(b, theirs, .read, 5, 1, on: StateWorld.other).granted != nil)
        #expect(world.state.close(open, of: a, on: StateWorld.file) == .ok)
        #expect(world.state.clients[a]?.rangeCount == 1)
        #expect(world.lock(a, open2, .read, 5, 1, on: StateWorld.other).granted != nil)
    }

    /// RFC 8881 §18.51.3: what is no reclaim waits for RECLAIM_COMPLETE, also after a grace period that ended by its time.
    @Test func `a client locks nothing new before it has said that it has reclaimed`() throws {
        var world = StateWorld(remembered: [.gateway("a")])
        let a = try world.client("a", reclaims: false)
        let open = try world.open(a, reclaim: true).get()
        world.now = world.now.adding(seconds: world.state.limits.graceSeconds + 1)
        world.state.endGraceIfOver(at: world.now)
        #expect(world.lock(a, open) == .refused(.grace))
        #expect(world.state.reclaimComplete(a) == .ok)
        #expect(world.lock(a, open).granted != nil)
    }

    /// Goal: splitting, merging, upgrades and downgrades leave each byte with the locks that it should have.
    ///
    /// Method: random locks and unlocks of three owners on 24 bytes, beside a table of bytes.
    @Test func `ranges agree with a table of bytes`() {
        var generator = SeededGenerator(seed: testSeed(default: 5))
        let owners = (0..<3).map { number in
            LockOwner(client: ClientID(rawValue: number), owner: [UInt8(number)])
        }
        var locks = ByteLocks()
        // By owner and byte: 0 free, 1 shared, 2 exclusive.
        var table = Array(repeating: [Int](repeating: 0, count: 24), count: 3)
        var granted = 0
        var denied = 0
        for _ in 0..<20_000 {
            let owner = Int.random(in: 0..<3, using: &generator)
            let first = Int.random(in: 0..<24, using: &generator)
            let last = Int.random(in: first..<24, using: &generator)
            if Int.random(in: 0..<3, using: &generator) == 0 {
                let (count, place) = (locks.count, (UInt64(first), UInt64(last)))
                let isSplit = locks.isSplit(by: place.0, place.1, of: owners[owner])
                let added = locks.clear(place.0, place.1, of: owners[owner])
                #expect(isSplit == (added > 0) && locks.count == count + added)
                for byte in first...last { table[owner][byte] = 0 }
            } else {
                let wanted = ByteLock(
                    first: UInt64(first),
                    last: UInt64(last),
                    isExclusive: Bool.random(using: &generator),
                    owner: owners[owner]
                )
                let kind = wanted.isExclusive ? 2 : 1
                let isFree = (0..<3).allSatisfy { other in
                    other == owner || (first...last).allSatisfy { table[other][$0] + kind <= 2 }
                }
                let inTheWay = locks.locks.first { other in
                    other.owner != wanted.owner && (other.isExclusive || wanted.isExclusive)
                        && other.first <= wanted.last && wanted.first <= other.last
                }
                let conflict = locks.conflict(with: wanted)
                #expect((conflict == nil) == isFree && conflict == inTheWay)
                if isFree {
                    locks.set(wanted)
                    for byte in first...last { table[owner][byte] = kind }
                    granted += 1
                } else {
                    denied += 1
                }
            }
            expectEqual(locks, table, owners)
            #expect(locks.count == locks.locks.count)
        }
        #expect(granted > 1_000 && denied > 1_000)
    }

    private func expectEqual(_ locks: ByteLocks, _ table: [[Int]], _ owners: [LockOwner]) {
        for (number, owner) in owners.enumerated() {
            let own = locks.locks.filter { $0.owner == owner }
            var bytes = [Int](repeating: 0, count: 24)
            for lock in own {
                for byte in lock.first...lock.last {
                    #expect(bytes[Int(byte)] == 0, "an owner's locks do not overlap")
                    bytes[Int(byte)] = lock.isExclusive ? 2 : 1
                }
            }
            #expect(bytes == table[number])
            for (left, right) in zip(own, own.dropFirst()) {
                #expect(left.last < right.first, "ascending")
                let isMergeable =
                    left.last + 1 == right.first && left.isExclusive == right.isExclusive
                #expect(!isMergeable, "what touches is one")
            }
        }
    }
}
