import BackupVault
import LocalAPI
import VarveModel

/// Holds of recovery points, which keep them from expiry and deletion.
struct HoldRoutes: Sendable {
    let finder: PointFinder
    let clock: any VarveClock

    func add(to table: RouteTable) {
        table.on(Route.addHold) { try await add($0, $1) }
        table.on(Route.removeHold) { try await remove($0, $1) }
        table.on(Route.listHolds) { try await list($0, $1) }
    }

    private func add(_ request: HoldRequest, _ peer: Peer) async throws -> HeldPoint {
        try peer.requireAdministrator("holding a recovery point")
        let id = try PointFinder.id(request.point.id)
        let vault = try await finder.vault(of: id, in: request.point.vault)
        let hold = PointHold(
            name: request.name,
            reason: request.reason,
            placedBy: "uid \(peer.uid)",
            placed: clock.now()
        )
        return try await BlockingCalls.run {
            try vault.addHold(hold, to: id)
            return try HeldPoint(id, in: vault)
        }
    }

    private func remove(_ request: HoldRequest, _ peer: Peer) async throws -> HeldPoint {
        try peer.requireAdministrator("taking a hold away")
        let id = try PointFinder.id(request.point.id)
        let vault = try await finder.vault(of: id, in: request.point.vault)
        let name = request.name
        return try await BlockingCalls.run {
            try vault.removeHold(named: name, from: id)
            return try HeldPoint(id, in: vault)
        }
    }

    private func list(_ request: ListHolds, _ peer: Peer) async throws -> HoldList {
        try peer.requireAdministrator("listing holds")
        if let text = request.point {
            let id = try PointFinder.id(text)
            let vault = try await finder.vault(of: id, in: request.vault)
            let point = try await BlockingCalls.run { try HeldPoint(id, in: vault) }
            return HoldList(points: point.holds.isEmpty ? [] : [point], unreadable: [])
        }
        var answer = HoldList(points: [], unreadable: [])
        for entry in try await finder.entries(request.vault) {
            do {
                let vault = try entry.vault.get()
                for id in try await BlockingCalls.run({ try vault.heldPoints() }) {
                    do {
                        answer.points.append(
                            try await BlockingCalls.run { try HeldPoint(id, in: vault) }
                        )
                    } catch {
                        answer.unreadable.append(LeftOut("\(entry.name)/\(id)", APIError(error)))
                    }
                }
            } catch {
                answer.unreadable.append(LeftOut(entry.name, APIError(error)))
            }
        }
        return answer
    }
}

extension HeldPoint {
    init(_ id: RecoveryPointID, in vault: Vault) throws(VaultError) {
        self.init(
            id: id.description,
            vault: vault.name,
            holds: try vault.holds(of: id).map { HoldDescription($0) }
        )
    }
}

extension HoldDescription {
    init(_ hold: PointHold) {
        self.init(
            name: hold.name,
            reason: hold.reason,
            placedBy: hold.placedBy,
            placed: TimeText(hold.placed)
        )
    }
}
