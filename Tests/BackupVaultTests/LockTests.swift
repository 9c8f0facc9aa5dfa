import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// A vault's lock keeps points from everybody, and says so when it cannot be read.
@Suite struct LockTests {
    static let start = VaultWorld.start

    static func days(_ count: Int64) -> Timestamp { start.adding(seconds: count * 86_400) }

    static func request(
        _ minDays: Int64,
        max: Int64? = nil,
        grace: Int64? = nil,
        final: Bool = false
    ) -> VaultLock.Request {
        .init(
            minDays: minDays,
            maxDays: max,
            changeableDays: grace,
            placedBy: "uid 0",
            strengthensFinal: final
        )
    }

    static func error(_ body: () throws -> Void) -> VaultError? {
        do {
            try body()
            return nil
        } catch {
            return error as? VaultError
        }
    }

    @Test func `a locked point goes when its expiry and the minimum have passed, and not before`()
        throws
    {
        let world = try VaultWorld()
        let vault = world.vault
        let early = try VaultWorld.backUp(["a": [1]], to: vault, day: 0, expires: Self.days(1))
        let late = try VaultWorld.backUp(["a": [2]], to: vault, day: 0, expires: Self.days(20))
        let never = try VaultWorld.backUp(["a": [3]], to: vault, day: 0)
        try VaultWorld.backUp(["a": [4]], to: vault, day: 1, expires: Self.days(30))
        _ = try vault.setLock(Self.request(7), now: Self.start)
        for each in [vault, try world.reopened()] {
            for point in [early, late, never] {
                let refused = Self.error { try each.delete(point.id, now: Self.days(0)) }
                #expect(refused?.code == .held)
                #expect(refused?.message.contains("lock") == true)
            }
            #expect(try each.expire(now: Self.days(0)).isEmpty)
        }
        let kept = try vault.expiryVerdicts(now: Self.days(1)).map(\.keptBecause)
        #expect(kept.contains("kept by the vault's lock until 2027-01-22T08:00:00Z"))
        #expect(try vault.expire(now: Self.days(6)).isEmpty)
        #expect(try vault.expire(now: Self.days(7)).map(\.id) == [early.id])
        #expect(Self.error { try vault.delete(late.id, now: Self.days(8)) }?.code == .held)
        #expect(try vault.expire(now: Self.days(20)).map(\.id) == [late.id])
        #expect(Self.error { try vault.delete(never.id, now: Self.days(20)) }?.code == .held)
        try vault.removeLock(now: Self.days(20))
        try vault.delete(never.id, now: Self.days(20))
        #expect(try vault.verify(readData: true).isClean)
    }

    @Test func `a backup that asks for too short or too long is refused with the numbers`() throws {
        let world = try VaultWorld()
        let vault = world.vault
        _ = try vault.setLock(Self.request(7, max: 30), now: Self.start)
        let refused: [(days: Int64?, says: String)] = [(6, "6"), (31, "31"), (nil, "for ever")]
        for (days, says) in refused {
            let error = Self.error {
                try VaultWorld.backUp(["a": [1]], to: vault, expires: days.map(Self.days))
            }
            #expect(error?.code == .invalid)
            #expect(error?.message.contains("at least 7 and at most 30 days") == true)
            #expect(error?.message.contains(says) == true)
            #expect(throws: VaultError.self) {
                try vault.requireRetention(from: Self.start, to: days.map(Self.days))
            }
        }
        #expect(try vault.recoveryPoints().isEmpty)
        for days in [7, 30] as [Int64] {
            try VaultWorld.backUp(["a": [1]], to: vault, expires: Self.days(days))
        }
        _ = try vault.setLock(Self.request(7), now: Self.start)
        try VaultWorld.backUp(["a": [1]], to: vault)
        #expect(try vault.recoveryPoints().count == 3)
    }

    @Test func `numbers that AWS Backup refuses are refused`() throws {
        let world = try VaultWorld()
        for wrong in [
            Self.request(0), Self.request(36_501), Self.request(7, max: 6),
            Self.request(7, max: 36_501), Self.request(7, grace: 2), Self.request(7, grace: 36_501),
        ] {
            let error = Self.error { _ = try world.vault.setLock(wrong, now: Self.start) }
            #expect(error?.code == .invalid, "\(wrong)")
        }
        #expect(try world.vault.lockInForce()?.lock == nil)
        _ = try world.vault.setLock(Self.request(9), now: Self.start, isPlan: true)
        #expect(try world.vault.lockInForce() == nil, "a plan locks nothing")
        #expect(Self.error { try world.vault.removeLock(now: Self.start) }?.code == .notFound)
    }

    @Test func `a compliance lock is final after its grace period, but for what is stronger`()
        throws
    {
        let world = try VaultWorld()
        let vault = world.vault
        let point = try VaultWorld.backUp(["a": [1]], to: vault, expires: Self.days(1))
        let grace = Self.request(7, max: 100, grace: 3)
        _ = try vault.setLock(grace, now: Self.start)
        try vault.removeLock(now: Self.days(1))
        _ = try vault.setLock(grace, now: Self.days(1))
        _ = try vault.setLock(Self.request(7, max: 100, grace: 4), now: Self.days(2))
        for each in [vault, try world.reopened()] {
            #expect(Self.error { try each.removeLock(now: Self.days(6)) }?.code == .held)
        }
        // A clock that is set back opens nothing again, in this process or another.
        for each in [vault, try world.reopened()] {
            #expect(Self.error { try each.removeLock(now: Self.start) }?.code == .held)
            for weaker in [
                Self.request(6, max: 100), Self.request(7), Self.request(7, max: 101),
                Self.request(6, max: 100, grace: 9), Self.request(6, max: 100, final: true),
                Self.request(8, max: 101, final: true), Self.request(8, max: 90),
            ] {
                let error = Self.error { _ = try each.setLock(weaker, now: Self.days(6)) }
                #expect(error?.code == .held, "\(weaker)")
            }
        }
        let asked = Self.request(8, max: 90, final: true)
        let stronger = try vault.setLock(asked, now: Self.days(6)).lock
        #expect(stronger.mode == .compliance && stronger.lockDate == Self.days(6))
        #expect(Self.error { try vault.removeLock(now: Self.days(6)) }?.code == .held)
        #expect(Self.error { try vault.delete(point.id, now: Self.days(7)) }?.code == .held)
        try vault.delete(point.id, now: Self.days(8))
    }

    @Test func `a clock that is set back frees nothing, nor does a point that was made by it`()
        throws
    {
        let world = try VaultWorld()
        let vault = world.vault
        _ = try vault.setLock(Self.request(7), now: Self.days(10))
        let point = try VaultWorld.backUp(["a": [1]], to: vault, day: 1, expires: Self.days(9))
        // It is shown as it was made, and kept as the lock's time has it.
        #expect(point.created == Self.days(1))
        #expect(point.statistics[VaultLock.countedFrom] == UInt64(Self.days(10).seconds))
        try VaultWorld.backUp(["a": [2]], to: vault, day: 11, expires: Self.days(99))
        #expect(try vault.expire(now: Self.days(10)).isEmpty)
        #expect(try vault.expire(now: Self.days(16)).isEmpty)
        let again = try world.reopened()
        #expect(Self.error { try again.delete(point.id, now: Self.days(2)) }?.code == .held)
        try again.delete(point.id, now: Self.days(17))
    }

    @Test func `prune and repack under a lock keep restores whole`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 311))
        let world = try VaultWorld()
        let vault = world.vault
        _ = try vault.setLock(Self.request(7), now: Self.start)
        var points: [(point: RecoveryPoint, contents: VaultWorld.Contents)] = []
        var contents = VaultWorld.contents(40, using: &generator)
        for day in 0..<6 as Range<Int64> {
            let point = try VaultWorld.backUp(
                contents,
                to: vault,
                after: points.last,
                day: day,
                expires: Self.days(day + 7)
            )
            points.append((point, contents))
            contents = VaultWorld.change(contents, using: &generator)
            try vault.observeLock(now: Self.days(day))
        }
        var gone = 0
        var deleted = 0
        for day in 6...11 as ClosedRange<Int64> {
            gone += try vault.expire(now: Self.days(day)).count
            deleted += try vault.prune().packsDeleted
            let left = points.dropFirst(gone)
            #expect(try vault.recoveryPoints().map(\.id) == left.map(\.point.id))
            for (point, contents) in left {
                #expect(try VaultWorld.restore(point, from: world.reopened()) == contents)
            }
        }
        #expect(gone == 5 && deleted > 0)
        #expect(try vault.verify(readData: true).isClean)
    }

    // MARK: Its files

    private static let paths = LockFiles.names.map { VaultWorld.directory + "/" + $0 }

    private func locked() throws -> (world: VaultWorld, point: RecoveryPoint) {
        let world = try VaultWorld()
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault, expires: Self.days(1))
        try VaultWorld.backUp(["a": [2]], to: world.vault, day: 1, expires: Self.days(1))
        _ = try world.vault.setLock(Self.request(7), now: Self.start)
        return (world, point)
    }

    @Test func `a lock whose files are gone or damaged lets nothing go, and verify names them`()
        throws
    {
        let (world, point) = try locked()
        let disk = world.disk
        let whole = try Self.paths.map { try disk.contents(of: $0) }
        for isGone in [true, false] {
            for (path, bytes) in zip(Self.paths, whole) {
                if isGone {
                    try disk.remove(path)
                } else {
                    var damaged = bytes
                    damaged[bytes.count / 2] ^= 1
                    try disk.replace(path, with: damaged)
                }
            }
            for vault in [world.vault, try world.reopened()] {
                let late = Self.days(100)
                #expect(Self.error { try vault.delete(point.id, now: late) }?.code == .corrupt)
                #expect(try vault.expire(now: late).isEmpty)
                #expect(Self.error { _ = try vault.prune() }?.code == .corrupt)
                let again = Self.error { _ = try vault.setLock(Self.request(1), now: late) }
                #expect(again?.code == .corrupt, "a lost lock is not replaced by a weaker one")
                #expect(Self.error { try vault.removeLock(now: late) }?.code == .corrupt)
                let findings = try vault.verify(readData: false).findings
                #expect(findings.map(\.file) == LockFiles.names)
                #expect(findings.allSatisfy { $0.subject == .lock })
                // Backups go on.
                try VaultWorld.backUp(["a": [3]], to: vault, day: 2, expires: Self.days(50))
            }
            let closed = try world.reopened().repair(.structure)
            #expect(closed.unhealed.count == 1 && !closed.verified.isClean)
            #expect(try world.vault.repair(.structure).verified.isClean)
            #expect(try world.reopened().lockInForce()?.lock.minDays == 7)
        }
    }

    @Test func `one file of the two is enough, and repair writes the other`() throws {
        let (world, point) = try locked()
        for path in Self.paths {
            try world.disk.remove(path)
            let vaults = [world.vault, try world.reopened()]
            for vault in vaults {
                #expect(try vault.verify(readData: false).findings.count == 1)
            }
            // A refusal may write what time it saw, and both files with it.
            for vault in vaults {
                let refused = Self.error { try vault.delete(point.id, now: Self.days(2)) }
                #expect(refused?.code == .held)
            }
            if try world.disk.status(of: path) != nil { try world.disk.remove(path) }
            #expect(try world.reopened().repair(.structure).verified.isClean)
            #expect(try world.disk.status(of: path) != nil)
        }
    }

    @Test func `an older lock that is put back is noticed by who has seen the newer one`() throws {
        let (world, point) = try locked()
        try world.vault.removeLock(now: Self.start)
        let open = try Self.paths.map { try world.disk.contents(of: $0) }
        _ = try world.vault.setLock(Self.request(7, grace: 3), now: Self.start)
        for (path, bytes) in zip(Self.paths, open) { try world.disk.replace(path, with: bytes) }
        let refused = Self.error { try world.vault.delete(point.id, now: Self.days(2)) }
        #expect(refused?.code == .corrupt)
        #expect(try world.vault.verify(readData: false).findings.map(\.file) == LockFiles.names)
        #expect(try world.vault.repair(.structure).verified.isClean)
        #expect(try world.reopened().lockInForce()?.lock.mode == .compliance)
    }

    @Test func `a locked point that does not read is kept`() throws {
        let (world, point) = try locked()
        let path = VaultWorld.directory + "/manifests/\(point.id).manifest"
        let whole = try world.disk.contents(of: path)
        try world.disk.corrupt(path, at: 100, mask: 1)
        let refused = Self.error { try world.vault.delete(point.id, now: Self.days(2)) }
        #expect(refused?.code == .held)
        try world.disk.replace(path, with: whole)
        try world.vault.setParity(ParityTests.policy)
        try world.disk.remove(path)
        #expect(Self.error { try world.vault.delete(point.id, now: Self.days(2)) }?.code == .held)
        // The parity that may heal it stays.
        #expect(Self.error { try world.vault.setParity(nil) }?.code == .held)
        #expect(try world.vault.repair(.structure).verified.isClean)
        try world.vault.setParity(nil)
    }

    @Test func `a full disk lets a governance lock be lifted`() throws {
        let (world, point) = try locked()
        world.disk.failAfter(bytes: 0)
        let full = Self.error { _ = try world.vault.setLock(Self.request(8), now: Self.start) }
        #expect(full?.code == .noSpace)
        #expect(Self.error { try world.vault.delete(point.id, now: Self.days(1)) }?.code == .held)
        try world.vault.removeLock(now: Self.days(1))
        try world.vault.delete(point.id, now: Self.days(1))
        world.disk.clearFaults()
        #expect(try world.reopened().lockInForce()?.lock == nil)
    }

    @Test func `a record is decoded exactly or not at all`() {
        let lock = VaultLock(
            minDays: 7,
            maxDays: 30,
            lockDate: Self.days(3),
            placed: Self.start,
            placedBy: "uid 0"
        )
        let leap = LockClock.Leap(first: Self.days(9), livedSeconds: 5)
        let look = LockPace.Reading(start: .random(), seconds: 77)
        for record in [
            LockRecord(revision: 3, clock: LockClock(latest: Self.start, look: look), lock: nil),
            LockRecord(
                revision: 4,
                clock: LockClock(latest: Self.start, leap: leap, look: look),
                lock: lock
            ),
        ] {
            #expect(LockRecord(decoding: record.encoded()) == record)
            var values = 0
            DecoderFuzz.feed(record.encoded(), seed: 312) { bytes in
                guard let decoded = LockRecord(decoding: bytes) else { return }
                values += 1
                #expect(decoded.encoded() == bytes)
            }
            #expect(values > 0)
        }
    }

    @Test func `times in messages are those of the calendar`() {
        let times: [(Int64, String)] = [
            (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
            (1_800_000_000, "2027-01-15T08:00:00Z"), (4_107_542_400, "2100-03-01T00:00:00Z"),
        ]
        for (seconds, text) in times { #expect(Timestamp(seconds: seconds).utcText == text) }
    }

    /// Goal: a lock is there or not, whenever power goes, and never in between (I3).
    @Test func `locking and unlocking survive a power cut after every write`() throws {
        let disk = SimulatedDisk()
        try disk.makeDirectory("/vaults")
        try disk.syncDirectory("/")
        let world = try VaultWorld(disk: disk)
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault, expires: Self.days(1))
        try VaultWorld.backUp(["a": [2]], to: world.vault, day: 1, expires: Self.days(1))
        // What is in force after so many writes.
        var steps: [(until: Int, minDays: Int64?)] = [(disk.operations, nil)]
        let works: [(Int64?, () throws -> Void)] = [
            (7, { _ = try world.vault.setLock(Self.request(7), now: Self.start) }),
            (8, { _ = try world.vault.setLock(Self.request(8), now: Self.days(1)) }),
            (nil, { try world.vault.removeLock(now: Self.days(1)) }),
            (9, { _ = try world.vault.setLock(Self.request(9), now: Self.days(1)) }),
        ]
        for (minDays, work) in works {
            try work()
            steps.append((disk.operations, minDays))
        }
        var replay = disk.replay()
        for cut in steps[0].until...disk.operations {
            replay.advance(to: cut)
            let next = steps.firstIndex { $0.until >= cut } ?? 0
            let allowed =
                steps[next].until == cut
                ? [steps[next].minDays] : [steps[next - 1].minDays, steps[next].minDays]
            for fate in [.keepUnsynced, .dropUnsynced, .tear(seed: UInt64(cut))] as [CutFate] {
                let vault = try VaultWorld.open(replay.image(fate), root: world.root)
                let found = try vault.lockInForce()?.lock.minDays
                #expect(allowed.contains(found), "cut \(cut) (\(fate)): \(found ?? 0)")
                #expect(try vault.verify(readData: true).isClean, "cut \(cut) (\(fate))")
                let isKept = Self.error { try vault.delete(point.id, now: Self.days(1)) } != nil
                #expect(isKept == (found != nil), "cut \(cut) (\(fate))")
                _ = try vault.prune()
                #expect(try vault.verify(readData: true).isClean, "cut \(cut) (\(fate))")
            }
        }
    }
}
