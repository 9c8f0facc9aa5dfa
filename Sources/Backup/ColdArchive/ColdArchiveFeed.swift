import VarveModel

/// Reads what was asked for out of an archive, part by part: everything, or what stands at and beneath some paths.
///
/// An entry that does not verify costs itself alone.
package final class ColdArchiveFeed: @unchecked Sendable {
    // SAFETY: one owner asks for parts, from one task at a time.
    private let reader: ColdArchiveReader
    let paths: [[UInt8]]
    private let isNamesOnly: Bool
    private var step = Step.beginning
    /// What is asked for; `nil` is everything, which is read page by page.
    private var chosen: [ColdArchiveEntry]?
    private var nextPage = 0
    /// Entries whose bytes come next, the first at the end.
    private var waiting: [ColdArchiveEntry] = []
    /// The rest of an entry too large for one piece.
    private var rest: (entry: ColdArchiveEntry, range: Range<UInt64>, isDamaged: Bool)?

    private enum Step { case beginning, bytes, tarEnd, end, done }

    /// Entries whose header has gone out.
    private var begun: UInt64 = 0

    /// 1 MiB, as a frame.
    private static let pieceBytes = 1 << 20

    /// Begins to read.
    ///
    /// - Parameters:
    ///   - reader: The archive; nobody else reads it meanwhile.
    ///   - paths: Relative, without a slash at either end; none is everything.
    ///   - isNamesOnly: Whether only ``ColdArchivePart/names(_:)`` are wanted.
    package init(_ reader: ColdArchiveReader, paths: [[UInt8]], isNamesOnly: Bool = false) {
        self.reader = reader
        self.paths = paths
        self.isNamesOnly = isNamesOnly
    }

    /// The next part; `nil` behind the last.
    ///
    /// - Throws: `.notFound` for a path that the archive does not have; `.corrupt` when its index does not verify.
    package func next() throws(BackupError) -> ColdArchivePart? {
        while true {
            switch step {
            case .beginning:
                if isNamesOnly, let names = try nextNames() { return .names(names) }
                step = isNamesOnly ? .end : .bytes
                if isNamesOnly { continue }
                let beyond = try begin()
                if !beyond.isEmpty { return .beyondTar(beyond) }
            case .bytes:
                if let part = try nextBytes() { return part }
                step = .tarEnd
                return .entries(begun)
            case .tarEnd:
                step = .end
                return .tar(ColdArchiveFormat.tarEnd)
            case .end:
                step = .done
                return .end
            case .done: return nil
            }
        }
    }

    private func nextNames() throws(BackupError) -> [ColdArchiveEntry]? {
        while nextPage < reader.pageCount {
            defer { nextPage += 1 }
            let names = try reader.page(nextPage).filter { $0.isBeneath(paths) }
            if !names.isEmpty { return names }
        }
        return nil
    }

    // MARK: What is asked for

    /// Chooses entries; answers those that the tar stream does not say all of.
    private func begin() throws(BackupError) -> [ColdArchiveEntry] {
        var found: [ColdArchiveEntry] = []
        var beyond: [ColdArchiveEntry] = []
        var missing = Set(paths)
        for number in 0..<reader.pageCount {
            for entry in try reader.page(number) where entry.isBeneath(paths) {
                for path in missing where entry.isBeneath([path]) { missing.remove(path) }
                if entry.isBeyondTar { beyond.append(entry) }
                if !paths.isEmpty, entry.kind != .socket { found.append(entry) }
            }
        }
        if let path = missing.first {
            throw BackupError(
                .notFound,
                "archive '\(reader.name)' has no '\(String(decoding: path, as: UTF8.self))'",
                remedy:
                    "'varve archive ls' shows what it has; paths begin at the top of the archive."
            )
        }
        guard !paths.isEmpty else { return beyond }
        let standIns = try standIns(for: found)
        found.removeAll { entry in standIns.contains { $0.name.path == entry.path } }
        found += standIns.map(\.first)
        found.sort { $0.place.lowerBound < $1.place.lowerBound }
        chosen = found
        waiting = found.reversed()
        return beyond + standIns.map(\.name)
    }

    /// Further names whose first one was not asked for, and those first ones, whose bytes they need.
    private func standIns(
        for found: [ColdArchiveEntry]
    ) throws(BackupError) -> [(name: ColdArchiveEntry, first: ColdArchiveEntry)] {
        let here = Set(found.filter { !$0.isFurtherName }.map(\.path))
        var names: [[UInt8]: ColdArchiveEntry] = [:]
        for entry in found where entry.isFurtherName && !here.contains(entry.link) {
            if names[entry.link] == nil { names[entry.link] = entry }
        }
        guard !names.isEmpty else { return [] }
        var standIns: [(name: ColdArchiveEntry, first: ColdArchiveEntry)] = []
        for number in 0..<reader.pageCount {
            for entry in try reader.page(number) where !entry.isFurtherName {
                if let name = names[entry.path] { standIns.append((name, entry)) }
            }
        }
        return standIns
    }

    // MARK: Bytes

    private func nextBytes() throws(BackupError) -> ColdArchivePart? {
        if let rest { return try piece(rest.entry, rest.range, rest.isDamaged, isFirst: false) }
        while waiting.isEmpty {
            guard chosen == nil, nextPage < reader.pageCount else { return nil }
            defer { nextPage += 1 }
            waiting = try reader.page(nextPage).filter { $0.kind != .socket }.reversed()
        }
        let entry = waiting.removeLast()
        return try piece(entry, entry.place, false, isFirst: true)
    }

    private func piece(
        _ entry: ColdArchiveEntry,
        _ range: Range<UInt64>,
        _ isDamaged: Bool,
        isFirst: Bool
    ) throws(BackupError) -> ColdArchivePart {
        let end = min(range.upperBound, range.lowerBound + UInt64(ColdArchiveFeed.pieceBytes))
        let piece = range.lowerBound..<end
        let more = end..<range.upperBound
        if isDamaged {
            rest = more.isEmpty ? nil : (entry, more, true)
            return .tar([UInt8](repeating: 0, count: piece.count))
        }
        do throws(BackupError) {
            let bytes = try reader.tar(piece)
            rest = more.isEmpty ? nil : (entry, more, false)
            if isFirst { begun += 1 }
            return .tar(bytes)
        } catch {
            guard error.code == .corrupt else { throw error }
            // Without its first piece nothing of it has gone out; else what unpacks it needs its length.
            rest = isFirst ? nil : (entry, range, true)
            return .damaged(path: entry.path, reason: error.message, hasBegun: !isFirst)
        }
    }
}
