package import VarveModel

/// Moves between tiers: planned, copied, then committed or abandoned.
extension JournalStore {
    /// Records that a move is about to begin.
    ///
    /// - Parameters:
    ///   - fileSystem: Its id.
    ///   - inode: Whose data moves.
    ///   - from: Where it is.
    ///   - to: Where it goes.
    ///   - at: Now.
    ///   - bytes: Of the file's data.
    ///   - policy: The lifecycle policy's name.
    ///   - reason: For people.
    /// - Returns: The transition's id.
    /// - Throws: `.noSpace`, `.failed`.
    package func planTransition(
        _ fileSystem: String,
        _ inode: InodeNumber,
        from: Tier,
        to: Tier,
        at: Timestamp,
        bytes: UInt64,
        policy: String,
        reason: String
    ) throws(MetadataError) -> Int64 {
        try planTransitions(
            fileSystem,
            [
                PlannedTransition(
                    inode: inode,
                    from: from,
                    to: to,
                    bytes: bytes,
                    policy: policy,
                    reason: reason
                )
            ],
            at: at
        )[0]
    }

    /// Records that moves are about to begin, in one transaction.
    ///
    /// - Returns: The transitions' ids, in the order given.
    package func planTransitions(
        _ fileSystem: String,
        _ moves: [PlannedTransition],
        at: Timestamp
    ) throws(MetadataError) -> [Int64] {
        guard !moves.isEmpty else { return [] }
        return try change { () throws(MetadataError) in
            var ids: [Int64] = []
            for move in moves { ids.append(try insert(move, fileSystem, at)) }
            return ids
        }
    }

    private func insert(
        _ move: PlannedTransition,
        _ fileSystem: String,
        _ at: Timestamp
    ) throws(MetadataError) -> Int64 {
        try connection.run(
            """
            INSERT INTO transition(fs, ino, from_tier, to_tier, state, planned, bytes,
                stored_before, stored_after, policy, reason)
            VALUES (?, ?, ?, ?, 'planned', ?, ?, 0, 0, ?, ?)
            """,
            .text(fileSystem),
            .int(Int64(bitPattern: move.inode.rawValue)),
            .int(Int64(move.from.rawValue)),
            .int(Int64(move.to.rawValue)),
            .int(at.seconds),
            .int(Int64(clamping: move.bytes)),
            .text(move.policy),
            .text(move.reason)
        )
        return connection.lastInsertedRow
    }

    /// Records how far a move has come; `.notFound` when there is none, `.constraint` when it had ended.
    ///
    /// - Parameters:
    ///   - id: Of the transition.
    ///   - state: Where it is now.
    ///   - at: Now; kept for the end.
    ///   - storedBefore: Bytes that its records took.
    ///   - storedAfter: Bytes that they take.
    ///   - reason: Replaces what was said at first, when given.
    /// - Throws: `.notFound`, `.constraint`, `.noSpace`, `.failed`.
    package func advanceTransition(
        _ id: Int64,
        _ state: TransitionRecord.State,
        at: Timestamp,
        storedBefore: UInt64 = 0,
        storedAfter: UInt64 = 0,
        reason: String? = nil
    ) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try advance(id, state, at, storedBefore, storedAfter, reason)
        }
    }

    /// Records that the copies of several moves are durable, in one transaction.
    ///
    /// - Throws: As ``advanceTransition(_:_:at:storedBefore:storedAfter:reason:)``; none is recorded then.
    package func noteCopied(_ copied: [CopiedTransition], at: Timestamp) throws(MetadataError) {
        guard !copied.isEmpty else { return }
        try change { () throws(MetadataError) in
            for one in copied {
                try advance(one.id, .copied, at, one.storedBefore, one.storedAfter, nil)
            }
        }
    }

    func advance(
        _ id: Int64,
        _ state: TransitionRecord.State,
        _ at: Timestamp,
        _ storedBefore: UInt64,
        _ storedAfter: UInt64,
        _ reason: String?
    ) throws(MetadataError) {
        let found = try transitions("WHERE id = ?1", .int(id)).first
        guard let found else { throw MetadataError(.notFound, "there is no transition \(id)") }
        guard !found.state.isFinal else {
            throw MetadataError(
                .constraint,
                "transition \(id) is \(found.state.rawValue) already"
            )
        }
        try connection.run(
            """
            UPDATE transition SET state = ?2, ended = ?3, stored_before = ?4,
                stored_after = ?5, reason = ?6 WHERE id = ?1
            """,
            .int(id),
            .text(state.rawValue),
            state.isFinal ? .int(at.seconds) : .null,
            .int(Int64(clamping: storedBefore)),
            .int(Int64(clamping: storedAfter)),
            .text(reason ?? found.reason)
        )
    }

    /// What a crash has left between planned and its end, oldest first.
    package func unfinishedTransitions(
        _ fileSystem: String
    ) throws(MetadataError) -> [TransitionRecord] {
        try transitions(
            "WHERE fs = ?1 AND state IN ('planned', 'copied') ORDER BY id",
            .text(fileSystem)
        )
    }

    /// The newest transition of one inode.
    package func lastTransition(
        _ fileSystem: String,
        _ inode: InodeNumber
    ) throws(MetadataError) -> TransitionRecord? {
        try transitions(
            "WHERE fs = ?1 AND ino = ?2 ORDER BY id DESC LIMIT 1",
            .text(fileSystem),
            .int(Int64(bitPattern: inode.rawValue))
        ).first
    }

    /// The newest transitions first.
    package func transitions(
        _ fileSystem: String,
        limit: Int
    ) throws(MetadataError) -> [TransitionRecord] {
        try transitions(
            "WHERE fs = ?1 ORDER BY id DESC LIMIT ?2",
            .text(fileSystem),
            .int(Int64(limit))
        )
    }

    /// The newest transitions of one inode first.
    package func transitions(
        _ fileSystem: String,
        of inode: InodeNumber,
        limit: Int
    ) throws(MetadataError) -> [TransitionRecord] {
        try transitions(
            "WHERE fs = ?1 AND ino = ?2 ORDER BY id DESC LIMIT ?3",
            .text(fileSystem),
            .int(Int64(bitPattern: inode.rawValue)),
            .int(Int64(limit))
        )
    }

    /// When an inode came back to Standard after a time, oldest first.
    package func returns(
        _ fileSystem: String,
        of inode: InodeNumber,
        after time: Timestamp
    ) throws(MetadataError) -> [Timestamp] {
        try connection.rows(
            """
            SELECT ended FROM transition
            WHERE fs = ?1 AND ino = ?2 AND to_tier = 0 AND from_tier <> 0
                AND state = 'committed' AND ended > ?3
            ORDER BY ended
            """,
            .text(fileSystem),
            .int(Int64(bitPattern: inode.rawValue)),
            .int(time.seconds)
        ) { Timestamp(seconds: $0.int(0)) }
    }

    private func transitions(
        _ rest: String,
        _ values: SQLValue...
    ) throws(MetadataError) -> [TransitionRecord] {
        let columns = """
            id, fs, ino, from_tier, to_tier, state, planned, ended, bytes, stored_before, \
            stored_after, policy, reason
            """
        let statement = try connection.prepare("SELECT \(columns) FROM transition \(rest)")
        statement.bind(values)
        defer { statement.reset() }
        var found: [TransitionRecord] = []
        while try statement.step() {
            guard let record = TransitionRecord(statement) else {
                throw corrupt("transition \(statement.int(0))")
            }
            found.append(record)
        }
        return found
    }
}

extension TransitionRecord {
    fileprivate init?(_ row: Statement) {
        func tier(_ column: Int32) -> Tier? {
            UInt8(exactly: row.int(column)).flatMap(Tier.init(rawValue:))
        }
        guard let from = tier(3), let to = tier(4), let state = State(rawValue: row.text(5)) else {
            return nil
        }
        self.init(
            id: row.int(0),
            fileSystem: row.text(1),
            inode: InodeNumber(rawValue: UInt64(bitPattern: row.int(2))),
            from: from,
            to: to,
            state: state,
            planned: Timestamp(seconds: row.int(6)),
            ended: row.time(7),
            bytes: UInt64(bitPattern: row.int(8)),
            storedBefore: UInt64(bitPattern: row.int(9)),
            storedAfter: UInt64(bitPattern: row.int(10)),
            policy: row.text(11),
            reason: row.text(12)
        )
    }
}
