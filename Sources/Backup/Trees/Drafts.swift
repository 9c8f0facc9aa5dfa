import Synchronization
import VarveModel

/// The names under which files are written before they take their own.
final class Drafts: Sendable {
    private let stem = ".varve-restore-\(Hex.encode(UniqueID.random().bytes))"
    private let state = Mutex((begun: 0, names: Set<FileName>()))

    /// A name that nobody else uses.
    func begin() -> FileName {
        state.withLock { state in
            state.begun += 1
            guard let name = FileName("\(stem)-\(state.begun)") else {
                preconditionFailure("letters, digits and dashes make a name")
            }
            state.names.insert(name)
            return name
        }
    }

    func end(_ name: FileName) {
        state.withLock { _ = $0.names.remove(name) }
    }

    func contains(_ name: FileName) -> Bool {
        state.withLock { $0.names.contains(name) }
    }
}
