import VarveModel

// SAFETY: it is handed to the one task that asks it for parts: the child of `ColdArchive.extract` that feeds the intake, or the body of an
// upload, which the client reads once and in order. Whoever hands it over calls `begin` before, and nothing of it afterwards.
/// Reads what was asked for out of an archive, part by part: everything, or what stands at and beneath some paths.
///
/// An entry that does not verify costs itself alone.
package final class ColdArchiveFeed: @unchecked Sendable {
    private let reader: ColdArchiveReader
    private let asked: AskedPaths
    private let isNamesOnly: Bool
    private var step = Step.beginning
    /// Paths that are still to be told.
    private var told: [[UInt8]]
    /// Whether all is asked for, which is read page by page.
    private var isByPage: Bool { asked.isEverything }
    private var nextPage = 0
    /// Sockets that are still to be told of, the first at the end.
    private var sockets: [ColdArchiveEntry] = []
    /// Entries whose bytes come next, the first at the end.
    private var waiting: [ColdArchiveNext] = []
    /// What follows the name of an entry.
    private var ready: ColdArchivePart?
    /// The rest of an entry too large for one piece.
    private var rest: (path: [UInt8], range: Range<UInt64>, isDamaged: Bool)?

    private enum Step { case beginning, names, asked, sockets, bytes, tarEnd, end, done }

    /// Entries whose header has gone out.
    private var begun: UInt64 = 0

    /// 1 MiB, as a frame.
    private static let pieceBytes = 1 << 20

    /// Prepares to read.
    ///
    /// - Parameters:
    ///   - reader: The archive; nobody else reads it meanwhile.
    ///   - paths: Relative, without a slash at either end; none is everything.
    ///   - isNamesOnly: Whether only ``ColdArchivePart/names(_:)`` are wanted.
    package init(_ reader: ColdArchiveReader, paths: [[UInt8]], isNamesOnly: Bool = false) {
        self.reader = reader
        asked = AskedPaths(paths)
        told = Array(asked.tops)
        self.isNamesOnly = isNamesOnly
    }

    /// Reads the whole index, before anybody makes anything of it; ``next()`` does so by itself.
    ///
    /// - Throws: `.notFound` for a path that the archive does not have; `.corrupt` when its index does not verify.
    package func begin() throws(BackupError) {
        guard case .beginning = step else { return }
        try choose()
        step = isNamesOnly ? .names : .asked
    }

    /// The next part; `nil` behind the last.
    ///
    /// - Throws: As ``begin()``.
    package func next() throws(BackupError) -> ColdArchivePart? {
        while true {
            switch step {
            case .beginning: try begin()
            case .names:
                if let names = try nextNames() { return .names(names) }
                step = .end
            case .asked:
                let paths = nextAsked()
                if !paths.isEmpty { return .asked(paths) }
                step = .sockets
            case .sockets:
                if let part = nextSockets() { return part }
                step = .bytes
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
            let names = try reader.page(nextPage).filter { asked.contains($0.path) }
            if !names.isEmpty { return names }
        }
        return nil
    }

    /// As many paths as fit into one part.
    private func nextAsked() -> [[UInt8]] {
        var part: [[UInt8]] = []
        var bytes = 0
        while bytes < ColdArchiveFeed.pieceBytes, let path = told.popLast() {
            bytes += path.count
            part.append(path)
        }
        return part
    }

    /// As many sockets as fit into one part.
    private func nextSockets() -> ColdArchivePart? {
        var part: [ColdArchiveEntry] = []
        var bytes = 0
        while bytes < ColdArchiveFeed.pieceBytes, let socket = sockets.popLast() {
            bytes += socket.heldBytes
            part.append(socket)
        }
        return part.isEmpty ? nil : .sockets(part)
    }

    // MARK: What is asked for

    /// Reads all pages, and chooses entries unless all of them are asked for.
    private func choose() throws(BackupError) {
        var found: [ColdArchiveEntry] = []
        var missing = asked.tops
        for number in 0..<reader.pageCount {
            for entry in try reader.page(number) {
                let reasons = asked.reasons(for: entry.path)
                missing.subtract(reasons)
                let isKept = isByPage ? entry.kind == .socket : !reasons.isEmpty
                if isKept, !isNamesOnly { found.append(entry) }
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
        guard !isNamesOnly else { return }
        let chosen = try isByPage ? found.map { ColdArchiveNext($0) } : withFirstNames(found)
        sockets = chosen.filter { $0.entry.kind == .socket }.map(\.entry).reversed()
        waiting = chosen.filter { $0.entry.kind != .socket }
            .sorted { $0.entry.place.lowerBound > $1.entry.place.lowerBound }
    }

    /// Puts first names, which bear the bytes, in the place of further names whose first one was not asked for.
    ///
    /// The first of the further names becomes the file, and the others become further names of it.
    private func withFirstNames(
        _ found: [ColdArchiveEntry]
    ) throws(BackupError) -> [ColdArchiveNext] {
        let here = Set(found.filter { !$0.isFurtherName }.map(\.path))
        var standIns: [[UInt8]: [UInt8]] = [:]
        for entry in found where entry.isFurtherName && !here.contains(entry.link) {
            if standIns[entry.link] == nil { standIns[entry.link] = entry.path }
        }
        var firsts: [[UInt8]: ColdArchiveNext] = [:]
        if !standIns.isEmpty {
            for number in 0..<reader.pageCount {
                for entry in try reader.page(number) where !entry.isFurtherName {
                    guard let name = standIns[entry.path] else { continue }
                    firsts[entry.path] = ColdArchiveNext(entry)
                    firsts[entry.path]?.entry.path = name
                }
            }
        }
        return found.map { entry in
            var next = ColdArchiveNext(entry)
            // A first name that an index does not have is told of by whoever would make the link.
            guard entry.isFurtherName, let first = firsts[entry.link] else { return next }
            if first.entry.path == entry.path { return first }
            next.entry.link = first.entry.path
            return next
        }
    }

    // MARK: Bytes

    private func nextBytes() throws(BackupError) -> ColdArchivePart? {
        if let part = ready {
            ready = nil
            return part
        }
        if let rest { return try piece(rest.path, rest.range, rest.isDamaged) }
        while waiting.isEmpty {
            guard isByPage, nextPage < reader.pageCount else { return nil }
            defer { nextPage += 1 }
            waiting = try reader.page(nextPage).filter { $0.kind != .socket }
                .map { ColdArchiveNext($0) }.reversed()
        }
        return try first(of: waiting.removeLast())
    }

    /// An entry's name; its first piece is ready then.
    private func first(of next: ColdArchiveNext) throws(BackupError) -> ColdArchivePart {
        let entry = next.entry
        let (range, more) = ColdArchiveFeed.cut(entry.place)
        do throws(BackupError) {
            ready = .tar(try reader.tar(range))
            rest = more.isEmpty ? nil : (entry.path, more, false)
            begun += 1
            return .next(next)
        } catch {
            // Nothing of it has gone out.
            guard error.code == .corrupt else { throw error }
            return .damaged(path: entry.path, reason: error.message, hasBegun: false)
        }
    }

    private func piece(
        _ path: [UInt8],
        _ range: Range<UInt64>,
        _ isDamaged: Bool
    ) throws(BackupError) -> ColdArchivePart {
        let (range, more) = ColdArchiveFeed.cut(range)
        guard !isDamaged else {
            rest = more.isEmpty ? nil : (path, more, true)
            return .tar([UInt8](repeating: 0, count: range.count))
        }
        do throws(BackupError) {
            let bytes = try reader.tar(range)
            rest = more.isEmpty ? nil : (path, more, false)
            return .tar(bytes)
        } catch {
            guard error.code == .corrupt else { throw error }
            // What unpacks it needs its length.
            rest = (path, range.lowerBound..<max(range.upperBound, more.upperBound), true)
            return .damaged(path: path, reason: error.message, hasBegun: true)
        }
    }

    private static func cut(_ range: Range<UInt64>) -> (first: Range<UInt64>, more: Range<UInt64>) {
        let end = min(range.upperBound, range.lowerBound + UInt64(pieceBytes))
        return (range.lowerBound..<end, end..<range.upperBound)
    }
}
