/// Reads a TZif file, versions 1 to 4 (RFC 9636 §3).
///
/// ```
/// offset  size
///  0       4    "TZif"
///  4       1    version: 0, '2', '3' or '4'
///  5      15    reserved
/// 20      24    six big-endian u32: isutcnt isstdcnt leapcnt timecnt typecnt charcnt
/// 44       …    timecnt times, timecnt type indexes, typecnt × (i32 offset, u8 dst, u8 name),
///               charcnt, leapcnt × (time + 4), isstdcnt, isutcnt
/// ```
/// Times have 4 bytes in the first block; from version 2 on a second header and block with 8 follow,
/// and then a line with the rule for all later years.
struct TimeZoneFile {
    /// What a file needs never exceed: the database's longest has 3.6 KB.
    static let bytesMax = 64 << 10

    private let bytes: [UInt8]
    private var position = 0

    /// The zone of a file's bytes.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - name: The zone's name.
    /// - Returns: Its offsets up to the year 2200.
    /// - Throws: `.badValue` when the bytes are no TZif.
    static func rules(_ bytes: [UInt8], name: String) throws(PolicyError) -> TimeZoneRules {
        guard bytes.count <= bytesMax, var file = TimeZoneFile(bytes: bytes).checked(),
            let rules = file.read(name: name)
        else {
            throw PolicyError(
                .badValue,
                "the time zone database's file of '\(name)' is damaged",
                remedy: "Reinstall the package tzdata."
            )
        }
        return rules
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private func checked() -> TimeZoneFile? {
        bytes.starts(with: "TZif".utf8) && bytes.count >= 44 ? self : nil
    }

    private struct Header {
        let version: UInt8
        let utcCount, standardCount, leapCount, timeCount, typeCount, nameCount: Int

        /// Bytes of the block that follows.
        func blockSize(timeSize: Int) -> Int {
            timeCount * (timeSize + 1) + typeCount * 6 + nameCount + leapCount * (timeSize + 4)
                + standardCount + utcCount
        }
    }

    private mutating func read(name: String) -> TimeZoneRules? {
        guard var header = readHeader() else { return nil }
        var timeSize = 4
        if header.version >= UInt8(ascii: "2") {
            guard skip(header.blockSize(timeSize: 4)), let second = readHeader() else { return nil }
            header = second
            timeSize = 8
        }
        let end = position + header.blockSize(timeSize: timeSize)
        guard end <= bytes.count, (1...256).contains(header.typeCount),
            let zone = readBlock(header, timeSize: timeSize)
        else { return nil }
        var changes = zone.changes
        if timeSize == 8, let footer = footer(from: end), !footer.isEmpty {
            guard let rule = TimeZoneRule(footer) else { return nil }
            let last = changes.last?.at ?? Int.min
            changes += rule.changes(after: last, throughYear: CronExpression.yearMax + 1)
            if zone.changes.isEmpty, changes.isEmpty {
                return TimeZoneRules(name: name, fixedOffset: rule.standardOffset)
            }
        }
        return TimeZoneRules(name: name, initialOffset: zone.initial, changes: changes)
    }

    private mutating func readBlock(
        _ header: Header,
        timeSize: Int
    ) -> (initial: Int, changes: [(at: Int, offset: Int)])? {
        var times: [Int] = []
        for _ in 0..<header.timeCount {
            guard let time = integer(size: timeSize) else { return nil }
            times.append(time)
        }
        guard position + header.timeCount <= bytes.count else { return nil }
        let indexes = bytes[position..<position + header.timeCount].map(Int.init)
        position += header.timeCount
        var offsets: [Int] = []
        for _ in 0..<header.typeCount {
            guard let offset = integer(size: 4), abs(offset) < 26 * 3_600, skip(2) else {
                return nil
            }
            offsets.append(offset)
        }
        var changes: [(at: Int, offset: Int)] = []
        for (time, index) in zip(times, indexes) {
            guard offsets.indices.contains(index), changes.last.map({ $0.at < time }) ?? true else {
                return nil
            }
            // Far before any schedule; also keeps sums with offsets from overflowing.
            changes.append((at: max(time, -1 << 50), offset: offsets[index]))
        }
        return (offsets[0], changes.filter { $0.at < 1 << 50 })
    }

    private mutating func readHeader() -> Header? {
        guard position + 44 <= bytes.count,
            bytes[position..<position + 4].elementsEqual("TZif".utf8)
        else { return nil }
        let version = bytes[position + 4]
        position += 20
        var counts: [Int] = []
        for _ in 0..<6 {
            guard let count = integer(size: 4), (0...Self.bytesMax).contains(count) else {
                return nil
            }
            counts.append(count)
        }
        return Header(
            version: version,
            utcCount: counts[0],
            standardCount: counts[1],
            leapCount: counts[2],
            timeCount: counts[3],
            typeCount: counts[4],
            nameCount: counts[5]
        )
    }

    private mutating func skip(_ count: Int) -> Bool {
        position += count
        return position <= bytes.count
    }

    /// A big-endian two's complement integer of 4 or 8 bytes.
    private mutating func integer(size: Int) -> Int? {
        guard position + size <= bytes.count else { return nil }
        let raw = bytes[position..<position + size].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        position += size
        return size == 4 ? Int(Int32(truncatingIfNeeded: raw)) : Int(Int64(bitPattern: raw))
    }

    /// The line between two newlines at the end.
    private func footer(from start: Int) -> String? {
        let newline = UInt8(ascii: "\n")
        guard start < bytes.count, bytes[start] == newline else { return nil }
        let line = bytes[(start + 1)...].prefix { $0 != newline }
        return String(decoding: line, as: UTF8.self)
    }
}
