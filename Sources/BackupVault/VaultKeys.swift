import Keyring
import VarveModel

/// What a vault derives from its two secrets.
///
/// The vault key (wrapped by the root key, in `key`) seals packs and objects. The vault secret
/// (sealed under the vault key, in `secret`) is never rotated: chunk ids, the chunker's gear table
/// and the boundaries of map nodes come from it, so equal content keeps its name for ever and a
/// store cannot tell what content a name stands for.
struct VaultKeys: Sendable {
    let vault: UniqueID
    let chunkIDs: DataKey
    let gear: [UInt64]
    let boundaries: MapBoundaries
    /// Opens the cold archives that the vault's own key may open.
    let coldIdentity: AgeIdentity
    private let data: DataKey

    init(data: DataKey, secret: DataKey, vault: UniqueID) {
        self.data = data
        self.vault = vault
        chunkIDs = secret.derive(salt: vault.bytes, info: Array("varve chunk id 1".utf8))
        let gearKey = secret.derive(salt: vault.bytes, info: Array("varve gear 1".utf8))
        gear = (0..<64).flatMap { VaultKeys.words(Digest.hmac([$0], key: gearKey)) }
        let mapKey = secret.derive(salt: vault.bytes, info: Array("varve map 1".utf8))
        boundaries = MapBoundaries(words: VaultKeys.words(Digest.hmac([], key: mapKey)))
        coldIdentity = AgeIdentity(
            derived: secret.derive(
                salt: vault.bytes,
                info: Array("varve cold identity 1".utf8)
            )
        )
    }

    /// A pack's or an object's own key: everything that its plain header says is bound in.
    func sealer(salt: [UInt8], header: [UInt8]) -> Sealer {
        Sealer(data.derive(salt: salt, info: Array("varve vault seal 1".utf8) + header))
    }

    /// Authenticates `vault.json`.
    func descriptionTag(_ bytes: [UInt8]) -> [UInt8] {
        let key = data.derive(salt: vault.bytes, info: Array("varve vault description 1".utf8))
        return Digest.hmac(bytes, key: key)
    }

    /// Authenticates a change of a file that changes.
    func changeTag(_ bytes: [UInt8]) -> [UInt8] {
        let key = data.derive(salt: vault.bytes, info: Array("varve vault change 1".utf8))
        return Digest.hmac(bytes, key: key)
    }

    /// The vault key, wrapped anew: the bytes of a file `key`.
    func wrapped(by root: RootKey) -> [UInt8] { data.wrapped(by: root, for: vault) }

    func chunkID(of plain: UnsafeRawBufferPointer) -> ChunkID {
        ChunkID(digest: Digest.hmac(plain, key: chunkIDs))
    }

    /// 32 bytes as four little-endian words.
    private static func words(_ bytes: [UInt8]) -> [UInt64] {
        var reader = ByteReader(bytes)
        return (0..<4).map { _ in reader.read(UInt64.self) ?? 0 }
    }
}

extension VaultKeys {
    /// 32 random bytes: a pack's key never rests on a counter that a crash may rewind.
    static func randomSalt() -> [UInt8] { SecureRandom.bytes(32) }
}
