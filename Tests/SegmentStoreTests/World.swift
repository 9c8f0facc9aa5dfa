import Disk
import Keyring
import SegmentStore
import Synchronization
import TestKit
import VarveModel

/// A segment store on a simulated disk, with what a test must remember to open it again.
final class World {
    static let directory = "/zones/a/fs-1"

    let disk: SimulatedDisk
    /// What the store writes through: the disk itself, or a spy on it.
    let door: any Disk
    let key: DataKey
    let family: UniqueID
    /// What the store reported, in order.
    let reports = Reports()
    var store: SegmentStore

    final class Reports: Sendable {
        private let texts = Mutex<[String]>([])
        func add(_ text: String) { texts.withLock { $0.append(text) } }
        var all: [String] { texts.withLock { $0 } }
    }

    /// The numbers of segments, never given twice: what the engine's ceilings do.
    final class Numbers: Sendable {
        private let next: Mutex<UInt64>

        init(_ first: UInt64 = 1) {
            next = Mutex(first)
        }

        /// What a restart gives: a ceiling was persisted ahead.
        static func starting(after old: Numbers) -> Numbers {
            Numbers(old.take().rawValue + 16)
        }

        func take() -> SegmentID {
            next.withLock { next in
                defer { next += 1 }
                return SegmentID(rawValue: next)
            }
        }
    }

    let numbers: Numbers
    private let change: (inout SegmentStoreConfiguration) -> Void

    init(
        disk: SimulatedDisk = SimulatedDisk(),
        door: (any Disk)? = nil,
        key: DataKey = .random(),
        family: UniqueID = .random(),
        numbers: Numbers = Numbers(),
        known: [SegmentUsage] = [],
        _ change: @escaping (inout SegmentStoreConfiguration) -> Void = { _ in }
    ) throws {
        self.disk = disk
        self.door = door ?? disk
        self.key = key
        self.family = family
        self.numbers = numbers
        self.change = change
        store = try World.open(self.door, key, family, numbers, known, reports, change)
    }

    static func open(
        _ disk: any Disk,
        _ key: DataKey,
        _ family: UniqueID,
        _ numbers: Numbers,
        _ known: [SegmentUsage],
        _ reports: Reports,
        _ change: (inout SegmentStoreConfiguration) -> Void
    ) throws -> SegmentStore {
        var configuration = SegmentStoreConfiguration(
            disk: disk,
            zones: [SegmentZone(name: "a", directory: directory)],
            key: key,
            family: family
        )
        configuration.segmentBytes = 256 << 10
        configuration.preallocationBytes = 64 << 10
        configuration.report = { reports.add($0) }
        change(&configuration)
        return try SegmentStore(configuration, known: known) { _ in numbers.take() }
    }

    /// Opens the store anew on the same disk, as a restart does.
    func reopen(known: [SegmentUsage]? = nil) throws {
        let known = known ?? store.usage()
        store = try World.open(self.door, key, family, numbers, known, reports, change)
    }

    /// The same world on another disk: what a power cut left.
    func on(
        _ disk: SimulatedDisk,
        known: [SegmentUsage],
        _ other: ((inout SegmentStoreConfiguration) -> Void)? = nil
    ) throws -> World {
        try World(
            disk: disk,
            key: key,
            family: family,
            numbers: numbers,
            known: known,
            other ?? change
        )
    }

    static func path(_ segment: SegmentID, _ tier: Tier = .standard) -> String {
        SegmentZone(name: "a", directory: directory).path(of: segment, tier: tier)
    }
}

/// A draft whose fields all differ, for record `n`.
func draft(_ n: UInt64, inode: UInt64 = 7, tile: UInt32 = 0) -> RecordDraft {
    RecordDraft(
        identity: RecordIdentity(
            inode: InodeNumber(rawValue: inode),
            tile: tile,
            sequence: n
        ),
        epoch: Epoch(second: 1_800_000_000, n: n & 0xFFFFF),
        offsetInTile: UInt32(truncatingIfNeeded: n * 3),
        fileSize: n * 1000 + 1,
        modified: Timestamp(seconds: -5, nanoseconds: 999_999_999),
        change: n + 77
    )
}

extension SegmentStore {
    /// Reads a part of a record into an array.
    func bytes(_ address: RecordAddress, _ draft: RecordDraft, _ range: Range<Int>) throws
        -> [UInt8]
    {
        var result = [UInt8](repeating: 0xEE, count: range.count)
        try result.withUnsafeMutableBytes { buffer in
            try read(address, expecting: draft.identity, plainRange: range, into: buffer)
        }
        return result
    }

    /// Appends or reads and answers the error's code; `nil` when there was none.
    static func code(_ body: () throws -> Void) -> SegmentError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? SegmentError)?.code
        }
    }
}
