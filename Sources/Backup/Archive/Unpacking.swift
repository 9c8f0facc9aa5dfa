import Synchronization
import VarveModel

/// Makes the files of an archive, several at a time, while it is still coming in.
///
/// Directories and further names of files wait for the end: an archive may have them in any order.
final class Unpacking<Sink: TreeSink>: Sendable {
    private struct State {
        var report = TransferReport()
        var fatal: TreeFailure?
        var reported: (entries: Int, bytes: UInt64) = (0, 0)
        /// Headers met.
        var met: UInt64 = 0
    }

    private let input: ArchiveInput
    private let sink: Sink
    private let guide: UnpackingGuide?
    private let progress: ProgressHandler?
    private let state = Mutex(State())

    /// Files up to this size are made behind the reader's back; larger ones as they come.
    private let bytesHeldMax: UInt64 = 1 << 20

    init(
        _ input: ArchiveInput,
        _ sink: Sink,
        _ guide: UnpackingGuide?,
        _ progress: ProgressHandler?
    ) {
        self.input = input
        self.sink = sink
        self.guide = guide
        self.progress = progress
    }

    /// What waits for the end.
    private struct Later {
        var directories: [[FileName]: Sink.Directory] = [:]
        var dressed: [(path: [FileName], entry: ArchiveEntry)] = []
        var links: [(path: [FileName], target: [FileName], entry: ArchiveEntry)] = []
    }

    func run(into place: RootPlace<Sink.Directory>) async throws(TreeFailure) -> TransferReport {
        var later = Later()
        switch place {
        case .itself(let directory): later.directories[[]] = directory
        case .name(let name, let parent):
            later.directories[[]] = try await sink.makeDirectory(
                TreeEntry(name: name, node: .plainDirectory),
                in: parent
            )
        }
        let unpacked = await withTaskGroup(of: Void.self) { group in
            await unpack(&later, &group)
        }
        if let failure = state.withLock({ $0.fatal }) ?? unpacked { throw failure }
        await makeSockets(&later)
        checkAgainstIndex()
        try await finish(later)
        try await sink.complete()
        let report = state.withLock { $0.report }
        progress?(TransferProgress(entries: report.entries, bytes: report.bytes))
        return report
    }

    private func unpack(
        _ later: inout Later,
        _ group: inout TaskGroup<Void>
    ) async -> TreeFailure? {
        let input = input
        do throws(TreeFailure) {
            let decoder = try decode { () throws(ArchiveFailure) in
                try ArchiveDecoder { input.next() }
            }
            var inFlight = 0
            while let read = try decode({ () throws(ArchiveFailure) in try decoder.next() }) {
                let entry = guide?.corrected(read) ?? read
                state.withLock { $0.met += 1 }
                if let guide, !guide.isAsked(entry.path) {
                    omit("unpack", SystemError.invalid, unfit, entry.path, isDamage: true)
                    continue
                }
                if let fatal = state.withLock({ $0.fatal }) { return fatal }
                guard let path = FileName.components(entry.path) else {
                    omit("unpack", SystemError.invalid, "a name that leads out", entry.path)
                    continue
                }
                if inFlight >= sink.workersMax {
                    await group.next()
                    inFlight -= 1
                }
                if let work = try await take(entry, path, decoder, &later) {
                    group.addTask { await work() }
                    inFlight += 1
                }
            }
        } catch {
            return error
        }
        // A sender that failed has ended the stream early: what came may look like a whole archive.
        guard let reason = input.failure else { return nil }
        return TreeFailure(call: "receive", errno: SystemError.failed, reason: reason)
            .fatal(BackupError(.invalid, "the archive was cut short: \(reason)"))
    }

    /// Deals with one entry, or answers what can be done aside.
    private func take(
        _ entry: ArchiveEntry,
        _ path: [FileName],
        _ decoder: ArchiveDecoder,
        _ later: inout Later
    ) async throws(TreeFailure) -> (@Sendable () async -> Void)? {
        if entry.node.kind == .directory, entry.hardLink == nil {
            if await directory(path, &later) != nil { later.dressed.append((path, entry)) }
            return nil
        }
        guard let name = path.last,
            let parent = await directory(Array(path.dropLast()), &later)
        else { return nil }
        if let hardLink = entry.hardLink {
            let target = FileName.components(hardLink) ?? []
            later.links.append((path, target, entry))
            return nil
        }
        let named = TreeEntry(name: name, node: entry.node)
        guard entry.node.kind == .regular else {
            return { await self.makeSpecial(named, entry, parent) }
        }
        guard entry.node.size <= bytesHeldMax else {
            await makeLarge(named, entry, parent, decoder)
            return nil
        }
        var parts: [(offset: UInt64, bytes: [UInt8])] = []
        while let part = try decode({ () throws(ArchiveFailure) in try decoder.nextData() }) {
            if !part.bytes.isEmpty { parts.append(part) }
        }
        let held = parts
        if let reason = guide?.damage(of: entry.path) {
            omit("read", SystemError.failed, reason, entry.path, isDamage: true)
            return nil
        }
        return { await self.makeSmall(named, entry, parent, held) }
    }

    // MARK: Files

    private func makeSmall(
        _ named: TreeEntry,
        _ entry: ArchiveEntry,
        _ parent: Sink.Directory,
        _ parts: [(offset: UInt64, bytes: [UInt8])]
    ) async {
        await noting(entry) { () async throws(TreeFailure) in
            let data = TreeData.joined(parts)
            let bytes = data.reduce(0) { $0 + UInt64($1.bytes.count) }
            let failures = try await sink.makeWhole(named, entry.details, data, in: parent).failures
            count {
                $0.files += 1
                $0.bytes += bytes
            }
            return failures
        }
    }

    private func makeLarge(
        _ named: TreeEntry,
        _ entry: ArchiveEntry,
        _ parent: Sink.Directory,
        _ decoder: ArchiveDecoder
    ) async {
        await noting(entry) { () async throws(TreeFailure) in
            let file = try await sink.makeFile(named, entry.details, runs: [], in: parent)
            var written: UInt64 = 0
            // libarchive hands out small blocks; they are gathered to 1 MiB.
            var held: (offset: UInt64, bytes: [UInt8]) = (0, [])
            while true {
                let part = try decode { () throws(ArchiveFailure) in try decoder.nextData() }
                let isNeighbour = part.map { $0.offset == held.offset + UInt64(held.bytes.count) }
                if isNeighbour != true || held.bytes.count >= 1 << 20 {
                    if !held.bytes.isEmpty {
                        try await sink.write(held.bytes, at: held.offset, to: file)
                        written = held.offset + UInt64(held.bytes.count)
                        let amount = UInt64(held.bytes.count)
                        count { $0.bytes += amount }
                    }
                    held = (part?.offset ?? 0, [])
                }
                guard let part else { break }
                if held.bytes.isEmpty { held.offset = part.offset }
                held.bytes += part.bytes
            }
            if let reason = guide?.damage(of: entry.path) {
                await sink.abandon(file)
                throw TreeFailure(
                    call: "read",
                    errno: SystemError.failed,
                    reason: reason,
                    isDamage: true
                )
            }
            let failures = try await sink.finish(file, named, entry.details, written: written)
                .failures
            count { $0.files += 1 }
            return failures
        }
    }

    private func makeSpecial(
        _ named: TreeEntry,
        _ entry: ArchiveEntry,
        _ parent: Sink.Directory
    ) async {
        await noting(entry) { () async throws(TreeFailure) in
            let failures = try await sink.makeSpecial(named, entry.details, in: parent).failures
            let isSymlink = named.node.kind == .symlink
            count { report in
                if isSymlink { report.symlinks += 1 } else { report.specials += 1 }
            }
            return failures
        }
    }

    private let unfit = "the archive's index and its tar stream do not fit together"

    /// Tells what did not come of what an index has.
    private func checkAgainstIndex() {
        guard let guide else { return }
        for (path, reason) in guide.unbegun {
            omit("read", SystemError.failed, reason, path, isDamage: true)
        }
        if guide.expected != state.withLock({ $0.met }) {
            omit("unpack", SystemError.invalid, unfit, [], isDamage: true)
        }
    }

    /// Makes what tar cannot hold; its further names wait with the others.
    private func makeSockets(_ later: inout Later) async {
        for socket in guide?.sockets ?? [] {
            let entry = ArchiveEntry(socket)
            guard let path = FileName.components(entry.path), let name = path.last,
                let parent = await directory(Array(path.dropLast()), &later)
            else { continue }
            if let first = entry.hardLink {
                later.links.append((path, FileName.components(first) ?? [], entry))
            } else {
                await makeSpecial(TreeEntry(name: name, node: entry.node), entry, parent)
            }
        }
    }

    // MARK: Directories

    /// A directory of the archive, made with those above it when need be.
    private func directory(_ path: [FileName], _ later: inout Later) async -> Sink.Directory? {
        if let known = later.directories[path] { return known }
        guard let name = path.last else { return nil }
        guard let parent = await directory(Array(path.dropLast()), &later) else { return nil }
        do throws(TreeFailure) {
            let made = try await sink.makeDirectory(
                TreeEntry(name: name, node: .plainDirectory),
                in: parent
            )
            later.directories[path] = made
            count { $0.directories += 1 }
            return made
        } catch {
            note(error, Array(path.map(\.bytes).joined(separator: [UInt8(ascii: "/")])))
            return nil
        }
    }

    private func finish(_ later: Later) async throws(TreeFailure) {
        for (path, target, entry) in later.links {
            await noting(entry) { () async throws(TreeFailure) in
                guard let name = path.last, let first = target.last,
                    let parent = later.directories[Array(path.dropLast())],
                    let directory = later.directories[Array(target.dropLast())]
                else {
                    throw TreeFailure(
                        call: "link",
                        errno: SystemError.notFound,
                        reason: "the file that it is a name of is not in the archive"
                    )
                }
                let link = try await sink.find(first, in: directory)
                try await sink.link(TreeEntry(name: name, node: entry.node), to: link, in: parent)
                count { $0.hardLinks += 1 }
                return []
            }
        }
        // The deepest first: setting one directory's times leaves the others' alone.
        for (path, entry) in later.dressed.sorted(by: { $0.path.count > $1.path.count }) {
            guard let directory = later.directories[path] else { continue }
            await noting(entry) { () async throws(TreeFailure) in
                try await sink.finish(directory, entry.node, entry.details)
            }
        }
        if let fatal = state.withLock({ $0.fatal }) { throw fatal }
    }

    // MARK: The report

    private func noting(
        _ entry: ArchiveEntry,
        _ body: () async throws(TreeFailure) -> [TreeFailure]
    ) async {
        do throws(TreeFailure) {
            for failure in try await body() { note(failure, entry.path) }
        } catch {
            note(error, entry.path)
        }
    }

    private func note(_ failure: TreeFailure, _ path: [UInt8]) {
        guard failure.fatal == nil else {
            return state.withLock { $0.fatal = $0.fatal ?? failure }
        }
        omit(failure.call, failure.errno, failure.reason, path, isDamage: failure.isDamage)
    }

    private func omit(
        _ call: String,
        _ errno: Int32,
        _ reason: String,
        _ path: [UInt8],
        isDamage: Bool = false
    ) {
        let omission = TransferOmission(
            path: path,
            call: call,
            errno: errno,
            reason: reason,
            isDamage: isDamage
        )
        state.withLock { $0.report.add(omission) }
    }

    private func count(_ change: @Sendable (inout TransferReport) -> Void) {
        let news = state.withLock { state -> TransferProgress? in
            change(&state.report)
            state.report.entries =
                state.report.files + state.report.directories + state.report.symlinks
                + state.report.specials + state.report.hardLinks
            let (entries, bytes) = (state.report.entries, state.report.bytes)
            guard
                entries >= state.reported.entries + 256 || bytes >= state.reported.bytes + 16 << 20
            else { return nil }
            state.reported = (entries, bytes)
            return TransferProgress(entries: entries, bytes: bytes)
        }
        if let news { progress?(news) }
    }

    private func decode<Value>(
        _ body: () throws(ArchiveFailure) -> Value
    ) throws(TreeFailure) -> Value {
        do throws(ArchiveFailure) {
            return try body()
        } catch {
            throw TreeFailure("unpack", error)
        }
    }
}

extension TreeData {
    /// libarchive hands out small blocks: neighbours are joined.
    fileprivate static func joined(_ parts: [(offset: UInt64, bytes: [UInt8])]) -> [TreeData] {
        var joined: [(offset: UInt64, bytes: [UInt8])] = []
        var end: UInt64 = 0
        for part in parts {
            if !joined.isEmpty, part.offset == end {
                joined[joined.count - 1].bytes += part.bytes
            } else {
                joined.append(part)
            }
            end = part.offset + UInt64(part.bytes.count)
        }
        return joined.map { TreeData(offset: $0.offset, bytes: $0.bytes) }
    }
}

extension FileName {
    /// The names of a relative path, `.` and empty ones left out; `nil` when one leads upwards or is none.
    static func components(_ path: [UInt8]) -> [FileName]? {
        var names: [FileName] = []
        for part in path.split(separator: UInt8(ascii: "/")) {
            guard let name = FileName(bytes: Array(part)), !name.isDotDot else { return nil }
            if !name.isDot { names.append(name) }
        }
        return names
    }
}

extension TreeNode {
    /// A directory that an archive has files in, before its own header comes.
    static let plainDirectory = TreeNode(
        identity: Identity(device: 0, inode: 0),
        kind: .directory,
        permissions: 0o755,
        uid: 0,
        gid: 0,
        links: 1,
        size: 0,
        accessed: .epoch,
        modified: .epoch,
        device: .none
    )
}
