import FileSystemEngine
import MetadataStore
import Policies
import VarveModel

/// What came of a look at one file.
enum LifecycleLook: Sendable {
    case moves(LifecycleMove)
    case stays(AccessLook)
    /// It is due by another policy, or by this one in another kind of run, or has changed since the run began: it stays
    /// due.
    case waits
    /// The same of one that nobody brings back: who looks for used files passes it by.
    case waitsForRun(AccessDay)
    case isGone(InodeNumber)
    /// The journal thinks it is in another tier than it is.
    case isElsewhere(InodeNumber, Tier)
}

extension LifecycleService {
    /// Looks at the files of some rows; with `onlyBack` only moves to Standard are meant.
    func look(
        at rows: [AccessDay],
        _ session: inout LifecycleSession,
        onlyBack: Bool
    ) async throws(LifecycleError) -> [LifecycleLook] {
        let places: [TierPlace?]
        do throws(FileSystemError) {
            places = try await session.fileSystem.tierPlaces(of: rows.map(\.inode))
        } catch {
            throw LifecycleError(error)
        }
        var looks: [LifecycleLook] = []
        for (row, place) in zip(rows, places) {
            // Of pins that came since, this run knows nothing.
            guard row.generation <= session.generation else {
                looks.append(.waits)
                continue
            }
            guard let place, place.attributes.kind == .regular, place.attributes.links > 0 else {
                looks.append(.isGone(row.inode))
                continue
            }
            guard place.tier == row.tier else {
                looks.append(.isElsewhere(row.inode, place.tier))
                continue
            }
            looks.append(try await look(at: row, place, &session, onlyBack))
        }
        return looks
    }

    private func look(
        at row: AccessDay,
        _ place: TierPlace,
        _ session: inout LifecycleSession,
        _ onlyBack: Bool
    ) async throws(LifecycleError) -> LifecycleLook {
        guard let path = try await path(of: row, session, isNeeded: session.asksForPaths) else {
            return .isGone(row.inode)
        }
        let file = try await seen(row, place, path, &session)
        let now = clock.now()
        let judgement = LifecycleJudgement(file, session.policies, of: session.policy, now: now)
        let verdict = judgement.own
        let waits: LifecycleLook = judgement.isWantedBack ? .waits : .waitsForRun(row)
        if let target = judgement.target(verdict) {
            let bytes = target == place.tier ? file.elsewhere : place.attributes.allocated
            guard !onlyBack || target == .standard, session.take(bytes, to: target) else {
                return waits
            }
            guard let path = try await self.path(of: row, session, isNeeded: true) else {
                return .isGone(row.inode)
            }
            return .moves(
                LifecycleMove(
                    row: row,
                    path: path,
                    to: target,
                    bytes: bytes,
                    reason: verdict.description,
                    keepsUses: verdict.keepsUses && target != .standard,
                    access: verdict.access
                )
            )
        }
        guard !judgement.isWantedByOthers else { return waits }
        return .stays(
            AccessLook(
                row: row,
                again: judgement.again,
                keepsUses: judgement.keepsUses,
                dropsLastUse: judgement.dropsLastUse,
                access: judgement.access
            )
        )
    }

    /// One of its names; empty where nobody asks, and `nil` when it has none any more.
    private func path(
        of row: AccessDay,
        _ session: LifecycleSession,
        isNeeded: Bool
    ) async throws(LifecycleError) -> [FileName]? {
        guard isNeeded else { return [] }
        return try await path(of: row.inode, session.fileSystem)
    }

    /// A file as policies see it.
    func seen(
        _ row: AccessDay,
        _ place: TierPlace,
        _ path: [FileName],
        _ session: inout LifecycleSession
    ) async throws(LifecycleError) -> LifecycleFile {
        let attributes = place.attributes
        let data = try await dataPlace(of: row.inode, place, session.fileSystem)
        var file = LifecycleFile(
            path: path.map(\.bytes),
            size: attributes.size,
            tier: place.tier,
            accessDay: row.day,
            lastWrite: lastWrite(attributes, data)
        )
        file.owner = attributes.uid
        file.group = attributes.gid
        file.created = attributes.created
        file.isPinned = session.pins.contains(row.inode, path)
        // An instant to come, from a clock that ran ahead, says nothing.
        let now = clock.now()
        file.movedAt = place.since.flatMap { $0 <= now ? $0 : nil }
        file.elsewhere = data.elsewhere
        file.writtenElsewhere = data.elsewhere > 0 ? data.written : nil
        file.held = data.held
        if place.tier != .standard { file.uses = row.uses }
        if place.tier != .standard, let used = row.used {
            file.usedDay = used
            if session.policies.contains(where: { $0.limits.wholeTreeFiles != nil }) {
                file.coldFilesUsed = try await coldFilesUsed(on: used, &session)
            }
        }
        if place.tier == .standard, let seconds = session.policies.compactMap(\.returnsAsked).max()
        {
            let (id, after) = (session.fileSystem.id.text, now.adding(seconds: -seconds))
            let returns = try await using { () async throws(MetadataError) in
                try await journal.returns(id, of: row.inode, after: after)
            }
            file.returns = returns.filter { $0 <= now }
            file.movedAt = file.returns.last
        }
        return file
    }

    private func coldFilesUsed(
        on day: Int64,
        _ session: inout LifecycleSession
    ) async throws(LifecycleError) -> Int {
        if let known = session.coldFilesUsed[day] { return known }
        let id = session.fileSystem.id.text
        let count = try await using { () async throws(MetadataError) in
            try await journal.coldFilesUsed(id, on: day)
        }
        session.coldFilesUsed[day] = count
        return count
    }

    /// When the file was last written, or cut.
    ///
    /// mtime may be set to the future, which is no write, and to the past, which hides one; ctime moves with names and
    /// owners. The file's slices tell of all but a size that grew.
    private func lastWrite(_ attributes: Attributes, _ data: DataPlace) -> Timestamp {
        let told = min(attributes.modified, attributes.changed)
        return max(told, data.lastWrite ?? told)
    }

    private func dataPlace(
        of inode: InodeNumber,
        _ place: TierPlace,
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) -> DataPlace {
        do throws(FileSystemError) {
            return try await fileSystem.dataPlace(of: inode, in: place.tier)
        } catch {
            throw LifecycleError(error)
        }
    }
}

extension LifecyclePolicy {
    /// How far back it asks when a file came back to Standard, in seconds; `nil` when it does not.
    fileprivate var returnsAsked: Int64? {
        let seconds = max(limits.minimumResidency, limits.thrashGuard?.within ?? 0)
        return seconds > 0 ? seconds : nil
    }
}
