/// Why the engine refused.
package struct FileSystemError: Error, Sendable, CustomStringConvertible {
    /// One case for each POSIX answer that a front-end tells apart, and those of the stores.
    package enum Code: Sendable, Hashable, CaseIterable {
        /// ENOENT: no such name, snapshot or bookmark.
        case notFound
        /// EEXIST.
        case exists
        /// ENOTDIR.
        case notDirectory
        /// EISDIR.
        case isDirectory
        /// ENOTEMPTY.
        case notEmpty
        /// EACCES: permission bits refuse.
        case denied
        /// EPERM: only the owner or root may.
        case notPermitted
        /// EINVAL: a directory into itself, a read of something that is no symlink, and the like.
        case invalid
        /// ENAMETOOLONG.
        case nameTooLong
        /// ENOSPC.
        case noSpace
        /// EMLINK.
        case tooManyLinks
        /// EFBIG.
        case fileTooBig
        /// EROFS: a write in the past, or into a file system that failed.
        case readOnly
        /// ESTALE: the inode or the instant is gone.
        case stale
        /// Bytes or rows that do not verify; nothing of them is returned.
        case corrupt
        /// ENODATA: no such extended attribute.
        case noAttribute
        /// ERANGE: an extended attribute larger than ``FileSystemLimits/attributeBytesMax``.
        case rangeError
        /// ELOOP.
        case loop
        /// EBUSY: held, or in use.
        case busy
        /// ENXIO: an offset past the end, for a search of data or holes.
        case noSuchRange
        /// EIO: the medium failed.
        case failed
        /// EOPNOTSUPP.
        case unsupported
    }

    package let code: Code
    /// Names the operation and what it was about.
    package let message: String
    /// The operator's next step; empty when there is none.
    package let remedy: String

    package init(_ code: Code, _ message: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }
}
