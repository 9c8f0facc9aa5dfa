private import CSQLite
package import Disk

/// How what lies below is told.
extension MetadataError {
    /// What the disk answered.
    package init(_ error: DiskError, database: String) {
        let (code, remedy): (Code, String) =
            switch error.code {
            case .notFound: (.notFound, "Check the state directory.")
            case .exists: (.exists, "")
            case .denied where error.isReadOnly && !error.remedy.isEmpty: (.readOnly, error.remedy)
            case .denied: (.readOnly, "Check the owner and the permissions of the state directory.")
            case .noSpace: (.noSpace, "Make room on the disk; nothing was lost.")
            case .busy: (.busy, "")
            case .failed, .powerCut:
                (.failed, "Check the disk; then restart, so that what is durable is read again.")
            }
        self.init(code, "database '\(database)': \(error.message)", remedy: remedy)
    }

    /// What SQLite answered: an extended result code that is a failure, and its own words.
    static func of(result: Int32, text: String, sql: String?, database: String) -> MetadataError {
        let during = sql.map { " in '\($0.prefix(200))'" } ?? ""
        let message = "database '\(database)': \(text) (SQLite \(result))\(during)"
        switch result & 0xFF {
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            return MetadataError(.corrupt, message, remedy: damageRemedy)
        case SQLITE_FULL:
            return MetadataError(
                .noSpace,
                message,
                remedy: "Make room on the disk; nothing was lost."
            )
        case SQLITE_BUSY, SQLITE_LOCKED: return MetadataError(.busy, message)
        case SQLITE_READONLY: return MetadataError(.readOnly, message)
        case SQLITE_CONSTRAINT: return MetadataError(.constraint, message)
        default: return MetadataError(.failed, message)
        }
    }

    static let damageRemedy =
        "Put the newest copies of the database and its '-wal' back, taken at one moment, or restore a recovery point; "
        + "'varved doctor' says what else is wrong."
}
