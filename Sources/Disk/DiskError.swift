/// What storage answered.
package struct DiskError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable, CaseIterable {
        case notFound
        case exists
        case denied
        case noSpace
        /// Another holder has the lock.
        case busy
        /// The medium or the kernel failed (EIO and whatever has no name of its own).
        case failed
        /// The simulated power is off.
        case powerCut
    }

    package let code: Code
    /// Names the call, the path and the system's own words.
    package let message: String
    /// The operator's next step.
    package let remedy: String
    /// What the system call left in errno; 0 when no call was made.
    package let errno: Int32

    package init(_ code: Code, _ message: String, remedy: String = "", errno: Int32 = 0) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.errno = errno
    }

    /// Whether changes are refused whatever they are: EROFS, 30 on Linux.
    package var isReadOnly: Bool { code == .denied && errno == 30 }

    package var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }
}
