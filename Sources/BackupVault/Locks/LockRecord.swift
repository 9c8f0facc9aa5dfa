import VarveModel

/// What the files `lock` and `lock.copy` hold: the lock, or that there is none, and the time that it goes by.
struct LockRecord: Hashable, Sendable {
    /// Grows with each writing: the greater one counts.
    var revision: UInt64
    var clock: LockClock
    /// `nil` when none is in force.
    var lock: VaultLock?

    // revision u64; latest; u8 1 when there is a leap, then its first time and lived seconds i64; start 16 and seconds u64 of
    // the last look; mode u8 (0 none, 1 governance, 2 compliance), minimum u32, maximum u32 (0 none), lock date, placed;
    // counted words for who placed it. A time is seconds i64 and nanoseconds u32. What is not there is zero.
    func encoded() -> [UInt8] {
        var bytes = ByteWriter()
        bytes.append(revision)
        bytes.append(time: clock.latest)
        bytes.append(UInt8(clock.leap == nil ? 0 : 1))
        bytes.append(time: clock.leap?.first ?? .epoch)
        bytes.append(clock.leap?.livedSeconds ?? 0)
        bytes.append(bytes: clock.look.start.bytes)
        bytes.append(clock.look.seconds)
        bytes.append(UInt8(lock == nil ? 0 : lock?.mode == .governance ? 1 : 2))
        bytes.append(UInt32(lock?.minDays ?? 0))
        bytes.append(UInt32(lock?.maxDays ?? 0))
        bytes.append(time: lock?.lockDate ?? .epoch)
        bytes.append(time: lock?.placed ?? .epoch)
        bytes.append(counted: Array((lock?.placedBy ?? "").utf8))
        return bytes.bytes
    }

    /// `nil` for anything that nobody could have written.
    init?(decoding body: [UInt8]) {
        var reader = ByteReader(body)
        guard let revision = reader.read(UInt64.self), let latest = reader.readTime(),
            let flag = reader.read(UInt8.self), flag <= 1, let first = reader.readTime(),
            let lived = reader.read(Int64.self), let id = reader.read(count: 16),
            let start = UniqueID(bytes: id), let looked = reader.read(UInt64.self),
            let mode = reader.read(UInt8.self), mode <= 2,
            let minimum = reader.read(UInt32.self), let maximum = reader.read(UInt32.self),
            let lockDate = reader.readTime(), let placed = reader.readTime(),
            let placer = reader.readCounted(max: PointHold.nameBytesMax),
            let placedBy = String(validating: placer, as: UTF8.self), reader.remaining == 0
        else { return nil }
        let leap = LockClock.Leap(first: first, livedSeconds: lived)
        self.revision = revision
        clock = LockClock(
            latest: latest,
            leap: flag == 1 ? leap : nil,
            look: LockPace.Reading(start: start, seconds: looked)
        )
        if mode > 0 {
            lock = VaultLock(
                minDays: Int64(minimum),
                maxDays: maximum == 0 ? nil : Int64(maximum),
                lockDate: mode == 2 ? lockDate : nil,
                placed: placed,
                placedBy: placedBy
            )
        }
        guard isPossible, encoded() == body else { return nil }
    }

    /// Whether a vault can have written it.
    private var isPossible: Bool {
        let days = 1...VaultLock.daysMax
        if let lock {
            guard days.contains(lock.minDays),
                lock.maxDays.map({ (lock.minDays...VaultLock.daysMax).contains($0) }) ?? true
            else { return false }
        }
        guard let leap = clock.leap else { return true }
        return (0..<LockClock.provenSeconds).contains(leap.livedSeconds)
    }

    init(revision: UInt64, clock: LockClock, lock: VaultLock?) {
        self.revision = revision
        self.clock = clock
        self.lock = lock
    }
}

extension ByteWriter {
    fileprivate mutating func append(time: Timestamp) {
        append(time.seconds)
        append(time.nanoseconds)
    }
}

extension ByteReader {
    fileprivate mutating func readTime() -> Timestamp? {
        guard let seconds = read(Int64.self), let nanoseconds = read(UInt32.self),
            nanoseconds < 1_000_000_000
        else { return nil }
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }
}

/// The two files of a vault's lock: they hold the same, so that damage to one costs nothing.
struct LockFiles: Sendable {
    let files: VaultFiles
    let keys: VaultKeys

    static let names = ["lock", "lock.copy"]

    /// One file, or why it does not read.
    func read(_ name: String) throws(VaultError) -> LockRecord {
        let opened = try SealedObject.open(
            try files.changes.contents(name),
            as: .lock,
            object: keys.vault,
            name: name,
            keys: keys
        )
        guard let record = LockRecord(decoding: opened.body) else {
            throw VaultError.damaged(name, "holds what nobody wrote")
        }
        return record
    }

    /// Takes the second file away on a full disk, so that what is to come in place of the first has room.
    func makeRoom() throws(VaultError) {
        _ = try read(LockFiles.names[0])
        guard !files.changes.isNamed else {
            for name in LockFiles.names { try files.changes.dropOlder(name) }
            return
        }
        let copy = LockFiles.names[1]
        if try files.storage.size(of: copy) != nil { try files.storage.remove(copy) }
    }

    /// Both files, by name, and why one does not read.
    ///
    /// - Throws: `.unavailable` or `.denied` when the store does not give one, which says nothing of what it holds: the
    ///   other one may be older, or none.
    func all() throws(VaultError) -> [(name: String, record: Result<LockRecord, VaultError>)] {
        var found: [(name: String, record: Result<LockRecord, VaultError>)] = []
        for name in LockFiles.names {
            do throws(VaultError) {
                found.append((name, .success(try read(name))))
            } catch {
                guard !error.saysNothing(of: files.storage) else { throw error }
                found.append((name, .failure(error)))
            }
        }
        return found
    }

    /// Writes both, durably, one after the other: a crash leaves a whole one, and never two that are not.
    func write(_ record: LockRecord) throws(VaultError) {
        for name in LockFiles.names {
            let bytes = SealedObject.seal(
                record.encoded(),
                as: .lock,
                object: keys.vault,
                keys: keys
            )
            try files.changes.replace(name, with: bytes)
        }
    }
}
