import Disk
import Foundation
import JobScheduler
import Logging
import Policies
import TestKit
import Testing
import VarveModel

@testable import ControlPlane

/// Goal: an instant that nobody ran, and one that waits too long, come to a webhook: scheduler, hooks and HTTP together.
@Suite struct OverdueTests {
    private static func job(_ name: String, _ schedule: String, _ url: String, window: Int? = nil)
        throws -> Job
    {
        Job(
            name: name,
            why: "a test",
            file: name + ".yaml",
            schedule: try Schedule(parsing: schedule),
            startWindowMinutes: window,
            priority: name == "long" ? 90 : 50,
            hooks: JobHooks(notifications: [
                JobNotification(
                    events: [.overdue],
                    channel: .webhook(.init(url: url, timeoutSeconds: 30, attempts: 3))
                )
            ]),
            action: .backup(BackupAction(selection: .all, vault: "main", retention: nil))
        )
    }

    private static func notices(_ server: NoticeServer) throws -> [RunNotice] {
        try server.bodies.map { try JSONDecoder().decode(RunNotice.self, from: $0) }
    }

    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A start of 2027-01-15T08:00:00Z; hours count from there.
    private func world() async throws -> StateWorld {
        let disk = SimulatedDisk(capacity: 1 << 40, recording: false)
        try StateWorld.create(on: disk)
        return try await StateWorld(opening: disk)
    }

    @Test func `an instant whose window ended without a daemon is told when one comes`()
        async throws
    {
        // The first attempt is refused in a way that may pass.
        let server = try NoticeServer(answers: [503, 204])
        defer { server.stop() }
        let world = try await world()
        let jobs = [try Self.job("nightly", "0 10 * * *", server.url, window: 60)]
        func scheduler() -> Scheduler {
            Scheduler(
                clock: world.clock,
                journal: world.runs,
                logger: logger,
                surroundings: JobHookRunner(logger: logger).surroundings
            ) { _, _ in JobOutcome(.succeeded) }
        }
        try await scheduler().start(jobs)
        try await world.clock.move(to: StateWorld.start.adding(seconds: 4 * 3_600))
        let next = scheduler()
        try await next.start(jobs)
        #expect(try await next.runDue().map(\.state) == [.expired])
        let told = try Self.notices(server)
        #expect(told.count == 2 && told.first == told.last)
        let notice = try #require(told.last)
        #expect(notice.event == "overdue" && notice.state == "expired" && notice.job == "nightly")
        #expect(notice.due == "2027-01-15T10:00:00Z" && notice.started == nil)
        #expect(notice.message.contains("the start window of 60 minutes is over"))
        await world.close()
    }

    @Test func `a job that waits behind one that hangs is told of after an hour`() async throws {
        let server = try NoticeServer()
        defer { server.stop() }
        let world = try await world()
        let clock = world.clock
        let jobs = [
            try Self.job("long", "10 8 * * *", server.url),
            try Self.job("monthly", "20 8 15 * *", server.url),
        ]
        let (never, hand) = AsyncStream.makeStream(of: Void.self)
        let scheduler = Scheduler(
            clock: clock,
            journal: world.runs,
            logger: logger,
            limits: JobLimits(total: 1),
            surroundings: JobHookRunner(logger: logger).surroundings
        ) { _, _ in
            // Until it is told to stop.
            for await _ in never {}
            return JobOutcome(.stopped)
        }
        try await scheduler.start(jobs)
        let end = StateWorld.start.adding(seconds: 5_400)
        await scheduler.run { seconds in
            guard clock.now() < end else { throw CancellationError() }
            try await clock.move(to: clock.now().adding(seconds: seconds))
        }
        withExtendedLifetime(hand) {}
        let told = try Self.notices(server)
        #expect(told.count == 1)
        let notice = try #require(told.first)
        #expect(notice.event == "overdue" && notice.state == "waiting" && notice.job == "monthly")
        #expect(notice.due == "2027-01-15T08:20:00Z" && notice.run == 0)
        #expect(notice.message == "has waited for 60 minutes for its turn: long run")
        await world.close()
    }
}
