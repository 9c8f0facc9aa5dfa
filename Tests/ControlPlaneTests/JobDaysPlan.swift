import VarveModel

@testable import Policies

/// What days are lived with: the jobs as an operator writes them, and beside each what its schedule means.
struct JobDaysPlan: Sendable {
    /// A minute of the calendar, in UTC.
    struct Minute {
        let minute: Int
        let hour: Int
        let day: Int
        /// 0 is Sunday.
        let weekday: Int
    }

    struct Line: Sendable {
        let job: Job
        /// What the schedule says, without the parser of schedules.
        let isDue: @Sendable (Minute) -> Bool
        /// The file systems that it is for.
        let fileSystems: [String]
    }

    let lines: [Line]
    let seconds: Int64
    /// How long a daemon lives, and how long none is there then.
    let life: ClosedRange<Int64>
    let pauses: [Int64]

    /// Friday, 2027-12-31 12:00:00 UTC: a day, a month and a year end soon, and a week after two days.
    static let start = Timestamp(seconds: 1_830_254_400)

    static let home = "home"
    static let work = "work"
    static let both = [home, work]

    // MARK: Hours

    /// Jobs of every kind, due every few hours at the most.
    static func hours(_ hours: Int64) throws -> JobDaysPlan {
        JobDaysPlan(
            lines: try backupsOfHours() + snapshotsOfHours() + othersOfHours(),
            seconds: hours * 3_600,
            life: 60...12_000,
            pauses: [0, 100, 2_000, 9_000]
        )
    }

    private static func backupsOfHours() throws -> [Line] {
        [
            try line(
                "hourly",
                "0 * * * *",
                jitter: 900,
                priority: 60,
                backup(
                    "hourly",
                    RetentionRule(
                        deleteAfterDays: nil,
                        keep: [
                            .last: 2, .hourly: 6, .daily: 3, .weekly: 2, .monthly: 2, .yearly: 2,
                        ]
                    )
                )
            ) { $0.minute == 0 },
            try line(
                "each",
                "30 */2 * * *",
                missed: .runAll,
                backup("each", RetentionRule(deleteAfterDays: 1, keep: [.last: 3, .first: 1]))
            ) { $0.minute == 30 && $0.hour % 2 == 0 },
            try line(
                "old",
                "20 */5 * * *",
                missed: .runAll,
                window: 240,
                of: [home],
                backup(
                    "old",
                    RetentionRule(
                        deleteAfterDays: nil,
                        keep: [.last: 3, .daily: 3],
                        moveToColdAfterDays: 1
                    ),
                    of: [home]
                )
            ) { $0.minute == 20 && $0.hour % 5 == 0 },
            try line(
                "brief",
                "40 */6 * * *",
                missed: .skip,
                of: [work],
                backup("brief", RetentionRule(deleteAfterDays: 1), of: [work])
            ) { $0.minute == 40 && $0.hour % 6 == 0 },
        ]
    }

    private static func snapshotsOfHours() throws -> [Line] {
        [
            try line("snaps", "*/40 * * * *", missed: .skip, snapshot("snaps", keep: 4)) {
                $0.minute == 0 || $0.minute == 40
            },
            try line(
                "marks",
                "5 */3 * * *",
                missed: .runAll,
                window: 120,
                of: [home],
                snapshot("marks", keep: 6, of: [home])
            ) { $0.minute == 5 && $0.hour % 3 == 0 },
        ]
    }

    private static func othersOfHours() throws -> [Line] {
        let copies = RetentionRule(
            deleteAfterDays: nil,
            keep: [.hourly: 8, .daily: 3],
            moveToColdAfterDays: 1
        )
        let thin = RetentionRule(deleteAfterDays: nil, keep: [.last: 5, .daily: 2])
        return [
            try line("copies", "10 */3 * * *", jitter: 300, copyAll(copies)) {
                $0.minute == 10 && $0.hour % 3 == 0
            },
            try line("newest", "25 */2 * * *", copyNewest()) {
                $0.minute == 25 && $0.hour % 2 == 0
            },
            try line("thin", "50 */4 * * *", missed: .runAll, expire(thin)) {
                $0.minute == 50 && $0.hour % 4 == 0
            },
            try line("check", "45 */3 * * *", window: 60, check()) {
                $0.minute == 45 && $0.hour % 3 == 0
            },
            try line("chill", "15 */6 * * *", try lifecycle()) {
                $0.minute == 15 && $0.hour % 6 == 0
            },
            try line("scrub", "55 */8 * * *", missed: .skip, window: 30, priority: 10, scrub()) {
                $0.minute == 55 && $0.hour % 8 == 0
            },
        ]
    }

    // MARK: Weeks

    /// The same kinds, once or twice a day, with what counts in weeks and months.
    static func weeks(_ weeks: Int64) throws -> JobDaysPlan {
        JobDaysPlan(
            lines: try backupsOfWeeks() + snapshotsOfWeeks() + othersOfWeeks(),
            seconds: weeks * 7 * 86_400,
            life: 3_600...300_000,
            pauses: [0, 1_000, 40_000, 200_000]
        )
    }

    private static func backupsOfWeeks() throws -> [Line] {
        [
            try line(
                "hourly",
                "0 2 * * *",
                jitter: 3_600,
                priority: 60,
                backup(
                    "hourly",
                    RetentionRule(
                        deleteAfterDays: nil,
                        keep: [.last: 2, .daily: 5, .weekly: 4, .monthly: 3, .yearly: 2]
                    )
                )
            ) { $0.minute == 0 && $0.hour == 2 },
            try line(
                "each",
                "30 */12 * * *",
                missed: .runAll,
                backup("each", RetentionRule(deleteAfterDays: 7, keep: [.last: 3, .first: 1]))
            ) { $0.minute == 30 && $0.hour % 12 == 0 },
            try line(
                "old",
                "20 4 * * MON,THU",
                missed: .runAll,
                window: 1_440,
                of: [home],
                backup(
                    "old",
                    RetentionRule(
                        deleteAfterDays: nil,
                        keep: [.last: 2, .weekly: 4, .monthly: 3],
                        moveToColdAfterDays: 10
                    ),
                    of: [home]
                )
            ) { $0.minute == 20 && $0.hour == 4 && [1, 4].contains($0.weekday) },
            try line(
                "brief",
                "40 6 * * *",
                missed: .skip,
                of: [work],
                backup("brief", RetentionRule(deleteAfterDays: 5), of: [work])
            ) { $0.minute == 40 && $0.hour == 6 },
        ]
    }

    private static func snapshotsOfWeeks() throws -> [Line] {
        [
            try line("snaps", "0 */8 * * *", missed: .skip, snapshot("snaps", keep: 4)) {
                $0.minute == 0 && $0.hour % 8 == 0
            },
            try line(
                "marks",
                "5 3 * * *",
                missed: .runAll,
                window: 1_440,
                of: [home],
                snapshot("marks", keep: 6, of: [home])
            ) { $0.minute == 5 && $0.hour == 3 },
        ]
    }

    private static func othersOfWeeks() throws -> [Line] {
        let copies = RetentionRule(
            deleteAfterDays: nil,
            keep: [.daily: 4, .weekly: 3],
            moveToColdAfterDays: 6
        )
        let thin = RetentionRule(deleteAfterDays: nil, keep: [.last: 4, .weekly: 2, .monthly: 2])
        return [
            try line("copies", "10 5 * * *", jitter: 300, copyAll(copies)) {
                $0.minute == 10 && $0.hour == 5
            },
            try line("newest", "25 5 * * SUN", copyNewest()) {
                $0.minute == 25 && $0.hour == 5 && $0.weekday == 0
            },
            try line("thin", "50 5 * * *", missed: .runAll, expire(thin)) {
                $0.minute == 50 && $0.hour == 5
            },
            try line("check", "45 7 * * *", window: 120, check()) {
                $0.minute == 45 && $0.hour == 7
            },
            try line("chill", "15 8 * * *", try lifecycle()) {
                $0.minute == 15 && $0.hour == 8
            },
            try line("scrub", "55 9 1,15 * *", missed: .skip, priority: 10, scrub()) {
                $0.minute == 55 && $0.hour == 9 && [1, 15].contains($0.day)
            },
        ]
    }

    // MARK: Jobs

    private static func line(
        _ name: String,
        _ schedule: String,
        missed: Job.MissedRuns = .runOnce,
        window: Int? = nil,
        jitter: Int64 = 0,
        priority: Int = Job.priorityStandard,
        of fileSystems: [String] = both,
        _ action: Job.Action,
        isDue: @escaping @Sendable (Minute) -> Bool
    ) throws -> Line {
        let job = Job(
            name: name,
            why: "a test",
            file: name + ".yaml",
            schedule: try Schedule(parsing: schedule),
            missed: missed,
            startWindowMinutes: window,
            jitterSeconds: jitter,
            priority: priority,
            action: action
        )
        return Line(job: job, isDue: isDue, fileSystems: fileSystems)
    }

    private static func policy(_ name: String, _ rule: RetentionRule) -> RetentionPolicy {
        RetentionPolicy(name: name, why: "a test", file: name, rule: rule, timeZone: .utc)
    }

    private static func selection(_ names: [String]) throws -> FileSystemSelection {
        if names == both { return .all }
        return FileSystemSelection(
            resources: try names.map { try FileSystemSelection.Pattern($0) },
            excluded: [],
            tags: []
        )
    }

    private static func backup(
        _ name: String,
        _ rule: RetentionRule,
        of names: [String] = both
    ) throws -> Job.Action {
        .backup(
            BackupAction(
                selection: try selection(names),
                vault: "main",
                retention: policy(name, rule)
            )
        )
    }

    private static func snapshot(
        _ name: String,
        keep: Int,
        of names: [String] = both
    ) throws -> Job.Action {
        .snapshot(
            SnapshotAction(
                selection: try selection(names),
                naming: SnapshotNaming(job: name),
                keepLast: keep
            )
        )
    }

    private static func copyAll(_ rule: RetentionRule) -> Job.Action {
        .copy(
            CopyAction(
                selection: .all,
                source: "main",
                target: "second",
                points: .all,
                retention: policy("copies", rule)
            )
        )
    }

    private static func copyNewest() -> Job.Action {
        .copy(CopyAction(selection: .all, source: "main", target: "third", points: .newest))
    }

    private static func expire(_ rule: RetentionRule) -> Job.Action {
        .expire(ExpireAction(vault: "third", retention: policy("thin", rule)))
    }

    private static func check() -> Job.Action {
        .restoreTest(
            RestoreTestAction(selection: .all, vault: "main", point: .random, sampleFiles: 5)
        )
    }

    private static func scrub() -> Job.Action {
        .scrub(ScrubAction(selection: .all))
    }

    /// The smallest file that moves.
    static let coldBytes = 2_500

    private static func lifecycle() throws -> Job.Action {
        let transitions = try LifecycleTransitions(
            toInfrequentAccess: .days1,
            toArchive: nil,
            isPromotedOnAccess: false
        )
        let policy = LifecyclePolicy(
            name: "chill",
            transitions: transitions,
            minimumSize: UInt64(coldBytes)
        )
        return .lifecycle(LifecycleAction(selection: .all, policy: policy))
    }
}
