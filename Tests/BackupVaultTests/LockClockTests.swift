import Disk
import Keyring
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: a lock's time passes no faster than time does, whatever the time of day says.
@Suite struct LockClockTests {
    /// A machine: its clock since the start, which nobody steps.
    final class Machine: Sendable {
        private let state = Mutex((start: UniqueID.random(), seconds: UInt64(500)))

        func run(_ seconds: Int64) { state.withLock { $0.seconds += UInt64(seconds) } }
        func startAnew() { state.withLock { $0 = (.random(), 3) } }

        var reading: LockPace.Reading {
            state.withLock { LockPace.Reading(start: $0.start, seconds: $0.seconds) }
        }

        var pace: LockPace { LockPace { _ in self.reading } }
    }

    private static let day: Int64 = 86_400

    private static func time(_ seconds: Int64) -> Timestamp {
        LockTests.start.adding(seconds: seconds)
    }

    /// A vault with a point that expires on day 7, and a lock of 7 days.
    private func locked(grace: Int64? = nil) throws -> (VaultWorld, Machine, RecoveryPoint) {
        let machine = Machine()
        let world = try VaultWorld(pace: machine.pace)
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault, expires: LockTests.days(7))
        let far = LockTests.days(99_999)
        try VaultWorld.backUp(["a": [2]], to: world.vault, day: 1, expires: far)
        _ = try world.vault.setLock(LockTests.request(7, grace: grace), now: LockTests.start)
        return (world, machine, point)
    }

    @Test func `a wrong time of day that is put right within a day has freed nothing`() throws {
        let (world, machine, point) = try locked()
        let vault = world.vault
        #expect(try vault.expire(now: Self.time(3_650 * Self.day)).isEmpty)
        machine.run(80_000)
        #expect(try vault.expire(now: Self.time(3_650 * Self.day + 80_000)).isEmpty)
        #expect(try vault.expire(now: Self.time(80_000)).isEmpty)
        #expect(try vault.lockInForce()?.time == Self.time(80_000))
        // Not in steps either, however many there are, by whomever.
        for step in 1...200 as ClosedRange<Int64> {
            let each =
                step % 2 == 0
                ? vault : try VaultWorld.open(world.disk, root: world.root, pace: machine.pace)
            #expect(try each.expire(now: Self.time(80_000 + step * 82_800)).isEmpty)
        }
        #expect(try vault.lockInForce()?.time == Self.time(80_000))
        // Time that really passes does, also with the time of day set back.
        machine.run(7 * Self.day - 80_001)
        #expect(LockTests.error { try vault.delete(point.id, now: LockTests.start) }?.code == .held)
        machine.run(1)
        try vault.delete(point.id, now: LockTests.start)
    }

    @Test func `a machine that was off is believed after a day`() throws {
        let (world, machine, point) = try locked()
        machine.startAnew()
        let other = try VaultWorld.open(world.disk, root: world.root, pace: machine.pace)
        #expect(try other.expire(now: Self.time(40 * Self.day)).isEmpty)
        machine.run(Self.day - 1)
        #expect(try world.vault.expire(now: Self.time(41 * Self.day - 1)).isEmpty)
        machine.run(1)
        #expect(try other.expire(now: Self.time(41 * Self.day)).map(\.id) == [point.id])
        #expect(try world.vault.lockInForce()?.time == Self.time(41 * Self.day))
    }

    @Test func `what is added to a leap before it is believed begins a day of its own`() throws {
        let (world, machine, _) = try locked()
        let vault = world.vault
        try vault.observeLock(now: Self.time(2 * Self.day))
        machine.run(Self.day - 60)
        try vault.observeLock(now: Self.time(3_650 * Self.day))
        machine.run(60)
        try vault.observeLock(now: Self.time(3_650 * Self.day + 60))
        #expect(try vault.lockInForce()?.time == Self.time(Self.day))
        // Within the slack it is believed as it was seen at first.
        machine.run(Self.day)
        try vault.observeLock(now: Self.time(3_651 * Self.day + 3_000))
        #expect(try vault.lockInForce()?.time == Self.time(3_651 * Self.day + 60))
    }

    @Test func `a simulated clock moves no lock of a real one`() throws {
        let (world, _, point) = try locked()
        let simulated = try VaultWorld.open(world.disk, root: world.root, pace: .simulated)
        for day in 1...60 as ClosedRange<Int64> {
            #expect(try simulated.expire(now: LockTests.days(day)).isEmpty)
        }
        #expect(
            LockTests.error { try simulated.delete(point.id, now: LockTests.days(99)) }?.code
                == .held
        )
        #expect(try simulated.lockInForce()?.time == LockTests.start)
    }

    @Test func `a lock that was final once is final for ever`() throws {
        let (world, machine, _) = try locked(grace: 3)
        machine.startAnew()
        let late = LockTests.error { try world.vault.removeLock(now: LockTests.days(8)) }
        #expect(late?.code == .held)
        let other = try VaultWorld.open(world.disk, root: world.root, pace: machine.pace)
        for vault in [world.vault, other] {
            let back = LockTests.error { try vault.removeLock(now: LockTests.days(1)) }
            #expect(back?.code == .held)
        }
    }

    @Test func `a lock that was placed under a wrong time is lifted and placed anew`() throws {
        let machine = Machine()
        let world = try VaultWorld(pace: machine.pace)
        let vault = world.vault
        _ = try vault.setLock(LockTests.request(7), now: LockTests.days(3_650))
        try vault.removeLock(now: LockTests.start)
        _ = try vault.setLock(LockTests.request(7), now: LockTests.start)
        #expect(try vault.lockInForce()?.time == LockTests.start)
    }

    @Test func `a plan and a judgement write nothing`() throws {
        let (world, machine, _) = try locked()
        let before = world.disk.operations
        machine.run(50_000)
        let now = Self.time(50_000)
        _ = try world.vault.expiryVerdicts(now: now)
        #expect(world.disk.operations == before)
        _ = try world.vault.setLock(LockTests.request(9), now: now, isPlan: true)
        #expect(try world.vault.lockInForce()?.time == LockTests.start)
    }

    /// Goal: no wrong time of day that is put right in time frees anything, and a right one catches up.
    ///
    /// Method: a true time, a time of day that is wrong now and then, for less than a day of running, and a machine that is
    /// off now and then. The rule is not asked; only what it must hold to.
    @Test func `the lock's time is never ahead of the true one, and catches up with it`() {
        var generator = SeededGenerator(seed: testSeed(default: 322))
        var caughtUp = 0
        for _ in 0..<200 {
            let machine = Machine()
            var clock = LockClock(latest: LockTests.start, look: machine.reading)
            var (truth, error, wrongFor) = (Int64(0), Int64(0), Int64(0))
            for _ in 0..<150 {
                switch Int.random(in: 0..<10, using: &generator) {
                case 0:
                    machine.startAnew()
                    truth += Int64.random(in: 60...40 * Self.day, using: &generator)
                case 1 where error == 0:
                    error = Int64.random(in: -400...4_000, using: &generator) * Self.day
                    wrongFor = 0
                default:
                    let run = Int64.random(in: 1...20_000, using: &generator)
                    if error != 0, wrongFor + run >= Self.day { error = 0 }
                    if error != 0 { wrongFor += run }
                    machine.run(run)
                    truth += run
                }
                let before = clock.latest
                clock.see(Self.time(truth + error), machine.reading)
                #expect(clock.latest >= before && clock.latest <= Self.time(truth))
            }
            // A day and a bit proves a leap, and another one what was left of it.
            for _ in 0..<30 {
                machine.run(7_200)
                truth += 7_200
                clock.see(Self.time(truth), machine.reading)
            }
            if clock.latest == Self.time(truth) { caughtUp += 1 }
        }
        #expect(caughtUp == 200)
    }
}
