package import VarveModel

/// What a file system's journal had seen when a run began: changes of files, pins and rules, and the latest day.
///
/// Pins come at any time, and a run takes hours: a look is noted only where nothing has changed since the run read what
/// it judges by.
extension JournalStore {
    /// The number of the newest change to what looks lead to; ascending.
    package func generation(_ fileSystem: String) throws(MetadataError) -> Int64 {
        try connection.rows(
            "SELECT generation FROM lifecycle WHERE fs = ?1",
            .text(fileSystem)
        ) { $0.int(0) }.first ?? 0
    }

    /// Inside a transaction.
    func nextGeneration(_ fileSystem: String) throws(MetadataError) -> Int64 {
        try connection.run(
            """
            INSERT INTO lifecycle(fs, generation) VALUES (?1, 1)
            ON CONFLICT(fs) DO UPDATE SET generation = generation + 1
            """,
            .text(fileSystem)
        )
        return try generation(fileSystem)
    }

    /// Whether a file's row is as it was when it was judged: not used, and nothing about it changed.
    package func isUnchanged(_ fileSystem: String, _ row: AccessDay) throws(MetadataError) -> Bool {
        let now = try accessDay(fileSystem, row.inode)
        return now?.day == row.day && now?.used == row.used && now?.generation == row.generation
    }

    /// Whether the rows of several files are as they were, in the order given; each as ``isUnchanged(_:_:)``.
    package func areUnchanged(
        _ fileSystem: String,
        _ rows: [AccessDay]
    ) throws(MetadataError) -> [Bool] {
        var answers: [Bool] = []
        for row in rows { answers.append(try isUnchanged(fileSystem, row)) }
        return answers
    }

    /// The latest day on which anything was used or looked at, by the clock of then.
    package func latestDay(_ fileSystem: String) throws(MetadataError) -> Int64 {
        try connection.rows(
            "SELECT day FROM lifecycle WHERE fs = ?1",
            .text(fileSystem)
        ) { $0.int(0) }.first ?? 0
    }

    /// Notes that a day has come; inside a transaction.
    func reach(_ fileSystem: String, _ day: Int64) throws(MetadataError) {
        try connection.run(
            """
            INSERT INTO lifecycle(fs, day) VALUES (?1, ?2)
            ON CONFLICT(fs) DO UPDATE SET day = excluded.day WHERE excluded.day > day
            """,
            .text(fileSystem),
            .int(day)
        )
    }

    /// Says what day it is, in one transaction; sums of days and hours to come, from a clock that ran ahead, go.
    ///
    /// Rows of files have been brought back to today by then (``renewDue(_:after:day:forgetsUses:limit:)``).
    package func setLatestDay(
        _ fileSystem: String,
        at now: Timestamp
    ) throws(MetadataError) {
        let latest = try latestDay(fileSystem)
        guard latest != now.day else { return }
        try change { () throws(MetadataError) in
            try reach(fileSystem, now.day)
            guard latest > now.day else { return }
            try connection.run(
                "UPDATE lifecycle SET day = ?2 WHERE fs = ?1",
                .text(fileSystem),
                .int(now.day)
            )
            try connection.run(
                "DELETE FROM cold_use WHERE fs = ?1 AND day > ?2",
                .text(fileSystem),
                .int(now.day)
            )
            try connection.run(
                "DELETE FROM moved WHERE fs = ?1 AND promoted IN (0, 1) AND hour > ?2",
                .text(fileSystem),
                .int(now.hour)
            )
        }
    }
}
