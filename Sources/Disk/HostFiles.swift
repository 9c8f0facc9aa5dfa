private import CLinux

/// How many files a program may have open.
package enum HostFiles {
    /// More is of no use: each segment that is open is mapped, and a process may have 65,530 mappings.
    private static let limitMax = 65_536

    /// Lets this process open as many as the host allows it, 65,536 at most; to be called once, when the program starts.
    ///
    /// Most hosts begin with 1,024 and allow many more.
    package static func raiseLimit() {
        varve_raise_open_files(limitMax)
    }

    /// How many it may have open now, 65,536 at most.
    package static var limit: Int { min(varve_open_files_limit(), limitMax) }
}
