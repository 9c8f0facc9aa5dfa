import Synchronization
import VarveModel

/// Giving back the space of chunks that no recovery point needs.
extension Vault {
    /// Condemns dead packs, and deletes condemned ones that no older writer can still refer to.
    ///
    /// Backups go on meanwhile. A crash at any step leaves every recovery point whole, and the next
    /// prune goes on from there.
    ///
    /// It reads the nodes of points that came or went since the prune before, and goes by counts of the others
    /// (``PointCounting``).
    ///
    /// - Returns: What was done.
    /// - Throws: `.locked` when another prune runs; `.corrupt` when a recovery point cannot be read whole, or is
    ///   held and has no manifest, or has a voucher alone, or the vault's lock does not read, since then nobody can
    ///   say what is dead; also when counts were found to be wrong, after all was done by the maps; `.newerFormat`
    ///   where this program may not change the vault; `.noSpace`, `.failed`.
    package func prune() throws(VaultError) -> PruneReport {
        try requireWritable()
        try requireLockReadable()
        try files.requireFolders()
        return try HeldClaims.holding(try Lease.lockPrune(files: files)) {
            () throws(VaultError) -> PruneReport in
            let outcome: Result<PruneReport, VaultError>
            do throws(VaultError) {
                outcome = .success(try pruneUnderLock())
            } catch {
                outcome = .failure(error)
            }
            // One point that does not read hinders prunes for weeks: what the store keeps for others must not run out, and they
            // get their vouchers all the same.
            let vouched: Int
            do throws(VaultError) {
                try keepInStore()
                vouched = try completeVouchers()
            } catch {
                if case .failure(let first) = outcome { throw first }
                throw error
            }
            var report = try outcome.get()
            report.vouchersMade = vouched
            return report
        }
    }

    private func pruneUnderLock() throws(VaultError) -> PruneReport {
        // What moves left behind first: a point that became cold needs no chunks any more.
        let settled = try settleColdUnlessMoving()
        var pruner = Pruner(self)
        var report = try pruner.run()
        report.leftoversRemoved += settled
        if let wrong = pruner.counting.difference { throw wrong }
        return report
    }
}

extension Vault {
    /// Greater than every number seen, so that it grows even if the newest file was lost.
    func nextGeneration(after old: UInt64) throws(VaultError) -> UInt64 {
        let leases = try Lease.living(files: files).map(\.generation)
        let packs = knowledge.withLock { $0.index.packs.map(\.generation) }
        let greatest = max(old, leases.max() ?? 0, packs.max() ?? 0)
        guard files.storage.arrivesLate else { return greatest + 1 }
        // Two prunes, one of which was taken for dead, must not make the same one: the low 24 bits are chance.
        return ((greatest >> 24) + 1) << 24 | UInt64.random(in: 0..<1 << 24)
    }
}

/// One run of a prune.
private struct Pruner {
    private let vault: Vault
    private var report = PruneReport()
    private(set) var counting: PointCounting

    /// Every backup adds an index file; so many small ones are read at an open without being felt.
    private static let indexFilesMax = 16

    init(_ vault: Vault) {
        self.vault = vault
        counting = PointCounting(vault)
    }

    mutating func run() throws(VaultError) -> PruneReport {
        try removeLeftovers()
        // First packs, then living writers, then manifests: whoever wrote a listed pack and is not
        // found alive has ended, so what it published is among the manifests.
        try vault.refresh()
        let listed = vault.knowledge.withLock { $0.index.packIDs }
        let living = Set(try Lease.living(files: vault.files).map(\.writer))
        let points = try listedPoints()
        try counting.count(points)
        try checkCopies()
        // Dead packs go first: on a full disk they make the room that copies need.
        try condemn(try firstPlan(among: listed, living).dead)
        try deleteCondemned()
        // What is found damaged on the way keeps its own pack, and no other.
        for _ in 0..<2 {
            let packs = plan(among: listed, living).plan.repacked
            switch try moveLive(outOf: packs) {
            case .damage: continue
            case .nothing: break
            case .done:
                try condemn(packs)
                try deleteCondemned()
            }
            break
        }
        do throws(VaultError) {
            try compactIndex()
            try counting.store()
        } catch {
            // A full disk has no room for an index and for counts, which only save time.
            guard error.code == .noSpace else { throw error }
        }
        report.parityMade = try vault.completeParity()
        report.recoveryPoints = counting.counts.points.count
        report.liveChunks = counting.counts.table.count
        report.nodesRead = counting.nodesRead
        report.recountedBecause = counting.recountedBecause
        return report
    }

    /// Every point that needs chunks.
    ///
    /// - Throws: `.corrupt` when one does not read, or is held and has no manifest.
    private func listedPoints() throws(VaultError) -> [RecoveryPoint] {
        let held = try vault.heldPoints()
        let listing = try vault.warmListing(readsAll: false)
        if let damaged = listing.damaged.first { throw damaged.error }
        try vault.requireListed(held, among: listing.points)
        return listing.points
    }

    /// Reads the live chunks that stand in several packs, so that the place that counts is a whole one.
    ///
    /// Otherwise a prune might keep the damaged one of two copies and drop the other.
    private func checkCopies() throws(VaultError) {
        let copied = vault.knowledge.withLock { known in
            known.index.copies.keys.filter { !counting.counts.table[$0].isNone }
        }
        for id in copied {
            do throws(VaultError) {
                _ = try vault.payload(of: id)
            } catch {
                // All copies are damaged: none is better than another.
                guard error.code == .corrupt || error.code == .failed else { throw error }
            }
        }
    }

    /// Drops what dead writers left unfinished: packs, and files that were never renamed.
    ///
    /// The files are listed before the living writers: a writer makes its lease first.
    private mutating func removeLeftovers() throws(VaultError) {
        let names = try vault.files.list(.packs).filter { $0.hasSuffix(PackFormat.openEnding) }
        var unfinished: [(VaultFiles.Folder, String)] = []
        for folder in [.index, .manifests, .generations] as [VaultFiles.Folder] {
            for name in try vault.files.list(folder) where name.hasSuffix(".new") {
                unfinished.append((folder, name))
            }
        }
        // A repair holds the lock that this prune holds, so that none is at work.
        for folder in [.packs, .counts] as [VaultFiles.Folder] {
            for name in try vault.files.list(folder) where name.hasSuffix(".new") {
                try vault.files.remove(folder, name)
                report.leftoversRemoved += 1
            }
        }
        let begun = try vault.files.storage.unfinished()
        let living = Set(try Lease.living(files: vault.files).map(\.writer))
        report.leftoversRemoved += try vault.manifests.voided.clear()
        report.leftoversRemoved += try vault.files.changes.clear()
        for name in names {
            let parts = name.split(separator: ".").map(String.init)
            guard parts.count == 3, let writer = PackFormat.pack(ofFileName: parts[1]),
                !living.contains(writer)
            else { continue }
            try vault.files.remove(.packs, name)
            report.leftoversRemoved += 1
        }
        guard living.isEmpty else { return }
        for (folder, name) in unfinished {
            try vault.files.remove(folder, name)
            report.leftoversRemoved += 1
        }
        for file in begun {
            try vault.files.storage.discard(file)
            report.leftoversRemoved += 1
        }
        report.leftoversRemoved += try removeUnfinishedHolds()
    }

    /// Drops files of holds, of parity and vouchers that were never renamed: whoever places a hold takes no lease.
    ///
    /// - Returns: How many there were; none while another process places one.
    private func removeUnfinishedHolds() throws(VaultError) -> Int {
        let vault = vault
        do throws(VaultError) {
            guard try !vault.files.unfinishedHolds().isEmpty else { return 0 }
            return try vault.exclusively { () throws(VaultError) -> Int in
                // Listed before the living writers: those of writers that began since are not among them.
                let unfinished = try vault.files.unfinishedHolds()
                guard try Lease.living(files: vault.files).isEmpty else { return 0 }
                for (folder, name) in unfinished { try vault.files.remove(folder, name) }
                return unfinished.count
            }
        } catch {
            guard error.code == .locked else { throw error }
            return 0
        }
    }

    // MARK: The first phase

    /// Makes the generation that condemns these packs.
    private mutating func condemn(_ packs: Set<UniqueID>) throws(VaultError) {
        let old = try vault.generations.current()
        let isUnstamped = old.condemned.values.contains(Generation.unstamped)
        guard !packs.isEmpty || isUnstamped else { return }
        let present = vault.knowledge.withLock { $0.index.packIDs }
        let number = try vault.nextGeneration(after: old.number)
        var all = old.condemned.filter { present.contains($0.key) }
        for (pack, since) in all where since == Generation.unstamped { all[pack] = number }
        for pack in packs where all[pack] == nil { all[pack] = number }
        try vault.generations.write(Generation(number: number, condemned: all))
        report.packsCondemned += packs.count
        try vault.refresh()
    }

    /// The first plan, by counts that fit the packs.
    ///
    /// Counts of an earlier prune that need what no pack has say nothing of the rest: then every map is walked.
    private mutating func firstPlan(
        among listed: Set<UniqueID>,
        _ living: Set<UniqueID>
    ) throws(VaultError) -> PrunePlan {
        let first = plan(among: listed, living)
        guard counting.recountedBecause == nil, let missing = first.missing else {
            return first.plan
        }
        let points = try listedPoints()
        try counting.recount(points, because: "chunk \(missing) is needed, and in no pack")
        try checkCopies()
        return plan(among: listed, living).plan
    }

    private func plan(
        among listed: Set<UniqueID>,
        _ living: Set<UniqueID>
    ) -> (plan: PrunePlan, missing: ChunkID?) {
        let table = counting.counts.table
        let (candidates, missing) = vault.knowledge.withLock { known in
            let tally = LiveTally(of: table, in: known)
            return (tally.candidates(known, among: listed, living: living), tally.missing)
        }
        return (PrunePlan(candidates, packBytes: vault.settings.packBytes), missing)
    }

    /// What came of moving chunks.
    private enum Move {
        case done
        /// One of them did not read; it is known as damaged now.
        case damage
        /// There were none, or is no room.
        case nothing
    }

    /// Copies live chunks out of mostly dead, damaged or small packs.
    private mutating func moveLive(outOf packs: Set<UniqueID>) throws(VaultError) -> Move {
        guard !packs.isEmpty else { return .nothing }
        do throws(VaultError) {
            report.chunksMoved += try copyLive { packs.contains($0.id) }
            return .done
        } catch {
            // The packs stay as they are; copies already made are dead and go with the next prune.
            switch error.code {
            case .noSpace: return .nothing
            case .corrupt, .failed: return .damage
            default: throw error
            }
        }
    }

    /// Copies live chunks that are found in the given packs into new ones.
    ///
    /// Their bytes are durable, their names are not: ``deleteCondemned()`` syncs these before it relies on them.
    private func copyLive(
        where isSource: (IndexedPack) -> Bool
    ) throws(VaultError) -> Int {
        let table = counting.counts.table
        let moving = vault.knowledge.withLock { known in
            let sources = known.index.packs.map(isSource)
            guard sources.contains(true) else { return [] as [ChunkID] }
            var moving: [ChunkID] = []
            table.forEachLive { id in
                if known.index.chunks[id].map({ sources[Int($0.pack)] }) ?? false {
                    moving.append(id)
                }
            }
            return moving
        }
        guard !moving.isEmpty else { return 0 }
        let writer = try vault.beginWrite()
        defer { writer.abandon() }
        try writer.copy(moving)
        try writer.settle()
        return moving.count
    }

    // MARK: The second phase

    /// Deletes condemned packs once every writer that began before their condemnation has ended.
    private mutating func deleteCondemned() throws(VaultError) {
        let generation = vault.knowledge.withLock { $0.generation }
        guard !generation.condemned.isEmpty else { return }
        let oldest = try Lease.living(files: vault.files).map(\.generation).min() ?? .max
        let present = vault.knowledge.withLock { $0.index.packIDs }
        var going = Set(
            generation.condemned.filter { present.contains($0.key) && $0.value <= oldest }.keys
        )
        report.packsWaiting = generation.condemned.keys.filter(present.contains).count - going.count
        guard !going.isEmpty else { return }
        // Every writer that could refer to these packs has ended: what it published is to be seen.
        for point in try listedPoints() where counting.counts.points[point.id] == nil {
            try counting.add(point)
        }
        try vault.refresh()
        let table = counting.counts.table
        let losing = vault.knowledge.withLock { LiveTally(of: table, in: $0).losing }
        going.subtract(losing)
        // What does not read keeps all of them for this time; the next prune knows whose it is.
        guard try moveLive(outOf: going) == .done else { return }
        // A removal may become durable before an earlier rename. What stands in for these packs must have its
        // name for certain: copies of this prune, of one that was killed, packs of a backup that gave up.
        try vault.files.sync(.packs)
        try vault.parityFiles.remove(going.map(ParityFiles.Subject.pack))
        let packs = vault.knowledge.withLock { $0.index.packs }
        for pack in packs where going.contains(pack.id) {
            do throws(VaultError) {
                try vault.files.remove(.packs, PackFormat.fileName(pack.id))
            } catch {
                // The store keeps it for a time of its own; it stays condemned, and a later prune asks once more.
                guard error.code == .held else { throw error }
                report.packsKept += 1
                continue
            }
            report.packsDeleted += 1
            report.bytesFreed += pack.fileBytes
        }
        // Not synced: a pack that a power cut brings back is dead, and goes with a later prune.
        try vault.refresh()
    }

    // MARK: Afterwards

    /// Joins small index files that have become many, and lists again what a damaged or lost one did.
    private func compactIndex() throws(VaultError) {
        var stems = try vault.files.list(.index, ending: IndexFile.ending)
        let (packs, lists, known) = vault.knowledge.withLock {
            ($0.index.packs, $0.indexLists, $0.indexFiles)
        }
        // What another process has written since tells of packs that are not known here, and what it has removed of none.
        stems.removeAll { !known.contains($0) }
        let there = Set(stems)
        let chunks = Dictionary(packs.map { ($0.id, Int($0.chunks)) }) { $1 }
        // Full files stay: joined with all others each time they would cost as much as the vault is large.
        var kept: [String: IndexList] = [:]
        var told: Set<UniqueID> = []
        var isToldTwice = false
        for (stem, list) in lists.sorted(by: { $0.key < $1.key })
        where there.contains(stem)
            && !list.isSmall(beside: chunks, chunksMax: vault.settings.indexChunksMax)
        {
            let more = list.packs.subtracting(told)
            // A crash left it beside those that took its place.
            guard more.contains(where: { chunks[$0] != nil }) else {
                isToldTwice = true
                continue
            }
            told.formUnion(more)
            kept[stem] = list
        }
        stems.removeAll { kept[$0] != nil }
        let isIncomplete = try isIndexIncomplete()
        guard isIncomplete || isToldTwice || stems.count > Pruner.indexFilesMax else { return }
        try makeIndex(of: Set(packs.map(\.id)), besides: told, insteadOf: stems)
    }

    /// Lists packs anew.
    ///
    /// - Parameters:
    ///   - present: All that there are.
    ///   - told: Those that files that stay tell of.
    ///   - old: Files that tell of all others, and go.
    /// - Throws: `.noSpace`, `.failed`; what reading a pack's own list throws.
    private func makeIndex(
        of present: Set<UniqueID>,
        besides told: Set<UniqueID>,
        insteadOf old: [String]
    ) throws(VaultError) {
        var stems = old
        // A pack that tells nothing of itself may stand in one that does not read just now.
        let isMissed = vault.knowledge.withLock { known in
            known.damagedPacks.keys.contains { !present.contains($0) }
        }
        var seen = told
        var packs: [(pack: IndexedPack, entries: [PackEntry])] = []
        for stem in old {
            do throws(VaultError) {
                for found in try vault.readIndexFile(stem)
                where present.contains(found.pack.id) && seen.insert(found.pack.id).inserted {
                    packs.append(found)
                }
            } catch {
                switch error.code {
                // What a damaged index file told stands in the footers too.
                case .corrupt, .notFound: continue
                case .failed: if isMissed { stems.removeAll { $0 == stem } }
                case .newerFormat: stems.removeAll { $0 == stem }
                default: throw error
                }
            }
        }
        for pack in present.subtracting(seen) { packs.append(try vault.readFooter(pack)) }
        try vault.replaceIndexFiles(stems, with: packs)
    }

    /// Whether an index file is damaged, or a pack stands in none; a living writer's will.
    private func isIndexIncomplete() throws(VaultError) -> Bool {
        let living = Set(try Lease.living(files: vault.files).map(\.writer))
        return vault.knowledge.withLock { known in
            known.damagedIndexFiles.values.contains { $0.code != .newerFormat }
                || known.index.packs.contains {
                    known.unlisted.contains($0.id) && !living.contains($0.writer)
                }
        }
    }
}

extension VaultFiles {
    /// What a crash left of holds, parity, vouchers and changes on the way to their names.
    fileprivate func unfinishedHolds() throws(VaultError) -> [(folder: Folder, name: String)] {
        var found: [(folder: Folder, name: String)] = []
        for folder in [.holds, .parity, .vouchers, .changes] as [Folder] {
            for name in try list(folder) where name.hasSuffix(".new") {
                found.append((folder, name))
            }
        }
        return found
    }
}
