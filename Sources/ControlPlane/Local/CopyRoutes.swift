import Backup
import BackupVault
import LocalAPI
import MetadataStore
import VarveModel

/// Copies recovery points from vault to vault: for administrators, since a point holds everybody's files.
struct CopyRoutes: Sendable {
    let fileSystems: FileSystems
    let vaults: Vaults
    let clock: any VarveClock

    func add(to table: RouteTable) {
        table.on(Route.copyPoints) { try await copy($0, $1, $2) }
    }

    private func copy(
        _ request: CopyPoints,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> CopyReport {
        try peer.requireAdministrator("copying recovery points")
        let selection = try await selection(of: request)
        let source = try await vaults.find(request.from)
        let target = try await vaults.find(request.to)
        let copies = try PointCopies(from: source, to: target, clock: clock)
        let days = request.deleteAfterDays
        if let days { _ = try KeepSpan.end(from: clock.now(), days: days) }
        let options = PointCopies.Options(
            expires: { point in
                days.map { point.created.adding(seconds: $0 * 86_400) }
            },
            mustOutliveCopying: true,
            progress: { report(Progress($0)) }
        )
        report(Progress(phase: request.isPlan ? "comparing maps" : "copying recovery points"))
        let done =
            request.isPlan
            ? try await BlockingCalls.run { try copies.plan(selection, options) }
            : try await copies.copy(selection, options)
        try requireAny(done, request)
        return CopyReport(
            copies: done.outcomes.map { PointCopy($0, in: source) },
            unreadable: done.unread.map {
                LeftOut("\(source.name)/\($0.id)", APIError($0.error))
            },
            isPlan: request.isPlan
        )
    }

    private func selection(of request: CopyPoints) async throws -> PointSelection {
        let ids = try request.ids.map { try PointFinder.id($0) }
        guard let which = request.which else {
            guard !ids.isEmpty, request.source == nil else {
                throw APIError(
                    .usage,
                    "it is not said which recovery points to copy",
                    remedy: "Name them, or ask for the newest or for all."
                )
            }
            return .ids(ids)
        }
        guard ids.isEmpty else {
            throw APIError(
                .usage,
                "recovery points are named, and asked for by '\(which.rawValue)' too",
                remedy: "Do one of the two."
            )
        }
        let name = request.source
        var source = name
        if let name, let known = try? await fileSystems.entry(name) {
            source = known.record.id.text  // One that is gone is looked for as it was written.
        }
        let id = source
        // Of what is in cold storage only an archive is left.
        let isWanted: @Sendable (RecoveryPoint) -> Bool = { point in
            guard !point.isCold else { return false }
            return id == nil || point.source == id || point.labels["name"] == name
        }
        return which == .newest ? .newest(isWanted) : .all(isWanted)
    }

    /// A source of which there is nothing is a slip of the hand, and no success.
    private func requireAny(
        _ report: PointCopies.Report,
        _ request: CopyPoints
    ) throws(APIError) {
        guard report.outcomes.isEmpty, report.unread.isEmpty else { return }
        let whose = request.source.map { " of '\($0)'" } ?? ""
        throw APIError(
            .notFound,
            "vault '\(request.from)' has no recovery point\(whose)",
            remedy: "'varve recovery-point list --vault \(request.from)' shows those there are."
        )
    }
}

extension Progress {
    init(_ progress: PointCopies.Progress) {
        self.init(
            phase: "copying \(progress.point) (\(progress.number) of \(progress.total)), entries",
            done: progress.copied.entries,
            total: progress.copied.entriesTotal,
            bytes: progress.copied.bytesRead,
            bytesTotal: progress.copied.bytesTotal
        )
    }
}

extension PointCopy {
    init(_ outcome: PointCopies.Outcome, in vault: Vault) {
        let point = RecoveryPointDescription(outcome.point, vault: vault.name)
        switch outcome.what {
        case .copied(let copy, let cost, let base):
            self.init(
                point: point,
                outcome: .copied,
                copy: copy.id.description,
                base: base?.description,
                entries: cost.entries,
                readBytes: cost.bytesRead,
                storedBytes: cost.bytesStored
            )
        case .there(let copy):
            self.init(point: point, outcome: .there, copy: copy.description)
        case .planned(let estimate):
            self.init(
                point: point,
                outcome: .planned,
                base: estimate.base?.description,
                entries: estimate.entries,
                readBytes: estimate.bytes
            )
        case .refused(let error):
            self.init(point: point, outcome: .refused, error: APIError(error))
        }
    }
}
