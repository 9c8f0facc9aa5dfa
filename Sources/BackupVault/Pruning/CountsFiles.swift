import VarveModel

/// Counts as they were found in the vault.
struct StoredCounts: Sendable {
    var counts: ReferenceCounts
    /// Their files, the first of the base first.
    let chain: [CountsFileName]
    /// Changes that were stored since the base, and entries of both.
    let changes: Int
    let baseEntries: Int
    let changedEntries: Int
    /// How many prunes have changed them since every map was walked.
    let updates: UInt32
}

/// Reads and writes the counts of one vault; only a prune writes them, and holds its lock.
///
/// Losing them costs one walk of all maps. So files are removed without regard for their format, and after a crash
/// whatever chain is whole counts.
struct CountsFiles: Sendable {
    let files: VaultFiles
    let keys: VaultKeys
    /// Entries of a file; more go into several.
    var entriesMax = CountsFile.entriesMax

    /// Changes since a base; then another base is written.
    private static let changesMax = 16
    /// So many changed entries are cheaper to read with each prune than a base is to write.
    private static let changedEntriesMin = 4096

    /// The files there are, ascending.
    func names() throws(VaultError) -> [CountsFileName] {
        try files.list(.counts).compactMap { CountsFileName($0) }.sorted()
    }

    /// Reads one file.
    ///
    /// - Throws: `.notFound`, `.corrupt`, `.newerFormat`, `.failed`.
    func read(_ name: CountsFileName) throws(VaultError) -> CountsFile {
        let label = "counts/" + name.text
        let opened = try SealedObject.open(
            try files.contents(.counts, name.text),
            as: .counts,
            object: name.object,
            name: label,
            keys: keys
        )
        guard let file = CountsFile(decoding: opened.body, name: name) else {
            throw VaultError.damaged(label, "holds what no prune wrote")
        }
        return file
    }

    /// The newest counts.
    ///
    /// - Returns: `nil` when nothing was counted yet.
    /// - Throws: `.corrupt` when what there is comes to nothing whole, and what ``read(_:)`` throws.
    func load() throws(VaultError) -> StoredCounts? {
        let names = try names()
        guard !names.isEmpty else { return nil }
        let byObject = Dictionary(names.map { ($0.object, $0) }) { first, _ in first }
        var known: [CountsFileName: CountsFile] = [:]
        for newest in names.reversed() {
            var chain: [CountsFile] = []
            var next: CountsFileName? = newest
            while let name = next {
                let file: CountsFile
                if let read = known[name] {
                    file = read
                } else {
                    file = try read(name)
                    known[name] = file
                }
                // Numbers fall along a chain, so that it has an end.
                guard (chain.last?.name.number ?? .max) > name.number else { break }
                guard file.isWhole || !chain.isEmpty else { break }
                chain.append(file)
                if file.previous == nil { return try CountsFiles.joined(chain.reversed()) }
                next = file.previous.flatMap { byObject[$0] }
            }
        }
        throw VaultError(.corrupt, "the counts of references are not whole")
    }

    /// What a chain comes to, its first file first.
    private static func joined(_ chain: [CountsFile]) throws(VaultError) -> StoredCounts {
        // The base ends with the first file up to which the chain is whole.
        let baseFiles = (chain.firstIndex(where: \.isWhole) ?? 0) + 1
        let base = chain.prefix(baseFiles).flatMap(\.entries)
        let changed = chain.dropFirst(baseFiles)
        var points: [RecoveryPointID: [MapRoot]] = [:]
        var fits =
            zip(base, base.dropFirst()).allSatisfy { $0.id < $1.id }
            && base.allSatisfy { $0.references.asNode >= 0 && $0.references.asContent >= 0 }
        for file in chain {
            for point in file.come {
                fits = points.updateValue(point.roots, forKey: point.id) == nil && fits
            }
            for id in file.gone { fits = points.removeValue(forKey: id) != nil && fits }
        }
        guard fits, let last = chain.last,
            let table = CountTable(base: base, differences: changed.lazy.flatMap(\.entries))
        else {
            throw VaultError.damaged("counts", "holds files that do not fit together")
        }
        return StoredCounts(
            counts: ReferenceCounts(table: table, points: points),
            chain: chain.map(\.name),
            changes: changed.count(where: \.isWhole),
            baseEntries: base.count,
            changedEntries: changed.reduce(0) { $0 + $1.entries.count },
            updates: last.updates
        )
    }

    /// Stores counts durably, as what has changed or as a base, and drops the files that are of no use then.
    ///
    /// - Parameters:
    ///   - counts: Of all points that they name.
    ///   - stored: What they were made of; `nil` when every map was walked.
    /// - Returns: What is stored then.
    /// - Throws: `.noSpace`, `.failed`; what was stored before is there still.
    func write(
        _ counts: ReferenceCounts,
        after stored: StoredCounts?
    ) throws(VaultError) -> StoredCounts {
        var counts = counts
        let before = stored?.counts.points ?? [:]
        let differences = counts.table.differences
        let isSame = differences.isEmpty && counts.points == before
        if let stored, isSame { return stored }
        let changes = CountsFiles.mayAdd(differences.count, to: stored) ? stored : nil
        counts.settle()
        let updates = stored.map { $0.updates + 1 } ?? 0
        var chain = changes?.chain ?? []
        let old = try names()
        // Of no points there is nothing to know.
        if counts.points.isEmpty {
            chain = []
        } else {
            let from = changes == nil ? [:] : before
            chain += try write(
                changes == nil ? counts.table.stored : differences,
                gone: from.keys.filter { counts.points[$0] == nil }.sorted(),
                come: counts.points.filter { from[$0.key] == nil }
                    .map { CountsFile.Point(id: $0.key, roots: $0.value) }
                    .sorted { $0.id < $1.id },
                after: chain.last,
                number: old.last.map(CountsFileName.numberBeforeNext) ?? 0,
                updates: updates
            )
        }
        try remove(Set(old).subtracting(chain))
        return StoredCounts(
            counts: counts,
            chain: chain,
            changes: changes.map { $0.changes + 1 } ?? 0,
            baseEntries: changes?.baseEntries ?? counts.table.stored.count,
            changedEntries: changes.map { $0.changedEntries + differences.count } ?? 0,
            updates: updates
        )
    }

    /// Whether what has changed is stored by itself, or a base instead.
    private static func mayAdd(_ entries: Int, to stored: StoredCounts?) -> Bool {
        guard let stored, stored.changes < changesMax else { return false }
        let most = max(stored.baseEntries / 4, changedEntriesMin)
        return stored.changedEntries + entries <= most
    }

    /// Writes entries into as many files as they need; the last of them makes the chain whole.
    private func write(
        _ entries: [CountTable.Entry],
        gone: [RecoveryPointID],
        come: [CountsFile.Point],
        after last: CountsFileName?,
        number: UInt64,
        updates: UInt32
    ) throws(VaultError) -> [CountsFileName] {
        try files.requireFolders([.counts])
        var written: [CountsFileName] = []
        var start = 0
        repeat {
            let end = min(start + entriesMax, entries.count)
            let isLast = end == entries.count
            let name = CountsFileName(number: number + UInt64(written.count) + 1)
            let file = CountsFile(
                name: name,
                previous: (written.last ?? last)?.object,
                isWhole: isLast,
                updates: updates,
                gone: isLast ? gone : [],
                come: isLast ? come : [],
                entries: Array(entries[start..<end])
            )
            let bytes = SealedObject.seal(
                file.encoded(),
                as: .counts,
                object: name.object,
                keys: keys
            )
            try files.replace(.counts, name.text, with: bytes)
            written.append(name)
            start = end
        } while start < entries.count
        return written
    }

    /// Removes all files, so that the next prune walks every map; its caller holds the lock of prunes.
    ///
    /// - Throws: `.denied`, `.failed`.
    func forget() throws(VaultError) {
        try remove(Set(try names()))
    }

    private func remove(_ names: Set<CountsFileName>) throws(VaultError) {
        // From the newest on: what a crash leaves is a chain, or a part of one that nothing goes on from.
        for name in names.sorted().reversed() {
            do throws(VaultError) {
                try files.remove(.counts, name.text)
            } catch {
                // One that the store keeps for a time of its own counts no more than an older one.
                guard error.code == .notFound || error.code == .held else { throw error }
            }
        }
    }
}
