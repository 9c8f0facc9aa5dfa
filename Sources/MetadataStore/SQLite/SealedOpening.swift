import Disk
import Keyring
import VarveModel

/// Opens the two files of a database, refusing what is not it.
struct SealedOpening {
    let disk: any Disk
    let path: String
    let options: SealedDatabaseOptions
    let report: @Sendable (String) -> Void

    func open(
        _ expected: DatabaseHeader,
        key: DataKey,
        keys: PageKeys
    ) throws(MetadataError) -> SealedFiles {
        let base = try attempt { () throws(DiskError) in try disk.open(path, .readWrite) }
        let baseCopies = SealedCopies(base: base, of: path, report: report)
        try baseCopies.first(count: DatabaseHeader.bytes, at: 0, "the header") {
            (head) throws(MetadataError) in
            try check(try DatabaseHeader(head, path: path), against: expected, key)
        }
        let size = try attempt { () throws(DiskError) in try base.longestSize() }
        guard size >= SealedLayout.offset(ofPage: 2) else {
            throw MetadataError(
                .corrupt,
                "database '\(path)' is cut short: \(size) bytes",
                remedy: MetadataError.damageRemedy
            )
        }
        let log = try openLog()
        let logPath = SealedFiles.logPath(path)
        let logCopies = SealedCopies(log: log, of: path, report: report)
        try logCopies.first(count: LogHeader.bytes, at: 0, "the head") {
            (head) throws(MetadataError) in
            try LogHeader.check(head, id: expected.id, path: logPath)
        }
        let record = try LogRecord.read(from: logCopies, with: PageSealer(keys))
        return try attempt { () throws(DiskError) in
            try SealedFiles(
                path: path,
                base: base,
                log: log,
                keys: keys,
                record: record,
                growthBytes: options.logGrowthBytes,
                report: report
            )
        }
    }

    private func openLog() throws(MetadataError) -> any DiskFile {
        let logPath = SealedFiles.logPath(path)
        do throws(DiskError) {
            return try disk.open(logPath, .readWrite)
        } catch {
            guard error.code == .notFound else { throw MetadataError(error, database: path) }
            // The log is made before the base and never removed.
            throw MetadataError(
                .corrupt,
                "log '\(logPath)' is missing, its database is there",
                remedy: MetadataError.damageRemedy
            )
        }
    }

    private func check(
        _ found: DatabaseHeader,
        against expected: DatabaseHeader,
        _ key: DataKey
    ) throws(MetadataError) {
        guard found.id == expected.id else {
            throw MetadataError(
                .mismatch,
                "database '\(path)' is \(Hex.encode(found.id.bytes)), "
                    + "\(Hex.encode(expected.id.bytes)) was expected",
                remedy: "Put back the file that belongs here."
            )
        }
        guard found.applicationID == expected.applicationID else {
            throw MetadataError(
                .mismatch,
                "database '\(path)' is of kind \(found.applicationID), "
                    + "\(expected.applicationID) was expected",
                remedy: "Put back the file that belongs here."
            )
        }
        guard found.opens(with: key) else {
            throw MetadataError(
                .wrongKey,
                "database '\(path)' is sealed under another key",
                remedy: "Give the key that it was made with."
            )
        }
    }

    private func attempt<Value>(
        _ body: () throws(DiskError) -> Value
    ) throws(MetadataError) -> Value {
        do throws(DiskError) {
            return try body()
        } catch {
            throw MetadataError(error, database: path)
        }
    }
}
