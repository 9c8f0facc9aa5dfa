package import Keyring
package import VarveModel

/// Where a recovery point in cold storage is, and what it must be: all that is left of it in the vault but its archive.
package struct ColdRecord: Hashable, Sendable {
    /// The directory that the archive was written beneath; empty for the vault's own folder.
    package let directory: String
    package let archiveBytes: UInt64
    /// SHA-256 of the archive.
    package let digest: [UInt8]
    /// Of its file key (``AgeFileKey/digest``): an archive that anybody else made has another one.
    package let fileKeyDigest: [UInt8]
    /// Names in it.
    package let entries: UInt64
    package let moved: Timestamp
    /// Whose identities open it (age1…).
    package let recipients: [String]

    package static let archiveEnding = ".tar.zst.age"

    /// The name of a point's archive within its folder.
    package static func archiveName(_ point: RecoveryPointID) -> String {
        point.description + archiveEnding
    }
}

/// What a file `rp-….cold` says of a point.
enum ColdEntry: Hashable, Sendable {
    /// It is in cold storage; its draft has no maps.
    case cold(ColdRecord, RecoveryPointDraft)
    /// It is deleted, or stayed warm: an archive that may still lie beneath the directory is to be removed, then this.
    case going(directory: String)

    static let ending = ".cold"
    private static let pathBytesMax = 4_096
    private static let manifestBytesMax = 1 << 26

    static func fileName(_ point: RecoveryPointID) -> String { point.description + ending }

    var directory: String {
        switch self {
        case .cold(let record, _): record.directory
        case .going(let directory): directory
        }
    }

    /// u8 state, counted directory; of a cold one sizes, digests, time, recipients and the manifest (docs/formats/vault.md).
    func encoded() -> [UInt8] {
        var bytes = ByteWriter()
        switch self {
        case .going(let directory):
            bytes.append(UInt8(2))
            bytes.append(counted: Array(directory.utf8))
        case .cold(let record, let draft):
            bytes.append(UInt8(1))
            bytes.append(counted: Array(record.directory.utf8))
            bytes.append(record.archiveBytes)
            bytes.append(bytes: record.digest)
            bytes.append(bytes: record.fileKeyDigest)
            bytes.append(record.entries)
            bytes.append(record.moved.seconds)
            bytes.append(record.moved.nanoseconds)
            bytes.append(UInt32(record.recipients.count))
            for recipient in record.recipients { bytes.append(counted: Array(recipient.utf8)) }
            bytes.append(counted: Manifest.encode(draft))
        }
        return bytes.bytes
    }

    /// `nil` for anything that nobody could have written.
    init?(_ body: [UInt8]) {
        var reader = ByteReader(body)
        guard let state = reader.read(UInt8.self),
            let directory = ColdEntry.text(&reader, max: ColdEntry.pathBytesMax)
        else { return nil }
        switch state {
        case 1:
            guard let (record, draft) = ColdEntry.cold(&reader, directory) else { return nil }
            self = .cold(record, draft)
        case 2: self = .going(directory: directory)
        default: return nil
        }
        guard reader.remaining == 0 else { return nil }
    }

    private static func cold(
        _ reader: inout ByteReader,
        _ directory: String
    ) -> (ColdRecord, RecoveryPointDraft)? {
        guard let bytes = reader.read(UInt64.self), let digest = reader.read(count: 32),
            let keyDigest = reader.read(count: 32), let entries = reader.read(UInt64.self),
            let seconds = reader.read(Int64.self), let nanoseconds = reader.read(UInt32.self),
            nanoseconds < 1_000_000_000, let count = reader.read(UInt32.self),
            (1...AgeHeader.stanzasMax).contains(Int(count))
        else { return nil }
        var recipients: [String] = []
        for _ in 0..<count {
            guard let recipient = text(&reader, max: 255) else { return nil }
            recipients.append(recipient)
        }
        guard let manifest = reader.readCounted(max: manifestBytesMax),
            let draft = Manifest.decode(manifest), draft.maps.isEmpty
        else { return nil }
        let record = ColdRecord(
            directory: directory,
            archiveBytes: bytes,
            digest: digest,
            fileKeyDigest: keyDigest,
            entries: entries,
            moved: Timestamp(seconds: seconds, nanoseconds: nanoseconds),
            recipients: recipients
        )
        return (record, draft)
    }

    private static func text(_ reader: inout ByteReader, max: Int) -> String? {
        reader.readCounted(max: max).flatMap { String(validating: $0, as: UTF8.self) }
    }
}

/// Where a vault's cold archives go, and who may open them.
package struct ColdSettings: Hashable, Sendable {
    /// Whether the vault's own key opens them, so that restores need nothing else.
    package let usesVaultKey: Bool
    /// Who else may; without the vault's own key, who alone.
    package let recipients: [AgeRecipient]
    /// Where archives lie: the first is where the next ones go.
    ///
    /// Empty stands for the vault's own folder.
    package let directories: [String]

    /// The vault's own key and folder.
    package static let standard = ColdSettings(
        usesVaultKey: true,
        recipients: [],
        directories: [""]
    )

    static let fileName = "settings"
    /// Former directories are looked through for archives, too.
    static let directoriesMax = 64

    init(usesVaultKey: Bool, recipients: [AgeRecipient], directories: [String]) {
        self.usesVaultKey = usesVaultKey
        self.recipients = recipients
        self.directories = directories
    }

    /// u8 whether the vault's own key opens them, u32 recipients, u32 directories, each counted.
    func encoded() -> [UInt8] {
        var bytes = ByteWriter()
        bytes.append(UInt8(usesVaultKey ? 1 : 0))
        for list in [recipients.map(\.description), directories] {
            bytes.append(UInt32(list.count))
            for text in list { bytes.append(counted: Array(text.utf8)) }
        }
        return bytes.bytes
    }

    /// `nil` for anything that nobody could have written.
    init?(_ body: [UInt8]) {
        var reader = ByteReader(body)
        guard let flag = reader.read(UInt8.self), flag <= 1,
            let texts = ColdSettings.texts(&reader, count: AgeHeader.stanzasMax),
            let directories = ColdSettings.texts(&reader, count: ColdSettings.directoriesMax),
            reader.remaining == 0, flag == 1 || !texts.isEmpty, !directories.isEmpty
        else { return nil }
        var recipients: [AgeRecipient] = []
        for text in texts {
            // One that does not read is no recipient: the file is then one that nobody wrote.
            guard let recipient = try? AgeRecipient(text) else { return nil }
            recipients.append(recipient)
        }
        self.init(usesVaultKey: flag == 1, recipients: recipients, directories: directories)
    }

    private static func texts(_ reader: inout ByteReader, count max: Int) -> [String]? {
        guard let count = reader.read(UInt32.self), count <= max else { return nil }
        var texts: [String] = []
        for _ in 0..<count {
            let text = reader.readCounted(max: 4_096)
                .flatMap { String(validating: $0, as: UTF8.self) }
            guard let text else { return nil }
            texts.append(text)
        }
        return texts
    }
}

extension RecoveryPoint {
    /// Where it is in cold storage; `nil` of a warm one.
    package var isCold: Bool { cold != nil }

    /// The statistic that says after how many days a point is due for cold storage
    /// (AWS Backup's Lifecycle.MoveToColdStorageAfterDays).
    package static let coldAfterDays = "moveToColdStorageAfterDays"

    /// When its own time for cold storage comes; `nil` without one, and once it is there.
    package var movesToCold: Timestamp? {
        guard cold == nil, let days = draft.statistics[RecoveryPoint.coldAfterDays],
            (1...UInt64(VaultLock.daysMax)).contains(days)
        else { return nil }
        return draft.created.adding(seconds: Int64(days) * VaultLock.day)
    }
}
