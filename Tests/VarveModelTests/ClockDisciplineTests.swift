import TestKit
import Testing
import VarveModel

/// Goal: the time that a daemon lives by never runs backwards and is aged by nobody's mistake.
///
/// Method: readings of both clocks are made up; no clock is asked.
@Suite struct ClockDisciplineTests {
    private static let hour: Int64 = 3_600
    private static let day: Int64 = 86_400
    private static let begin = Timestamp(seconds: 1_800_000_000)

    /// A machine whose wall may be stepped.
    private struct Machine {
        var wall = ClockDisciplineTests.begin
        var elapsed: UInt64 = 5_000_000_000
        var discipline: ClockDiscipline
        var news: [ClockNews] = []
        var time: Timestamp

        init(last: Timestamp? = nil, accepted: Bool = false) throws {
            let reading = ClockReading(wall: wall, elapsed: elapsed)
            let start = ClockDiscipline.start(reading, last: last, isAccepted: accepted)
            guard case .began(let discipline) = start else { throw Refused() }
            self.discipline = discipline
            time = .epoch
            look()
        }

        /// Both clocks go on.
        mutating func pass(_ seconds: Int64) {
            wall = wall.adding(seconds: seconds)
            elapsed += UInt64(seconds) * 1_000_000_000
            look()
        }

        mutating func step(_ seconds: Int64) {
            wall = wall.adding(seconds: seconds)
            look()
        }

        mutating func accept() {
            discipline.accept(ClockReading(wall: wall, elapsed: elapsed))
            look()
        }

        mutating func look() {
            let reading = ClockReading(wall: wall, elapsed: elapsed)
            let (now, new) = discipline.read(reading)
            #expect(now >= time, "time ran backwards")
            time = now
            if let new { news.append(new) }
        }

        var behind: Int64 { wall.seconds - time.seconds }
    }

    private struct Refused: Error {}

    @Test func `a first start begins at the wall and stays with it`() throws {
        var machine = try Machine()
        #expect(machine.time == Self.begin)
        for _ in 0..<100 { machine.pass(60) }
        #expect(machine.time == machine.wall && machine.news.isEmpty)
    }

    @Test(arguments: [1, 60, hour, -1, -60, -hour])
    func `a step of up to an hour is slewed, a tenth of the time that passes`(
        step: Int64
    ) throws {
        var machine = try Machine()
        machine.step(step)
        #expect(machine.time == Self.begin, "no jump")
        machine.pass(5)
        let expected = step.magnitude == 1 ? step - step.signum() : step
        // Half a second of five was taken; whole seconds are compared.
        #expect(abs(machine.behind - expected) <= 1)
        for _ in 0..<step.magnitude { machine.pass(10) }
        #expect(machine.time == machine.wall)
        #expect(machine.news.isEmpty)
    }

    @Test(arguments: [hour + 1, 400 * day, -hour - 1, -400 * day])
    func `a step of more than an hour is told once and not followed`(step: Int64) throws {
        var machine = try Machine()
        machine.step(step)
        for _ in 0..<50 { machine.pass(600) }
        #expect(machine.time == Self.begin.adding(seconds: 30_000))
        #expect(machine.news == [.stepped(seconds: step)])
        let reading = ClockReading(wall: machine.wall, elapsed: machine.elapsed)
        #expect(machine.discipline.refusedSeconds(reading) == step)
        machine.step(2 * step)
        #expect(machine.news == [.stepped(seconds: step), .stepped(seconds: 3 * step)])
        machine.step(-3 * step)
        #expect(machine.news.last == .returned && machine.behind == 0)
        #expect(machine.discipline.refusedSeconds(reading) == nil)
    }

    @Test func `an accepted wall that is ahead is followed at once`() throws {
        var machine = try Machine()
        machine.step(10 * Self.day)
        machine.accept()
        #expect(machine.time == machine.wall)
        machine.pass(Self.hour)
        #expect(machine.time == machine.wall && machine.news.count == 1)
    }

    @Test func `an accepted wall that is behind is reached by slower time`() throws {
        var machine = try Machine()
        machine.step(-2 * Self.hour)
        machine.accept()
        let accepted = machine.time
        machine.pass(Self.hour)
        #expect(machine.time == accepted.adding(seconds: Self.hour - Self.hour / 10))
        for _ in 0..<20 { machine.pass(Self.hour) }
        #expect(machine.time == machine.wall)
        #expect(machine.news == [.stepped(seconds: -2 * Self.hour)])
    }

    @Test func `a machine that was suspended has not been stepped`() throws {
        var machine = try Machine()
        machine.pass(30 * Self.day)
        #expect(machine.time == machine.wall && machine.news.isEmpty)
    }

    @Test func `a start within a year of the last run takes the wall`() throws {
        let last = Self.begin.adding(seconds: -ClockDiscipline.absenceSecondsMax)
        #expect(try Machine(last: last).time == Self.begin)
    }

    @Test func `a start more than a year ahead needs a voucher`() throws {
        let last = Self.begin.adding(seconds: -ClockDiscipline.absenceSecondsMax - 1)
        let reading = ClockReading(wall: Self.begin, elapsed: 1)
        let start = ClockDiscipline.start(reading, last: last, isAccepted: false)
        #expect(start == .refused(seconds: ClockDiscipline.absenceSecondsMax + 1))
        #expect(try Machine(last: last, accepted: true).time == Self.begin)
    }

    @Test func `a start a little behind the last run goes on from there, slower`() throws {
        let last = Self.begin.adding(seconds: 600)
        var machine = try Machine(last: last)
        #expect(machine.time == last && !machine.discipline.isAwaitingWall)
        for _ in 0..<100 { machine.pass(60) }
        #expect(machine.time == machine.wall && machine.news.isEmpty)
    }

    @Test func `a wall that lost its battery is awaited, and taken when it has caught up`() throws {
        let last = Self.begin.adding(seconds: 900 * Self.day)
        var machine = try Machine(last: last)
        #expect(machine.time == last && machine.discipline.isAwaitingWall)
        machine.pass(120)
        #expect(machine.time == last.adding(seconds: 120) && machine.news.isEmpty)
        // The network's time comes: the machine was off for three days.
        machine.step(903 * Self.day)
        #expect(machine.time == machine.wall && !machine.discipline.isAwaitingWall)
        #expect(machine.news == [.caughtUp(seconds: 3 * Self.day)])
        machine.pass(10)
        #expect(machine.time == machine.wall)
    }

    @Test func `an awaited wall that comes far ahead is refused as any`() throws {
        let last = Self.begin.adding(seconds: 10 * Self.day)
        var machine = try Machine(last: last)
        machine.step(800 * Self.day)
        #expect(machine.news == [.stepped(seconds: 790 * Self.day)])
        #expect(machine.time == last)
    }

    @Test func `whatever the clocks show, time rises and no second is skipped unasked`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 17))
        for _ in 0..<200 {
            var machine = try Machine()
            var lived: Int64 = 0
            for _ in 0..<200 {
                if Int.random(in: 0..<4, using: &generator) == 0 {
                    let most = [30, 3_000, 3_000_000].randomElement(using: &generator) ?? 1
                    machine.step(Int64.random(in: -Int64(most)...Int64(most), using: &generator))
                }
                let passed = Int64.random(in: 0...100, using: &generator)
                lived += passed
                machine.pass(passed)
                let run = machine.time.seconds - Self.begin.seconds
                #expect((lived * 9 / 10 - 1...lived * 11 / 10 + 1).contains(run))
            }
        }
    }

    @Test func `the machine's own clocks make a time`() throws {
        let reading = SystemClock.reading()
        guard
            case .began(let discipline) = ClockDiscipline.start(
                reading,
                last: nil,
                isAccepted: false
            )
        else { throw Refused() }
        let clock = SystemClock(discipline) { _ in }
        let first = clock.now()
        #expect(first >= reading.wall)
        #expect(clock.now() >= first && clock.refusedSeconds == nil)
    }
}
