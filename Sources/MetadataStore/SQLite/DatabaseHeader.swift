import Keyring
import VarveModel

/// The first 112 bytes of the base: what it is, read before anything is decrypted.
struct DatabaseHeader: Equatable {
    static let magic = Array("VRVSQLT\0".utf8)
    static let format: UInt32 = 1
    /// Features of ours that an older program must not even read past; none yet.
    static let knownIncompatible: UInt32 = 0
    static let knownReadOnlyCompatible: UInt32 = 0
    static let bytes = 112

    let id: UniqueID
    let applicationID: UInt32
    private let salt: [UInt8]
    private let keyCheck: [UInt8]

    init(id: UniqueID, applicationID: UInt32, key: DataKey) {
        self.id = id
        self.applicationID = applicationID
        salt = SecureRandom.bytes(16)
        let fixed = DatabaseHeader.fixed(id, applicationID, salt)
        keyCheck = PageKeys.check(key, salt: salt, header: fixed)
    }

    private static func fixed(_ id: UniqueID, _ applicationID: UInt32, _ salt: [UInt8]) -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.append(bytes: magic)
        writer.append(format)
        writer.append(UInt32(0))
        writer.append(knownReadOnlyCompatible)
        writer.append(knownIncompatible)
        writer.append(applicationID)
        writer.append(UInt32(SealedLayout.pageBytes))
        writer.append(bytes: id.bytes)
        writer.append(bytes: salt)
        return writer.bytes
    }

    /// The header, in a block of 4,096 bytes.
    func block() -> [UInt8] {
        var bytes = DatabaseHeader.fixed(id, applicationID, salt) + keyCheck
        bytes += Digest.sha256(bytes)
        bytes += [UInt8](repeating: 0, count: SealedLayout.pageBytes - bytes.count)
        return bytes
    }

    /// Reads the header, refusing what is damaged, not ours, or newer than this program.
    init(_ block: [UInt8], path: String) throws(MetadataError) {
        guard block.count >= DatabaseHeader.bytes,
            Array(block[0..<8]) == DatabaseHeader.magic
        else {
            throw MetadataError(
                .corrupt,
                "database '\(path)' does not begin with Varve's magic",
                remedy: MetadataError.damageRemedy
            )
        }
        var reader = ByteReader(block[8..<96])
        guard let format = reader.read(UInt32.self), reader.read(UInt32.self) != nil,
            let readOnlyCompatible = reader.read(UInt32.self),
            let incompatible = reader.read(UInt32.self),
            let applicationID = reader.read(UInt32.self),
            let pageBytes = reader.read(UInt32.self),
            let id = reader.read(count: 16).flatMap(UniqueID.init(bytes:)),
            let salt = reader.read(count: 16), let keyCheck = reader.read(count: 16)
        else { preconditionFailure("a header of 112 bytes holds its fields") }
        // The digest first: a flipped bit in the format must not pass for a newer format.
        guard Digest.sha256(Array(block[0..<80])) == Array(block[80..<112]) else {
            throw MetadataError(
                .corrupt,
                "database '\(path)': its header is damaged",
                remedy: MetadataError.damageRemedy
            )
        }
        guard format <= DatabaseHeader.format,
            incompatible & ~DatabaseHeader.knownIncompatible == 0,
            readOnlyCompatible & ~DatabaseHeader.knownReadOnlyCompatible == 0
        else {
            throw MetadataError(
                .newerFormat,
                "database '\(path)' has format \(format), features \(incompatible) and "
                    + "\(readOnlyCompatible); this program reads format \(DatabaseHeader.format)",
                remedy: "Run a newer varved; this one has touched nothing."
            )
        }
        precondition(pageBytes == UInt32(SealedLayout.pageBytes), "format 1 has pages of 4,096")
        self.id = id
        self.applicationID = applicationID
        self.salt = salt
        self.keyCheck = keyCheck
    }

    /// Whether `key` sealed this database.
    func opens(with key: DataKey) -> Bool {
        let fixed = DatabaseHeader.fixed(id, applicationID, salt)
        return PageKeys.check(key, salt: salt, header: fixed) == keyCheck
    }
}

/// The first 80 bytes of the log.
enum LogHeader {
    static let magic = Array("VRVSWAL\0".utf8)
    static let format: UInt32 = 1
    static let bytes = 80

    static func block(id: UniqueID) -> [UInt8] {
        var writer = ByteWriter(capacity: SealedLayout.pageBytes)
        writer.append(bytes: magic)
        writer.append(format)
        writer.append(bytes: [UInt8](repeating: 0, count: 20))
        writer.append(bytes: id.bytes)
        var bytes = writer.bytes
        bytes += Digest.sha256(bytes)
        bytes += [UInt8](repeating: 0, count: SealedLayout.pageBytes - bytes.count)
        return bytes
    }

    /// Refuses a log that is damaged, newer, or of another database.
    static func check(_ block: [UInt8], id: UniqueID, path: String) throws(MetadataError) {
        func corrupt(_ what: String) -> MetadataError {
            MetadataError(.corrupt, "log '\(path)' \(what)", remedy: MetadataError.damageRemedy)
        }
        guard block.count >= bytes, Array(block[0..<8]) == magic else {
            throw corrupt("does not begin with Varve's magic")
        }
        guard Digest.sha256(Array(block[0..<48])) == Array(block[48..<80]) else {
            throw corrupt("has a damaged header")
        }
        var reader = ByteReader(block[8..<12])
        guard let found = reader.read(UInt32.self), found <= format else {
            throw MetadataError(
                .newerFormat,
                "log '\(path)' has a newer format",
                remedy: "Run a newer varved; this one has touched nothing."
            )
        }
        guard Array(block[32..<48]) == id.bytes else {
            throw MetadataError(
                .mismatch,
                "log '\(path)' is of another database",
                remedy: "Put back the log that belongs to the database."
            )
        }
    }
}
