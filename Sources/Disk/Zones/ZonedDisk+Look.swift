import Synchronization

/// How zones come back.
extension ZonedDisk {
    /// What may still be copied while nothing changes: 8 MiB, some tens of milliseconds.
    private static let lastBytesMax: UInt64 = 8 << 20
    /// Rounds beside changes; whoever changes faster than is copied waits for the last one.
    private static let roundsMax = 16
    /// Room beyond what a zone missed that one which was full must have: 64 MiB, a segment.
    private static let marginBytes: UInt64 = 64 << 20

    /// Asks the zones that are out, and makes those equal that are back; it blocks until that is done.
    ///
    /// While changes are stopped it also brings them back, once a majority holds the same; what is open then must be opened anew.
    /// - Throws: What a member failed with while it was copied from; zones that stay out only show it in ``standing``.
    package func look() throws(DiskError) {
        let failure = looking.withLock { _ -> DiskError? in
            guard !hasEnded else { return nil }
            do throws(DiskError) {
                if members.isStopped { try recover() }
                if !members.isStopped { try resilverAll() }
                return nil
            } catch {
                // Who is closed meanwhile has nothing to bring back.
                return hasEnded ? nil : error
            }
        }
        if let failure { throw failure }
    }

    /// Lets a zone in whose directory is empty, unknown or another's: what is there is lost, and the next ``look()`` fills it anew.
    ///
    /// - Throws: `.notFound` for a name that is no zone's, `.exists` for one that is in sync, `.busy` once the disk is closed: who is a
    ///   member is no longer known here; what the zone fails with.
    package func admit(zone name: String) throws(DiskError) {
        guard let zone = members.zones.firstIndex(where: { $0.name == name }) else {
            let names = members.zones.map(\.name).joined(separator: ", ")
            throw DiskError(.notFound, "no zone '\(name)' in '\(root)': it has \(names)")
        }
        let failure = looking.withLock { _ -> DiskError? in
            do throws(DiskError) {
                guard !hasEnded else {
                    throw DiskError(
                        .busy,
                        "admit zone '\(name)': '\(root)' was closed meanwhile",
                        remedy: "Repeat it in a moment."
                    )
                }
                let current = members.current
                guard !current.isMember[zone] else {
                    throw DiskError(.exists, "zone '\(name)' is a member of '\(root)' already")
                }
                var file = current
                file.stamp = ZoneStamp(start: 0)
                file.settled = ZoneStamp(start: 0)
                file.isMember = file.isMember.map { _ in false }
                file.isClean = false
                file.isAll = true
                file.names = []
                let place = members.zones[zone]
                try place.disk.makeDirectories(place.directory)
                try file.write(to: place, at: zone, isNew: true)
                members.setOut(zone, .stale, isAll: true)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    // MARK: One zone, beside changes

    private func resilverAll() throws(DiskError) {
        let current = members.current
        var failure: DiskError?
        for zone in members.zones.indices where !members.current.isMember[zone] {
            guard let file = probe(zone, current) else { continue }
            // What one member cannot read another may.
            for source in members.inSync {
                do throws(DiskError) {
                    try resilver(zone, file, from: source)
                    break
                } catch {
                    failure = failure ?? error
                    if members.isStopped { throw error }
                    members.report(
                        "zone '\(members.zones[zone].name)' of \(root) stays out: \(error)"
                    )
                }
            }
            if members.isStopped { return }
        }
        if let failure, members.isDegraded { throw failure }
    }

    /// The file of a zone that is back; `nil`, with the reason shown, for one that is not.
    private func probe(_ zone: Int, _ current: ZoneFile) -> ZoneFile? {
        let place = members.zones[zone]
        let file: ZoneFile
        do throws(ZoneAbsence) {
            file = try place.read(current.unique, among: members.zones.map(\.name))
        } catch {
            members.setOut(zone, error.reason)
            return nil
        }
        if case .full = members.out[zone]?.reason, !hasRoom(zone) { return nil }
        members.setOut(
            zone,
            members.out[zone]?.reason ?? .stale,
            isAll: file.isAll || current.isAll || file.stamp < current.settled
        )
        return file
    }

    private func hasRoom(_ zone: Int) -> Bool {
        let missed = members.standing.zones[zone].missedBytes
        let place = members.zones[zone]
        // Harmless: a zone that does not say what room it has stays out.
        guard let space = try? place.disk.space(at: place.directory) else { return false }
        return space.available >= missed + ZonedDisk.marginBytes
    }

    private func resilver(
        _ zone: Int,
        _ file: ZoneFile,
        from source: Int
    ) throws(DiskError) {
        gate.exclusive { notes.set(isActive: true) }
        defer {
            gate.exclusive { notes.set(isActive: false) }
            members.setProgress(zone, nil)
        }
        do throws(ZoneCopyFailure) {
            var work = ZoneResilver(self, from: source, to: zone, file)
            try work.bulk()
            var waiting = notes.waiting
            for _ in 0..<ZonedDisk.roundsMax where waiting > ZonedDisk.lastBytesMax {
                try work.round()
                let left = notes.waiting
                // What comes as fast as it is copied does not end so.
                if left > waiting / 2, left < ZonedDisk.lastBytesMax * 8 { break }
                waiting = left
            }
            try gate.exclusive { () throws(ZoneCopyFailure) in
                guard members.inSync.contains(source), !members.isStopped, !hasEnded else { return }
                try work.last()
                do throws(DiskError) {
                    try members.join([zone], sources: members.inSync)
                } catch {
                    throw .source(error)
                }
                attach([zone])
            }
        } catch {
            switch error {
            case .source(let failure): throw failure
            case .target(let failure): members.setOut(zone, ZonedStanding.Reason(failure))
            }
            return
        }
        if members.inSync.contains(zone) {
            members.report("zone '\(members.zones[zone].name)' of \(root) is in sync again")
        }
    }

    /// Gives open files their copies in zones that joined; nothing changes meanwhile.
    private func attach(_ joined: [Int]) {
        for zone in joined where members.inSync.contains(zone) {
            let place = members.zones[zone]
            for handles in members.names.openFiles {
                guard let name = handles.record.name else {
                    handles.set(zone, .absent)
                    continue
                }
                do throws(DiskError) {
                    let file = try place.disk.open(path(name, in: zone), handles.mode)
                    handles.set(zone, .open(file))
                } catch {
                    handles.set(zone, .missing(error))
                }
            }
        }
    }

    // MARK: A majority, while changes are stopped

    /// Makes zones equal to one that never failed, or to any member if all did, until a majority holds the same.
    private func recover() throws(DiskError) {
        let current = members.current
        let failed = members.failed()
        var files: [Int: ZoneFile] = [:]
        for zone in members.zones.indices {
            // A member's state is the disk's affair, not shown as out.
            if current.isMember[zone] {
                // Harmless: who cannot be read is not asked.
                files[zone] = try? members.zones[zone].read(
                    current.unique,
                    among: members.zones.map(\.name)
                )
            } else {
                files[zone] = probe(zone, current)
            }
        }
        let able = current.members.filter { files[$0] != nil }
        let trusted = able.filter { !failed.contains($0) }
        guard files.count >= members.majority, let source = (trusted + able).first else { return }
        // Nothing changes: who asks is refused before the gate.
        let failure = gate.exclusive { () -> DiskError? in
            var sources = [source]
            var joined: [Int] = []
            do throws(ZoneCopyFailure) {
                try settleSource(source)
                let others = files.keys.sorted().filter { $0 != source }
                // Members miss the least; who is not needed for a majority comes back beside changes.
                let order =
                    others.filter { trusted.contains($0) }
                    + others.filter { !trusted.contains($0) && current.isMember[$0] }
                    + others.filter { !current.isMember[$0] }
                for zone in order {
                    if !trusted.contains(zone), sources.count + joined.count >= members.majority {
                        break
                    }
                    guard let file = files[zone] else { continue }
                    if trusted.contains(zone), current.isMember[zone] { sources.append(zone) }
                    do throws(ZoneCopyFailure) {
                        var work = ZoneResilver(self, from: source, to: zone, file)
                        defer { members.setProgress(zone, nil) }
                        try work.bulk()
                        if !sources.contains(zone) { joined.append(zone) }
                    } catch {
                        guard case .target(let failure) = error else { throw error }
                        sources.removeAll { $0 == zone }
                        if !current.isMember[zone] {
                            members.setOut(zone, ZonedStanding.Reason(failure))
                        }
                    }
                }
            } catch {
                return error.error
            }
            guard sources.count + joined.count >= members.majority, !hasEnded else { return nil }
            do throws(DiskError) {
                try members.join(joined, sources: sources)
            } catch {
                return error
            }
            for record in members.names.records { record.becomeEven() }
            attach(joined)
            return nil
        }
        if let failure { throw failure }
        if !members.isStopped {
            members.report("\(root) takes changes again; what was open is to be opened anew")
        }
    }

    /// Makes durable what the source shows, also where a failed sync may have lost it.
    private func settleSource(_ source: Int) throws(ZoneCopyFailure) {
        let place = members.zones[source]
        let current = members.current
        do throws(DiskError) {
            try place.check(current.unique)
            try place.syncNames()
        } catch {
            throw .source(error)
        }
        let (listed, isAll) = members.names.list(with: [])
        let forced = members.names.forced(source)
        var copier = ZoneCopier(from: place, to: place, unique: current.unique) { _ in }
        copier.hasEnded = { [self] in hasEnded }
        let names = isAll ? try copier.sourceFiles() : listed
        for name in Set(names).union(forced.keys).sorted() {
            do throws(ZoneCopyFailure) {
                try copier.copyFile(name, ByteRanges(), forced: forced[name] ?? ByteRanges())
            } catch {
                throw .source(error.error)
            }
        }
    }
}
