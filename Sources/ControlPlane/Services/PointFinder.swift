import BackupVault
import LocalAPI
import VarveModel

/// Finds recovery points in the vaults; one that does not open is no reason not to look into the others.
struct PointFinder: Sendable {
    let vaults: Vaults

    /// The id that a request names.
    static func id(_ text: String) throws(APIError) -> RecoveryPointID {
        guard let id = RecoveryPointID(text) else {
            throw APIError(
                .usage,
                "'\(text)' is no recovery point's id",
                remedy: "'varve backup list' shows those there are."
            )
        }
        return id
    }

    /// A point and its vault.
    func find(_ reference: RecoveryPointReference) async throws -> (Vault, RecoveryPoint) {
        try await find(try PointFinder.id(reference.id), in: reference.vault)
    }

    /// A point and its vault.
    func find(_ id: RecoveryPointID, in name: String?) async throws -> (Vault, RecoveryPoint) {
        var closed: [APIError] = []
        for entry in try await entries(name) {
            guard case .success(let vault) = entry.vault else {
                if case .failure(let reason) = entry.vault { closed.append(reason) }
                continue
            }
            do {
                return (vault, try await BlockingCalls.run { try vault.recoveryPoint(id) })
            } catch let error as VaultError where error.code == .notFound {
                continue
            } catch {
                throw Vaults.named(error, "vault '\(entry.name)'")
            }
        }
        throw PointFinder.missing(id, in: name, closed: closed)
    }

    /// The vault that has a point, whether its manifest reads or not.
    func vault(of id: RecoveryPointID, in name: String?) async throws -> Vault {
        var closed: [APIError] = []
        for entry in try await entries(name) {
            guard case .success(let vault) = entry.vault else {
                if case .failure(let reason) = entry.vault { closed.append(reason) }
                continue
            }
            let listing = try await BlockingCalls.run { try vault.listing() }
            let ids = listing.points.map(\.id) + listing.damaged.map(\.id)
            // A point whose manifest is gone may still be held.
            let held = try await BlockingCalls.run { try vault.heldPoints() }
            if ids.contains(id) || held.contains(id) { return vault }
        }
        throw PointFinder.missing(id, in: name, closed: closed)
    }

    /// What a look for the nearest point found.
    struct Nearest: Sendable {
        /// `nil` when there is none.
        fileprivate(set) var best: (vault: Vault, point: RecoveryPoint)?
        /// Why vaults and manifests did not read: a nearer point may be among them.
        fileprivate(set) var unread: [APIError] = []

        fileprivate mutating func offer(_ point: RecoveryPoint, in vault: Vault) {
            if let best, best.point.instantTime >= point.instantTime { return }
            best = (vault, point)
        }
    }

    /// The newest point of a source that shows it at or before a time.
    ///
    /// A whole second means its end, as in a file system's history; of one that is cut in the middle nothing is taken, for
    /// points know the second of their instant and no more.
    ///
    /// - Parameters:
    ///   - source: The id of a file system, or the Name that it had.
    ///   - time: What the point may show at the latest.
    ///   - name: The vault; `nil` asks all.
    /// - Returns: The point and its vault, and what could not be looked at.
    /// - Throws: When the vaults cannot be listed, or there is none of that name.
    func nearest(
        of source: String,
        atOrBefore time: Timestamp,
        in name: String?
    ) async throws -> Nearest {
        var nearest = Nearest()
        let time = time.lastSecondEnded
        for entry in try await entries(name) {
            do throws(APIError) {
                let vault = try entry.vault.get()
                let listing = try await PointFinder.listing(of: vault, entry.name)
                for point in listing.points
                where point.source == source || point.labels["name"] == source {
                    if point.instantTime <= time { nearest.offer(point, in: vault) }
                }
                nearest.unread += listing.damaged.map {
                    Vaults.named($0.error, "vault '\(entry.name)'")
                }
            } catch {
                nearest.unread.append(error)
            }
        }
        return nearest
    }

    private static func listing(
        of vault: Vault,
        _ name: String
    ) async throws(APIError) -> RecoveryPointListing {
        do {
            return try await BlockingCalls.run { try vault.listing() }
        } catch {
            throw Vaults.named(error, "vault '\(name)'")
        }
    }

    /// The vault of a name, or all that were ever made whole.
    func entries(_ name: String?) async throws -> [Vaults.Entry] {
        guard let name else { return try await vaults.all().filter { !$0.isUnfinished } }
        return [Vaults.Entry(name: name, vault: .success(try await vaults.find(name)))]
    }

    private static func missing(
        _ id: RecoveryPointID,
        in name: String?,
        closed: [APIError]
    ) -> APIError {
        guard let first = closed.first else {
            return APIError(
                .notFound,
                "there is no recovery point \(id)\(name.map { " in vault '\($0)'" } ?? "")",
                remedy: "'varve backup list' shows those there are."
            )
        }
        let reasons = closed.map(\.message).joined(separator: "; ")
        return APIError(
            first.code,
            "no vault that opens holds recovery point \(id); \(reasons)",
            remedy: first.remedy
        )
    }
}
