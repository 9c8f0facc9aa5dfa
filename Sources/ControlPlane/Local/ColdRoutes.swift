import Backup
import BackupVault
import Keyring
import LocalAPI
import Policies
import VarveModel

/// Cold storage of vaults: who may open archives, where they go, and what opens them.
struct ColdRoutes: Sendable {
    let vaults: Vaults

    func add(to table: RouteTable) {
        table.on(Route.setColdStorage) { try await set($0, $1) }
        table.on(Route.coldIdentity) { try await identity($0, $1) }
    }

    private func set(
        _ request: SetColdStorage,
        _ peer: Peer
    ) async throws -> ColdStorageDescription {
        let vault = try await vaults.find(request.vault)
        guard !request.isQuestion else {
            return try await BlockingCalls.run {
                try ColdStorageDescription(of: vault, try vault.coldSettings())
            }
        }
        try peer.requireAdministrator("changing a vault's cold storage")
        let asked = Vault.ColdRequest(
            usesVaultKey: request.usesVaultKey,
            recipients: try request.recipients?.enumerated().map(ColdRoutes.recipient),
            directory: request.directory
        )
        return try await BlockingCalls.run {
            try ColdStorageDescription(of: vault, try vault.setCold(asked))
        }
    }

    /// Says which of them is none, and not what stands there: it may be a secret.
    private static func recipient(_ number: Int, _ text: String) throws(APIError) -> AgeRecipient {
        do throws(KeyringError) {
            return try AgeRecipient(text)
        } catch {
            throw APIError(
                .usage,
                "recipient \(number + 1): \(error.message)",
                remedy: error.remedy
            )
        }
    }

    private func identity(_ request: VaultName, _ peer: Peer) async throws -> ColdIdentityText {
        try peer.requireAdministrator("printing the identity of a vault's cold archives")
        let identity = try await vaults.find(request.vault).coldIdentity
        return ColdIdentityText(
            vault: request.vault,
            recipient: identity.recipient.description,
            identity: identity.text
        )
    }

    // MARK: For others

    /// A file key that a request bears; the identity that it came by stays with its owner.
    static func fileKey(_ text: String?) throws(APIError) -> AgeFileKey? {
        guard let text else { return nil }
        guard let key = Hex.decode(text).flatMap({ AgeFileKey($0) }) else {
            throw APIError(.usage, "the request's file key is none")
        }
        return key
    }

    /// A recovery point as a tree, warm or cold.
    static func place(
        of point: RecoveryPoint,
        in vault: Vault,
        _ path: [FileName],
        fileKey text: String?
    ) async throws -> TreePlace {
        guard point.isCold else { return .recoveryPoint(vault, point, path: path) }
        let key = try fileKey(text)
        let tree = try await BlockingCalls.run { try ColdTree.open(point, of: vault, key: key) }
        return .coldPoint(tree, path: path)
    }

    /// After how many days a backup is due for cold storage, by AWS Backup's rule.
    static func days(of request: RunBackup) throws(APIError) -> Int? {
        guard let days = request.moveToColdStorageAfterDays else { return nil }
        guard (1...36_500).contains(days) else {
            throw APIError(
                .usage,
                "nothing can move to cold storage after \(days) days",
                remedy: "Give 1 to 36500 days."
            )
        }
        let least = days + Int64(RetentionRule.coldDaysMin)
        if let end = request.deleteAfterDays, end < least {
            throw APIError(
                .usage,
                "what moves to cold storage after \(days) days stays there for \(RetentionRule.coldDaysMin) at least, and this is to be deleted after \(end)",
                remedy: "Keep it for \(least) days or more, or warm."
            )
        }
        return Int(days)
    }
}

extension ColdStorageDescription {
    fileprivate init(of vault: Vault, _ settings: ColdSettings) throws {
        let statistics = try vault.statistics()
        self.init(
            vault: vault.name,
            usesVaultKey: settings.usesVaultKey,
            vaultRecipient: vault.coldIdentity.recipient.description,
            recipients: settings.recipients.map(\.description),
            directory: settings.directories.first ?? "",
            formerDirectories: Array(settings.directories.dropFirst()),
            recoveryPoints: UInt64(statistics.coldPoints),
            archiveBytes: statistics.coldBytes
        )
    }
}

extension ArchiveDescription {
    /// Of a point in cold storage; an archive that is not to be found hides nothing else.
    init?(of point: RecoveryPoint, in vault: Vault) throws {
        guard let record = point.cold else { return nil }
        let own = vault.coldIdentity.recipient.description
        self.init(
            bytes: record.archiveBytes,
            sha256: Hex.encode(record.digest),
            entries: record.entries,
            moved: TimeText(record.moved),
            recipients: record.recipients,
            opensWithVaultKey: record.recipients.contains(own)
        )
        do {
            let file = try vault.openArchive(of: point)
            path = file.name
            let head = try file.read(0..<min(file.byteCount, UInt64(AgeHeader.bytesMax)))
            header = String(decoding: try AgeHeader(head).bytes, as: UTF8.self)
        } catch {
            reason = APIError(error).description
        }
    }
}
