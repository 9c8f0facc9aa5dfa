import Synchronization

/// One zone made equal to another: all that it missed, then what changed meanwhile.
struct ZoneResilver {
    private let disk: ZonedDisk
    private let zone: Int
    private let own: ZoneFile
    private var copier: ZoneCopier
    private let done: Counter

    /// Bytes compared so far.
    private final class Counter {
        var done: UInt64 = 0
        var total: UInt64 = 0
    }

    private var members: ZonedMembers { disk.members }

    /// Of a zone whose own file says `file`.
    init(_ disk: ZonedDisk, from source: Int, to zone: Int, _ file: ZoneFile) {
        let counter = Counter()
        let members = disk.members
        self.disk = disk
        self.zone = zone
        own = file
        done = counter
        copier = ZoneCopier(
            from: members.zones[source],
            to: members.zones[zone],
            unique: file.unique
        ) { bytes in
            counter.done += bytes
            members.setProgress(zone, (counter.done, max(counter.done, counter.total)))
        }
        copier.hasEnded = { disk.hasEnded }
    }

    /// Names by listing; bytes of every file that stands in the list, or of all when the zone is not known to have held the rest.
    mutating func bulk() throws(ZoneCopyFailure) {
        members.setProgress(zone, (0, 0))
        let before = copier.copied
        defer { members.count(copied: copier.copied - before) }
        let made = try copier.copyNames()
        let current = members.current
        let (listed, isAllListed) = members.names.list(with: own.names)
        let isAll = isAllListed || own.isAll || own.stamp < current.settled
        let forced = members.names.forced(zone)
        let names =
            isAll
            ? try copier.sourceFiles() : Set(listed).union(made).union(forced.keys).sorted()
        done.total = try copier.sourceBytes(names)
        for name in names {
            try copier.copyFile(name, .whole, forced: forced[name] ?? ByteRanges())
        }
        try copier.syncNames()
    }

    /// What changed since the last round, while more does.
    mutating func round() throws(ZoneCopyFailure) {
        let before = copier.copied
        defer { members.count(copied: copier.copied - before) }
        let made = try copier.copyNames()
        var changed = disk.notes.take()
        for name in made { changed[name] = .whole }
        for (name, ranges) in changed.sorted(by: { $0.key < $1.key }) {
            try copier.copyFile(name, ranges)
        }
    }

    /// The rest, while nothing changes; then all is durable.
    mutating func last() throws(ZoneCopyFailure) {
        try round()
        try copier.syncNames()
    }
}
