import Keyring
import Synchronization
import VarveModel

/// The keys of one database: one for each start salt, all derived from its data key.
///
/// Every opening draws a start salt, so that the counter may begin at 0 again: no pair of salt and
/// counter comes twice, whatever a crash has forgotten.
final class PageKeys: Sendable {
    let id: UniqueID
    /// The salt of what this opening seals.
    let startSalt: UInt64
    private let dataKey: DataKey
    private let counter = Atomic<UInt64>(0)

    init(dataKey: DataKey, id: UniqueID) {
        self.dataKey = dataKey
        self.id = id
        var reader = ByteReader(SecureRandom.bytes(8))
        // A zero salt marks space that was never written.
        startSalt = max(1, reader.read(UInt64.self) ?? 1)
    }

    func key(salt: UInt64) -> DataKey {
        var writer = ByteWriter()
        writer.append(salt)
        return dataKey.derive(
            salt: writer.bytes,
            info: Array("varve sqlite page 1".utf8) + id.bytes
        )
    }

    /// Proves the data key; `header` must be different for every `salt`.
    static func check(_ dataKey: DataKey, salt: [UInt8], header: [UInt8]) -> [UInt8] {
        let key = dataKey.derive(salt: salt, info: Array("varve sqlite check 1".utf8))
        return Array(Digest.hmac(header, key: key).prefix(16))
    }

    /// A number that no seal of this opening has used.
    func takeNumber() -> UInt64 {
        counter.add(1, ordering: .relaxed).oldValue
    }
}
