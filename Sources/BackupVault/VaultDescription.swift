import FoundationEssentials
import Keyring
import VarveModel

/// What `vault.json` says: plain, authenticated, without secrets.
struct VaultDescription: Codable, Hashable {
    static let fileName = "vault.json"
    static let keyFileName = "key"
    static let secretFileName = "secret"
    static let magicText = "varve vault"
    static let formatKnown: UInt32 = 1
    /// Incompatible bit 0: who removes or changes what has parity removes that first, so that no older Varve may write.
    static let parityFeature: UInt32 = 1

    let magic: String
    let format: UInt32
    private(set) var features: Features
    /// 32 hex digits.
    let uuid: String
    let name: String
    let created: Timestamp
    let chunks: ChunkSizes
    /// HMAC-SHA-256 of all of the above under a key of the vault's, in hex.
    var seal: String

    struct Features: Codable, Hashable {
        let compatible: UInt32
        let readOnlyCompatible: UInt32
        let incompatible: UInt32
    }

    /// The part that even a newer format keeps.
    private struct Beginning: Codable {
        let magic: String
        let format: UInt32
        let features: Features
    }

    init(id: UniqueID, name: String, created: Timestamp, chunks: ChunkSizes) {
        magic = VaultDescription.magicText
        format = VaultDescription.formatKnown
        features = Features(compatible: 0, readOnlyCompatible: 0, incompatible: 0)
        uuid = Hex.encode(id.bytes)
        self.name = name
        self.created = created
        self.chunks = chunks
        seal = ""
    }

    var id: UniqueID? { Hex.decode(uuid).flatMap(UniqueID.init) }

    /// Whether the vault may have parity.
    var keepsParity: Bool { features.incompatible & VaultDescription.parityFeature != 0 }

    /// The same vault, with parity or without.
    func keepingParity(_ keepsParity: Bool) -> VaultDescription {
        var changed = self
        changed.features = Features(
            compatible: features.compatible,
            readOnlyCompatible: features.readOnlyCompatible,
            incompatible: keepsParity ? VaultDescription.parityFeature : 0
        )
        return changed
    }

    /// What the seal covers: every field, in order.
    private var sealedBytes: [UInt8] {
        var bytes = ByteWriter()
        bytes.append(counted: Array(magic.utf8))
        bytes.append(format)
        bytes.append(features.compatible)
        bytes.append(features.readOnlyCompatible)
        bytes.append(features.incompatible)
        bytes.append(counted: Array(uuid.utf8))
        bytes.append(counted: Array(name.utf8))
        bytes.append(created.seconds)
        bytes.append(created.nanoseconds)
        for size in [chunks.minimum, chunks.average, chunks.maximum] { bytes.append(Int64(size)) }
        return bytes.bytes
    }

    /// The file's bytes, sealed.
    func encoded(keys: VaultKeys) throws(VaultError) -> [UInt8] {
        var sealed = self
        sealed.seal = Hex.encode(keys.descriptionTag(sealedBytes))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        do {
            return Array(try encoder.encode(sealed)) + [UInt8(ascii: "\n")]
        } catch {
            throw VaultError(.invalid, "the vault's description does not encode: \(error)")
        }
    }

    /// Reads the file; refuses a newer format before anything else.
    init(_ bytes: [UInt8]) throws(VaultError) {
        let name = VaultDescription.fileName
        let data = Data(bytes)
        let beginning: Beginning
        let whole: VaultDescription
        do {
            beginning = try JSONDecoder().decode(Beginning.self, from: data)
        } catch {
            throw VaultError.damaged(name, "is no description of a vault")
        }
        guard beginning.magic == VaultDescription.magicText else {
            throw VaultError.damaged(name, "is no description of a vault")
        }
        guard beginning.format <= VaultDescription.formatKnown,
            beginning.features.incompatible & ~VaultDescription.parityFeature == 0
        else {
            throw VaultError(
                .newerFormat,
                "the vault has format \(beginning.format), "
                    + "features \(beginning.features.incompatible); this Varve reads format 1",
                remedy: "Use the Varve that wrote it, or a newer one. It was not touched."
            )
        }
        do {
            whole = try JSONDecoder().decode(VaultDescription.self, from: data)
        } catch {
            throw VaultError.damaged(name, "is no whole description of a vault")
        }
        guard whole.id != nil, whole.chunks.isValid, whole.created.nanoseconds < 1_000_000_000
        else { throw VaultError.damaged(name, "holds values that cannot be") }
        self = whole
    }

    /// Refuses a description that was changed after it was sealed.
    func checkSeal(keys: VaultKeys) throws(VaultError) {
        guard seal == Hex.encode(keys.descriptionTag(sealedBytes)) else {
            throw VaultError.damaged(VaultDescription.fileName, "was changed after it was written")
        }
    }
}
