import Synchronization
import VarveModel

/// Who takes part in a disk, as the files `zone` say it durably; the only one that writes them.
///
/// A zone leaves at a majority of all zones before the call that it failed is answered. So each member of the highest
/// stamp holds every acknowledged byte.
final class ZonedMembers: Sendable {
    let root: String
    let zones: [DiskZone]
    let names: ZonedNames
    let lanes = ZoneLanes()
    let report: @Sendable (String) -> Void
    let clock: any VarveClock

    /// What the members' files say; held while they are written.
    private let file: Mutex<ZoneFile>
    private let view: Mutex<View>
    /// By bit: zones that are read and written.
    private let inSyncBits: Atomic<UInt64>
    private let stopCount = Atomic<Int>(0)
    private let isStoppedNow = Atomic<Bool>(false)
    private let isDegradedNow = Atomic<Bool>(false)
    private let bytesWritten = Atomic<UInt64>(0)
    private let bytesMended = Atomic<UInt64>(0)
    private let bytesCopied = Atomic<UInt64>(0)

    /// What ``ZonedStanding`` shows; never held while storage is waited for.
    private struct View {
        var epoch: UInt64
        var out: [Int: Out] = [:]
        var progress: [Int: (done: UInt64, total: UInt64)] = [:]
        /// Members that failed a change after which too few would be left: not read while others are.
        var failed: [Int: Out] = [:]
        /// Of reads that another zone answered.
        var failedReads: [Int: (count: UInt64, last: DiskError)] = [:]
    }

    struct Out: Sendable {
        var reason: ZonedStanding.Reason
        var since: Timestamp
        /// Whether it is to be compared whole.
        var isAll = false
        /// Written before it left.
        var bytesBefore: UInt64 = 0
    }

    /// With `file` as the members hold it, or are about to; `out` says why each zone that is no member is none.
    init(
        root: String,
        zones: [DiskZone],
        file: ZoneFile,
        out: [Int: Out],
        clock: any VarveClock,
        report: @escaping @Sendable (String) -> Void
    ) {
        self.root = root
        self.zones = zones
        self.clock = clock
        self.report = report
        names = ZonedNames(listed: file.names, isAll: file.isAll)
        view = Mutex(View(epoch: file.stamp.epoch, out: out))
        inSyncBits = Atomic(ZonedMembers.bits(file.members))
        isDegradedNow.store(file.members.count < zones.count, ordering: .relaxed)
        self.file = Mutex(file)
    }

    var majority: Int { zones.count / 2 + 1 }

    /// Zones that are read and written, in reading order.
    var inSync: [Int] {
        let bits = inSyncBits.load(ordering: .acquiring)
        return zones.indices.filter { bits & 1 << UInt64($0) != 0 }
    }

    /// How often changes were stopped: a file that was open then takes none any more.
    var stops: Int { stopCount.load(ordering: .acquiring) }

    var isStopped: Bool { isStoppedNow.load(ordering: .acquiring) }

    /// Whether any zone is out.
    var isDegraded: Bool { isDegradedNow.load(ordering: .acquiring) }

    var current: ZoneFile { file.withLock { $0 } }

    private static func bits(_ zones: [Int]) -> UInt64 {
        zones.reduce(0) { $0 | 1 << UInt64($1) }
    }

    // MARK: The list

    /// Has `wanted` stand durably in the list of what may differ, before the first of them changes.
    ///
    /// - Throws: `.noSpace` when too few zones have room for the list; the refusal of ``refusal``.
    func list(_ wanted: [String]) throws(DiskError) {
        try file.withLock { file throws(DiskError) in
            if isStopped { throw refusal }
            guard !wanted.allSatisfy({ names.isListed($0) }) else { return }
            let settled = isDegraded ? [] : names.settle()
            var next = file
            next.isClean = false
            next.stamp = file.stamp.rewritten
            if !settled.isEmpty || file.isAll { next.settled = next.stamp }
            do throws(DiskError) {
                try commit(next, over: &file, adding: wanted, settled: settled)
            } catch {
                names.enlist(settled, isAll: false)
                throw error
            }
            names.enlist(wanted, isAll: file.isAll)
        }
    }

    // MARK: Leaving

    /// Has zones that failed a call leave, durably, before that call is answered.
    ///
    /// - Throws: The refusal when too few zones would stay: nobody leaves then, and changes stop.
    func expel(_ failed: [(zone: Int, reason: ZonedStanding.Reason)]) throws(DiskError) {
        if failed.isEmpty { return }
        try file.withLock { file throws(DiskError) in
            let leaving = failed.filter { file.isMember[$0.zone] }
            if isStopped {
                // Whoever brings a majority back must not take these for whole.
                if !leaving.isEmpty { stop(leaving, of: file) }
                throw refusal
            }
            guard !leaving.isEmpty else { return }
            guard file.members.count - leaving.count >= majority else {
                stop(leaving, of: file)
                throw refusal
            }
            var next = file
            let out = leave(leaving, &next)
            try commit(next, over: &file, leaving: out)
        }
    }

    /// Has all changes stop, since too few zones would hold them.
    func stop(_ failed: [(zone: Int, reason: ZonedStanding.Reason)]) {
        file.withLock { stop(failed, of: $0) }
    }

    private func stop(
        _ failed: [(zone: Int, reason: ZonedStanding.Reason)],
        of file: ZoneFile
    ) {
        let now = clock.now()
        let all = view.withLock { view in
            for (zone, reason) in failed where view.failed[zone] == nil {
                view.failed[zone] = Out(reason: reason, since: now, bytesBefore: written)
            }
            return view.failed
        }
        for (zone, _) in failed { names.force(zone) }
        let trusted = file.members.filter { all[$0] == nil }
        let readable = trusted.isEmpty ? file.members : trusted
        stopCount.add(1, ordering: .acquiringAndReleasing)
        isStoppedNow.store(true, ordering: .releasing)
        isDegradedNow.store(true, ordering: .releasing)
        inSyncBits.store(ZonedMembers.bits(readable), ordering: .releasing)
        drop(Set(file.members).subtracting(readable))
        report("no more changes of \(root): \(refusal)")
    }

    /// What every change is answered while too few zones would hold it; errno is EROFS.
    var refusal: DiskError {
        let (out, failed) = view.withLock { ($0.out, $0.failed) }
        var words: [String] = []
        for (zone, reason) in out.sorted(by: { $0.key < $1.key }) {
            words.append("zone '\(zones[zone].name)' \(reason.reason)")
        }
        for (zone, reason) in failed.sorted(by: { $0.key < $1.key }) where out[zone] == nil {
            words.append("zone '\(zones[zone].name)' \(reason.reason)")
        }
        return DiskError(
            .denied,
            "'\(root)' takes no changes: they need \(majority) of \(zones.count) zones "
                + "(\(words.joined(separator: "; ")))",
            remedy: "Bring the zones' disks back; `varve zone status` says when they are.",
            errno: 30
        )
    }

    /// Takes zones out of `next`.
    private func leave(
        _ leaving: [(zone: Int, reason: ZonedStanding.Reason)],
        _ next: inout ZoneFile
    ) -> [Int: Out] {
        let now = clock.now()
        var left: [Int: Out] = [:]
        next.stamp = next.stamp.changed
        next.isClean = false
        for (zone, reason) in leaving where next.isMember[zone] {
            next.isMember[zone] = false
            next.left[zone] = now
            // What the page cache of a failed zone shows may be lost there.
            names.force(zone)
            left[zone] = Out(reason: reason, since: now, bytesBefore: written)
        }
        return left
    }

    // MARK: Writing the files

    /// Writes `next` to its members, less those that fail it, until all that are left hold it.
    ///
    /// The list gains the names `added`, and loses `settled` unless a zone fails; `leaving` are no members in `next`, and `joining` are
    /// members in it that are none yet.
    private func commit(
        _ next: ZoneFile,
        over file: inout ZoneFile,
        adding added: [String] = [],
        settled: Set<String> = [],
        leaving: [Int: Out] = [:],
        joining: [Int] = []
    ) throws(DiskError) {
        var next = next
        var leaving = leaving
        var joining = joining
        // A zone that failed a call is no member any more, written or not.
        var mustLeave = !leaving.isEmpty
        while true {
            (next.names, next.isAll) = names.list(with: added)
            let members = next.members.filter { !joining.contains($0) }
            var failed = write(next, to: members)
            // One that joins is last: it must not be of the highest stamp before a majority is.
            if failed.isEmpty { failed = write(next, to: joining) }
            // No later file may bear this stamp, whoever holds it.
            file.stamp = next.stamp
            guard !failed.isEmpty else { break }
            let isFull = failed.allSatisfy { $0.error.code == .noSpace }
            guard next.members.count - failed.count >= majority else {
                if isFull, !mustLeave, let error = failed.first?.error { throw error }
                let all = leaving.map { ($0.key, $0.value.reason) }
                stop(all + failed.map { ($0.zone, .failed($0.error.message)) }, of: file)
                throw refusal
            }
            if !isFull { mustLeave = true }
            names.enlist(settled, isAll: false)
            next.settled = file.settled
            joining.removeAll { zone in failed.contains { $0.zone == zone } }
            let more = leave(failed.map { ($0.zone, ZonedStanding.Reason($0.error)) }, &next)
            leaving.merge(more) { old, _ in old }
        }
        file = next
        adopt(next, leaving)
    }

    private func write(_ file: ZoneFile, to zones: [Int]) -> [(zone: Int, error: DiskError)] {
        let all = self.zones
        let results = lanes.each(zones) { (zone) throws(DiskError) in
            try file.write(to: all[zone], at: zone)
        }
        return zip(zones, results).compactMap { zone, error in error.map { (zone, $0) } }
    }

    /// Has reads and writes go by what is durable now.
    private func adopt(_ file: ZoneFile, _ leaving: [Int: Out]) {
        let members = Set(file.members)
        let left = Set(inSync).subtracting(members)
        isDegradedNow.store(members.count < zones.count, ordering: .releasing)
        inSyncBits.store(ZonedMembers.bits(file.members), ordering: .releasing)
        drop(left)
        let news = view.withLock { view in
            view.epoch = file.stamp.epoch
            view.out.merge(leaving) { _, new in new }
            return left.sorted().compactMap { zone in view.out[zone].map { (zone, $0.reason) } }
        }
        for (zone, reason) in news {
            report("zone '\(zones[zone].name)' of \(root) is out, \(reason)")
        }
    }

    private func drop(_ left: Set<Int>) {
        guard !left.isEmpty else { return }
        for handles in names.openFiles {
            for zone in left { handles.set(zone, .absent) }
        }
    }

    // MARK: Coming back

    /// Makes zones members that hold all that the others hold, durably; nothing may change meanwhile.
    ///
    /// - Parameters:
    ///   - joining: The zones.
    ///   - sources: Members that they were made equal to; others are members no more.
    /// - Throws: The refusal when too few zones would stay; `.noSpace`.
    func join(_ joining: [Int], sources: [Int]) throws(DiskError) {
        try file.withLock { file throws(DiskError) in
            var next = file
            var leaving: [Int: Out] = [:]
            next.stamp = file.stamp.changed
            next.isClean = false
            for zone in zones.indices {
                let isIn = joining.contains(zone) || sources.contains(zone)
                if next.isMember[zone], !isIn {
                    let failed = view.withLock { $0.failed[zone] }
                    let out = failed ?? Out(reason: .failed("no answer"), since: clock.now())
                    leaving[zone] = out
                    next.left[zone] = out.since
                }
                next.isMember[zone] = isIn
                if isIn { next.left[zone] = .epoch }
            }
            try commit(next, over: &file, leaving: leaving, joining: joining)
            let members = file.members
            view.withLock { view in
                for zone in members { view.out[zone] = nil }
                view.failed = [:]
            }
            for zone in members { names.unforce(zone) }
            if members.count == zones.count { names.endAll() }
            isStoppedNow.store(false, ordering: .releasing)
        }
    }

    /// Opens for changes, or not, after a start: `members` are equal and durable.
    func begin(_ members: [Int], isSettled: Bool) throws(DiskError) {
        try file.withLock { file throws(DiskError) in
            guard members.count >= majority else {
                stopCount.add(1, ordering: .acquiringAndReleasing)
                isStoppedNow.store(true, ordering: .releasing)
                return
            }
            var next = file
            next.stamp = file.stamp.changed
            if isSettled {
                names.endAll()
                _ = names.settle()
                next.settled = next.stamp
            }
            try commit(next, over: &file)
        }
    }

    /// Says at a clean end that all members are equal, if they are.
    func end(isEven: Bool) throws(DiskError) {
        try file.withLock { file throws(DiskError) in
            guard !isStopped else { return }
            var next = file
            next.stamp = file.stamp.rewritten
            next.isClean = isEven
            var settled: Set<String> = []
            if isEven, !isDegraded {
                names.endAll()
                settled = names.settle()
                // What was changed since the last rewrite is settled by the second look.
                settled.formUnion(names.settle())
                if !settled.isEmpty || file.isAll { next.settled = next.stamp }
            }
            try commit(next, over: &file, settled: settled)
        }
    }

    // MARK: What is shown

    func setOut(_ zone: Int, _ reason: ZonedStanding.Reason, isAll: Bool? = nil) {
        let now = clock.now()
        let old = view.withLock { view in
            var out = view.out[zone] ?? Out(reason: reason, since: now, bytesBefore: written)
            let old = view.out[zone]?.reason
            out.reason = reason
            if let isAll { out.isAll = isAll }
            view.out[zone] = out
            return old
        }
        if old != reason { report("zone '\(zones[zone].name)' of \(root) is out, \(reason)") }
    }

    func setProgress(_ zone: Int, _ progress: (done: UInt64, total: UInt64)?) {
        view.withLock { $0.progress[zone] = progress }
    }

    func failed() -> Set<Int> { view.withLock { Set($0.failed.keys) } }

    var out: [Int: Out] { view.withLock { $0.out } }

    func count(written bytes: UInt64) {
        if isDegraded { bytesWritten.add(bytes, ordering: .relaxed) }
    }

    var written: UInt64 { bytesWritten.load(ordering: .relaxed) }

    /// Counts a read that a zone has failed; it stays.
    func count(failedRead error: DiskError, in zone: Int) {
        view.withLock { view in
            let count = view.failedReads[zone]?.count ?? 0
            view.failedReads[zone] = (count + 1, error)
        }
    }

    func count(mended bytes: Int) { bytesMended.add(UInt64(bytes), ordering: .relaxed) }

    func count(copied bytes: UInt64) { bytesCopied.add(bytes, ordering: .relaxed) }

    var standing: ZonedStanding {
        let now = view.withLock { $0 }
        let listed = names.listedCount
        // Asked before whether changes are taken: a stop in between is seen at the next question.
        let stops = stops
        return ZonedStanding(
            epoch: now.epoch,
            zones: zones.indices.map { zone in
                let out = now.out[zone] ?? now.failed[zone]
                let state: ZonedStanding.State =
                    if let progress = now.progress[zone] {
                        .resilvering(done: progress.done, total: progress.total)
                    } else if let out {
                        .out(out.reason, since: out.since)
                    } else {
                        .inSync
                    }
                return ZonedStanding.Zone(
                    name: zones[zone].name,
                    directory: zones[zone].directory,
                    state: state,
                    missedFiles: state == .inSync ? 0 : out?.isAll == true ? nil : listed,
                    missedBytes: out.map { written - $0.bytesBefore } ?? 0,
                    failedReads: now.failedReads[zone]?.count ?? 0,
                    lastFailedRead: (now.failedReads[zone]?.last).map { "\($0)" }
                )
            },
            mayWrite: !isStopped,
            stops: stops,
            resilveredBytes: bytesCopied.load(ordering: .relaxed),
            mendedBytes: bytesMended.load(ordering: .relaxed)
        )
    }
}

extension ZoneStamp {
    var changed: ZoneStamp { ZoneStamp(start: start, change: change + 1) }
    var rewritten: ZoneStamp { ZoneStamp(start: start, change: change, rewrite: rewrite + 1) }
}

extension ZonedStanding.Reason {
    init(_ error: DiskError) {
        self = error.code == .noSpace ? .full : .failed(error.message)
    }
}

extension ZoneFile {
    /// Puts this file, as the one of zone `number`, durably in the place of the one there.
    ///
    /// - Parameters:
    ///   - zone: The zone.
    ///   - number: Its place among the zones.
    ///   - isNew: Whether what is there does not matter.
    /// - Throws: `.notFound` where no such file is; `.busy` where the one there has promised a later start, or is another file
    ///   system's: whoever wrote it goes on, and this start no longer.
    func write(to zone: DiskZone, at number: Int, isNew: Bool = false) throws(DiskError) {
        var own = self
        own.own = number
        let path = zone.directory + "/" + ZoneFile.name
        if !isNew { try requireOwn(path, on: zone) }
        try zone.disk.replace(path, with: own.encoded())
    }

    private func requireOwn(_ path: String, on zone: DiskZone) throws(DiskError) {
        // An empty mount point has a directory and no such file: nothing is put there.
        guard try zone.disk.status(of: path) != nil else {
            throw DiskError(.notFound, "write '\(path)': it is missing, is the disk mounted?")
        }
        let bytes: [UInt8]
        do throws(DiskError) {
            bytes = try zone.disk.contents(of: path, limit: ZoneFile.bytesMax)
        } catch {
            if error.code == .notFound { throw error }
            // A read that fails puts no zone out: what is written in its place can be read again.
            return
        }
        let found: ZoneFile
        do throws(ZoneFileProblem) {
            found = try ZoneFile(decoding: bytes)
        } catch {
            switch error {
            // What does not verify has promised nothing that can be read.
            case .damaged: return
            case .newer(let words):
                throw DiskError(.busy, "write '\(path)': a later version wrote it: \(words)")
            }
        }
        guard found.unique == unique else {
            throw DiskError(.busy, "write '\(path)': it is another file system's")
        }
        guard found.promised <= promised else {
            throw DiskError(
                .busy,
                "write '\(path)': it has promised start \(found.promised), and this is start \(promised): "
                    + "somebody else began on these zones, and a restart settles whose they are"
            )
        }
    }
}
