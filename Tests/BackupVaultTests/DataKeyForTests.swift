import Keyring

@testable import BackupVault

/// A fixed chunk-id key.
enum DataKeyForTests {
    private static let key = DataKey(secret: SecretBytes([UInt8](repeating: 9, count: 32)))

    @Sendable static func chunkIDs(_ bytes: [UInt8]) -> ChunkID {
        ChunkID(digest: Digest.hmac(bytes, key: key))
    }
}

extension Vault {
    /// Where a chunk's sealed bytes begin, and in which file.
    func placeForTests(of id: ChunkID) throws -> (offset: Int, stored: Int, file: String) {
        let found = try payload(of: id)
        return (Int(found.entry.offset), Int(found.entry.stored), found.name)
    }
}
