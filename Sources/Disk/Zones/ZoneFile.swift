package import VarveModel

/// When the members of a disk were as they were, in an order that all zones agree on.
///
/// A start is promised at a majority before anything of it is written, so that two starts never share a number; changes of members
/// within it count up, and so do the rewrites of the list between them.
package struct ZoneStamp: Sendable, Hashable, Comparable {
    package let start: UInt32
    package let change: UInt32
    package let rewrite: UInt64

    package init(start: UInt32, change: UInt32 = 0, rewrite: UInt64 = 0) {
        self.start = start
        self.change = change
        self.rewrite = rewrite
    }

    package static func < (left: ZoneStamp, right: ZoneStamp) -> Bool {
        (left.start, left.change, left.rewrite) < (right.start, right.change, right.rewrite)
    }

    /// Start and change in one number.
    var epoch: UInt64 { UInt64(start) << 32 | UInt64(change) }
}

/// The file `zone` in each zone's directory: who takes part, since when, and what may differ.
///
/// docs/formats/zone.md has the table.
package struct ZoneFile: Sendable, Hashable {
    /// More would make each rewrite long: the list then says "all".
    static let namesMax = 10_000
    static let zonesMax = 16
    /// Beneath the zone's directory: the mark by which a copy is known.
    package static let name = "zone"
    /// Makes a list that is too long say "all".
    mutating func bound() {
        guard isAll || names.count > ZoneFile.namesMax else { return }
        (isAll, names) = (true, [])
    }

    /// What ``Disk/replace(_:with:)`` writes first.
    static let temporaryName = "zone.new"

    /// Of the file system; 16 bytes.
    package var unique: [UInt8]
    /// Every zone, members or not.
    package var zones: [String]
    /// Which of `zones` this file belongs to.
    package var own: Int
    /// No lower start writes here.
    package var promised: UInt32
    package var stamp: ZoneStamp
    /// When names last left the list: a copy older than this differs in more than the list says.
    package var settled: ZoneStamp
    /// By zone: whether it holds all that was acknowledged.
    package var isMember: [Bool]
    /// By zone: when it stopped being a member; 1970 for members.
    package var left: [Timestamp]
    /// Whether all members were equal when this was written, and nothing changed since.
    package var isClean: Bool
    /// Whether any file may differ.
    package var isAll: Bool
    /// Files that may differ between members, or from a zone that is out; relative to the root, sorted.
    package var names: [String]

    package init(
        unique: [UInt8],
        zones: [String],
        own: Int,
        promised: UInt32,
        stamp: ZoneStamp,
        settled: ZoneStamp,
        isMember: [Bool],
        left: [Timestamp],
        isClean: Bool,
        isAll: Bool,
        names: [String]
    ) {
        self.unique = unique
        self.zones = zones
        self.own = own
        self.promised = promised
        self.stamp = stamp
        self.settled = settled
        self.isMember = isMember
        self.left = left
        self.isClean = isClean
        self.isAll = isAll
        self.names = names
    }

    var members: [Int] { zones.indices.filter { isMember[$0] } }
}

extension ZoneFile {
    private static let magic: [UInt8] = Array("VRVZONES".utf8)
    private static let format: UInt32 = 1
    private static let nameBytesMax = 4096
    /// 64 MiB: 10,000 names of 4 KiB and some.
    static let bytesMax = 64 << 20

    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 256 + names.count * 64)
        writer.append(bytes: ZoneFile.magic)
        writer.append(ZoneFile.format)
        for _ in 0..<3 { writer.append(UInt64(0)) }
        writer.append(bytes: unique)
        writer.append(promised)
        for stamp in [stamp, settled] {
            writer.append(stamp.start)
            writer.append(stamp.change)
            writer.append(stamp.rewrite)
        }
        writer.append(UInt8(isClean ? 1 : 0))
        writer.append(UInt8(isAll ? 1 : 0))
        writer.append(UInt8(own))
        writer.append(UInt8(zones.count))
        for zone in zones.indices {
            writer.append(UInt8(isMember[zone] ? 1 : 0))
            writer.append(left[zone].seconds)
            writer.append(counted: Array(zones[zone].utf8))
        }
        writer.append(UInt32(names.count))
        for name in names { writer.append(counted: Array(name.utf8)) }
        writer.append(CRC64.checksum(writer.bytes))
        return writer.bytes
    }

    /// - Throws: What is wrong, in words.
    package init(decoding bytes: [UInt8]) throws(ZoneFileProblem) {
        guard bytes.count > 8, Array(bytes.prefix(8)) == ZoneFile.magic else {
            throw .damaged(
                "it does not begin with \(String(decoding: ZoneFile.magic, as: UTF8.self))"
            )
        }
        var tail = ByteReader(bytes.suffix(8))
        guard tail.read(UInt64.self) == CRC64.checksum(bytes.dropLast(8)) else {
            throw .damaged("its checksum does not fit its \(bytes.count) bytes")
        }
        var reader = ByteReader(bytes.dropFirst(8).dropLast(8))
        guard let format = reader.read(UInt32.self), reader.read(UInt64.self) != nil,
            let readOnlyBits = reader.read(UInt64.self), let bits = reader.read(UInt64.self)
        else { throw .damaged("it is cut short") }
        guard format == ZoneFile.format, readOnlyBits == 0, bits == 0 else {
            throw .newer("format \(format), features \(readOnlyBits) and \(bits)")
        }
        guard let file = ZoneFile(&reader), reader.remaining == 0 else {
            throw .damaged("its fields do not fit one another")
        }
        self = file
    }

    private init?(_ reader: inout ByteReader) {
        guard let unique = reader.read(count: 16), let promised = reader.read(UInt32.self),
            let stamp = ZoneStamp(&reader), let settled = ZoneStamp(&reader),
            let clean = reader.read(UInt8.self), clean <= 1,
            let all = reader.read(UInt8.self), all <= 1,
            let own = reader.read(UInt8.self), let count = reader.read(UInt8.self),
            own < count, count <= ZoneFile.zonesMax
        else { return nil }
        self.init(
            unique: unique,
            zones: [],
            own: Int(own),
            promised: promised,
            stamp: stamp,
            settled: settled,
            isMember: [],
            left: [],
            isClean: clean == 1,
            isAll: all == 1,
            names: []
        )
        for _ in 0..<count {
            guard let member = reader.read(UInt8.self), member <= 1,
                let left = reader.read(Int64.self), let zone = text(&reader)
            else { return nil }
            isMember.append(member == 1)
            self.left.append(Timestamp(seconds: left))
            zones.append(zone)
        }
        guard let names = reader.read(UInt32.self), names <= ZoneFile.namesMax else { return nil }
        for _ in 0..<names {
            guard let name = text(&reader) else { return nil }
            self.names.append(name)
        }
    }

    private func text(_ reader: inout ByteReader) -> String? {
        guard let bytes = reader.readCounted(max: ZoneFile.nameBytesMax) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension ZoneStamp {
    fileprivate init?(_ reader: inout ByteReader) {
        guard let start = reader.read(UInt32.self), let change = reader.read(UInt32.self),
            let rewrite = reader.read(UInt64.self)
        else { return nil }
        self.init(start: start, change: change, rewrite: rewrite)
    }
}

/// Why a file `zone` says nothing.
package enum ZoneFileProblem: Error, Sendable, Hashable {
    case damaged(String)
    /// Written by a later program.
    case newer(String)
}

/// CRC-64/XZ (ECMA-182, reflected): finds accidents, not attackers.
enum CRC64 {
    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var crc = ~UInt64(0)
        for byte in bytes { crc = table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ crc >> 8 }
        return ~crc
    }

    private static let table: [UInt64] = (0..<256).map { index in
        (0..<8).reduce(UInt64(index)) { crc, _ in
            crc & 1 == 1 ? crc >> 1 ^ 0xC96C_5795_D787_0F42 : crc >> 1
        }
    }
}
