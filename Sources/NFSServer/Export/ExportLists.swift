package import FileSystemEngine
import Synchronization
import VarveModel

/// What the listeners of a daemon offer: the gateway's list, and one for each mount target, of the same file systems.
package final class ExportLists: Sendable {
    private struct State {
        var engines: [FileSystem] = []
        var targets: [MountTargetID: Exports] = [:]
    }

    /// Of all that serve, also where no gateway listens.
    package let gateway = Exports(root: .gateway)
    private let state = Mutex(State())

    package init() {}

    /// Offers these file systems, and no others.
    package func replace(with engines: [FileSystem]) {
        state.withLock { state in
            state.engines = engines
            gateway.replace(with: engines)
            for exports in state.targets.values { exports.replace(with: engines) }
        }
    }

    /// The list of a mount target, whose root is a file system's.
    func add(_ target: MountTargetID, of fileSystem: FileSystemID) -> Exports {
        let exports = Exports(root: .fileSystem(fileSystem))
        state.withLock { state in
            state.targets[target] = exports
            exports.replace(with: state.engines)
        }
        return exports
    }

    func remove(_ target: MountTargetID) {
        state.withLock { $0.targets[target] = nil }
    }
}
