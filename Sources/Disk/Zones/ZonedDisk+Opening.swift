package import VarveModel

/// How a disk in zones is made and begun.
extension ZonedDisk {
    /// Makes a disk in new or empty directories.
    ///
    /// - Parameters:
    ///   - root: Absolute; what lies beneath it is kept in the zones, and nothing need stand there itself.
    ///   - zones: Three or more, in reading order.
    ///   - unique: Of the file system; 16 bytes.
    ///   - clock: Tells since when a zone is out.
    ///   - report: Told, in a sentence, of each zone that leaves, comes back, or does not read; on any thread.
    /// - Returns: The disk, open.
    /// - Throws: `.exists` when a directory holds anything; whatever a zone fails with: all must be there.
    package static func create(
        root: String,
        zones: [DiskZone],
        unique: [UInt8],
        clock: any VarveClock = WallClock(),
        report: @escaping @Sendable (String) -> Void
    ) throws(DiskError) -> ZonedDisk {
        try check(zones, unique)
        for zone in zones {
            try zone.disk.makeDirectories(zone.directory)
            guard try zone.disk.list(zone.directory).isEmpty else {
                throw DiskError(
                    .exists,
                    "zone '\(zone.name)': '\(zone.directory)' is not empty",
                    remedy: "Choose a directory that is, or empty it."
                )
            }
        }
        let file = ZoneFile(
            unique: unique,
            zones: zones.map(\.name),
            own: 0,
            promised: 1,
            stamp: ZoneStamp(start: 1),
            settled: ZoneStamp(start: 1),
            isMember: zones.map { _ in true },
            left: zones.map { _ in .epoch },
            isClean: false,
            isAll: false,
            names: []
        )
        for (number, zone) in zones.enumerated() {
            try file.write(to: zone, at: number, isNew: true)
        }
        let members = ZonedMembers(
            root: root,
            zones: zones,
            file: file,
            out: [:],
            clock: clock,
            report: report
        )
        return ZonedDisk(root: root, members: members)
    }

    /// Begins with what the zones hold: members are made equal before it returns.
    ///
    /// - Parameters: As ``create(root:zones:unique:clock:report:)``; the order of zones may differ.
    /// - Returns: A disk that may take no changes (``ZonedStanding/mayWrite``), where too few zones could be made equal.
    /// - Throws: `.failed`, naming each zone and what it lacks, when fewer than a majority can be read: which of them is the newest
    ///   is then not known.
    package static func open(
        root: String,
        zones: [DiskZone],
        unique: [UInt8],
        clock: any VarveClock = WallClock(),
        report: @escaping @Sendable (String) -> Void
    ) throws(DiskError) -> ZonedDisk {
        try check(zones, unique)
        let names = zones.map(\.name)
        var found: [Int: ZoneFile] = [:]
        var absent: [Int: ZonedStanding.Reason] = [:]
        for (number, zone) in zones.enumerated() {
            do throws(ZoneAbsence) {
                found[number] = try zone.read(unique, among: names)
            } catch {
                absent[number] = error.reason
            }
        }
        // Too few promise nothing: each vain start would be one that they must be talked out of.
        guard found.count > zones.count / 2 else {
            throw tooFew(root, zones, absent)
        }
        let start = (found.values.map { max($0.promised, $0.stamp.start) }.max() ?? 0) + 1
        // The promise: whoever began before and was not seen here writes at a majority no more.
        for (number, file) in found {
            var promise = file
            promise.promised = start
            do throws(DiskError) {
                try promise.write(to: zones[number], at: number)
            } catch {
                found[number] = nil
                absent[number] = ZonedStanding.Reason(error)
            }
        }
        guard found.count > zones.count / 2 else {
            throw tooFew(root, zones, absent)
        }
        let begun = try ZonedStart(zones, found, absent, start, unique).run(report)
        let now = clock.now()
        var out: [Int: ZonedMembers.Out] = [:]
        for (number, reason) in begun.absent {
            let left = begun.file.left[number]
            let isKnown = found[number].map { !$0.isAll && $0.stamp >= begun.file.settled }
            out[number] = ZonedMembers.Out(
                reason: reason,
                since: left == .epoch ? now : left,
                isAll: begun.file.isAll || isKnown == false
            )
        }
        var file = begun.file
        for zone in out.keys { file.left[zone] = out[zone]?.since ?? now }
        let members = ZonedMembers(
            root: root,
            zones: zones,
            file: file,
            out: out,
            clock: clock,
            report: report
        )
        members.count(copied: begun.copied)
        let disk = ZonedDisk(root: root, members: members)
        try members.begin(file.members, isSettled: out.isEmpty)
        for zone in out.sorted(by: { $0.key < $1.key }) {
            report("zone '\(zones[zone.key].name)' of \(root) is out, \(zone.value.reason)")
        }
        // With a zone that is stale the majority may be had at once.
        if members.isStopped { try disk.look() }
        return disk
    }

    private static func check(_ zones: [DiskZone], _ unique: [UInt8]) throws(DiskError) {
        let count = zones.count
        guard count >= 3, count <= ZoneFile.zonesMax, Set(zones.map(\.name)).count == count,
            unique.count == 16
        else {
            throw DiskError(
                .failed,
                "\(count) zones: there are 3 to \(ZoneFile.zonesMax), each of its own name"
            )
        }
    }

    private static func tooFew(
        _ root: String,
        _ zones: [DiskZone],
        _ absent: [Int: ZonedStanding.Reason]
    ) -> DiskError {
        let words = absent.sorted { $0.key < $1.key }
            .map { "zone '\(zones[$0.key].name)' ('\(zones[$0.key].directory)') \($0.value)" }
        return DiskError(
            .failed,
            "'\(root)' needs \(zones.count / 2 + 1) of its \(zones.count) zones: "
                + words.joined(separator: "; "),
            remedy: "Mount the disks of these zones and try again."
        )
    }
}
