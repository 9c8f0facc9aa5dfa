import NFSWire
import Testing
import VarveModel

@testable import NFSServer

/// Goal: opens, share reservations and state ids as RFC 8881 §8.2, §9.7, §18.16, §18.18 and §18.2 have them.
@Suite struct OpenStateTests {
    @Test func `every pair of opens is granted or denied as its bits say`() throws {
        for first in 0..<12 {
            for second in 0..<12 {
                var world = StateWorld()
                let (a, b) = (try world.client("a"), try world.client("b"))
                let (access, deny) = (UInt32(first % 3 + 1), UInt32(first / 3))
                let (access2, deny2) = (UInt32(second % 3 + 1), UInt32(second / 3))
                _ = try world.open(
                    a,
                    ShareAccess(rawValue: access),
                    ShareDeny(rawValue: deny)
                ).get()
                let outcome = world.open(
                    b,
                    ShareAccess(rawValue: access2),
                    ShareDeny(rawValue: deny2)
                )
                let isFree = access & deny2 == 0 && deny & access2 == 0
                if isFree {
                    #expect(throws: Never.self) { try outcome.get() }
                } else {
                    #expect(outcome == .failure(.shareDenied))
                }
            }
        }
    }

    @Test func `two owners of one client deny each other too`() throws {
        var world = StateWorld()
        let a = try world.client("a")
        _ = try world.open(a, .read, .write, owner: "x").get()
        #expect(world.open(a, .write, [], owner: "y") == .failure(.shareDenied))
    }

    @Test func `an owner's second open is the same state, one number on`() async throws {
        var world = StateWorld()
        let a = try world.client("a")
        let first = try world.open(a, .read).get()
        let second = try world.open(a, .write).get()
        #expect(second.otherHigh == first.otherHigh && second.otherLow == first.otherLow)
        #expect(first.sequence == 1 && second.sequence == 2)
        world.settle()
        #expect(world.released.value == 1, "one handle is enough")
        let use = world.state.mayUse(second, of: a, on: StateWorld.file, for: .write, at: world.now)
        #expect(use == .success(true))
        #expect(world.state.close(second, of: a, on: StateWorld.file) == .ok)
        world.settle()
        #expect(world.released.value == 2)
        #expect(world.state.files.isEmpty && world.state.openIndex.isEmpty)
    }

    @Test func `a denied open lets go of its file`() async throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        _ = try world.open(a, .both, .write).get()
        #expect(world.open(b, .write) == .failure(.shareDenied))
        world.settle()
        #expect(world.released.value == 1)
    }

    @Test func `old, future and foreign state ids are told apart`() throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        let first = try world.open(a, .read).get()
        let second = try world.open(a, .write).get()
        func use(_ stateID: StateID, _ client: ClientID, on file: FileKey = StateWorld.file)
            -> Result<Bool, NFSStatus>
        {
            world.state.mayUse(stateID, of: client, on: file, for: .read, at: world.now)
        }
        #expect(use(first, a) == .failure(.oldStateID))
        #expect(use(second, a) == .success(true))
        var newest = second
        newest.sequence = 0
        #expect(use(newest, a) == .success(true))
        var future = second
        future.sequence += 1
        #expect(use(future, a) == .failure(.badStateID))
        #expect(use(second, b) == .failure(.badStateID))
        #expect(use(second, a, on: StateWorld.other) == .failure(.badStateID))
        #expect(use(.invalid, a) == .failure(.badStateID))
        var earlier = second
        earlier.otherHigh ^= 1 << 40
        #expect(use(earlier, a) == .failure(.badStateID), "of another start")
        #expect(world.state.close(first, of: a, on: StateWorld.file) == .oldStateID)
        #expect(world.state.close(second, of: a, on: StateWorld.file) == .ok)
        #expect(use(second, a) == .failure(.badStateID))
        #expect(world.state.close(second, of: a, on: StateWorld.file) == .badStateID)
    }

    @Test func `an open for reading does not write, and one for writing may read if permitted`()
        throws
    {
        var world = StateWorld()
        let a = try world.client("a")
        let read = try world.open(a, .read, owner: "r").get()
        let write = try world.open(a, .write, owner: "w").get()
        let file = StateWorld.file
        let (state, now) = (world.state, world.now)
        #expect(state.mayUse(read, of: a, on: file, for: .write, at: now) == .failure(.openMode))
        #expect(state.mayUse(write, of: a, on: file, for: .read, at: now) == .success(false))
    }

    /// RFC 8881 §9.1.2: a server that lets such an open read MUST still look for another that denies it.
    @Test func `one for writing does not read what another denies`() throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        let file = StateWorld.file
        let write = try world.open(a, .write).get()
        let locked = try #require(world.lock(a, write).granted)
        func reads(_ stateID: StateID) -> Result<Bool, NFSStatus> {
            world.state.mayUse(stateID, of: a, on: file, for: .read, at: world.now)
        }
        #expect(reads(write) == .success(false) && reads(locked) == .success(false))
        let denying = try world.open(b, .write, .read).get()
        #expect(reads(write) == .failure(.locked) && reads(locked) == .failure(.locked))
        #expect(world.state.close(denying, of: b, on: file) == .ok)
        #expect(reads(write) == .success(false))
        _ = try world.open(a, .write, .read, owner: "p").get()
        #expect(reads(write) == .failure(.locked), "of one client too")
        let own = try world.open(b, .write, .read, on: StateWorld.other).get()
        let use = world.state.mayUse(own, of: b, on: StateWorld.other, for: .read, at: world.now)
        #expect(use == .success(false), "nobody is denied by what it said itself")
    }

    /// RFC 8881 §18.16.3: "with no exception for the existing OPEN held by the same open-owner".
    @Test func `an owner's next open meets what it denied itself`() throws {
        var world = StateWorld()
        let a = try world.client("a")
        let first = try world.open(a, .both, .write).get()
        #expect(world.open(a, .write) == .failure(.shareDenied))
        #expect(world.open(a, .read, .read) == .failure(.shareDenied))
        #expect(world.state.test(first, of: a) == .ok, "it is as it was")
        #expect(try world.open(a, .read).get().sequence == first.sequence + 1)
    }

    @Test func `an open that truncates is a write to those who deny writing`() throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        func truncating(_ client: ClientID) -> Result<StateID, NFSStatus> {
            let request = ServerState.OpenRequest(
                client: client,
                owner: [1],
                file: StateWorld.file,
                access: .read,
                deny: [],
                truncates: true
            )
            return world.state.open(request, holding: HeldFile {}, at: world.now)
        }
        let denying = try world.open(a, .read, .write).get()
        #expect(truncating(b) == .failure(.shareDenied))
        #expect(world.state.close(denying, of: a, on: StateWorld.file) == .ok)
        var opened = try truncating(b).get()
        #expect(world.open(a, .read, .write) == .failure(.delay), "it is about to be cut off")
        opened = try truncating(b).get()
        for _ in 0..<2 {
            #expect(world.open(a, .read, .write) == .failure(.delay))
            world.state.endTruncation(of: opened)
        }
        _ = try world.open(a, .read, .write).get()
        let use = world.state.mayUse(
            opened,
            of: b,
            on: StateWorld.file,
            for: .write,
            at: world.now
        )
        #expect(use == .failure(.openMode), "it is open for reading still")
    }

    @Test func `special state ids are stopped by those who deny`() throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        let open = try world.open(a, .read, .write).get()
        let file = StateWorld.file
        func use(_ stateID: StateID, _ access: ShareAccess) -> Result<Bool, NFSStatus> {
            world.state.mayUse(stateID, of: b, on: file, for: access, at: world.now)
        }
        #expect(use(.anonymous, .read) == .success(false))
        #expect(use(.anonymous, .write) == .failure(.locked))
        #expect(use(.readBypass, .read) == .success(false))
        #expect(use(.readBypass, .write) == .failure(.locked))
        #expect(world.state.close(open, of: a, on: file) == .ok)
        #expect(use(.anonymous, .write) == .success(false))
    }

    @Test func `special state ids wait for the end of grace`() throws {
        var world = StateWorld(remembered: [.gateway("another")])
        let a = try world.client("a")
        let use = world.state.mayUse(
            .anonymous,
            of: a,
            on: StateWorld.file,
            for: .read,
            at: world.now
        )
        #expect(use == .failure(.grace))
    }

    @Test func `an open goes back to what was opened, and to nothing else`() throws {
        var world = StateWorld()
        let a = try world.client("a")
        _ = try world.open(a, .read, []).get()
        let both = try world.open(a, .both, .write).get()
        let file = StateWorld.file
        let never = world.state.downgrade(both, of: a, on: file, access: .write, deny: .write)
        #expect(never == .failure(.invalid), "write alone was never opened")
        let less = try world.state.downgrade(both, of: a, on: file, access: .read, deny: []).get()
        #expect(less.sequence == both.sequence + 1)
        let more = world.state.downgrade(less, of: a, on: file, access: .both, deny: [])
        #expect(more == .failure(.invalid))
        let write = world.state.mayUse(less, of: a, on: file, for: .write, at: world.now)
        #expect(write == .failure(.openMode))
        let b = try world.client("b")
        _ = try world.open(b, .write, []).get()
    }

    @Test func `a client opens so many files and no more`() async throws {
        var limits = ServerLimits()
        limits.opensPerClientMax = 2
        var world = StateWorld(limits: limits)
        let a = try world.client("a")
        for owner in ["1", "2"] { _ = try world.open(a, owner: owner).get() }
        #expect(world.open(a, owner: "3") == .failure(.delay))
        world.settle()
        #expect(world.released.value == 1)
    }

    @Test func `room that is kept for a file that is being made is nobody else's`() throws {
        var limits = ServerLimits()
        limits.opensPerClientMax = 2
        limits.statesOfAllMax = 3
        var world = StateWorld(limits: limits)
        let (a, b) = (try world.client("a"), try world.client("b"))
        func reserve(_ client: ClientID) -> Bool {
            world.state.reserveOpen(of: client, at: world.now)
        }
        _ = try world.open(a, owner: "1").get()
        #expect(reserve(a))
        #expect(!reserve(a), "two are a client's")
        #expect(world.open(a, owner: "2") == .failure(.delay))
        #expect(reserve(b))
        #expect(!reserve(b), "three are all clients'")
        #expect(world.open(b) == .failure(.delay))
        let request = ServerState.OpenRequest(
            client: a,
            owner: [2],
            file: StateWorld.other,
            access: .both,
            deny: [],
            isReserved: true
        )
        _ = try world.state.open(request, holding: HeldFile {}, at: world.now).get()
        #expect(!reserve(a))
        world.state.endReservation(of: b)
        _ = try world.open(b).get()
        #expect(world.open(b, owner: "2") == .failure(.delay), "there are three")
    }

    @Test func `all who were kept room for open`() throws {
        var limits = ServerLimits()
        limits.opensPerClientMax = 2
        var world = StateWorld(limits: limits)
        let a = try world.client("a")
        for _ in 0..<2 {
            let isKept = world.state.reserveOpen(of: a, at: world.now)
            #expect(isKept)
        }
        for owner: UInt8 in [1, 2] {
            let request = ServerState.OpenRequest(
                client: a,
                owner: [owner],
                file: StateWorld.file,
                access: .both,
                deny: [],
                isReserved: true
            )
            _ = try world.state.open(request, holding: HeldFile {}, at: world.now).get()
        }
        #expect(world.state.opensReserved == 0)
    }

    @Test func `no expired client gives way in vain`() throws {
        var world = StateWorld()
        let (gone, here) = (try world.client("gone"), try world.client("here"))
        let held = try world.open(gone, .write, .read).get()
        let other = try world.open(here, .write, .read).get()
        world.now = world.now.adding(seconds: 40)
        world.state.clients[here]?.lease.renew(at: world.now)
        func end(_ access: ShareAccess) -> Bool {
            world.state.endCourtesy(
                denying: access,
                on: StateWorld.file,
                to: .anonymous,
                at: world.now
            )
        }
        #expect(!end(.write), "that is not denied")
        #expect(!end(.read), "another denies it too")
        #expect(world.state.test(held, of: gone) == .ok)
        #expect(world.state.close(other, of: here, on: StateWorld.file) == .ok)
        #expect(end(.read))
        #expect(world.state.test(held, of: gone) != .ok)
    }

    /// Goal: no number of clients fills the daemon's memory with opens; courtesy goes first, of whoever was silent for longest.
    @Test func `all clients open so many files and no more`() throws {
        var limits = ServerLimits()
        limits.statesOfAllMax = 3
        var world = StateWorld(limits: limits)
        let clients = try ["a", "b", "c"].map { try world.client($0) }
        for client in clients { _ = try world.open(client).get() }
        #expect(world.open(clients[0], owner: "second") == .failure(.delay), "all are alive")
        world.settle()
        #expect(world.released.value == 1)
        world.now = world.now.adding(seconds: 1)
        world.renew(clients[0])
        world.now = world.now.adding(seconds: world.state.limits.leaseSeconds)
        world.renew(clients[2])
        _ = try world.open(clients[2], owner: "second").get()
        #expect(world.state.clients[clients[1]] == nil, "a was heard of later")
        #expect(world.state.clients[clients[0]] != nil, "one was enough")
        world.now = world.now.adding(seconds: world.state.limits.leaseSeconds + 1)
        _ = try world.open(clients[2], owner: "third").get()
        #expect(world.open(clients[2], owner: "fourth") == .failure(.delay), "its own stay")
        #expect(try world.open(clients[2]).get().sequence == 2, "what is open may be opened again")
    }

    @Test func `an expired client keeps its open until somebody wants the file`() async throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        let open = try world.open(a, .both, .write).get()
        world.now = world.now.adding(seconds: world.state.limits.leaseSeconds + 1)
        world.renew(b)
        _ = try world.open(b, .both, [], on: StateWorld.other).get()
        let kept = world.state.mayUse(
            open,
            of: a,
            on: StateWorld.file,
            for: .write,
            at: world.now
        )
        #expect(kept == .success(true), "courtesy")
        _ = try world.open(b, .write, []).get()
        #expect(world.state.clients[a] == nil)
        world.settle()
        #expect(world.released.value == 1)
        let gone = world.state.mayUse(
            open,
            of: a,
            on: StateWorld.file,
            for: .write,
            at: world.now
        )
        #expect(gone == .failure(.badStateID))
    }

    @Test func `a lease that is renewed does not give way`() throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        _ = try world.open(a, .both, .write).get()
        world.now = world.now.adding(seconds: world.state.limits.leaseSeconds)
        #expect(world.open(b, .write) == .failure(.shareDenied), "the last second counts")
        world.now = world.now.adding(seconds: 1)
        world.renew(a)
        world.renew(b)
        #expect(world.open(b, .write) == .failure(.shareDenied))
    }

    @Test func `opens of a file system that is gone are let go of`() async throws {
        var world = StateWorld()
        let a = try world.client("a")
        let gone = FileKey(
            fileSystem: FileSystemKey(high: 9, low: 9),
            inode: InodeNumber(rawValue: 1)
        )
        let kept = try world.open(a).get()
        let lost = try world.open(a, on: gone).get()
        #expect(world.lock(a, lost, on: gone).granted != nil)
        world.state.keepOnly([StateWorld.file.fileSystem])
        world.settle()
        #expect(world.released.value == 1)
        #expect(world.state.test(kept, of: a) == .ok)
        #expect(world.state.test(lost, of: a) == .badStateID)
        #expect(world.state.locks.isEmpty && world.state.files.count == 1)
    }

    @Test func `TEST_STATEID says what each is worth`() throws {
        var world = StateWorld()
        let (a, b) = (try world.client("a"), try world.client("b"))
        let first = try world.open(a, .read).get()
        let second = try world.open(a, .write).get()
        #expect(world.state.test(second, of: a) == .ok)
        #expect(world.state.test(first, of: a) == .oldStateID)
        #expect(world.state.test(second, of: b) == .badStateID)
        #expect(world.state.test(.anonymous, of: a) == .badStateID)
        #expect(world.state.free(second, of: a) == .locksHeld, "an open is closed, not freed")
    }
}
