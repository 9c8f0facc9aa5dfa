package import Disk
package import Keyring
package import LocalAPI

/// What the ground's errors mean to a user: one switch a type, none with a default.
extension APIError {
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
        let remedy =
            switch error.code {
            case .noSpace: "Free space on that disk, then repeat; what was acknowledged is kept."
            case .denied: "Check the owner and mode of the path, and who runs the daemon."
            case .notFound, .exists, .busy, .failed, .powerCut: ""
            }
        self.init(code, error.message, remedy: error.remedy.isEmpty ? remedy : error.remedy)
    }

    /// An error of a key file; `about` names the file.
    package init(_ error: KeyringError, about: String) {
        let code: Code =
            switch error.code {
            case .notAuthentic, .malformed: .corrupt
            case .unsupported: .newerFormat
            case .wrongKey: .wrongKey
            }
        self.init(code, "\(about): \(error.message)", remedy: error.remedy)
    }
}
