import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: whatever order of locks, clocks, deletions and expiries, a vault lets go what a plain model lets go, and no more.
///
/// Method: random steps by one of two vault objects over one directory, as two processes would; the model is written from
/// docs/formats/vault.md alone. It keeps whole seconds in plain numbers, and knows nothing of files or seals.
@Suite struct LockProperties {
    /// A point of the model.
    private struct Point {
        let id: RecoveryPointID
        let created: Int64
        /// From when the lock's minimum counts.
        let counted: Int64
        let expires: Int64?
    }

    /// The lock's rules, in numbers: seconds since the start.
    private struct Model {
        struct Lock: Equatable {
            var min: Int64
            var max: Int64?
            var final: Int64?
        }

        static let day: Int64 = 86_400
        var lock: Lock?
        var time: Int64 = 0
        /// A time of day that is ahead: what it was at first, and what was lived since.
        var leap: (first: Int64, lived: Int64)?
        /// The machine's start and its running seconds at the last look.
        var seen: (start: Int, running: Int64) = (0, 0)
        var points: [Point] = []

        mutating func look(_ now: Int64, _ start: Int, _ running: Int64) {
            guard lock != nil else { return }
            let lived = start == seen.start ? running - seen.running : 0
            seen = (start, running)
            time += lived
            if now <= time {
                leap = nil
            } else if let old = leap, now >= old.first, now <= old.first + old.lived + lived + 3_600
            {
                let proven = old.first + old.lived + lived
                leap = (old.first, old.lived + lived)
                if old.lived + lived >= Self.day {
                    time = Swift.max(time, Swift.min(now, proven))
                    leap = now > time ? (now, 0) : nil
                }
            } else {
                leap = (now, 0)
            }
            guard let final = lock?.final, Swift.max(now, time) >= final, time < final else {
                return
            }
            lock?.final = time
        }

        func isFinal(_ now: Int64) -> Bool {
            guard let final = lock?.final else { return false }
            return time >= final
        }

        func keeps(_ point: Point) -> Bool {
            guard let lock else { return false }
            guard let expires = point.expires else { return true }
            return time < max(expires, point.counted + lock.min * Self.day)
        }

        /// Whether the numbers are taken now, and what the lock then is.
        mutating func place(
            _ min: Int64,
            _ max: Int64?,
            _ grace: Int64?,
            _ now: Int64,
            _ start: Int,
            _ running: Int64
        ) -> Bool {
            if lock == nil {
                (time, leap, seen) = (now, nil, (start, running))
            } else {
                look(now, start, running)
            }
            var new = Lock(
                min: min,
                max: max,
                final: grace.map { Swift.max(now, time) + $0 * Self.day }
            )
            if let old = lock, isFinal(now) {
                let isLooser = old.max.map { (max ?? .max) > $0 } ?? false
                if min < old.min || isLooser { return false }
                new.final = old.final
            }
            lock = new
            return true
        }

        func admits(_ created: Int64, _ expires: Int64?) -> Bool {
            guard let lock else { return true }
            guard let expires else { return lock.max == nil }
            if expires < created + lock.min * Self.day - 3_600 { return false }
            return lock.max.map { expires <= created + $0 * Self.day } ?? true
        }

        /// What an expiry takes: all whose time has come but the newest.
        func due(_ now: Int64) -> Set<RecoveryPointID> {
            let sorted = points.sorted { ($0.created, $0.id) < ($1.created, $1.id) }
            return Set(
                sorted.dropLast().filter { point in
                    (point.expires.map { $0 <= now } ?? false) && !keeps(point)
                }
                .map(\.id)
            )
        }
    }

    private struct World {
        let world: VaultWorld
        var vaults: [Vault]
        var model = Model()
        var wall: Int64 = 0
        /// What the machine's clocks show; both vault objects are of one machine.
        let machine: LockClockTests.Machine
        var start = 0
        var running: Int64 = 0
        var mix: [String: Int] = [:]

        static func time(_ seconds: Int64) -> Timestamp {
            VaultWorld.start.adding(seconds: seconds)
        }

        mutating func count(_ what: String) { mix[what, default: 0] += 1 }

        mutating func moveClock(using generator: inout SeededGenerator) {
            let day = Model.day
            let run = Int64.random(in: 1...day, using: &generator)
            switch Int.random(in: 0..<12, using: &generator) {
            case 0..<9: pass(run, wall: run)
            case 9: pass(run, wall: run + Int64.random(in: -3_000...5_000, using: &generator))
            case 10:
                // Off for a while.
                machine.startAnew()
                (start, running) = (start + 1, 0)
                wall += Int64.random(in: 60...20 * day, using: &generator)
            default:
                let step = Int64.random(in: -10...20, using: &generator) * day
                pass(run, wall: run + step)
            }
        }

        private mutating func pass(_ run: Int64, wall step: Int64) {
            machine.run(run)
            running += run
            wall = Swift.max(0, wall + step)
        }

        mutating func look() { model.look(wall, start, running) }

        mutating func backUp(using generator: inout SeededGenerator) throws {
            let days = Int64.random(in: 0...30, using: &generator)
            let expires = days == 0 ? nil : wall + days * Model.day
            let vault = vaults.randomElement(using: &generator) ?? world.vault
            let writer = try vault.beginWrite()
            defer { writer.abandon() }
            let map = try VaultWorld.store(["a": [UInt8(days)]], by: writer)
            var draft = VaultWorld.draft(map, expires: expires.map(Self.time))
            draft.created = Self.time(wall)
            do {
                let point = try writer.publish(draft)
                #expect(model.admits(wall, expires))
                let counted = model.lock == nil ? wall : Swift.max(wall, model.time)
                #expect(point.created == Self.time(wall))
                model.points.append(
                    Point(id: point.id, created: wall, counted: counted, expires: expires)
                )
                count("backup")
            } catch {
                #expect(!model.admits(wall, expires), "\(error)")
                count("backup refused")
            }
        }

        mutating func changeLock(using generator: inout SeededGenerator) {
            let vault = vaults.randomElement(using: &generator) ?? world.vault
            if Int.random(in: 0..<3, using: &generator) == 0 {
                let isLocked = model.lock != nil
                look()
                let mayGo = isLocked && !model.isFinal(wall)
                let error = LockTests.error { try vault.removeLock(now: Self.time(wall)) }
                #expect((error == nil) == mayGo, "\(error.map(\.message) ?? "unlocked")")
                if mayGo { model.lock = nil }
                return count(mayGo ? "unlocked" : isLocked ? "unlock refused" : "not locked")
            }
            let least = Int64.random(in: 1...12, using: &generator)
            let most =
                Bool.random(using: &generator)
                ? Int64.random(in: least...40, using: &generator) : nil
            let grace =
                Int.random(in: 0..<12, using: &generator) == 0
                ? Int64.random(in: 3...9, using: &generator) : nil
            let isTaken = model.place(least, most, grace, wall, start, running)
            let error = LockTests.error {
                _ = try vault.setLock(
                    LockTests.request(least, max: most, grace: grace, final: true),
                    now: Self.time(wall)
                )
            }
            #expect((error == nil) == isTaken, "\(error.map(\.message) ?? "locked")")
            count(isTaken ? "locked" : "lock refused")
        }

        mutating func delete(using generator: inout SeededGenerator) {
            guard let point = model.points.randomElement(using: &generator) else { return }
            let vault = vaults.randomElement(using: &generator) ?? world.vault
            look()
            let mayGo = !model.keeps(point)
            let error = LockTests.error { try vault.delete(point.id, now: Self.time(wall)) }
            #expect(error?.code == (mayGo ? nil : .held), "\(error.map(\.message) ?? "deleted")")
            if mayGo { model.points.removeAll { $0.id == point.id } }
            count(mayGo ? "deleted" : "delete refused")
        }

        mutating func expire(using generator: inout SeededGenerator) throws {
            let vault = vaults.randomElement(using: &generator) ?? world.vault
            look()
            let due = model.due(wall)
            let gone = Set(try vault.expire(now: Self.time(wall)).map(\.id))
            #expect(gone == due)
            model.points.removeAll { due.contains($0.id) }
            count(gone.isEmpty ? "nothing expired" : "expired")
            _ = try vault.prune()
        }

        func check() throws {
            for vault in vaults {
                #expect(Set(try vault.recoveryPoints().map(\.id)) == Set(model.points.map(\.id)))
                let found = try vault.lockInForce()?.lock
                #expect(found?.minDays == model.lock?.min && found?.maxDays == model.lock?.max)
                #expect(found?.lockDate == model.lock?.final.map(Self.time))
            }
            #expect(try vaults[0].verify(readData: true).isClean)
        }
    }

    @Test func `a vault agrees with the model of its lock`() throws {
        let seed = testSeed(default: 321)
        var mix: [String: Int] = [:]
        for life in 0..<TestSizes.current.lockLives {
            var generator = SeededGenerator(seed: seed &+ UInt64(life))
            let machine = LockClockTests.Machine()
            let first = try VaultWorld(disk: SimulatedDisk(recording: false), pace: machine.pace)
            let second = try VaultWorld.open(first.disk, root: first.root, pace: machine.pace)
            var world = World(world: first, vaults: [first.vault, second], machine: machine)
            for step in 0..<60 {
                world.moveClock(using: &generator)
                switch Int.random(in: 0..<10, using: &generator) {
                case 0..<4: try world.backUp(using: &generator)
                case 4..<6: world.changeLock(using: &generator)
                case 6..<8: world.delete(using: &generator)
                default: try world.expire(using: &generator)
                }
                guard step % 20 == 19 else { continue }
                try world.check()
                // A process ends, and another one opens the vault.
                world.vaults[1] = try VaultWorld.open(
                    first.disk,
                    root: first.root,
                    pace: machine.pace
                )
            }
            mix.merge(world.mix) { $0 + $1 }
        }
        print(
            mix.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        )
        let kinds = [
            "backup", "backup refused", "locked", "lock refused", "unlocked", "unlock refused",
            "not locked", "deleted", "delete refused", "expired", "nothing expired",
        ]
        for kind in kinds { #expect(mix[kind, default: 0] > 0, "\(kind) never occurred") }
    }
}
