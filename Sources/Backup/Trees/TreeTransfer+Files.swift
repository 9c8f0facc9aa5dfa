import Synchronization
import VarveModel

/// One file after another.
extension TreeTransfer {
    /// Copies anything but a directory; the further names of a file wait for the first.
    func copy(_ entry: TreeEntry, as renamed: TreeEntry, in directory: Open) async {
        guard entry.node.links <= 1 || claim(entry, in: directory) else { return }
        var link: Sink.Link?
        do throws(TreeFailure) {
            let details = try await source.details(of: entry, in: directory.source)
            for failure in details.failures { omit(failure, entry.name, in: directory) }
            if entry.node.kind == .regular {
                link = try await copyFile(entry, renamed, details, in: directory)
                count { $0.files += 1 }
            } else {
                let (made, failures) = try await sink.makeSpecial(
                    renamed,
                    details,
                    in: directory.sink
                )
                link = made
                for failure in failures { omit(failure, entry.name, in: directory) }
                let isSymlink = entry.node.kind == .symlink
                count { report in
                    if isSymlink { report.symlinks += 1 } else { report.specials += 1 }
                }
            }
        } catch {
            if entry.node.links > 1, error.isDamage {
                state.withLock { _ = $0.damaged.insert(entry.node.identity) }
            }
            omit(error, entry.name, in: directory)
        }
        if entry.node.links > 1 {
            let made = link
            state.withLock { $0.links[entry.node.identity] = made }
        }
    }

    private func copyFile(
        _ entry: TreeEntry,
        _ renamed: TreeEntry,
        _ details: TreeDetails,
        in directory: Open
    ) async throws(TreeFailure) -> Sink.Link {
        let input = try await source.openFile(entry, in: directory.source)
        let runs = entry.node.size == 0 ? [] : try await input.dataRanges()
        let total = runs.reduce(0) { $0 + UInt64($1.count) }
        if total <= TreeData.wholeBytesMax, runs.count <= TreeData.wholeRunsMax {
            return try await copyWhole(entry, renamed, details, input, runs, in: directory)
        }
        let file = try await sink.makeFile(renamed, details, runs: runs, in: directory.sink)
        do throws(TreeFailure) {
            let written = try await copyData(runs, from: input, to: file)
            let (link, failures) = try await sink.finish(file, renamed, details, written: written)
            for failure in failures { omit(failure, entry.name, in: directory) }
            return link
        } catch {
            await sink.abandon(file)
            throw error
        }
    }

    /// A small file is read first, then made with all that it has.
    private func copyWhole(
        _ entry: TreeEntry,
        _ renamed: TreeEntry,
        _ details: TreeDetails,
        _ input: Source.File,
        _ runs: [Range<UInt64>],
        in directory: Open
    ) async throws(TreeFailure) -> Sink.Link {
        var data: [TreeData] = []
        var total: UInt64 = 0
        for run in runs {
            let bytes = try await input.read(run)
            if !bytes.isEmpty { data.append(TreeData(offset: run.lowerBound, bytes: bytes)) }
            total += UInt64(bytes.count)
            // It has shrunk meanwhile.
            if bytes.count < run.count { break }
        }
        if state.withLock({ $0.fatal != nil }) { throw stopped }
        let (link, failures) = try await sink.makeWhole(
            renamed,
            details,
            data,
            in: directory.sink
        )
        for failure in failures { omit(failure, entry.name, in: directory) }
        let amount = total
        count { $0.bytes += amount }
        return link
    }

    var stopped: TreeFailure {
        TreeFailure(call: "copy", errno: 125, reason: "the copy was stopped")
    }

    /// True for the first name of a file; another one is kept for later.
    private func claim(_ entry: TreeEntry, in directory: Open) -> Bool {
        state.withLock { state in
            guard state.links.keys.contains(entry.node.identity) else {
                state.links[entry.node.identity] = .some(nil)
                return true
            }
            state.furtherNames.append((entry, directory))
            directory.pending.withLock { $0 += 1 }
            return false
        }
    }

    /// Gives files their further names, now that the first ones stand.
    func makeFurtherNames() async {
        let names = state.withLock { state in
            defer { state.furtherNames = [] }
            return state.furtherNames
        }
        // The directories that wait for these names are finished as each has its last.
        var width = min(names.count, sink.workersMax)
        var next = 0
        await withTaskGroup(of: Void.self) { group in
            while next < names.count {
                if width == 0 { await group.next() } else { width -= 1 }
                let (entry, directory) = names[next]
                next += 1
                group.addTask { await self.makeFurtherName(entry, in: directory) }
            }
        }
    }

    private func makeFurtherName(_ entry: TreeEntry, in directory: Open) async {
        let identity = entry.node.identity
        let (first, isDamaged) = state.withLock { state in
            (state.links[identity] ?? nil, state.damaged.contains(identity))
        }
        do throws(TreeFailure) {
            guard state.withLock({ $0.fatal == nil }) else { throw stopped }
            guard let first else {
                throw TreeFailure(
                    call: "link",
                    errno: 2,
                    reason: "the first name of this file could not be copied",
                    isDamage: isDamaged
                )
            }
            try await sink.link(entry, to: first, in: directory.sink)
            count { $0.hardLinks += 1 }
        } catch {
            omit(error, entry.name, in: directory)
        }
        await settle(directory)
    }

    // MARK: The report

    /// Changes the report, and tells of progress every 256 entries or 16 MiB.
    func count(_ change: @Sendable (inout TransferReport) -> Void) {
        let news = state.withLock { state -> TransferProgress? in
            change(&state.report)
            let report = state.report
            state.report.entries =
                report.files + report.directories + report.symlinks + report.specials
                + report.hardLinks
            let entries = state.report.entries
            guard
                entries >= state.reportedEntries + 256
                    || state.report.bytes >= state.reportedBytes + 16 << 20
            else { return nil }
            state.reportedEntries = entries
            state.reportedBytes = state.report.bytes
            return TransferProgress(entries: entries, bytes: state.report.bytes)
        }
        if let news { progress?(news) }
    }

    /// Lists what could not be done; a failure that makes all else pointless ends the copy.
    func omit(_ failure: TreeFailure, _ name: FileName?, in directory: Open) {
        if let fatal = failure.fatal { return fail(fatal) }
        var names: [FileName] = name.map { [$0] } ?? []
        var current: Open? = directory
        while let open = current, open.parent != nil {
            names.append(open.entry.name)
            current = open.parent
        }
        let omission = TransferOmission(
            path: Array(names.reversed().map(\.bytes).joined(separator: [UInt8(ascii: "/")])),
            call: failure.call,
            errno: failure.errno,
            reason: failure.reason,
            isDamage: failure.isDamage
        )
        state.withLock { state in
            // Once the copy is stopped, what follows is consequence, not news.
            if state.fatal == nil { state.report.add(omission) }
        }
    }

    func fail(_ error: BackupError) {
        state.withLock { $0.fatal = $0.fatal ?? error }
        work.stop()
    }
}
