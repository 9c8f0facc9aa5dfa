import Disk
import VarveModel

/// Makes a database whole or not at all: the base gets its name last, by a rename.
struct SealedCreation {
    let disk: any Disk
    let path: String
    let options: SealedDatabaseOptions

    func make(_ identity: DatabaseHeader, _ keys: PageKeys) throws(MetadataError) {
        try refuseOrphan()
        do throws(DiskError) {
            try makeLog(id: identity.id)
            // The log's name must not become durable after the base's: a base without its log is damage.
            try disk.syncDirectory(DiskPath.parent(of: path))
            try disk.replace(path, with: base(identity, keys))
        } catch {
            throw MetadataError(error, database: path)
        }
    }

    /// Refuses to replace a log that holds transactions: its base is lost, it is not a leftover.
    private func refuseOrphan() throws(MetadataError) {
        let logPath = SealedFiles.logPath(path)
        let record: [UInt8]
        do throws(DiskError) {
            guard try disk.status(of: logPath) != nil else { return }
            let log = try disk.open(logPath, .read)
            defer { log.close() }
            record = try log.read(count: LogRecord.bytes, at: SealedLayout.logRecordOffset)
        } catch {
            throw MetadataError(error, database: path)
        }
        guard record.contains(where: { $0 != 0 }) else { return }
        throw MetadataError(
            .corrupt,
            "database '\(path)' is missing, its log '\(logPath)' is there and holds transactions",
            remedy: "Put the database back; or move the log away to begin a new one."
        )
    }

    /// The log, full of zeros: no frame.
    ///
    /// What an interrupted creation left is replaced.
    private func makeLog(id: UniqueID) throws(DiskError) {
        let logPath = SealedFiles.logPath(path)
        if try disk.status(of: logPath) != nil { try disk.remove(logPath) }
        let log = try disk.open(logPath, .createNew)
        defer { log.close() }
        try log.write(LogHeader.block(id: id), at: 0)
        var offset = UInt64(SealedLayout.pageBytes)
        let frames = max(8, SealedLayout.frames(inLogOf: options.logBytes))
        let end = SealedLayout.offset(ofFrame: frames)
        let zeros = [UInt8](repeating: 0, count: 256 << 10)
        while offset < end {
            let count = Int(min(UInt64(zeros.count), end - offset))
            try log.write(Array(zeros[0..<count]), at: offset)
            offset += UInt64(count)
        }
        try log.sync()
    }

    /// The header block and page 1.
    private func base(_ identity: DatabaseHeader, _ keys: PageKeys) -> [UInt8] {
        let sealer = PageSealer(keys)
        let page = BlankPage.page(applicationID: identity.applicationID)
        let sealed = [UInt8](unsafeUninitializedCapacity: SealedLayout.pageBytes) { target, count in
            // SAFETY: both are 4,096 bytes.
            page.withUnsafeBytes { page in
                if let source = page.baseAddress, let target = target.baseAddress {
                    sealer.seal(page: source, number: 1, into: target)
                }
            }
            count = SealedLayout.pageBytes
        }
        return identity.block() + sealed
    }
}
