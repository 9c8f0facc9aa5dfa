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
    /// Incompatible bit 1: what changes stands under names of its changes, which an older Varve does not look for.
    static let changesFeature: UInt32 = 2

    private static let incompatibleKnown = parityFeature | changesFeature

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
    /// Which root keys wrap the vault's own; absent in vaults that were made before keys had names.
    private(set) var rootKeys: [Wrapping]?
    /// As ``seal``, of these: whoever does not know them checks the other.
    private var rootKeysSeal: String?

    struct Features: Codable, Hashable {
        let compatible: UInt32
        var readOnlyCompatible: UInt32
        let incompatible: UInt32
    }

    /// A file `key` that was written, or is about to be, and the root key that opens it.
    struct Wrapping: Codable, Hashable {
        /// The root key's name.
        let rootKey: String
        /// SHA-256 of the file, in hex.
        let digest: String

        init(rootKey: RootKeyID, file: [UInt8]) {
            self.rootKey = rootKey.description
            digest = Hex.encode(Digest.sha256(file))
        }
    }

    /// The part that even a newer format keeps.
    private struct Beginning: Codable {
        let magic: String
        let format: UInt32
        let features: Features
    }

    init(
        id: UniqueID,
        name: String,
        created: Timestamp,
        chunks: ChunkSizes,
        wrapping: Wrapping,
        namesChanges: Bool = false
    ) {
        magic = VaultDescription.magicText
        format = VaultDescription.formatKnown
        features = Features(
            compatible: 0,
            readOnlyCompatible: VaultFeature.vouchers,
            incompatible: namesChanges ? VaultDescription.changesFeature : 0
        )
        uuid = Hex.encode(id.bytes)
        self.name = name
        self.created = created
        self.chunks = chunks
        seal = ""
        rootKeys = [wrapping]
    }

    var id: UniqueID? { Hex.decode(uuid).flatMap(UniqueID.init) }

    /// Whether the vault may have parity.
    var keepsParity: Bool { features.incompatible & VaultDescription.parityFeature != 0 }

    /// Whether each change has a name of its own.
    var namesChanges: Bool { features.incompatible & VaultDescription.changesFeature != 0 }

    /// The same vault, with parity or without.
    func keepingParity(_ keepsParity: Bool) -> VaultDescription {
        setting(VaultDescription.parityFeature, keepsParity)
    }

    /// The same vault, each change of which has a name of its own.
    func namingChanges() -> VaultDescription { setting(VaultDescription.changesFeature, true) }

    private func setting(_ incompatible: UInt32, _ isSet: Bool) -> VaultDescription {
        var changed = self
        changed.features = Features(
            compatible: features.compatible,
            readOnlyCompatible: features.readOnlyCompatible,
            incompatible: isSet
                ? features.incompatible | incompatible : features.incompatible & ~incompatible
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

    /// What the seal of the root keys covers; another first word than ``sealedBytes`` keeps the two apart.
    private func sealedBytes(of wrappings: [Wrapping]) -> [UInt8] {
        var bytes = ByteWriter()
        bytes.append(counted: Array("varve vault root keys".utf8))
        bytes.append(counted: Array(uuid.utf8))
        for wrapping in wrappings {
            bytes.append(counted: Array(wrapping.rootKey.utf8))
            bytes.append(counted: Array(wrapping.digest.utf8))
        }
        return bytes.bytes
    }

    /// Whether this lacks a feature of another one that is never lost.
    func lacks(_ other: VaultDescription) -> Bool {
        other.namesChanges && !namesChanges
            || other.features.readOnlyCompatible & ~features.readOnlyCompatible != 0
    }

    /// The same, with a read-only-compatible feature more.
    func adding(feature bit: UInt32) -> VaultDescription {
        var changed = self
        changed.features.readOnlyCompatible |= bit
        return changed
    }

    /// The same, of a vault whose key is, or is about to be, wrapped so.
    func wrapped(_ wrappings: [Wrapping]) -> VaultDescription {
        var changed = self
        changed.rootKeys = wrappings
        return changed
    }

    /// Who wraps a file `key`, where this says so.
    func wrapping(of file: [UInt8]) -> Wrapping? {
        let digest = Hex.encode(Digest.sha256(file))
        return rootKeys?.first { $0.digest == digest }
    }

    /// The same with its seals.
    func sealed(keys: VaultKeys) -> VaultDescription {
        var sealed = self
        sealed.seal = Hex.encode(keys.descriptionTag(sealedBytes))
        sealed.rootKeysSeal = rootKeys.map { Hex.encode(keys.descriptionTag(sealedBytes(of: $0))) }
        return sealed
    }

    /// The file's bytes, sealed.
    func encoded(keys: VaultKeys) throws(VaultError) -> [UInt8] {
        let sealed = sealed(keys: keys)
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
            beginning.features.incompatible & ~VaultDescription.incompatibleKnown == 0
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
        let own = sealed(keys: keys)
        guard seal == own.seal, rootKeysSeal == own.rootKeysSeal else {
            throw VaultError.damaged(VaultDescription.fileName, "was changed after it was written")
        }
    }
}
