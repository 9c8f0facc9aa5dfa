package import VarveModel

/// Mount targets; which of them a file system has decides whether it may be deleted.
extension ControlStore {
    /// All mount targets, the oldest first.
    package func mountTargets() throws(MetadataError) -> [MountTargetRecord] {
        try mountTargets("ORDER BY created, created_ns, id")
    }

    /// Adds a mount target.
    ///
    /// - Throws: `.notFound` when its file system is not there or is being deleted; `.exists` when another has the address and port
    ///   (EFS: IpAddressInUse).
    package func insert(_ record: MountTargetRecord) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try requireAvailable(record.fileSystem)
            let others = try mountTargets(
                "WHERE address = ? AND port = ?",
                .text(record.address),
                .int(Int64(record.port))
            )
            if let other = others.first {
                throw MetadataError(
                    .exists,
                    "\(record.endpoint) is the address of \(other.id), a mount target of "
                        + "\(other.fileSystem)",
                    remedy: "Name another address or port, or delete that one."
                )
            }
            try connection.run(
                """
                INSERT INTO mount_target(id, file_system, address, port, created, created_ns, state)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
                .text(record.id.text),
                .text(record.fileSystem.text),
                .text(record.address),
                .int(Int64(record.port)),
                .int(record.created.seconds),
                .int(Int64(record.created.nanoseconds)),
                .text(record.state.rawValue)
            )
        }
    }

    /// Moves a mount target through its life; `.notFound` when there is none.
    package func setState(
        _ id: MountTargetID,
        _ state: MountTargetRecord.State
    ) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run(
                "UPDATE mount_target SET state = ?2 WHERE id = ?1",
                .text(id.text),
                .text(state.rawValue)
            )
            guard connection.changes() == 0 else { return }
            throw MetadataError(.notFound, "there is no mount target \(id)")
        }
    }

    /// Forgets a mount target; one that is not there is no error.
    package func remove(_ id: MountTargetID) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run("DELETE FROM mount_target WHERE id = ?", .text(id.text))
        }
    }

    /// Refuses what a file system with mount targets may not undergo.
    func requireUnused(_ id: FileSystemID) throws(MetadataError) {
        let targets = try mountTargets("WHERE file_system = ? ORDER BY id", .text(id.text))
        guard !targets.isEmpty else { return }
        let named = targets.map { "\($0.id) (\($0.endpoint))" }.joined(separator: ", ")
        throw MetadataError(
            .busy,
            "file system \(id) is in use: clients mount it at \(named)",
            remedy: "Delete its mount targets first: 'varve mount-target delete \(targets[0].id)'."
        )
    }

    private func requireAvailable(_ id: FileSystemID) throws(MetadataError) {
        let states = try connection.rows(
            "SELECT state FROM file_system WHERE id = ?",
            .text(id.text)
        ) { $0.text(0) }
        guard states == [FileSystemRecord.State.available.rawValue] else {
            throw MetadataError(.notFound, "there is no file system \(id)")
        }
    }

    private func mountTargets(
        _ rest: String,
        _ values: SQLValue...
    ) throws(MetadataError) -> [MountTargetRecord] {
        let statement = try connection.prepare(
            "SELECT id, file_system, address, port, created, created_ns, state FROM mount_target "
                + rest
        )
        statement.bind(values)
        defer { statement.reset() }
        var records: [MountTargetRecord] = []
        while try statement.step() {
            guard let record = MountTargetRecord(statement) else {
                throw MetadataError(
                    .corrupt,
                    "database '\(path)': mount target '\(statement.text(0))' does not decode",
                    remedy: MetadataError.damageRemedy
                )
            }
            records.append(record)
        }
        return records
    }
}

extension MountTargetRecord {
    fileprivate init?(_ row: Statement) {
        guard let id = MountTargetID(row.text(0)), let fileSystem = FileSystemID(row.text(1)),
            let port = UInt16(exactly: row.int(3)),
            let nanoseconds = UInt32(exactly: row.int(5)), nanoseconds < 1_000_000_000,
            let state = State(rawValue: row.text(6))
        else { return nil }
        self.init(
            id: id,
            fileSystem: fileSystem,
            address: row.text(2),
            port: port,
            created: Timestamp(seconds: row.int(4), nanoseconds: nanoseconds),
            state: state
        )
    }
}
