package import Disk
package import Keyring
package import VarveModel

/// How a tier's blocks are written.
package enum TierCodec: Hashable, Sendable {
    case none
    /// A zstd level from -5 to 19; a block that hardly shrinks is stored as it is.
    case zstd(level: Int32)
}

/// One zone's directories of one file system.
package struct SegmentZone: Sendable {
    /// The zone's name in messages.
    package let name: String
    /// Where the tiers' folders are, unless ``tierDirectories`` says otherwise.
    package let directory: String
    /// Tiers that are kept elsewhere, for example on another disk.
    package let tierDirectories: [Tier: String]

    package init(name: String, directory: String, tierDirectories: [Tier: String] = [:]) {
        self.name = name
        self.directory = directory
        self.tierDirectories = tierDirectories
    }

    /// Where a tier's segments are.
    package func directory(of tier: Tier) -> String {
        tierDirectories[tier] ?? directory + "/" + tier.folder
    }

    /// The file of a segment: its number as 16 hex digits, and `.seg`.
    package func path(of segment: SegmentID, tier: Tier) -> String {
        directory(of: tier) + "/" + SegmentName.text(segment) + SegmentName.ending
    }
}

/// What a segment store is made of.
package struct SegmentStoreConfiguration: Sendable {
    package let disk: any Disk
    /// Written all, read from the first that verifies; at least one.
    package let zones: [SegmentZone]
    package let key: DataKey
    package let family: UniqueID

    /// 64 MiB: a 1 TiB file system stays at 16,384 files, and compacting one takes seconds.
    package var segmentBytes: UInt64 = 64 << 20
    /// A segment's space is reserved in steps, so that a small file system stays small.
    package var preallocationBytes: UInt64 = 8 << 20
    /// Plain bytes of a block: a power of two from 512 to 64 KiB.
    ///
    /// 16 KiB in Standard: a random 4 KiB read costs 8 µs of CPU where 64 KiB cost 24; 1 MiB reads
    /// cost 356 µs against 332, writes 5 % more. In IA a block decompresses in 25 µs where 64 KiB took 98, for 0 to 4 %
    /// more bytes stored (docs/decisions/0050); Archive, which is read last, keeps all 64 KiB.
    package var blockBytes: [Tier: Int] = [
        .standard: 16 << 10, .infrequentAccess: 16 << 10, .archive: 64 << 10,
    ]
    package var codecs: [Tier: TierCodec] = [
        .infrequentAccess: .zstd(level: 6), .archive: .zstd(level: 15),
    ]
    /// Emptied segments of each tier that are kept to be written over.
    package var sparesMax = 2
    /// A segment is compacted when this many in a hundred of its bytes on disk are no live record's.
    ///
    /// At 50, a byte is copied for each byte that comes back, at most.
    package var wastePercentMin: UInt64 = 50
    /// And when so much at least comes back: less is not worth a sync.
    package var wasteBytesMin: UInt64 = 64 << 10
    /// For segments whose files stay open.
    package var openFiles = OpenFileBudget()
    /// Headers of large records that are kept in memory: 1 KiB each for 1 MiB, 3 KiB for 4 MiB.
    package var headersCachedMax = 8192
    /// 32 MiB of decompressed blocks: 2,048 of IA.
    package var blocksCachedBytesMax = 32 << 20
    /// Takes one line about damage, or about trouble that was survived.
    package var report: @Sendable (String) -> Void = { _ in }

    package init(disk: any Disk, zones: [SegmentZone], key: DataKey, family: UniqueID) {
        precondition(!zones.isEmpty, "segments stand in at least one zone")
        self.disk = disk
        self.zones = zones
        self.key = key
        self.family = family
    }

    func blockBytes(of tier: Tier) -> Int { blockBytes[tier] ?? SegmentFormat.blockBytesMax }
    func codec(of tier: Tier) -> TierCodec { codecs[tier] ?? .none }

    /// Every directory that holds segments, with its tier.
    var directories: [(zone: SegmentZone, tier: Tier, path: String)] {
        zones.flatMap { zone in
            Tier.allCases.map { (zone: zone, tier: $0, path: zone.directory(of: $0)) }
        }
    }
}

/// The names of files in a tier's folder.
enum SegmentName {
    static let ending = ".seg"
    /// An emptied segment, kept to be written over.
    static let spareEnding = ".spare"

    static func text(_ segment: SegmentID) -> String {
        let digits = String(segment.rawValue, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The segment that a file name bears; `nil` for any other name.
    static func segment(_ name: String) -> SegmentID? {
        guard name.hasSuffix(ending) else { return nil }
        let digits = name.dropLast(ending.count)
        guard digits.utf8.count == 16, digits.utf8.allSatisfy(Hex.isLowerCaseDigit) else {
            return nil
        }
        return UInt64(digits, radix: 16).map(SegmentID.init(rawValue:))
    }
}
