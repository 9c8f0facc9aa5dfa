/// Names a vault.
package struct VaultName: Codable, Sendable, Hashable {
    package var vault: String

    package init(vault: String) {
        self.vault = vault
    }
}

/// A vault.
package struct VaultDescription: Codable, Sendable, Hashable {
    package var name: String
    /// What follows is absent when it is unavailable, but for state and reason.
    package var created: TimeText?
    /// `available`; `unavailable`, or `unfinished` when its making was cut short, with the reason.
    package var state: String
    package var reason: String?
    package var recoveryPoints: UInt64?
    package var storedBytes: UInt64?
    package var packs: UInt64?
    package var chunks: UInt64?
    /// Of parity to data; absent when it keeps none.
    package var parity: Double?
    /// 32 hex digits, as its recovery kit bears them.
    package var id: String?
    /// The name of the root key that opens it.
    package var rootKey: String?
    /// Absent where that cannot be said; the reason tells why.
    package var locked: Bool?
    package var lock: LockDescription?
    /// Of the recovery points, those in cold storage, and the bytes of their archives.
    package var coldPoints: UInt64?
    package var coldBytes: UInt64?
    /// Its directory, or `s3://BUCKET/PREFIX`.
    package var place: String?
    /// Absent of one in a directory.
    package var bucket: BucketLocation?
    /// Whether its bucket has Object Lock, by which the store keeps what the vault's lock keeps.
    package var objectLock: Bool?

    package init(
        name: String,
        created: TimeText? = nil,
        state: String,
        reason: String? = nil,
        recoveryPoints: UInt64? = nil,
        storedBytes: UInt64? = nil,
        packs: UInt64? = nil,
        chunks: UInt64? = nil,
        parity: Double? = nil
    ) {
        self.name = name
        self.created = created
        self.state = state
        self.reason = reason
        self.recoveryPoints = recoveryPoints
        self.storedBytes = storedBytes
        self.packs = packs
        self.chunks = chunks
        self.parity = parity
    }
}

/// Asks for a backup now.
package struct RunBackup: Codable, Sendable, Hashable {
    package var fileSystem: String
    package var vault: String
    /// `nil` keeps it until it is deleted.
    package var deleteAfterDays: Int64?
    /// `nil` keeps it warm.
    package var moveToColdStorageAfterDays: Int64?

    package init(
        fileSystem: String,
        vault: String,
        deleteAfterDays: Int64? = nil,
        moveToColdStorageAfterDays: Int64? = nil
    ) {
        self.fileSystem = fileSystem
        self.vault = vault
        self.deleteAfterDays = deleteAfterDays
        self.moveToColdStorageAfterDays = moveToColdStorageAfterDays
    }
}

/// Asks which recovery points there are.
package struct ListBackups: Codable, Sendable, Hashable {
    package var fileSystem: String?
    package var vault: String?

    package init(fileSystem: String? = nil, vault: String? = nil) {
        self.fileSystem = fileSystem
        self.vault = vault
    }
}

/// The recovery points that there are, and what could not be read.
package struct BackupList: Codable, Sendable, Hashable {
    package var points: [RecoveryPointDescription]
    /// Vaults that do not open and points that do not read: those that do are listed all the same.
    package var unreadable: [LeftOut]

    package init(points: [RecoveryPointDescription], unreadable: [LeftOut]) {
        self.points = points
        self.unreadable = unreadable
    }
}

/// Names a recovery point of a vault.
package struct RecoveryPointName: Codable, Sendable, Hashable {
    package var vault: String
    package var id: String

    package init(vault: String, id: String) {
        self.vault = vault
        self.id = id
    }
}

/// A recovery point.
package struct RecoveryPointDescription: Codable, Sendable, Hashable {
    package var id: String
    package var vault: String
    /// The id of its source.
    package var fileSystem: String
    /// The Name that the source had.
    package var fileSystemName: String
    /// The moment that it shows.
    package var instant: TimeText
    package var created: TimeText
    package var expires: TimeText?
    /// Whether it was copied whole and not as changes to the one before.
    package var isFull: Bool
    package var files: UInt64
    /// Bytes that it restores.
    package var bytes: UInt64
    /// Plain bytes that were read for it.
    package var changedBytes: UInt64
    /// Bytes that it added to the vault; of one in cold storage those of its archive.
    package var storedBytes: UInt64
    /// `WARM` or `COLD`, as AWS Backup has it.
    package var storageClass: String
    /// When it moves to cold storage by itself.
    package var movesToCold: TimeText?

    package init(
        id: String,
        vault: String,
        fileSystem: String,
        fileSystemName: String,
        instant: TimeText,
        created: TimeText,
        expires: TimeText? = nil,
        isFull: Bool,
        files: UInt64,
        bytes: UInt64,
        changedBytes: UInt64,
        storedBytes: UInt64,
        storageClass: String = "WARM",
        movesToCold: TimeText? = nil
    ) {
        self.id = id
        self.vault = vault
        self.fileSystem = fileSystem
        self.storageClass = storageClass
        self.movesToCold = movesToCold
        self.fileSystemName = fileSystemName
        self.instant = instant
        self.created = created
        self.expires = expires
        self.isFull = isFull
        self.files = files
        self.bytes = bytes
        self.changedBytes = changedBytes
        self.storedBytes = storedBytes
    }
}
