package import BackupVault
package import Disk
package import FileSystemEngine

/// Why a backup, restore, import or export ended.
///
/// What only one file was refused is no error but an omission (``TransferOmission``).
package struct BackupError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable, CaseIterable {
        /// No such path, recovery point or instant.
        case notFound
        case exists
        case denied
        /// What was asked makes no sense: a directory onto a file, an archive that is none.
        case invalid
        case noSpace
        case readOnly
        /// Bytes that do not verify; none of them was used.
        case corrupt
        /// The instant is no longer retained.
        case stale
        case wrongKey
        case busy
        case unsupported
        /// The caller gave up.
        case cancelled
        case failed
    }

    package let code: Code
    package let message: String
    package let remedy: String

    package init(_ code: Code, _ message: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }
}

extension BackupError {
    package init(_ error: FileSystemError) {
        let code: Code =
            switch error.code {
            case .notFound: .notFound
            case .exists: .exists
            case .denied, .notPermitted: .denied
            case .noSpace: .noSpace
            case .readOnly: .readOnly
            case .corrupt: .corrupt
            case .stale: .stale
            case .busy: .busy
            case .unsupported: .unsupported
            case .notDirectory, .isDirectory, .notEmpty, .invalid, .nameTooLong, .tooManyLinks,
                .fileTooBig, .noAttribute, .rangeError, .loop, .noSuchRange:
                .invalid
            case .failed: .failed
            }
        self.init(code, error.message, remedy: error.remedy)
    }

    package init(_ error: VaultError) {
        let code: Code =
            switch error.code {
            case .wrongKey: .wrongKey
            case .corrupt: .corrupt
            case .newerFormat: .unsupported
            case .noSpace: .noSpace
            case .locked: .busy
            case .notFound: .notFound
            case .exists: .exists
            case .invalid: .invalid
            case .denied, .held: .denied
            case .unavailable: .busy
            case .failed: .failed
            }
        self.init(code, error.message, remedy: error.remedy)
    }

    package init(_ error: DiskError) {
        let code: Code =
            switch error.code {
            case .notFound: .notFound
            case .exists: .exists
            case .denied: .denied
            case .noSpace: .noSpace
            case .busy: .busy
            case .failed, .powerCut: .failed
            }
        self.init(code, error.message, remedy: error.remedy)
    }
}
