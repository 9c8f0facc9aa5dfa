import Foundation
import TestKit
import Testing

@testable import LocalAPI

/// Foundation has one, too.
private typealias Progress = LocalAPI.Progress

/// How fast work is, how long it still takes, and how both are told; time is what the test says.
@Suite struct ProgressTests {
    private func progress(
        _ bytes: UInt64,
        of total: UInt64? = nil,
        phase: String = "copying"
    ) -> Progress {
        Progress(phase: phase, bytes: bytes, bytesTotal: total)
    }

    @Test func `a steady rate is told as it is, and what is left at that rate`() throws {
        var meter = ProgressMeter()
        var last = meter.take(progress(0, of: 10_000), at: .seconds(100))
        for second in 1...40 {
            let now = Duration.seconds(100 + second)
            last = meter.take(progress(UInt64(second) * 100, of: 10_000), at: now)
            guard second >= 3 else {
                #expect(last.bytesPerSecond == nil && last.remaining == nil, "\(second) s")
                continue
            }
            #expect(abs(try #require(last.bytesPerSecond) - 100) < 1e-6)
            let left = try #require(last.remaining).components.seconds
            #expect(abs(left - Int64(100 - second)) <= 1)
        }
        #expect(last.elapsed == .seconds(40) && last.fraction == 0.4)
    }

    /// Goal: however the reports come, the rate is one that was there lately, and follows a change within half a minute.
    @Test func `a rate follows a change, and no single report shakes it`() throws {
        var random = SeededGenerator(seed: testSeed(default: 71))
        var meter = ProgressMeter()
        var (now, bytes) = (0.0, 0.0)
        var told: [(now: Double, rate: Double)] = []
        while now < 120 {
            // Ten times slower after a minute.
            let rate = now < 60 ? 1e6 : 1e5
            let step = Double.random(in: 0.01...2, using: &random)
            now += step
            bytes += rate * step
            let reading = meter.take(progress(UInt64(bytes)), at: .milliseconds(Int64(now * 1_000)))
            if let rate = reading.bytesPerSecond { told.append((now, rate)) }
        }
        #expect(told.filter { $0.now < 60 }.allSatisfy { abs($0.rate - 1e6) < 2e4 })
        #expect(told.allSatisfy { (0.9e5...1.1e6).contains($0.rate) })
        let settled = told.filter { $0.now > 100 }
        #expect(!settled.isEmpty && settled.allSatisfy { $0.rate < 1.5e5 })
        let shocked = try #require(told.first { $0.now > 61 })
        #expect(shocked.rate > 5e5, "one stretch does not make the rate")
    }

    @Test func `nothing is promised that cannot be known`() {
        var meter = ProgressMeter()
        _ = meter.take(progress(0), at: .zero)
        // No total.
        #expect(meter.take(progress(500), at: .seconds(5)).remaining == nil)
        // More than the total: it was an estimate, and a wrong one.
        let over = meter.take(progress(900, of: 800), at: .seconds(6))
        #expect(over.remaining == nil && over.fraction == nil && over.bytesPerSecond != nil)
        // Nothing has moved since the beginning.
        var still = ProgressMeter()
        _ = still.take(progress(0, of: 800), at: .zero)
        #expect(still.take(progress(0, of: 800), at: .seconds(60)).remaining == nil)
        // Many reports in one moment are no rate.
        var hasty = ProgressMeter()
        for count in 0..<100 { _ = hasty.take(progress(UInt64(count), of: 800), at: .zero) }
        #expect(hasty.take(progress(100, of: 800), at: .milliseconds(10)).bytesPerSecond == nil)
    }

    @Test func `another phase, or less than before, begins anew`() {
        var meter = ProgressMeter()
        _ = meter.take(progress(0, of: 1_000), at: .zero)
        #expect(meter.take(progress(500, of: 1_000), at: .seconds(5)).remaining == .seconds(5))
        let next = meter.take(progress(600, of: 1_000, phase: "moving"), at: .seconds(6))
        #expect(next.remaining == nil && next.elapsed == .zero)
        // An increment that turned into a full backup.
        _ = meter.take(progress(700, of: 1_000, phase: "moving"), at: .seconds(10))
        let anew = meter.take(progress(10, of: 9_000, phase: "moving"), at: .seconds(11))
        #expect(anew.bytesPerSecond == nil && anew.elapsed == .zero)
    }

    @Test func `without a total of bytes what is counted tells how long it takes`() {
        var meter = ProgressMeter()
        _ = meter.take(Progress(phase: "verifying", done: 0, total: 40, bytes: 0), at: .zero)
        let reading = meter.take(
            Progress(phase: "verifying", done: 10, total: 40, bytes: 5_000),
            at: .seconds(10)
        )
        #expect(reading.remaining == .seconds(30) && reading.fraction == 0.25)
        #expect(reading.bytesPerSecond == 500)
    }

    @Test func `the line says what fits, the most important longest`() {
        var meter = ProgressMeter()
        func take(_ bytes: UInt64, _ done: UInt64, at second: Int64) -> ProgressMeter.Reading {
            let progress = Progress(
                phase: "backing up",
                done: done,
                total: 300_000,
                bytes: bytes,
                bytesTotal: 4 << 30
            )
            return meter.take(progress, at: .seconds(second))
        }
        let first = ProgressText.line(take(0, 0, at: 0), width: 100)
        #expect(first == "backing up  0 %  0 of 300000  0 B of 4.0 GiB")
        let reading = take(1 << 30, 75_000, at: 16)
        let lines = [
            100: "backing up  25 %  75000 of 300000  1.0 GiB of 4.0 GiB  64.0 MiB/s  ETA 0:48",
            60: "backing up  25 %  1.0 GiB of 4.0 GiB  64.0 MiB/s  ETA 0:48",
            45: "backing up  25 %  64.0 MiB/s  ETA 0:48", 27: "backing up  25 %  ETA 0:48",
            20: "backing up  ETA 0:48", 19: "backing up", 4: "back", 0: "",
        ]
        for (width, line) in lines { #expect(ProgressText.line(reading, width: width) == line) }
        for width in 0...120 { #expect(ProgressText.line(reading, width: width).count <= width) }
        // A name in it moves no cursor.
        let evil = meter.take(Progress(phase: "reading \u{1B}[2Jx\n"), at: .seconds(17))
        #expect(ProgressText.line(evil, width: 80) == "reading ?[2Jx?")
    }

    @Test(
        arguments: [
            (0, "0:00"), (7, "0:07"), (754, "12:34"), (3_723, "1:02:03"), (86_399, "23:59:59"),
            (86_400, "1d 0h"), (273_600, "3d 4h"),
        ] as [(Int64, String)]
    )
    func `what is left is written as a clock, and in days where it takes days`(
        seconds: Int64,
        text: String
    ) {
        #expect(ProgressText.clock(seconds) == text)
    }

    @Test func `a line of JSON has what is known, and no key for what is not`() throws {
        func keys(_ reading: ProgressMeter.Reading) throws -> [String: Any] {
            let json = try JSONEncoder().encode(ProgressRecord(reading))
            return try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        }
        var meter = ProgressMeter()
        let first = try keys(meter.take(Progress(phase: "planning"), at: .seconds(9)))
        #expect(Set(first.keys) == ["phase", "elapsedSeconds"])
        #expect(first["phase"] as? String == "planning" && first["elapsedSeconds"] as? Int == 0)
        let start = Progress(phase: "restoring", done: 0, total: 30, bytes: 0, bytesTotal: 3_001)
        _ = meter.take(start, at: .seconds(10))
        let end = Progress(phase: "restoring", done: 10, total: 30, bytes: 1_000, bytesTotal: 3_001)
        let second = try keys(meter.take(end, at: .seconds(20)))
        #expect(
            second.mapValues { "\($0)" } == [
                "phase": "restoring", "done": "10", "total": "30", "bytes": "1000",
                "bytesTotal": "3001", "bytesPerSecond": "100", "etaSeconds": "21",
                "elapsedSeconds": "10",
            ]
        )
    }
}
