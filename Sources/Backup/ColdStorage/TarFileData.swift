import VarveModel

/// Where the data of a file stands in the tar stream of a cold archive, so that any part of it is read without the rest.
///
/// A file with holes begins with a map of its data (GNU tar manual, "PAX Format, Version 1.0").
struct TarFileData: Sendable {
    struct Run: Sendable, Hashable {
        /// Of the file.
        let range: Range<UInt64>
        /// Of the tar stream.
        let start: UInt64
    }

    /// In order, disjoint; the rest of the file is holes.
    let runs: [Run]

    typealias Read = (Range<UInt64>) throws(BackupError) -> [UInt8]

    private static let blockBytes: UInt64 = 512
    /// 2 MiB: libarchive, which writes them, keeps its own below 1 MiB.
    private static let headerBytesMax: UInt64 = 2 << 20
    /// 64 KiB of a map are read at a time.
    private static let mapPieceBytes: UInt64 = 64 << 10

    /// Reads the headers of an entry, and its map if it has one.
    ///
    /// - Throws: `.corrupt` for what `archive` cannot have.
    init(_ entry: ColdArchiveEntry, of archive: String, _ read: Read) throws(BackupError) {
        let (start, isSparse) = try TarFileData.dataStart(entry, archive, read)
        let found: [Run]
        if isSparse {
            found = try TarFileData.map(from: start, entry, archive, read)
        } else {
            found = entry.size == 0 ? [] : [Run(range: 0..<entry.size, start: start)]
        }
        var end: UInt64 = 0
        for run in found {
            let (last, isOver) = run.start.addingReportingOverflow(UInt64(run.range.count))
            guard run.range.lowerBound >= end, run.range.upperBound <= entry.size, !isOver,
                last <= entry.place.upperBound
            else { throw TarFileData.unfit(entry, archive) }
            end = run.range.upperBound
        }
        runs = found
    }

    /// The bytes of a range of the file, holes as zeros.
    func read(_ range: Range<UInt64>, _ read: Read) throws(BackupError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        var index = firstRun(endingBehind: range.lowerBound)
        while index < runs.count, runs[index].range.lowerBound < range.upperBound {
            let run = runs[index]
            let part = run.range.clamped(to: range)
            let at = range.lowerBound + UInt64(bytes.count)
            bytes += [UInt8](repeating: 0, count: Int(part.lowerBound - at))
            let start = run.start + (part.lowerBound - run.range.lowerBound)
            bytes += try read(start..<start + UInt64(part.count))
            index += 1
        }
        return bytes + [UInt8](repeating: 0, count: range.count - bytes.count)
    }

    private func firstRun(endingBehind offset: UInt64) -> Int {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].range.upperBound <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Headers

    /// Where what follows the headers begins, and whether that is a map.
    private static func dataStart(
        _ entry: ColdArchiveEntry,
        _ archive: String,
        _ read: Read
    ) throws(BackupError) -> (start: UInt64, isSparse: Bool) {
        var at = entry.place.lowerBound
        var isSparse = false
        while true {
            guard entry.place.upperBound - at >= blockBytes else { throw unfit(entry, archive) }
            let header = try read(at..<at + blockBytes)
            at += blockBytes
            // "x": records of the header that follows (POSIX.1-2017 pax, "pax Extended Header").
            guard header[156] == UInt8(ascii: "x") else { return (at, isSparse) }
            let size = octal(header[124..<136])
            guard size <= headerBytesMax, entry.place.upperBound - at >= size else {
                throw unfit(entry, archive)
            }
            if hasMap(try read(at..<at + size)) { isSparse = true }
            at += (size + blockBytes - 1) / blockBytes * blockBytes
            guard at <= entry.place.upperBound else { throw unfit(entry, archive) }
        }
    }

    private static func octal(_ digits: ArraySlice<UInt8>) -> UInt64 {
        digits.prefix { (48...55).contains($0) }.reduce(0) { $0 << 3 | UInt64($1 - 48) }
    }

    /// Whether records, each "length key=value" and a line feed, announce a map.
    private static func hasMap(_ records: [UInt8]) -> Bool {
        let sign = Array("GNU.sparse.major=1\n".utf8)
        var at = 0
        while at < records.count {
            let digits = records[at...].prefix { (48...57).contains($0) }
            guard (1...9).contains(digits.count) else { return false }
            let length = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
            let text = at + digits.count + 1
            guard length > digits.count + 1, at + length <= records.count else { return false }
            if records[text..<at + length].elementsEqual(sign) { return true }
            at += length
        }
        return false
    }

    // MARK: Maps

    /// A number of runs, then offset and length of each, in decimal lines; filled up to whole blocks.
    private static func map(
        from start: UInt64,
        _ entry: ColdArchiveEntry,
        _ archive: String,
        _ read: Read
    ) throws(BackupError) -> [Run] {
        var lines = MapLines(at: start, end: entry.place.upperBound)
        let count = try lines.next(read)
        // Each takes two lines of two bytes at least.
        guard let count, count <= UInt64(entry.place.count) / 4 else { throw unfit(entry, archive) }
        var ranges: [Range<UInt64>] = []
        for _ in 0..<count {
            guard let offset = try lines.next(read), let length = try lines.next(read),
                case let (end, isOver) = offset.addingReportingOverflow(length), !isOver
            else { throw unfit(entry, archive) }
            ranges.append(offset..<end)
        }
        let mapBytes = lines.position - start
        var at = start + (mapBytes + blockBytes - 1) / blockBytes * blockBytes
        var runs: [Run] = []
        for range in ranges where !range.isEmpty {
            if let last = runs.last, last.range.upperBound == range.lowerBound {
                runs[runs.count - 1] = Run(
                    range: last.range.lowerBound..<range.upperBound,
                    start: last.start
                )
            } else {
                runs.append(Run(range: range, start: at))
            }
            at += UInt64(range.count)
        }
        return runs
    }

    private struct MapLines {
        /// Behind the line that was read last.
        var position: UInt64
        let end: UInt64
        private var held: [UInt8] = []
        private var next = 0

        init(at start: UInt64, end: UInt64) {
            position = start
            self.end = end
        }

        /// The number of the next line; `nil` for anything else.
        mutating func next(_ read: Read) throws(BackupError) -> UInt64? {
            var number: UInt64 = 0
            var digits = 0
            while digits <= 20 {
                if next == held.count {
                    guard position < end else { return nil }
                    held = try read(position..<min(end, position + TarFileData.mapPieceBytes))
                    next = 0
                }
                let byte = held[next]
                next += 1
                position += 1
                if byte == UInt8(ascii: "\n") { return digits > 0 ? number : nil }
                guard (48...57).contains(byte) else { return nil }
                let (tens, isOver) = number.multipliedReportingOverflow(by: 10)
                let (sum, isMore) = tens.addingReportingOverflow(UInt64(byte - 48))
                guard !isOver, !isMore else { return nil }
                number = sum
                digits += 1
            }
            return nil
        }
    }

    private static func unfit(_ entry: ColdArchiveEntry, _ archive: String) -> BackupError {
        .damaged(
            archive,
            "the headers of '\(String(decoding: entry.path, as: UTF8.self))' do not fit its index"
        )
    }
}
