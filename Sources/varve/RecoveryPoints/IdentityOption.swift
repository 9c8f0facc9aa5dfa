import ArgumentParser
import Keyring
import LocalAPI
import VarveModel

/// What opens a recovery point in cold storage whose archive the vault's own key does not open.
///
/// Identities stay here: the daemon is given the key of the one archive, which is all that it must read.
struct IdentityOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Of a point in cold storage that only its recipients can open: a file with age identities; may be repeated.",
            valueName: "file"
        )
    )
    var identity: [String] = []

    /// The file key of a point's archive, in hex; `nil` where no identity is given.
    func fileKey(of point: String, in vault: String?, by client: Client) async throws -> String? {
        guard !identity.isEmpty else { return nil }
        let identities = try IdentityFiles.read(identity)
        let found = try await client.call(
            Route.describePoint,
            RecoveryPointReference(id: point, vault: vault)
        )
        // A warm point needs no identity.
        guard let archive = found.archive else { return nil }
        guard let header = archive.header else {
            throw APIError(
                .corrupt,
                "the archive of \(point) cannot be read: \(archive.reason ?? "it has no header")"
            )
        }
        do throws(KeyringError) {
            let key = try AgeHeader(Array(header.utf8)).fileKey(identities)
            return Hex.encode(key.rawBytes)
        } catch {
            throw APIError(
                error.code == .wrongKey ? .wrongKey : .corrupt,
                "the archive of \(point): \(error.message)",
                remedy: error.remedy
            )
        }
    }
}
