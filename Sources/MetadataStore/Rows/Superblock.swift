package import VarveModel

/// What a file system's database says of itself, for ever.
package struct Superblock: Sendable, Hashable {
    package let fileSystem: UniqueID
    /// Whose data key seals its segments: clones share it.
    package let family: UniqueID
    /// Readable by older programs all the same.
    package let compatible: UInt64
    /// An older program may read but not write.
    package let readOnlyCompatible: UInt64
    /// An older program must not touch it.
    package let incompatible: UInt64
    let nameHashKey: [UInt8]
    let nameHashBits: Int
    let tileBytes: UInt64

    /// There is a table `receipt`.
    static let keepsReceipts: UInt64 = 1
    /// What this program knows.
    static let readOnlyCompatibleKnown: UInt64 = keepsPast
    /// The table `past` holds its accounts; a writer that does not keep them would falsify them.
    static let keepsPast: UInt64 = 1
    static let incompatibleKnown: UInt64 = sharesAcrossFiles
    /// Slices may show records that were written for other files and tiles; who does not know of them would
    /// read zeros there, and free the records.
    static let sharesAcrossFiles: UInt64 = 1

    init(
        fileSystem: UniqueID,
        family: UniqueID,
        nameHashKey: [UInt8],
        nameHashBits: Int,
        tileBytes: UInt64
    ) {
        self.fileSystem = fileSystem
        self.family = family
        compatible = Superblock.keepsReceipts
        readOnlyCompatible = Superblock.keepsPast
        incompatible = 0
        self.nameHashKey = nameHashKey
        self.nameHashBits = nameHashBits
        self.tileBytes = tileBytes
    }

    /// The rows of `meta` that hold it.
    var rows: [(String, MetaValue)] {
        [
            ("fs", .bytes(fileSystem.bytes)),
            ("family", .bytes(family.bytes)),
            ("features.compat", .int(Int64(bitPattern: compatible))),
            ("features.ro", .int(Int64(bitPattern: readOnlyCompatible))),
            ("features.incompat", .int(Int64(bitPattern: incompatible))),
            ("hash.key", .bytes(nameHashKey)),
            ("hash.bits", .int(Int64(nameHashBits))),
            ("tile", .int(Int64(tileBytes))),
        ]
    }

    /// Reads it, and refuses what a newer program wrote.
    init(_ connection: Connection) throws(MetadataError) {
        let format = try connection.prepare("PRAGMA user_version")
        defer { format.reset() }
        guard try format.step() else { throw Superblock.damaged("user_version") }
        guard format.int(0) <= Schema.format else {
            throw Superblock.newer("format \(format.int(0))")
        }
        fileSystem = try Superblock.id("fs", connection)
        family = try Superblock.id("family", connection)
        compatible = try Superblock.int("features.compat", connection)
        readOnlyCompatible = try Superblock.int("features.ro", connection)
        incompatible = try Superblock.int("features.incompat", connection)
        nameHashKey = try Superblock.bytes("hash.key", connection)
        nameHashBits = Int(clamping: try Superblock.int("hash.bits", connection))
        tileBytes = try Superblock.int("tile", connection)
        let unknown =
            incompatible & ~Superblock.incompatibleKnown
            | readOnlyCompatible & ~Superblock.readOnlyCompatibleKnown
        guard unknown == 0 else { throw Superblock.newer("features \(unknown)") }
        guard nameHashKey.count == NameHasher.keyBytes, (1...55).contains(nameHashBits),
            tileBytes > 0, tileBytes <= 1 << 40
        else { throw Superblock.damaged("hash.key, hash.bits or tile") }
    }

    private static func int(_ key: String, _ connection: Connection) throws(MetadataError) -> UInt64
    {
        let statement = try connection.prepare("SELECT v FROM meta WHERE k = ?1")
        defer { statement.reset() }
        statement.bind(1, key)
        guard try statement.step() else { throw damaged(key) }
        return UInt64(bitPattern: statement.int(0))
    }

    private static func bytes(
        _ key: String,
        _ connection: Connection
    ) throws(MetadataError) -> [UInt8] {
        let statement = try connection.prepare("SELECT v FROM meta WHERE k = ?1")
        defer { statement.reset() }
        statement.bind(1, key)
        guard try statement.step() else { throw damaged(key) }
        return statement.bytes(0)
    }

    private static func id(
        _ key: String,
        _ connection: Connection
    ) throws(MetadataError) -> UniqueID {
        guard let id = UniqueID(bytes: try bytes(key, connection)) else { throw damaged(key) }
        return id
    }

    private static func damaged(_ key: String) -> MetadataError {
        MetadataError(
            .corrupt,
            "the superblock's '\(key)' is missing or not valid",
            remedy: "Restore the metadata from a zone or a recovery point."
        )
    }

    private static func newer(_ what: String) -> MetadataError {
        MetadataError(
            .newerFormat,
            "the file system's metadata has \(what), which this Varve does not know",
            remedy: "Use the Varve that wrote it, or a newer one."
        )
    }
}

/// A value of the `meta` table.
enum MetaValue {
    case int(Int64)
    case bytes([UInt8])
}
