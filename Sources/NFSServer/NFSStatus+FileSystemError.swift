package import FileSystemEngine
package import NFSWire

/// A refusal travels up as the status that the client will see.
extension NFSStatus: Error {}

extension NFSStatus {
    /// The status a client sees for what the engine refused (RFC 8881 §15.1).
    package init(_ code: FileSystemError.Code) {
        self =
            switch code {
            case .notFound: .noEntry
            case .exists: .exists
            case .notDirectory: .notDirectory
            case .isDirectory: .isDirectory
            case .notEmpty: .notEmpty
            case .denied: .accessDenied
            case .notPermitted: .notPermitted
            case .invalid: .invalid
            case .nameTooLong: .nameTooLong
            case .noSpace: .noSpace
            case .tooManyLinks: .tooManyLinks
            case .fileTooBig: .fileTooLarge
            case .readOnly: .readOnly
            case .stale: .stale
            case .corrupt: .inputOutput  // The log names the segment; the client gets no bytes.
            case .noAttribute: .noXattr  // Met by NFSv4.2 alone (RFC 8276 §8).
            case .rangeError: .xattrTooBig
            case .loop: .symlink
            case .busy: .delay
            case .noSuchRange: .noDevice  // SEEK's NFS4ERR_NXIO (RFC 7862 §15.11.3).
            case .failed: .inputOutput
            case .unsupported: .notSupported
            }
    }
}
