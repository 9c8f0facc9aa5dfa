import Backup
import BackupVault
import Disk
package import FileSystemEngine
import JobScheduler
import Keyring
import Lifecycle
package import LocalAPI
import MetadataStore
import ObjectStorage
import Policies

/// What errors from below mean to a user: one switch a type, none with a default.
extension APIError {
    /// Any error that a route may meet.
    package init(_ error: any Error) {
        switch error {
        case let error as APIError: self = error
        case let error as FileSystemError: self.init(error)
        case let error as BackupError: self.init(error)
        case let error as VaultError: self.init(error)
        case let error as S3Error: self.init(VaultError(error))
        case let error as MetadataError: self.init(error)
        case let error as SchedulerError: self.init(error)
        case let error as LifecycleError: self.init(error)
        case let error as PolicyError: self.init(.invalid, error.description)
        case let error as DiskError: self.init(error)
        case let error as KeyringError: self.init(error, about: "key")
        case is CancellationError:
            self.init(.unavailable, "the work was broken off", remedy: "Repeat it.")
        default: self.init(.failed, "\(error)")
        }
    }

    package init(_ error: FileSystemError) {
        let code: Code =
            switch error.code {
            case .notFound, .noAttribute: .notFound
            case .exists: .exists
            case .notDirectory: .notDirectory
            case .isDirectory: .isDirectory
            case .notEmpty: .notEmpty
            case .denied, .notPermitted: .denied
            case .invalid, .loop, .noSuchRange: .invalid
            case .nameTooLong, .fileTooBig, .rangeError, .tooManyLinks: .tooLarge
            case .noSpace: .noSpace
            case .readOnly: .readOnly
            case .stale: .stale
            case .corrupt: .corrupt
            case .busy: .busy
            case .failed: .failed
            case .unsupported: .unsupported
            }
        self.init(code, error.message, remedy: error.remedy)
    }

    init(_ error: BackupError) {
        let code: Code =
            switch error.code {
            case .notFound: .notFound
            case .exists: .exists
            case .denied: .denied
            case .invalid: .invalid
            case .noSpace: .noSpace
            case .readOnly: .readOnly
            case .corrupt: .corrupt
            case .stale: .stale
            case .wrongKey: .wrongKey
            case .busy: .busy
            case .unsupported: .unsupported
            case .cancelled: .unavailable
            case .failed: .failed
            }
        self.init(code, error.message, remedy: error.remedy)
    }

    init(_ error: VaultError) {
        let code: Code =
            switch error.code {
            case .wrongKey: .wrongKey
            case .corrupt: .corrupt
            case .newerFormat: .newerFormat
            case .noSpace: .noSpace
            case .locked: .busy
            case .notFound: .notFound
            case .exists: .exists
            case .invalid: .invalid
            case .denied, .held: .denied
            case .unavailable: .unavailable
            case .failed: .failed
            }
        self.init(code, error.message, remedy: error.remedy)
    }

    init(_ error: MetadataError) {
        let code: Code =
            switch error.code {
            case .corrupt, .mismatch: .corrupt
            case .wrongKey: .wrongKey
            case .newerFormat: .newerFormat
            case .noSpace: .noSpace
            case .readOnly: .readOnly
            case .busy: .busy
            case .failed, .constraint: .failed
            case .notFound: .notFound
            case .exists: .exists
            }
        self.init(code, error.message, remedy: error.remedy)
    }

    init(_ error: LifecycleError) {
        let code: Code =
            switch error.code {
            case .notFound: .notFound
            case .busy: .busy
            case .noSpace: .noSpace
            case .corrupt: .corrupt
            case .failed: .failed
            }
        self.init(code, error.message, remedy: error.remedy)
    }

    init(_ error: SchedulerError) {
        let code: Code =
            switch error.code {
            case .unknownJob: .notFound
            case .busy: .busy
            case .journal, .clock: .failed
            }
        self.init(code, error.message, remedy: error.remedy)
    }
}
