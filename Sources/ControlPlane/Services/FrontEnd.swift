package import FileSystemEngine
package import Logging
import MetadataStore
package import ServiceLifecycle
import Synchronization
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
        /// Addresses that are one file system's; a front-end that can lets clients in there.
        package let mountTargets: MountTargets
        /// What a front-end must know after a restart.
        package let memory: FrontEndMemory
        /// Told where NFS is served, once it is.
        package let nfsPort: ServedPort
    }

    /// Makes the service; `nil` when the settings turn it off.
    ///
    /// What it throws ends the daemon.
    package let make: @Sendable (Surroundings) async throws -> (any Service)?

    package init(make: @escaping @Sendable (Surroundings) async throws -> (any Service)?) {
        self.make = make
    }
}

/// What a front-end keeps over restarts: values under names that begin with its own.
package struct FrontEndMemory: Sendable {
    let control: ControlStore

    /// All whose names begin so.
    package func values(startingWith prefix: String) async throws -> [String: String] {
        try await control.settings(startingWith: prefix)
    }

    /// Keeps a value, or with `nil` none; durable when it returns.
    package func set(_ name: String, _ value: String?) async throws {
        try await control.set(name, value)
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

/// The port that a front-end serves on: what the settings say, or for 0 what the kernel chose.
package final class ServedPort: Sendable {
    private let port = Mutex<Int?>(nil)

    /// `nil` until it is known.
    var value: Int? { port.withLock { $0 } }

    /// Tells it.
    package func tell(_ value: Int) {
        port.withLock { $0 = value }
    }
}
