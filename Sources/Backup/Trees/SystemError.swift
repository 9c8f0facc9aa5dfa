import FileSystemEngine
private import Glibc

/// The system's numbers for what went wrong, as far as copies tell them apart.
enum SystemError {
    static let exists = EEXIST
    static let invalid = EINVAL
    static let isDirectory = EISDIR
    static let notDirectory = ENOTDIR
    static let notFound = ENOENT
    static let failed = EIO
    static let cancelled = ECANCELED

    /// Whether everything that follows would fail as well.
    static func isFatal(_ number: Int32) -> Bool {
        [ENOSPC, EDQUOT, EROFS, EIO].contains(number)
    }

    /// Whether a medium does not give back what stands on it: a bad sector, or a sum that does not fit.
    static func isUnreadable(_ number: Int32) -> Bool {
        [EIO, EUCLEAN, EBADMSG, EILSEQ].contains(number)
    }

    /// What a program on a mount would see.
    static func number(_ code: FileSystemError.Code) -> Int32 {
        switch code {
        case .notFound: ENOENT
        case .exists: EEXIST
        case .notDirectory: ENOTDIR
        case .isDirectory: EISDIR
        case .notEmpty: ENOTEMPTY
        case .denied: EACCES
        case .notPermitted: EPERM
        case .invalid: EINVAL
        case .nameTooLong: ENAMETOOLONG
        case .noSpace: ENOSPC
        case .tooManyLinks: EMLINK
        case .fileTooBig: EFBIG
        case .readOnly: EROFS
        case .stale: ESTALE
        case .corrupt, .failed: EIO
        case .noAttribute: ENODATA
        case .rangeError: ERANGE
        case .loop: ELOOP
        case .busy: EBUSY
        case .noSuchRange: ENXIO
        case .unsupported: EOPNOTSUPP
        }
    }
}
