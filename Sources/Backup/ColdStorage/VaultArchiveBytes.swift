import BackupVault
import Disk

/// The archive of a recovery point in cold storage, as readers of archives take it.
struct VaultArchiveBytes: ArchiveBytes {
    private let file: ColdFile

    init(_ file: ColdFile) {
        self.file = file
    }

    var name: String { file.name }
    var byteCount: UInt64 { file.byteCount }

    func read(_ range: Range<UInt64>) throws(BackupError) -> [UInt8] {
        let bytes: [UInt8]
        do throws(DiskError) {
            bytes = try file.read(range)
        } catch {
            throw ArchiveFile.failure(error, name, range)
        }
        guard bytes.count == range.count else {
            throw .damaged(name, "it was cut short while it was read")
        }
        return bytes
    }
}
