package import BackupVault
package import VarveModel

/// Copies recovery points from vault to vault.
///
/// A copy restores alone, like any point. After the first of a source only what differs from a point that both vaults
/// have is
/// walked and read (docs/decisions/0043).
package struct PointCopies: Sendable {
    /// How copies are made.
    package struct Options: Sendable {
        /// When a copy may go, by its original; `nil` leaves that to a retention rule.
        package var expires: @Sendable (RecoveryPoint) -> Timestamp?
        /// When copies are due for cold storage by themselves, in days since their originals were made.
        ///
        /// `nil` leaves that to a retention rule; those of the originals are their vault's business.
        package var coldAfterDays: Int?
        /// Whether a copy that would have expired already is refused.
        package var mustOutliveCopying: Bool
        /// Of the copies alone.
        package var labels: [String: String]
        package var progress: @Sendable (Progress) -> Void

        package init(
            expires: @escaping @Sendable (RecoveryPoint) -> Timestamp? = { _ in nil },
            coldAfterDays: Int? = nil,
            mustOutliveCopying: Bool = false,
            labels: [String: String] = [:],
            progress: @escaping @Sendable (Progress) -> Void = { _ in }
        ) {
            self.expires = expires
            self.coldAfterDays = coldAfterDays
            self.mustOutliveCopying = mustOutliveCopying
            self.labels = labels
            self.progress = progress
        }
    }

    /// How far a run is.
    package struct Progress: Sendable, Hashable {
        package let point: RecoveryPointID
        /// Which of how many, from 1 on.
        package let number: Int
        package let total: Int
        package let copied: CopyProgress
    }

    /// What became of one point.
    package struct Outcome: Sendable {
        /// The original, or the copy that was copied.
        package let point: RecoveryPoint
        package let what: What
    }

    /// What can become of a point.
    package enum What: Sendable {
        case copied(RecoveryPoint, CopyStatistics, base: RecoveryPointID?)
        /// The other vault has it: nothing was done.
        case there(RecoveryPointID)
        case planned(CopyEstimate)
        case refused(BackupError)
    }

    /// What became of all of them.
    package struct Report: Sendable {
        package internal(set) var outcomes: [Outcome] = []
        /// Points of the vault that is copied from that could not be looked at: they might have been meant.
        package internal(set) var unread: [RecoveryPointListing.DamagedManifest] = []
        /// Whether the run was told to stop before all had their turn.
        package internal(set) var isStopped = false
    }

    private let source: Vault
    private let target: Vault
    private let clock: any VarveClock

    /// - Throws: `.invalid` when both are one vault, or one is a copy of the other's directory.
    package init(
        from source: Vault,
        to target: Vault,
        clock: any VarveClock
    ) throws(BackupError) {
        guard source.id != target.id else {
            throw BackupError(
                .invalid,
                source.name == target.name
                    ? "vault '\(source.name)' is both the one to copy from and the one to copy to"
                    : "'\(source.name)' and '\(target.name)' are one vault in two places: it has its points already",
                remedy: "Name two vaults; 'varve vault list' shows those there are."
            )
        }
        self.source = source
        self.target = target
        self.clock = clock
    }

    // MARK: Looking

    /// What ``copy(_:_:)`` would do; reads maps, and no content.
    ///
    /// - Throws: As ``copy(_:_:)``.
    package func plan(
        _ selection: PointSelection,
        _ options: Options = Options()
    ) throws(BackupError) -> Report {
        let selected = try SelectedPoints(selection, of: source)
        var report = Report()
        report.unread = selected.unread
        guard !selected.points.isEmpty else { return report }
        var pairs = try CopyRun.inVault { () throws(VaultError) in
            try CopyPairs(from: source, to: target)
        }
        let reading = source.beginReading()
        defer { reading?.end() }
        for point in selected.points {
            if let there = pairs.copy(of: point) {
                report.outcomes.append(Outcome(point: point, what: .there(there.id)))
                continue
            }
            do throws(BackupError) {
                try requireAdmitted(point, options)
                let base = pairs.base(for: point)?.source
                let estimate = try CopyEstimate(of: point, since: base, in: source)
                report.outcomes.append(Outcome(point: point, what: .planned(estimate)))
                // The next one of its source will stand on it.
                pairs.add(point, point)
            } catch {
                report.outcomes.append(Outcome(point: point, what: .refused(error)))
            }
        }
        return report
    }

    /// Refuses what is in cold storage, what the other vault's lock does not admit, and what would go at once.
    private func requireAdmitted(
        _ point: RecoveryPoint,
        _ options: Options
    ) throws(BackupError) {
        guard !point.isCold else {
            throw BackupError(
                .invalid,
                "recovery point \(point.id) is in cold storage: its archive is copied by any means, and nothing else of it is left",
                remedy:
                    "Restore it, or copy points before they move ('MoveToColdStorageAfterDays')."
            )
        }
        let expires = options.expires(point)
        if options.mustOutliveCopying, let expires, expires <= clock.now() {
            let days = (clock.now().seconds - point.created.seconds) / 86_400
            throw BackupError(
                .invalid,
                "recovery point \(point.id) was made \(days) days ago: its copy would have expired already",
                remedy:
                    "The days of a copy count from when its original was made: give more of them, or none."
            )
        }
        try CopyRun.inVault { () throws(VaultError) in
            try target.requireRetention(from: point.created, to: expires)
        }
    }

    // MARK: Copying

    /// Copies points, one after the other; one that is refused does not hinder the others.
    ///
    /// - Parameters:
    ///   - selection: Which.
    ///   - options: How.
    /// - Returns: What became of each.
    /// - Throws: `.notFound` when an id is not there, before anything is copied; what listing the vaults throws.
    package func copy(
        _ selection: PointSelection,
        _ options: Options = Options()
    ) async throws(BackupError) -> Report {
        // Reading, sealing and syncing block, so all of this runs on threads of its own.
        try await withTaskExecutorPreference(HostThreads.shared) {
            () async throws(BackupError) -> Report in
            try await copyAll(selection, options)
        }
    }

    private func copyAll(
        _ selection: PointSelection,
        _ options: Options
    ) async throws(BackupError) -> Report {
        let selected = try SelectedPoints(selection, of: source)
        var report = Report()
        report.unread = selected.unread
        guard !selected.points.isEmpty else { return report }
        var pairs = try CopyRun.inVault { () throws(VaultError) in
            try CopyPairs(from: source, to: target)
        }
        var names = ChunkNames()
        for (index, point) in selected.points.enumerated() {
            if Task.isCancelled {
                report.isStopped = true
                break
            }
            let total = selected.points.count
            let what = await attempt(point, options, &pairs, &names) { copied in
                options.progress(
                    Progress(point: point.id, number: index + 1, total: total, copied: copied)
                )
            }
            report.outcomes.append(Outcome(point: point, what: what))
            if case .refused(let error) = what, error.code == .cancelled {
                report.isStopped = true
                break
            }
        }
        return report
    }

    private func attempt(
        _ point: RecoveryPoint,
        _ options: Options,
        _ pairs: inout CopyPairs,
        _ names: inout ChunkNames,
        _ progress: @escaping @Sendable (CopyProgress) -> Void
    ) async -> What {
        do throws(BackupError) {
            let what = try await copy(point, options, &pairs, &names, progress)
            if case .copied(let copy, _, _) = what { pairs.add(point, copy) }
            return what
        } catch {
            return .refused(error)
        }
    }

    private func copy(
        _ point: RecoveryPoint,
        _ options: Options,
        _ pairs: inout CopyPairs,
        _ names: inout ChunkNames,
        _ progress: @escaping @Sendable (CopyProgress) -> Void
    ) async throws(BackupError) -> What {
        if let there = try copyThatStands(of: point, &pairs) { return .there(there) }
        try requireAdmitted(point, options)
        // What a prune condemns from now on stays until all is read; nil where no lease can be made.
        let reading = source.beginReading()
        defer { reading?.end() }
        guard try stands(point, in: source) else {
            throw BackupError(
                .notFound,
                "recovery point \(point.id) was deleted before it could be copied"
            )
        }
        while let base = pairs.base(for: point) {
            guard try stands(base.source, in: source), try stands(base.target, in: target) else {
                pairs.remove(base)
                continue
            }
            if let what = try await copy(point, options, base, &names, progress) { return what }
            // It cannot be stood on, so nor can any other be relied on: everything is read.
            break
        }
        guard let what = try await copy(point, options, nil, &names, progress) else {
            preconditionFailure("a copy without a base has none that could fail it")
        }
        return what
    }

    /// The copy that the other vault has, if it is there still.
    private func copyThatStands(
        of point: RecoveryPoint,
        _ pairs: inout CopyPairs
    ) throws(BackupError) -> RecoveryPointID? {
        guard let known = pairs.copy(of: point) else { return nil }
        if try stands(known, in: target) { return known.id }
        pairs.removeCopy(of: point)
        return nil
    }

    private func stands(_ point: RecoveryPoint, in vault: Vault) throws(BackupError) -> Bool {
        do throws(VaultError) {
            _ = try vault.recoveryPoint(point.id)
            return true
        } catch {
            guard error.code == .notFound || error.code == .corrupt else {
                throw BackupError(error)
            }
            return false
        }
    }

    /// Copies a point as changes to a base, or whole.
    ///
    /// - Returns: `nil` when the base cannot be stood on.
    private func copy(
        _ point: RecoveryPoint,
        _ options: Options,
        _ base: CopyPairs.Pair?,
        _ names: inout ChunkNames,
        _ progress: @escaping @Sendable (CopyProgress) -> Void
    ) async throws(BackupError) -> What? {
        let (source, clock) = (source, clock)
        do throws(BackupError) {
            let (outcome, statistics) = try await CopyRun.run(
                point,
                from: source,
                to: target,
                base: base,
                names: &names,
                progress: progress
            ) { maps, statistics in
                RecoveryPointDraft(
                    copyOf: point,
                    in: source.id,
                    maps: maps,
                    copied: clock.now(),
                    expires: options.expires(point),
                    coldAfterDays: options.coldAfterDays,
                    labels: options.labels,
                    statistics: statistics.named
                )
            }
            switch outcome {
            case .published(let copy): return .copied(copy, statistics, base: base?.source.id)
            case .found(let there): return .there(there)
            }
        } catch {
            guard base != nil, error.code == .stale || error.code == .notFound else { throw error }
            return nil
        }
    }
}

/// What copying a point would read, at most.
package struct CopyEstimate: Sendable, Hashable {
    /// The point that it would be changes to; `nil` when everything is walked.
    package let base: RecoveryPointID?
    /// Entries of maps that would be put or deleted.
    package private(set) var entries: UInt64 = 0
    /// Plain bytes of chunks that would be read; those that the other vault has are not stored again.
    package private(set) var bytes: UInt64 = 0

    init(
        of point: RecoveryPoint,
        since base: RecoveryPoint?,
        in vault: Vault
    ) throws(BackupError) {
        self.base = base?.id
        // A chunk counts once, as far as these are remembered.
        var seen = ChunkNames()
        for (name, map) in point.maps {
            var differences = vault.difference(from: base?.maps[name], to: map)
            do throws(VaultError) {
                while let difference = try differences.next() {
                    entries += 1
                    let old = Set(difference.old?.chunks ?? [])
                    for chunk in difference.new?.chunks ?? []
                    where !old.contains(chunk) && seen.name(of: chunk) == nil {
                        seen.learn(chunk, is: chunk)
                        bytes += UInt64(chunk.length)
                    }
                }
            } catch {
                throw CopyDamage.nodes(of: name, point, in: vault, error)
            }
        }
    }
}
