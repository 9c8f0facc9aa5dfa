import BackupVault
import LocalAPI
import ObjectStorage
import VarveModel

/// What is told of vaults and where they lie.
extension Vaults {
    /// A vault as it is; a store that does not answer is waited for only a little.
    nonisolated func describe(
        _ vault: Vault,
        named name: String,
        now: Timestamp
    ) async throws -> VaultDescription {
        let places = places
        return try await BlockingCalls.run {
            try vault.reach()
            var described = try VaultDescription(of: vault, now: now)
            described.bucket = try places.bucket(of: name)?.location
            if described.bucket != nil { described.objectLock = vault.isKeptByStore() }
            return described
        }
    }

    /// The vaults that lie in buckets, by what this machine's files say: no store is asked.
    nonisolated func namesInBuckets() async throws -> Set<String> {
        let places = places
        let names = try await BlockingCalls.run { try places.names() }
        var found: Set<String> = []
        for name in names {
            if await place(of: name) != nil { found.insert(name) }
        }
        return found
    }

    /// The bucket of a vault, whether or not that opens; `nil` for a directory.
    nonisolated func place(of name: String) async -> BucketPlace? {
        let places = places
        // Harmless: this only adds where a vault lies to what is told of it. A file that does not read keeps the vault from
        // opening, and that error, which names the file, is told beside.
        return try? await BlockingCalls.run { try places.bucket(of: name) }
    }
}

extension VaultDescription {
    /// Says where one lies that does not open.
    mutating func add(_ place: BucketPlace?) {
        guard let place else { return }
        self.place = place.address.text
        bucket = place.location
    }
}
