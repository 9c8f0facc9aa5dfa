private import Synchronization

/// Files and directories that come, go and change their names, in every zone.
extension ZonedDisk {
    package func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        let name = try inside(path, "open")
        return try gate.shared { () throws(DiskError) in
            let stops = members.stops
            if mode == .read { return try existing(name, .read, stops) }
            if mode != .createNew {
                do throws(DiskError) {
                    return try existing(name, .readWrite, stops)
                } catch {
                    guard error.code == .notFound, mode == .create else { throw error }
                }
            }
            if members.isStopped { throw members.refusal }
            if hasEnded { throw DiskError(.failed, "'\(root)' was closed or removed") }
            return try changeNames { () throws(DiskError) in
                if mode == .create {
                    // Another call may have made it meanwhile.
                    do throws(DiskError) {
                        return try existing(name, .readWrite, stops, isOrdered: true)
                    } catch {
                        guard error.code == .notFound else { throw error }
                    }
                }
                return try create(name, stops)
            }
        }
    }

    package func makeDirectory(_ path: String) throws(DiskError) {
        guard case .inside(let name) = try place(path, "make directory"), !name.isEmpty else {
            return
        }
        try change(names: [name]) { () throws(DiskError) in
            let results = each { (zone) throws(DiskError) in
                try members.zones[zone].disk.makeDirectory(self.path(name, in: zone))
            }
            guard case .full(let error, let doneBy) = try members.answer(results) else { return }
            try undo(doneBy) { (zone) throws(DiskError) in
                try members.zones[zone].disk.removeDirectory(self.path(name, in: zone))
            }
            throw error
        }
    }

    package func remove(_ path: String) throws(DiskError) {
        let name = try inside(path, "remove")
        try change(names: [name]) { () throws(DiskError) in
            if try status(of: path)?.kind == .directory {
                throw DiskError(.failed, "remove '\(path)': it is a directory", errno: 21)
            }
            _ = try members.settled(
                each { (zone) throws(DiskError) in
                    try members.zones[zone].disk.remove(self.path(name, in: zone))
                }
            )
            members.names.removed(name)
        }
    }

    /// Removes an empty directory; the root goes with the zones' own files, and the disk ends with it.
    package func removeDirectory(_ path: String) throws(DiskError) {
        guard case .inside(let name) = try place(path, "remove directory") else {
            throw DiskError(.denied, "remove directory '\(path)': it lies above '\(root)'")
        }
        try change(names: [name]) { () throws(DiskError) in
            guard try list(path).isEmpty else {
                throw DiskError(.failed, "remove directory '\(path)': not empty", errno: 39)
            }
            if name.isEmpty {
                end()
                for zone in members.inSync { try removeRoot(members.zones[zone]) }
                return
            }
            _ = try members.settled(
                each { (zone) throws(DiskError) in
                    try members.zones[zone].disk.removeDirectory(self.path(name, in: zone))
                }
            )
            members.names.directoryRemoved(name)
        }
    }

    private func removeRoot(_ zone: DiskZone) throws(DiskError) {
        for name in [ZoneFile.temporaryName, ZoneFile.name] {
            let path = zone.directory + "/" + name
            if try zone.disk.status(of: path) != nil { try zone.disk.remove(path) }
        }
        try zone.disk.removeDirectory(zone.directory)
        try zone.disk.syncDirectory(DiskPath.parent(of: zone.directory))
    }

    package func rename(_ source: String, to target: String) throws(DiskError) {
        let old = try inside(source, "rename")
        let new = try inside(target, "rename")
        try change(names: [old, new]) { () throws(DiskError) in
            if try status(of: source)?.kind == .directory {
                throw DiskError(
                    .failed,
                    "rename '\(source)': zones rename files, and this is a directory",
                    errno: 22
                )
            }
            if old == new { return }
            // A zone that is lost before its directory is synced may hold another file of the new name, or the
            // file by the old one still: a start does not take it for one that another zone has lost.
            try members.list([old, new])
            _ = try members.settled(
                each { (zone) throws(DiskError) in
                    try members.zones[zone].disk.rename(
                        self.path(old, in: zone),
                        to: self.path(new, in: zone)
                    )
                }
            )
            members.names.renamed(old, to: new)
            try noteWhole(new, size: try status(of: target)?.size ?? 0)
        }
    }

    package func syncDirectory(_ path: String) throws(DiskError) {
        let name: String? =
            if case .inside(let name) = try place(path, "sync directory") { name } else { nil }
        let stops = members.stops
        if members.isStopped { throw members.refusal }
        try gate.shared { () throws(DiskError) in
            try admit(stops, path)
            let changes = name.flatMap { members.names.namesToSync(in: $0) }
            let zones = members.inSync
            let paths = zones.map { zone in
                name.map { self.path($0, in: zone) }
                    ?? DiskPath.parent(of: members.zones[zone].directory)
            }
            let all = members.zones
            let places = Dictionary(uniqueKeysWithValues: zip(zones, paths))
            let failures = members.lanes.each(zones) { zone throws(DiskError) in
                try all[zone].disk.syncDirectory(places[zone] ?? all[zone].directory)
            }
            try members.synced(zones, failures)
            // Changes that stopped meanwhile took zones away that this sync was to count.
            try admit(stops, path)
            if let name { members.names.namesSynced(changes, in: name) }
        }
    }

    /// Refuses what began before changes stopped, though they may be taken again.
    private func admit(_ stops: Int, _ path: String) throws(DiskError) {
        if members.isStopped { throw members.refusal }
        guard members.stops == stops else {
            throw DiskError(
                .denied,
                "sync directory '\(path)': too few zones held it meanwhile",
                remedy: "Open the file system anew.",
                errno: 30
            )
        }
    }

    // MARK: Opening

    /// A file that is there, in each zone that has it.
    ///
    /// `isOrdered` says that the caller keeps others from changing names.
    private func existing(
        _ name: String,
        _ mode: DiskOpenMode,
        _ stops: Int,
        isOrdered: Bool = false
    ) throws(DiskError) -> any DiskFile {
        let results = each { (zone) throws(DiskError) in
            try members.zones[zone].disk.open(path(name, in: zone), mode)
        }
        let lacking = results.count { _, result in
            if case .failure(let error) = result { error.code == .notFound } else { false }
        }
        if !isOrdered, lacking > 0, lacking < results.count {
            // It may be coming or going at this moment; what differs then is asked once more.
            for case (_, .success(let file)) in results { file.close() }
            return try changeNames { () throws(DiskError) in
                try existing(name, mode, stops, isOrdered: true)
            }
        }
        // Too many open files are no zone's fault.
        for case (_, .failure(let error)) in results where error.isAnswer && error.code == .failed {
            for case (_, .success(let file)) in results { file.close() }
            throw error
        }
        guard let size = try firstSize(results) else { throw firstFailure(results, name) }
        let file = zoned(name, mode, results, size: size, stops)
        let missing = results.compactMap { zone, result in
            if case .failure(let error) = result, error.code == .notFound { zone } else { nil }
        }
        for zone in missing {
            let reason = "'\(path(name, in: zone))' is missing, and other zones have it"
            guard members.inSync.count > members.majority, !members.isStopped else {
                members.report("zone '\(members.zones[zone].name)': \(reason)")
                continue
            }
            // It was not removed by us; the zone is made equal again.
            do throws(DiskError) {
                try members.expel([(zone, .failed(reason))])
            } catch {
                // Harmless here: changes stop, and that was reported; what is open can be read.
                continue
            }
        }
        return file
    }

    private func firstSize(_ results: ZoneResults<any DiskFile>) throws(DiskError) -> UInt64? {
        var failure: DiskError?
        for case (_, .success(let file)) in results {
            do throws(DiskError) {
                return try file.size()
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return nil
    }

    /// What to say when no zone opened it: a failure before "not found", which is only true when all say so.
    private func firstFailure(_ results: ZoneResults<any DiskFile>, _ name: String) -> DiskError {
        var answer = DiskError(.failed, "open '\(root)/\(name)': no zone in sync")
        for case (_, .failure(let error)) in results {
            answer = error
            if error.code != .notFound { break }
        }
        return answer
    }

    /// A new file, in every zone or in none.
    private func create(_ name: String, _ stops: Int) throws(DiskError) -> any DiskFile {
        members.names.beginNames([name])
        defer { members.names.endNames([name]) }
        try members.list([name])
        let results = each { (zone) throws(DiskError) in
            try members.zones[zone].disk.open(path(name, in: zone), .createNew)
        }
        let file: any DiskFile
        switch try members.answer(results) {
        case .done: file = zoned(name, .readWrite, results, size: 0, stops)
        case .full(let error, let doneBy):
            try undo(doneBy) { (zone) throws(DiskError) in
                try members.zones[zone].disk.remove(path(name, in: zone))
            }
            throw error
        }
        try noteWhole(name, size: 0)
        return file
    }

    private func zoned(
        _ name: String,
        _ mode: DiskOpenMode,
        _ results: ZoneResults<any DiskFile>,
        size: UInt64,
        _ stops: Int
    ) -> ZonedFile {
        let record = members.names.openRecord(name, size: size)
        var slots = [ZonedHandles.Slot](repeating: .absent, count: members.zones.count)
        for (zone, result) in results {
            switch result {
            case .success(let file): slots[zone] = .open(file)
            case .failure(let error): slots[zone] = .missing(error)
            }
        }
        let handles = ZonedHandles(record: record, mode: mode, slots: slots)
        members.names.add(handles)
        // One that left while it was opened here has nothing to say.
        let inSync = Set(members.inSync)
        for zone in members.zones.indices where !inSync.contains(zone) {
            handles.set(zone, .absent)
        }
        return ZonedFile(disk: self, handles: handles, stops: stops)
    }

    // MARK: Changing names

    /// Within the gate, one change of names at a time.
    private func change(
        names: [String],
        _ body: () throws(DiskError) -> Void
    ) throws(DiskError) {
        if members.isStopped { throw members.refusal }
        if hasEnded { throw DiskError(.failed, "'\(root)' was closed or removed") }
        try gate.shared { () throws(DiskError) in
            try changeNames { () throws(DiskError) in
                members.names.beginNames(names)
                defer { members.names.endNames(names) }
                try body()
            }
        }
    }

    private func changeNames<Value>(
        _ body: () throws(DiskError) -> Value
    ) throws(DiskError) -> Value {
        var result: Result<Value, DiskError>?
        nameOrder.withLock { _ in
            do throws(DiskError) {
                result = .success(try body())
            } catch {
                result = .failure(error)
            }
        }
        guard let result else { preconditionFailure("the body was run") }
        return try result.get()
    }

    private func each<Value>(
        _ body: (Int) throws(DiskError) -> Value
    ) -> ZoneResults<Value> {
        members.inSync.map { zone in
            do throws(DiskError) {
                return (zone, .success(try body(zone)))
            } catch {
                return (zone, .failure(error))
            }
        }
    }

    /// Takes back what too few zones had room for; one that cannot is out.
    private func undo(
        _ zones: [Int],
        _ body: (Int) throws(DiskError) -> Void
    ) throws(DiskError) {
        for zone in zones {
            do throws(DiskError) {
                try body(zone)
            } catch {
                try members.expel([(zone, .failed(error.message))])
            }
        }
    }

    /// Has a zone that is being made equal compare the file that has this name now.
    private func noteWhole(_ name: String, size: @autoclosure () throws(DiskError) -> UInt64)
        throws(DiskError)
    {
        guard notes.isActive else { return }
        let record = members.names.openRecord(name, size: try size())
        notes.add(record, 0..<UInt64.max)
        members.names.release(record)
    }
}
