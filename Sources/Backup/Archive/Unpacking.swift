import VarveModel

/// Makes the files of an archive, several at a time, while it is still coming in.
///
/// Directories and further names of files wait for the end: an archive may have them in any order.
final class Unpacking<Sink: TreeSink>: Sendable {
    private let input: ArchiveInput
    private let sink: Sink
    /// The same place, where nothing is replaced: for directories that only lead to what was asked for.
    private let careful: Sink
    private let guide: UnpackingGuide?
    private let directories: MadeDirectories<Sink>
    private let tally: UnpackingTally

    /// Files up to this size are made behind the reader's back; larger ones as they come.
    private let bytesHeldMax: UInt64 = 1 << 20
    /// 128 MiB: an ACL each for a million directories; others' memory is not a sender's to fill.
    private let attributeBytesMax = 128 << 20

    init(
        _ input: ArchiveInput,
        _ sink: Sink,
        _ careful: Sink,
        _ guide: UnpackingGuide?,
        _ progress: ProgressHandler?
    ) {
        self.input = input
        self.sink = sink
        self.careful = careful
        self.guide = guide
        directories = MadeDirectories(sink)
        tally = UnpackingTally(progress)
    }

    /// What waits for the end.
    private struct Later {
        var dressed: [(path: [FileName], entry: ArchiveEntry)] = []
        /// Of attributes in `dressed`.
        var attributeBytes = 0
        var links: [(path: [FileName], target: [FileName], entry: ArchiveEntry)] = []
    }

    func run(into place: RootPlace<Sink.Directory>) async throws(TreeFailure) -> TransferReport {
        var later = Later()
        switch place {
        case .itself(let directory): directories.add([], directory)
        case .name(let name, let parent):
            let entry = TreeEntry(name: name, node: .plainDirectory)
            directories.add([], try await sink.makeDirectory(entry, in: parent))
        }
        let unpacked = await withTaskGroup(of: Void.self) { group in
            await unpack(&later, &group)
        }
        if let failure = tally.fatal ?? unpacked { throw failure }
        await makeSockets(&later)
        checkAgainstIndex()
        try await finish(later)
        try await sink.complete()
        tally.showEnd()
        return tally.report
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
                tally.meet()
                if let fatal = tally.fatal { return fatal }
                guard let (entry, path) = fit(read) else { continue }
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

    /// The entry as it shall be made, and its names; `nil` when it shall not, which is then told.
    private func fit(_ read: ArchiveEntry) -> (entry: ArchiveEntry, path: [FileName])? {
        guard let names = FileName.components(read.path) else {
            _ = guide?.fitting(read)
            let reason = "a name that leads out"
            tally.omit("unpack", SystemError.invalid, reason, read.path, isDamage: false)
            return nil
        }
        var entry = read
        entry.path = FileName.path(names)
        guard let guide else { return (entry, names) }
        guard let fitting = guide.fitting(entry), let path = FileName.components(fitting.path)
        else {
            tally.leaveOut(UnpackingGuide.unfit, entry.path)
            return nil
        }
        return (fitting, path)
    }

    /// Deals with one entry, or answers what can be done aside.
    private func take(
        _ entry: ArchiveEntry,
        _ path: [FileName],
        _ decoder: ArchiveDecoder,
        _ later: inout Later
    ) async throws(TreeFailure) -> (@Sendable () async -> Void)? {
        let isFile = entry.node.kind == .regular && entry.hardLink == nil
        // What is no file may be damaged in its header alone, which is here by now.
        if !isFile, let reason = guide?.takeDamage(of: entry.path) {
            tally.leaveOut(reason, entry.path)
            return nil
        }
        if entry.node.kind == .directory, entry.hardLink == nil {
            if await makeDirectory(path) { try keep(entry, path, in: &later) }
            return nil
        }
        guard let name = path.last else { return nil }
        let above = Array(path.dropLast())
        guard await makeDirectory(above) else {
            tally.unmade(entry.path, isDamage: false)
            return nil
        }
        if let hardLink = entry.hardLink {
            let target = FileName.components(hardLink) ?? []
            later.links.append((path, target, entry))
            return nil
        }
        let named = TreeEntry(name: name, node: entry.node)
        guard isFile else { return { await self.makeSpecial(named, entry, above) } }
        guard entry.node.size <= bytesHeldMax else {
            await makeLarge(named, entry, above, decoder)
            return nil
        }
        var parts: [(offset: UInt64, bytes: [UInt8])] = []
        while let part = try decode({ () throws(ArchiveFailure) in try decoder.nextData() }) {
            if !part.bytes.isEmpty { parts.append(part) }
        }
        let held = parts
        if let reason = guide?.takeDamage(of: entry.path) {
            tally.leaveOut(reason, entry.path)
            return nil
        }
        return { await self.makeSmall(named, entry, above, held) }
    }

    /// Keeps what a directory shall have until the end.
    private func keep(
        _ entry: ArchiveEntry,
        _ path: [FileName],
        in later: inout Later
    ) throws(TreeFailure) {
        later.attributeBytes += entry.details.attributes.reduce(0) {
            $0 + $1.name.count + $1.value.count
        }
        guard later.attributeBytes <= attributeBytesMax else {
            let reason =
                "its directories have over \(attributeBytesMax >> 20) MiB of extended attributes"
            throw TreeFailure(call: "unpack", errno: SystemError.invalid, reason: reason)
                .fatal(
                    BackupError(
                        .unsupported,
                        "the archive is too much to hold: \(reason)",
                        remedy: "Bring it in path by path, or open it with tar."
                    )
                )
        }
        later.dressed.append((path, entry))
    }

    // MARK: Files

    private func makeSmall(
        _ named: TreeEntry,
        _ entry: ArchiveEntry,
        _ above: [FileName],
        _ parts: [(offset: UInt64, bytes: [UInt8])]
    ) async {
        await noting(entry, in: above) { (parent) async throws(TreeFailure) in
            let data = TreeData.joined(parts)
            let bytes = data.reduce(0) { $0 + UInt64($1.bytes.count) }
            let failures = try await sink.makeWhole(named, entry.details, data, in: parent).failures
            tally.count {
                $0.files += 1
                $0.bytes += bytes
            }
            return failures
        }
    }

    private func makeLarge(
        _ named: TreeEntry,
        _ entry: ArchiveEntry,
        _ above: [FileName],
        _ decoder: ArchiveDecoder
    ) async {
        await noting(entry, in: above) { (parent) async throws(TreeFailure) in
            let file = try await sink.makeFile(named, entry.details, runs: [], in: parent)
            do throws(TreeFailure) {
                return try await fill(file, named, entry, decoder)
            } catch {
                // Half a file must not pass for one.
                await sink.abandon(file)
                throw error
            }
        }
    }

    private func fill(
        _ file: Sink.File,
        _ named: TreeEntry,
        _ entry: ArchiveEntry,
        _ decoder: ArchiveDecoder
    ) async throws(TreeFailure) -> [TreeFailure] {
        let written = try await write(file, decoder)
        if let reason = guide?.takeDamage(of: entry.path) {
            throw TreeFailure(
                call: "read",
                errno: SystemError.failed,
                reason: reason,
                isDamage: true
            )
        }
        let failures = try await sink.finish(file, named, entry.details, written: written).failures
        tally.count { $0.files += 1 }
        return failures
    }

    /// Writes a file's data as it comes; answers where it ends.
    private func write(
        _ file: Sink.File,
        _ decoder: ArchiveDecoder
    ) async throws(TreeFailure) -> UInt64 {
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
                    tally.count { $0.bytes += amount }
                }
                held = (part?.offset ?? 0, [])
            }
            guard let part else { return written }
            if held.bytes.isEmpty { held.offset = part.offset }
            held.bytes += part.bytes
        }
    }

    private func makeSpecial(
        _ named: TreeEntry,
        _ entry: ArchiveEntry,
        _ above: [FileName]
    ) async {
        await noting(entry, in: above) { (parent) async throws(TreeFailure) in
            let failures = try await sink.makeSpecial(named, entry.details, in: parent).failures
            let isSymlink = named.node.kind == .symlink
            tally.count { report in
                if isSymlink { report.symlinks += 1 } else { report.specials += 1 }
            }
            return failures
        }
    }

    /// Tells what did not come of what an index has.
    private func checkAgainstIndex() {
        guard let guide else { return }
        let lost = guide.lost
        for (path, reason) in lost.listed { tally.leaveOut(reason, path) }
        tally.countUnlistedDamage(lost.count - lost.listed.count)
        if guide.expected != tally.headers {
            tally.omit("unpack", SystemError.invalid, UnpackingGuide.unfit, [], isDamage: true)
        }
    }

    /// Makes what tar cannot hold; its further names wait with the others.
    private func makeSockets(_ later: inout Later) async {
        for socket in guide?.sockets ?? [] {
            let entry = ArchiveEntry(socket)
            guard let path = FileName.components(entry.path), let name = path.last else { continue }
            let above = Array(path.dropLast())
            guard await makeDirectory(above) else { continue }
            if let first = entry.hardLink {
                later.links.append((path, FileName.components(first) ?? [], entry))
            } else {
                await makeSpecial(TreeEntry(name: name, node: entry.node), entry, above)
            }
        }
    }

    // MARK: Directories

    /// Makes a directory of the archive, and those above it when need be; whether it is there then.
    private func makeDirectory(_ path: [FileName]) async -> Bool {
        if directories.has(path) { return true }
        let above = Array(path.dropLast())
        guard let name = path.last, await makeDirectory(above),
            let parent = directories.enter(above)
        else { return false }
        defer { directories.leave(above) }
        do throws(TreeFailure) {
            let entry = TreeEntry(name: name, node: .plainDirectory)
            let isAsked = guide?.isAsked(FileName.path(path)) ?? true
            let sink = isAsked ? sink : careful
            directories.add(path, try await sink.makeDirectory(entry, in: parent))
            tally.count { $0.directories += 1 }
            return true
        } catch {
            tally.note(error, FileName.path(path))
            return false
        }
    }

    private func finish(_ later: Later) async throws(TreeFailure) {
        for (path, target, entry) in later.links {
            await noting(entry, in: Array(path.dropLast())) { (parent) async throws(TreeFailure) in
                try await makeFurtherName(path, of: target, entry.node, in: parent)
                tally.count { $0.hardLinks += 1 }
                return []
            }
        }
        // The deepest first: setting one directory's times leaves the others' alone.
        for (path, entry) in later.dressed.sorted(by: { $0.path.count > $1.path.count }) {
            await noting(entry, in: path) { (directory) async throws(TreeFailure) in
                try await sink.finish(directory, entry.node, entry.details)
            }
        }
        if let fatal = tally.fatal { throw fatal }
    }

    private func makeFurtherName(
        _ path: [FileName],
        of target: [FileName],
        _ node: TreeNode,
        in parent: Sink.Directory
    ) async throws(TreeFailure) {
        let first = FileName.path(target)
        // Something older may stand under the first name: it is not what this is a name of.
        if let isDamage = tally.damage(ofUnmade: first) ?? guide?.damage(ofLost: first) {
            throw TreeFailure(
                call: "link",
                errno: SystemError.notFound,
                reason: "the file that it is a name of was left out",
                isDamage: isDamage
            )
        }
        let above = Array(target.dropLast())
        guard let name = path.last, let firstName = target.last,
            let directory = directories.enter(above)
        else {
            throw TreeFailure(
                call: "link",
                errno: SystemError.notFound,
                reason: "the file that it is a name of is not in the archive"
            )
        }
        defer { directories.leave(above) }
        let link = try await sink.find(firstName, in: directory)
        try await sink.link(TreeEntry(name: name, node: node), to: link, in: parent)
    }

    // MARK: Leaves

    /// Does something in a directory that was made, and tells what failed; what threw has left nothing made.
    private func noting(
        _ entry: ArchiveEntry,
        in path: [FileName],
        _ body: (Sink.Directory) async throws(TreeFailure) -> [TreeFailure]
    ) async {
        guard let directory = directories.enter(path) else { return }
        defer { directories.leave(path) }
        do throws(TreeFailure) {
            for failure in try await body(directory) { tally.note(failure, entry.path) }
            tally.made(entry.path)
        } catch {
            tally.unmade(entry.path, isDamage: error.isDamage)
            tally.note(error, entry.path)
        }
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
