import Synchronization
import VarveModel

/// What one prune counts: the points that there are now, from the counts of the prune before where these are of use.
struct PointCounting {
    private(set) var counts = ReferenceCounts()
    /// Why every map was walked; `nil` where the counts of an earlier prune were brought up to date.
    private(set) var recountedBecause: String?
    /// Where counts of an earlier prune were wrong.
    private(set) var difference: VaultError?
    /// Nodes that were read, also for counts that were then forgotten.
    var nodesRead: Int { nodesReadBefore + counts.nodesRead }

    private let vault: Vault
    private var stored: StoredCounts?
    private var nodesReadBefore = 0

    /// So many prunes go by counts; the next one walks every map, and compares.
    ///
    /// A month of daily prunes: of thirty, one costs what each did.
    static let updatesMax: UInt32 = 30

    init(_ vault: Vault) {
        self.vault = vault
    }

    /// Counts what some points refer to.
    ///
    /// - Parameter points: All of the vault.
    /// - Throws: `.corrupt` when one of them cannot be read whole.
    mutating func count(_ points: [RecoveryPoint]) throws(VaultError) {
        do throws(VaultError) {
            stored = try vault.countsFiles.load()
        } catch {
            guard PointCounting.tellsOfCounts(error) else { throw error }
            return try recount(points, because: error.message)
        }
        guard let stored else {
            return try recount(points, because: points.isEmpty ? nil : "nothing was counted yet")
        }
        counts = stored.counts
        do throws(VaultError) {
            try counts.update(to: points, from: vault)
        } catch {
            guard PointCounting.tellsOfCounts(error) else { throw error }
            nodesReadBefore = counts.nodesRead
            counts = ReferenceCounts()
            return try recount(points, because: error.message)
        }
        guard stored.updates >= PointCounting.updatesMax else { return }
        try recount(
            points,
            because: "\(stored.updates) prunes have gone by counts since every map was walked"
        )
    }

    /// Walks every map, whatever was counted; counts of the same points must be the same.
    ///
    /// - Parameters:
    ///   - points: All of the vault.
    ///   - reason: For people.
    /// - Throws: `.corrupt` when a point cannot be read whole.
    mutating func recount(
        _ points: [RecoveryPoint],
        because reason: String?
    ) throws(VaultError) {
        var before = counts
        nodesReadBefore += before.nodesRead
        recountedBecause = reason
        stored = nil
        counts = ReferenceCounts()
        for point in points { try add(point) }
        counts.settle()
        // Another point came, or one went, since they were brought up to date: they say nothing of these.
        guard before.points == counts.points else { return }
        before.settle()
        guard let chunk = counts.table.firstDifference(from: before.table) else { return }
        difference = VaultError(
            countedWrong: chunk,
            by: before.table[chunk].without(counts.table[chunk])
        )
    }

    /// Counts a point that appeared meanwhile.
    ///
    /// - Throws: `.corrupt` when it cannot be read whole.
    mutating func add(_ point: RecoveryPoint) throws(VaultError) {
        do throws(VaultError) {
            try counts.add(point, from: vault)
        } catch {
            throw VaultError(
                error.code,
                "recovery point \(point.id) cannot be read whole, so nothing is given back: "
                    + error.message,
                remedy: "Mend the vault, or delete the recovery point. " + error.remedy
            )
        }
    }

    /// Keeps the counts for the next prune, unless they are kept already.
    ///
    /// - Throws: `.noSpace`, `.failed`.
    mutating func store() throws(VaultError) {
        let written = try vault.countsFiles.write(counts, after: stored)
        counts = written.counts
        stored = written
    }

    /// Whether an error tells of counts or nodes, and not of a place that does not answer.
    private static func tellsOfCounts(_ error: VaultError) -> Bool {
        [.corrupt, .notFound, .newerFormat, .failed].contains(error.code)
    }
}

extension Vault {
    /// What counts in the vault come to for some points, without changing anything.
    ///
    /// - Returns: `nil` where they do not lead to these points: there are none, they are damaged, nodes of points that
    ///   are gone do not read any more.
    func counts(of points: [RecoveryPoint]) -> CountTable? {
        do throws(VaultError) {
            guard var counts = try countsFiles.load()?.counts else { return nil }
            try counts.update(to: points, from: self)
            counts.settle()
            return counts.table
        } catch {
            // A prune walks all maps then; what is damaged is named by itself.
            return nil
        }
    }

    /// Has the next prune walk all maps, since the counts are wrong; while another prune runs nothing is done.
    ///
    /// - Throws: `.locked`, `.denied`, `.failed`, `.newerFormat`.
    func forgetCounts() throws(VaultError) {
        try requireWritable()
        try HeldClaims.holding(try Lease.lockPrune(files: files)) { () throws(VaultError) in
            try countsFiles.forget()
        }
    }
}

extension VaultError {
    /// Counts that differ from what the maps say.
    ///
    /// - Parameters:
    ///   - chunk: One that differs.
    ///   - difference: How many references too many there are of it; `nil` where that is more than a count holds.
    init(countedWrong chunk: ChunkID, by difference: References?) {
        func words(_ count: Int32?) -> String {
            switch count {
            case nil: "many"
            case 0?: "none"
            case let count?: "\(count.magnitude)"
            }
        }
        let isTooFew = (difference?.asNode ?? 0) < 0 || (difference?.asContent ?? 0) < 0
        self.init(
            .corrupt,
            "the counts of references are wrong: of chunk \(chunk) they have "
                + "\(words(difference?.asNode)) as a node and \(words(difference?.asContent)) "
                + "as content too \(isTooFew ? "few" : "many")",
            remedy:
                "They are made anew of all maps. Run 'varve vault verify': an earlier prune may "
                + "have taken what a recovery point needs."
        )
    }
}
