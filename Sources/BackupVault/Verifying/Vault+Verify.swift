import Dispatch
import FoundationEssentials
import Synchronization
import VarveModel

/// Looking for damage.
extension Vault {
    /// Checks the vault, and names what is damaged and which recovery points need it.
    ///
    /// - Parameter readData: Everything, or only structure.
    /// - Returns: Findings; none means that every recovery point restores.
    /// - Throws: `.failed`, `.denied`, `.unavailable` when the storage itself does not answer.
    package func verify(readData: Bool) throws(VaultError) -> VerifyReport {
        try verify(readData ? .everything : .structure)
    }

    /// Checks the vault, and names what is damaged and which recovery points need it.
    ///
    /// Packs are read on every core, each from front to end. Besides the index it holds a few MiB for each core, and the
    /// counts of an earlier prune.
    ///
    /// - Parameters:
    ///   - scope: How much is read.
    ///   - partsMax: As many lost parts of recovery points are named, each point's share of them in any case.
    ///   - progress: Is told after each pack and each point, from any thread, one at a time.
    /// - Returns: Findings; none means that every recovery point restores, as far as was read.
    /// - Throws: `.failed`, `.denied` when the storage itself does not answer.
    package func verify(
        _ scope: VerifyScope,
        partsMax: Int = AffectedPoint.partsMax,
        progress: @escaping @Sendable (VerifyProgress) -> Void = { _ in }
    ) throws(VaultError) -> VerifyReport {
        dropCaches()
        try refresh()
        var verifier = Verifier(self, progress: progress)
        try verifier.checkSmallFiles()
        try verifier.checkPacks(scope)
        try verifier.checkParity(scope)
        try verifier.checkCold(scope)
        verifier.checkPoints()
        verifier.nameAffected(partsMax: partsMax)
        return verifier.report
    }
}

/// One run of a verify.
private struct Verifier {
    private(set) var report = VerifyReport()
    private let vault: Vault
    private let progress: @Sendable (VerifyProgress) -> Void
    /// Chunks that no pack gives back whole, with the place of their finding.
    private var lost: [ChunkID: Int] = [:]
    private var points: [RecoveryPoint] = []
    /// Packs of which nothing opens.
    private var unreadable: Set<UniqueID> = []
    /// Counts that the walk of the maps is held against; `nil` without any of these points.
    private var audit: CountsAudit?

    private static let processors = ProcessInfo.processInfo.activeProcessorCount

    init(_ vault: Vault, progress: @escaping @Sendable (VerifyProgress) -> Void) {
        self.vault = vault
        self.progress = progress
    }

    private mutating func find(
        _ subject: VaultFinding.Subject,
        file: String,
        chunk: ChunkID? = nil,
        _ error: VaultError,
        remedy: String? = nil
    ) {
        report.findings.append(
            VaultFinding(
                subject: subject,
                file: file,
                chunk: chunk,
                code: error.code,
                message: error.message,
                remedy: remedy ?? error.remedy
            )
        )
    }

    // MARK: Small files

    mutating func checkSmallFiles() throws(VaultError) {
        try vault.takeOverKey()
        for file in vault.entrance { try check(file) }
        if try vault.isKeyAnOlderOne() {
            let name = VaultDescription.keyFileName
            let what = "is not the one that 'vault.json' names: an older one was put back"
            find(.key, file: name, VaultError.damaged(name, what), remedy: Verifier.olderKeyRemedy)
        }
        for (file, error) in try vault.lockFindings() { find(.lock, file: file, error) }
        for stem in try vault.files.list(.index, ending: IndexFile.ending) {
            do throws(VaultError) {
                _ = try vault.readIndexFile(stem)
            } catch {
                guard !error.saysNothing(of: vault.files.storage) else { throw error }
                guard error.code != .notFound else { continue }
                find(
                    .index,
                    file: "index/" + stem + IndexFile.ending,
                    error,
                    remedy:
                        "Nothing is lost: 'varve vault rebuild-index', or the next prune, makes "
                        + "the index again from the packs."
                )
            }
        }
        for number in try vault.generations.numbers() {
            do throws(VaultError) {
                _ = try vault.generations.read(number)
            } catch {
                guard !error.saysNothing(of: vault.files.storage) else { throw error }
                guard error.code != .notFound else { continue }
                let file = "generations/" + Generation.fileName(number)
                find(.generation, file: file, error, remedy: "Nothing is lost: run a prune.")
            }
        }
        try checkCountsFiles()
        let listing = try vault.warmListing()
        points = listing.points
        let present = Set(points.map(\.id) + listing.damaged.map(\.id))
        let cold = try vault.coldListing(beside: present)
        report.recoveryPoints = points.count + cold.points.count
        for damaged in listing.damaged {
            find(.manifest, file: "manifests/" + Manifest.fileName(damaged.id), damaged.error)
        }
        for point in points where point.maps.isEmpty {
            let file = "manifests/" + Manifest.fileName(point.id)
            let what = "names no content: nothing restores from it"
            find(.manifest, file: file, VaultError.damaged(file, what))
        }
        let vouchers = try vault.checkVouchers(of: points)
        report.withoutVoucher = vouchers.without
        for one in vouchers.damaged {
            find(.voucher, file: one.file, one.error, remedy: one.remedy)
        }
        try checkHolds(present.union(cold.points.map(\.id) + cold.damaged.map(\.id)))
    }

    /// Every file of counts reads; whether they are right is found when the maps are walked.
    private mutating func checkCountsFiles() throws(VaultError) {
        for name in try vault.countsFiles.names() {
            do throws(VaultError) {
                _ = try vault.countsFiles.read(name)
            } catch {
                guard !error.saysNothing(of: vault.files.storage) else { throw error }
                guard error.code != .notFound else { continue }
                let remedy = "Nothing is lost: the next prune counts anew."
                find(.counts, file: "counts/" + name.text, error, remedy: remedy)
            }
        }
    }

    /// Every hold reads, and what is held is there.
    private mutating func checkHolds(_ present: Set<RecoveryPointID>) throws(VaultError) {
        for id in try vault.holdFiles.ids() {
            let file = "holds/" + HoldList.fileName(id)
            do throws(VaultError) {
                let holds = try vault.holds(of: id)
                guard !holds.isEmpty, !present.contains(id) else { continue }
                let lost = try vault.fileToPutBack(id)
                throw VaultError(
                    .corrupt,
                    "recovery point \(id) is held by \(PointHold.names(holds)), and its manifest is gone",
                    remedy:
                        "Restore '\(lost)' from a copy; or take the holds away."
                )
            } catch {
                guard !error.saysNothing(of: vault.files.storage) else { throw error }
                find(.hold, file: file, error)
            }
        }
    }

    private mutating func check(_ file: VaultEntrance) throws(VaultError) {
        do throws(VaultError) {
            try vault.check(file)
        } catch {
            guard !error.saysNothing(of: vault.files.storage) else { throw error }
            return find(file.subject, file: file.name, error, remedy: entranceRemedy)
        }
        guard file.subject == .description else { return }
        do throws(VaultError) {
            try vault.requirePlainDescription()
        } catch {
            guard error.code == .corrupt else { throw error }
            find(file.subject, file: file.name, error, remedy: error.remedy)
        }
    }

    private static let olderKeyRemedy =
        "Put the newest back from a copy; or wrap it anew ('varve vault rotate-key') if the root key that opens it is the right one."

    private var entranceRemedy: String {
        "The vault is open, but will not open again: put the file back from a copy before the daemon ends."
    }

    // MARK: Packs

    mutating func checkPacks(_ scope: VerifyScope) throws(VaultError) {
        let packs = try vault.files.list(.packs, ending: PackFormat.fileEnding)
            .compactMap(PackFormat.pack(ofFileName:))
            .sorted { $0.bytes.precedes($1.bytes) }
        let chosen = scope.chosen(of: packs)
        report.packs = packs.count
        report.packsRead = chosen.count
        var outcomes = Verifier.outcomes(of: packs, whole: chosen, in: vault, progress)
        let damaged = outcomes.filter { $0.isUnreadable || $0.isUnlisted }
        let known = vault.knownEntries(of: Set(damaged.map(\.pack)))
        // What an index file told of a pack still leads to its chunks.
        for (place, outcome) in outcomes.enumerated()
        where outcome.isUnlisted && chosen.contains(outcome.pack) {
            let entries = known[outcome.pack] ?? []
            outcomes[place] = PackCheck(vault).check(outcome, listedElsewhere: entries)
        }
        // Of what does not answer just now nothing is known: that is no damage.
        for outcome in outcomes {
            for error in outcome.bad.map(\.error) + [outcome.error].compactMap({ $0 })
            where error.saysNothing(of: vault.files.storage) { throw error }
        }
        for outcome in outcomes {
            for (id, _) in outcome.bad { vault.noteDamaged(id, in: outcome.pack) }
            guard outcome.isUnreadable else { continue }
            unreadable.insert(outcome.pack)
            for entry in known[outcome.pack] ?? [] {
                vault.noteDamaged(entry.id, in: outcome.pack)
            }
        }
        for outcome in outcomes { take(outcome) }
    }

    /// What each pack's check brought, in the packs' order.
    private static func outcomes(
        of packs: [UniqueID],
        whole chosen: Set<UniqueID>,
        in vault: Vault,
        _ progress: @Sendable (VerifyProgress) -> Void
    ) -> [PackOutcome] {
        struct Work: Sendable {
            var next = 0
            var bytes: UInt64 = 0
            var done: [PackOutcome] = []
        }
        let work = Mutex(Work())
        let workers = max(1, min(packs.count, processors))
        DispatchQueue.concurrentPerform(iterations: workers) { _ in
            let check = PackCheck(vault)
            while true {
                let place = work.withLock { work in
                    defer { work.next += 1 }
                    return work.next
                }
                guard place < packs.count else { return }
                let pack = packs[place]
                let outcome = check.check(pack, readsChunks: chosen.contains(pack))
                work.withLock { work in
                    work.bytes += outcome.bytes
                    work.done.append(outcome)
                    progress(
                        VerifyProgress(
                            phase: .packs,
                            done: work.done.count,
                            total: packs.count,
                            bytes: work.bytes
                        )
                    )
                }
            }
        }
        return work.withLock { $0.done }.sorted { $0.pack.bytes.precedes($1.pack.bytes) }
    }

    private mutating func take(_ outcome: PackOutcome) {
        let file = "packs/" + PackFormat.fileName(outcome.pack)
        if let error = outcome.error, error.code != .notFound { find(.pack, file: file, error) }
        for (id, error) in outcome.bad {
            if lost[id] == nil, !vault.isWhole(id) { lost[id] = report.findings.count }
            guard lost[id] == nil else {
                find(.chunk, file: file, chunk: id, error)
                continue
            }
            let remedy =
                "Nothing is lost: another pack has the chunk whole, and a prune drops this copy."
            find(.chunk, file: file, chunk: id, error, remedy: remedy)
            report.findings[report.findings.count - 1].isSpare = true
        }
        report.chunksRead += outcome.good + outcome.bad.count
        report.bytesRead += outcome.bytes
    }

    // MARK: Parity

    /// Names lost packs by their parity, and parity that is damaged; counts what has none.
    mutating func checkParity(_ scope: VerifyScope) throws(VaultError) {
        let found = try vault.checkParity(readsAll: scope == .everything)
        report.withoutParity = found.without
        for one in found.damaged {
            find(one.subject, file: one.file, one.error, remedy: one.remedy)
        }
    }

    // MARK: Cold storage

    /// Names archives that are not what was written, and records that do not read.
    mutating func checkCold(_ scope: VerifyScope) throws(VaultError) {
        let readsAll = scope == .everything
        var bytes: UInt64 = 0
        for one in try vault.coldFindings(readsAll: readsAll, progress: { bytes += $0 }) {
            find(one.subject, file: one.file, one.error)
        }
        if readsAll { report.bytesRead += bytes }
    }

    // MARK: Recovery points

    /// Walks every distinct node, and looks up every chunk that values refer to.
    mutating func checkPoints() {
        var seen: Set<ChunkID> = []
        audit = vault.counts(of: points).map { CountsAudit($0) }
        for (number, point) in points.enumerated() {
            for (_, map) in point.maps.sorted(by: { $0.key < $1.key }) {
                checkNodes(map, seen: &seen)
            }
            progress(
                VerifyProgress(
                    phase: .points,
                    done: number + 1,
                    total: points.count,
                    bytes: report.bytesRead
                )
            )
        }
        report.nodes = seen.count
        compareCounts()
    }

    /// Names counts that are not what all maps say, and has the next prune count anew.
    private mutating func compareCounts() {
        guard let walked = audit else { return }
        audit = nil
        report.hasComparedCounts = true
        guard let wrong = walked.difference else { return }
        do throws(VaultError) {
            try vault.forgetCounts()
            find(.counts, file: "counts", wrong)
        } catch {
            let remedy =
                "They could not be taken away (\(error.message)): remove the vault's folder "
                + "'counts' before the next prune, or run 'varve vault verify --repair'. "
            find(.counts, file: "counts", wrong, remedy: remedy + wrong.remedy)
        }
    }

    private mutating func checkNodes(_ map: MapRoot, seen: inout Set<ChunkID>) {
        var waiting = [(map.node, map.level)]
        audit?.take(map.node.id, .node)
        while let (reference, level) = waiting.popLast() {
            guard seen.insert(reference.id).inserted else { continue }
            do throws(VaultError) {
                let node = try Vault.node(reference, try vault.readUncached(reference.id))
                guard node.level == level else {
                    throw VaultError(
                        .corrupt,
                        "chunk \(reference.id) is a node of level \(node.level), not \(level)"
                    )
                }
                audit?.take(node)
                switch node.items {
                case .leaf(let entries): for entry in entries { check(entry.value.chunks) }
                case .branch(let children):
                    // Ascending, as they were written: a store's file is read on.
                    for child in children.reversed() { waiting.append((child.node, level - 1)) }
                }
            } catch {
                // What stands in it cannot be held against the counts.
                audit = nil
                lose(reference.id, .node, error)
            }
        }
    }

    private mutating func check(_ chunks: [ChunkReference]) {
        for chunk in chunks {
            guard let (place, pack) = vault.place(of: chunk.id), !unreadable.contains(pack.id)
            else {
                lose(
                    chunk.id,
                    .chunk,
                    VaultError(
                        .corrupt,
                        "chunk \(chunk.id) is in no readable pack",
                        remedy: "Restore the missing or damaged pack from a copy."
                    )
                )
                continue
            }
            if place.length == chunk.length { continue }
            lose(
                chunk.id,
                .chunk,
                VaultError(
                    .corrupt,
                    "chunk \(chunk.id) holds \(place.length) bytes, a reference says "
                        + "\(chunk.length)"
                )
            )
        }
    }

    private mutating func lose(
        _ id: ChunkID,
        _ subject: VaultFinding.Subject,
        _ error: VaultError
    ) {
        guard lost[id] == nil else { return }
        lost[id] = report.findings.count
        let file = vault.place(of: id).map { "packs/" + PackFormat.fileName($0.pack.id) } ?? ""
        find(subject, file: file, chunk: id, error)
    }

    // MARK: Who is affected

    /// Tells each lost chunk's finding which parts of which points need it.
    mutating func nameAffected(partsMax: Int) {
        guard !lost.isEmpty else { return }
        var walk = AffectedWalk(vault, lost: lost, partsEach: partsMax / max(1, points.count))
        for point in points { walk.add(point, to: &report) }
    }
}

extension Vault {
    /// Whether some pack gives a chunk back with the content of its id.
    func isWhole(_ id: ChunkID) -> Bool {
        // Whatever hinders reading it, it is not whole; the finding tells what.
        guard let plain = try? readUncached(id) else { return false }
        return plain.withUnsafeBytes { keys.chunkID(of: $0) } == id
    }
}
