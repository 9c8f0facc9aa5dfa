private import Synchronization

/// One open file of a disk in zones.
final class ZonedFile: DiskFile {
    private let disk: ZonedDisk
    private let handles: ZonedHandles
    /// The disk's stops when the file was opened: after one more it takes no change.
    private let stops: Int
    /// By bit: zones whose failed read was told of.
    private let told = Atomic<UInt64>(0)

    private var members: ZonedMembers { disk.members }
    private var record: FileRecord { handles.record }

    init(disk: ZonedDisk, handles: ZonedHandles, stops: Int) {
        self.disk = disk
        self.handles = handles
        self.stops = stops
    }

    deinit {
        members.names.remove(handles)
    }

    package func close() {
        members.names.remove(handles)
        handles.close()
    }

    private var name: String { record.name.map { disk.root + "/" + $0 } ?? "a removed file" }

    // MARK: Reading

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        throws(DiskError)
        -> Int
    {
        try first { (file) throws(DiskError) in try file.read(into: buffer, at: offset) }
    }

    package func size() throws(DiskError) -> UInt64 {
        try first { (file) throws(DiskError) in try file.size() }
    }

    package func resident(_ range: Range<UInt64>) -> ResidentBytes? {
        firstFile?.resident(range)
    }

    package func readResident(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) -> Bool {
        firstFile?.readResident(into: buffer, at: offset) ?? false
    }

    package func dropResident() {
        for case .open(let file) in handles.current { file.dropResident() }
    }

    package func beginWriting(_ range: Range<UInt64>) {
        for case .open(let file) in handles.current { file.beginWriting(range) }
    }

    private var firstFile: (any DiskFile)? {
        for case .open(let file) in handles.current { return file }
        return nil
    }

    /// What the first zone answers that can.
    private func first<Value>(
        _ body: (any DiskFile) throws(DiskError) -> Value
    ) throws(DiskError) -> Value {
        var failure: DiskError?
        for (zone, slot) in handles.current.enumerated() {
            guard case .open(let file) = slot else { continue }
            do throws(DiskError) {
                return try body(file)
            } catch {
                failure = error
                tell(zone, error)
            }
        }
        throw failure ?? DiskError(.failed, "'\(name)': no zone in sync holds it")
    }

    /// Counts a zone's failed read, and names the zone once for each file.
    private func tell(_ zone: Int, _ error: DiskError) {
        members.count(failedRead: error, in: zone)
        let bit = UInt64(1) << UInt64(zone)
        let old = told.bitwiseOr(bit, ordering: .relaxed).oldValue
        guard old & bit == 0 else { return }
        members.report("zone '\(members.zones[zone].name)': \(error); another zone is asked")
    }

    // MARK: Changing

    package func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        guard !buffer.isEmpty else { return }
        let range = offset..<offset + UInt64(buffer.count)
        try change(range, to: { max($0, range.upperBound) }) { (file) throws(DiskError) in
            try file.write(buffer, at: offset)
        }
        members.count(written: UInt64(buffer.count))
    }

    package func truncate(to size: UInt64) throws(DiskError) {
        let old = record.size
        let range = min(size, old)..<max(size, old)
        try change(range, to: { _ in size }) { (file) throws(DiskError) in
            try file.truncate(to: size)
        }
    }

    package func preallocate(_ range: Range<UInt64>) throws(DiskError) {
        guard !range.isEmpty else { return }
        try change(range, to: { max($0, range.upperBound) }) { (file) throws(DiskError) in
            try file.preallocate(range)
        }
    }

    package func punch(_ range: Range<UInt64>) throws(DiskError) {
        guard !range.isEmpty else { return }
        try change(range, to: { $0 }) { (file) throws(DiskError) in try file.punch(range) }
    }

    package func sync() throws(DiskError) {
        try admit()
        try disk.gate.shared { () throws(DiskError) in
            try record.oneSync { () throws(DiskError) in try syncAlone() }
        }
    }

    /// Within the gate, one of the file at a time.
    private func syncAlone() throws(DiskError) {
        // Changes may have stopped, and come back with other bytes, while it waited.
        try admit()
        let number = record.beginSync()
        let current = handles.current
        let zones = current.indices.filter {
            if case .absent = current[$0] { false } else { true }
        }
        let failures = members.lanes.each(zones) { zone throws(DiskError) in
            switch current[zone] {
            case .open(let file): try file.sync()
            case .missing(let error): throw error
            case .absent: break
            }
        }
        do throws(DiskError) {
            // A zone that joins holds no copy of a removed file, which is promised to nobody.
            if record.name != nil || failures.contains(where: { $0 != nil }) {
                try members.synced(zones, failures)
            }
            // Changes that stopped meanwhile took zones away that this sync was to count.
            try admit()
            record.endSync(number, isDone: true)
        } catch {
            record.endSync(number, isDone: false)
            throw error
        }
    }

    private func admit() throws(DiskError) {
        if members.isStopped { throw members.refusal }
        guard members.stops == stops else {
            throw DiskError(
                .denied,
                "'\(name)' was open while too few zones held it, and takes no changes",
                remedy: "Open the file system anew.",
                errno: 30
            )
        }
    }

    /// One change of every copy.
    ///
    /// `range` is what changes, and `size` tells the file's size after it, of that before.
    private func change(
        _ range: Range<UInt64>,
        to size: (UInt64) -> UInt64,
        _ body: (any DiskFile) throws(DiskError) -> Void
    ) throws(DiskError) {
        try admit()
        guard handles.mode != .read else {
            throw DiskError(.failed, "change '\(name)': it was opened for reading", errno: 9)
        }
        try disk.gate.shared { () throws(DiskError) in
            try admit()
            try begin(range)
            let before = record.size
            var results: ZoneResults<Void> = []
            var hasFailed = false
            for (zone, slot) in handles.current.enumerated() {
                do throws(DiskError) {
                    switch slot {
                    case .open(let file): try body(file)
                    case .missing(let error): throw error
                    case .absent: continue
                    }
                    results.append((zone, .success(())))
                } catch {
                    hasFailed = true
                    results.append((zone, .failure(error)))
                }
            }
            do throws(DiskError) {
                if hasFailed { try settle(results, before, range) }
                if results.isEmpty {
                    throw DiskError(.failed, "change '\(name)': no zone in sync holds it")
                }
                // Who stopped changes meanwhile took zones away.
                if results.count < members.majority { try admit() }
            } catch {
                record.end { $0 }
                if disk.notes.isActive { disk.notes.add(record, range.lowerBound..<UInt64.max) }
                throw error
            }
            record.end(size)
            if disk.notes.isActive { disk.notes.add(record, range) }
        }
    }

    private func begin(_ range: Range<UInt64>) throws(DiskError) {
        while true {
            switch record.begin(range) {
            case .begun: return
            case .isUndoing: record.awaitUndo()
            case .isUnlisted: if let name = record.name { try members.list([name]) }
            }
        }
    }

    /// Makes one answer where zones differed; where too few had room, the file is as long as before in each.
    private func settle(
        _ results: ZoneResults<Void>,
        _ before: UInt64,
        _ range: Range<UInt64>
    ) throws(DiskError) {
        let error: DiskError
        do throws(DiskError) {
            guard case .full(let full, _) = try members.answer(results) else { return }
            error = full
        } catch {
            record.becomeUneven()
            throw error
        }
        do throws(DiskError) {
            let isUndone = try record.undo(to: before) { () throws(DiskError) in
                for case .open(let file) in handles.current where try file.size() > before {
                    try file.truncate(to: before)
                }
                try level(range.clamped(to: 0..<before))
            }
            if !isUndone { record.becomeUneven() }
        } catch {
            record.becomeUneven()
        }
        throw error
    }

    /// Has every copy hold what the first one holds of `range`, which some have written over and some not.
    private func level(_ range: Range<UInt64>) throws(DiskError) {
        var start = range.lowerBound
        while start < range.upperBound {
            let count = Int(min(range.upperBound - start, 1 << 20))
            let bytes = try read(count: count, at: start)
            for case .open(let file) in handles.current
            where try file.read(count: count, at: start) != bytes {
                try file.write(bytes, at: start)
            }
            start += UInt64(count)
        }
    }

    // MARK: Copies

    package var copies: [any DiskCopy] {
        handles.current.enumerated().compactMap { zone, slot in
            guard case .open(let file) = slot else { return nil }
            return ZonedCopy(disk: disk, zone: zone, file: file, handles: handles)
        }
    }
}

/// One zone's copy of an open file.
private struct ZonedCopy: DiskCopy {
    let disk: ZonedDisk
    let number: Int
    let file: any DiskFile
    let handles: ZonedHandles

    init(disk: ZonedDisk, zone: Int, file: any DiskFile, handles: ZonedHandles) {
        self.disk = disk
        number = zone
        self.file = file
        self.handles = handles
    }

    var zone: String { disk.members.zones[number].name }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError)
        -> Int
    { try file.read(into: buffer, at: offset) }

    func size() throws(DiskError) -> UInt64 { try file.size() }

    func mend(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        guard !buffer.isEmpty else { return }
        let members = disk.members
        if members.isStopped { throw members.refusal }
        try disk.gate.shared { () throws(DiskError) in
            guard members.inSync.contains(number) else {
                throw DiskError(.failed, "mend zone '\(zone)': it is out, and made equal later")
            }
            do throws(DiskError) {
                let target = try writable()
                try target.write(buffer, at: offset)
                try target.sync()
            } catch {
                // Where too few zones would stay, the bytes that do not verify stay as they are.
                if !error.isAnswer, members.inSync.count > members.majority {
                    try members.expel([(number, ZonedStanding.Reason(error))])
                }
                throw error
            }
            members.count(mended: buffer.count)
            if disk.notes.isActive {
                let end = offset + UInt64(buffer.count)
                disk.notes.add(handles.record, offset..<end)
            }
        }
    }

    /// The copy, open for writing though the file may be open for reading.
    private func writable() throws(DiskError) -> any DiskFile {
        guard handles.mode == .read else { return file }
        guard let name = handles.record.name else {
            throw DiskError(.notFound, "mend zone '\(zone)': the file was removed")
        }
        let place = disk.members.zones[number]
        return try place.disk.open(place.directory + "/" + name, .readWrite)
    }
}
