import VarveModel

/// Chooses what the zones begin with, and makes the members equal: what one of them showed must not vanish with it.
struct ZonedStart {
    private let zones: [DiskZone]
    private let found: [Int: ZoneFile]
    private let start: UInt32
    private let unique: [UInt8]

    /// What the members' files are to say.
    private(set) var file: ZoneFile
    private(set) var absent: [Int: ZonedStanding.Reason]
    /// Bytes written to zones that differed.
    private(set) var copied: UInt64 = 0

    /// Of the files `zone` that were read, and that have taken the promise (`found`); `absent` says why the others were not.
    init(
        _ zones: [DiskZone],
        _ found: [Int: ZoneFile],
        _ absent: [Int: ZonedStanding.Reason],
        _ start: UInt32,
        _ unique: [UInt8]
    ) throws(DiskError) {
        guard let newest = found.values.max(by: { $0.stamp < $1.stamp }) else {
            throw DiskError(.failed, "no zone was read")
        }
        self.zones = zones
        self.found = found
        self.absent = absent
        self.start = start
        self.unique = unique
        file = newest
    }

    /// - Throws: What the last zone failed with that could have led.
    func run(_ report: (String) -> Void) throws(DiskError) -> ZonedStart {
        var start = self
        try start.choose(report)
        return start
    }

    private mutating func choose(_ report: (String) -> Void) throws(DiskError) {
        let followers = found.keys.sorted().filter { file.isMember[$0] }
        // Any of the newest epoch holds all that was acknowledged; the one with the newest list first.
        var leaders = followers.filter { found[$0]?.stamp.epoch == file.stamp.epoch }
        if let first = leaders.firstIndex(where: { found[$0]?.stamp == file.stamp }) {
            leaders.insert(leaders.remove(at: first), at: 0)
        }
        for number in found.keys where !file.isMember[number] { absent[number] = .stale }
        while let leader = leaders.first {
            leaders.removeFirst()
            do throws(DiskError) {
                try lead(leader, followers.filter { absent[$0] == nil })
                return
            } catch {
                absent[leader] = ZonedStanding.Reason(error)
                report("zone '\(zones[leader].name)' cannot lead: \(error)")
                guard !leaders.isEmpty else { throw error }
            }
        }
        throw DiskError(
            .failed,
            "no zone that can be read is a member of the newest epoch",
            remedy: "Bring back the zones that are out."
        )
    }

    /// Makes every follower equal to `leader`.
    ///
    /// - Throws: What the leader failed with.
    private mutating func lead(_ leader: Int, _ followers: [Int]) throws(DiskError) {
        let isClean = followers.allSatisfy { number in
            found[number]?.isClean == true && found[number]?.stamp == file.stamp
        }
        var next = file
        // A zone that began to leave, or to return, may know of names that the leader does not.
        for number in followers {
            guard let own = found[number] else { continue }
            next.names = Set(next.names).union(own.names).sorted()
            if own.isAll || own.stamp < file.settled { next.isAll = true }
        }
        next.bound()
        var members = [leader]
        if isClean {
            members = followers
        } else {
            // Each of the newest epoch holds every name that was acknowledged.
            for number in followers where number != leader {
                guard found[number]?.stamp.epoch == file.stamp.epoch else { continue }
                do throws(ZoneCopyFailure) {
                    let restored = try restore(number, leader, next)
                    next.names += restored
                } catch {
                    guard case .source(let failure) = error else { throw error.error }
                    absent[number] = ZonedStanding.Reason(failure)
                }
            }
            next.bound()
            next.names.sort()
            try vote(leader, followers, next)
            try settle(leader, next)
            for number in followers where number != leader && absent[number] == nil {
                do throws(ZoneCopyFailure) {
                    try copy(leader, number, next)
                    members.append(number)
                } catch {
                    guard case .target(let failure) = error else { throw error.error }
                    absent[number] = ZonedStanding.Reason(failure)
                }
            }
        }
        next.promised = start
        next.stamp = ZoneStamp(start: start)
        next.isClean = false
        for number in zones.indices {
            next.isMember[number] = members.contains(number)
            if next.isMember[number] { next.left[number] = .epoch }
        }
        file = next
    }

    /// Gives the leader the files that a follower has and that nothing explains the leader's lack of.
    ///
    /// They stand in no list, so they were the same in every zone, and were removed by a call that nobody heard the
    /// end of, or the leader lost them. Who removes may do it again; what is lost cannot be made again.
    ///
    /// - Returns: Their names.
    private mutating func restore(
        _ number: Int,
        _ leader: Int,
        _ list: ZoneFile
    ) throws(ZoneCopyFailure) -> [String] {
        var copier = ZoneCopier(from: zones[number], to: zones[leader], unique: unique) { _ in }
        defer { copied += copier.copied }
        return try copier.restoreNames(but: Set(list.names))
    }

    /// Takes rot in the leader for what it is, where two others show that.
    private mutating func vote(
        _ leader: Int,
        _ followers: [Int],
        _ list: ZoneFile
    ) throws(DiskError) {
        let others = followers.filter { number in
            number != leader && absent[number] == nil
                && found[number]?.stamp.epoch == file.stamp.epoch
        }
        guard others.count > 1 else { return }
        var vote = ZoneVote(leader: zones[leader], others: others.map { zones[$0] })
        defer { copied += vote.written }
        let names = list.isAll ? try ZoneTree(of: zones[leader]).files.sorted() : list.names
        for name in names { try vote.settle(name) }
    }

    /// Makes durable what the leader shows: it may stand in its page cache alone.
    private func settle(_ leader: Int, _ list: ZoneFile) throws(DiskError) {
        let zone = zones[leader]
        try zone.check(unique)
        try zone.syncNames()
        let names = list.isAll ? try ZoneTree(of: zone).files.sorted() : list.names
        for name in names {
            let path = zone.directory + "/" + name
            guard try zone.disk.status(of: path)?.kind == .file else { continue }
            let file = try zone.disk.open(path, .readWrite)
            defer { file.close() }
            file.dropResident()
            try file.sync()
        }
    }

    private mutating func copy(
        _ leader: Int,
        _ number: Int,
        _ list: ZoneFile
    ) throws(ZoneCopyFailure) {
        var copier = ZoneCopier(from: zones[leader], to: zones[number], unique: unique) { _ in }
        defer { copied += copier.copied }
        let made = try copier.copyNames()
        let names =
            list.isAll
            ? try copier.sourceFiles() : Set(list.names).union(made).sorted()
        for name in names { try copier.copyFile(name) }
        try copier.syncNames()
    }
}
