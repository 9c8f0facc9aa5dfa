package import FileSystemEngine
package import Logging
package import ServiceLifecycle
package import VarveModel

/// A protocol by which clients reach the file systems, beside the local API; the program joins it to the daemon.
///
/// Front-ends do not know each other: each is made with what it needs, and runs as one of the daemon's services.
package struct FrontEnd: Sendable {
    /// What a daemon gives its front-ends.
    package struct Surroundings: Sendable {
        package let settings: Settings
        /// Names the state directory for ever: clients know the server by it, over restarts and addresses.
        package let identity: UniqueID
        package let clock: any VarveClock
        package let logger: Logger
        /// The file systems that serve, told at once and whenever that changes.
        package let fileSystems: FileSystemWatch
    }

    /// Makes the service; `nil` when the settings turn it off.
    package let make: @Sendable (Surroundings) async -> (any Service)?

    package init(make: @escaping @Sendable (Surroundings) async -> (any Service)?) {
        self.make = make
    }
}

/// Tells of the file systems that serve.
package struct FileSystemWatch: Sendable {
    let fileSystems: FileSystems

    /// Calls `observer` with those of this moment, and again with each change; it must not block.
    package func observe(_ observer: @escaping @Sendable ([FileSystem]) -> Void) async {
        await fileSystems.observe(observer)
    }
}
