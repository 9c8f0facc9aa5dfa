package import FileSystemEngine
import Synchronization
package import VarveModel

/// The file systems that a listener offers: those that serve at this moment.
///
/// Whoever opens, makes and deletes file systems says so by `replace`; requests look at the list of the moment, which a mutex
/// guards for some ten nanoseconds.
package final class Exports: Sendable {
    /// What a client sees at `/`.
    package enum Root: Sendable, Hashable {
        /// The gateway: a directory that lists every file system as `fs-…`.
        case gateway
        /// A mount target: one file system, and handles of no other.
        case fileSystem(VarveModel.FileSystemID)
    }

    /// The list at one moment.
    struct Listing: Sendable {
        var byKey: [FileSystemKey: ExportedFileSystem] = [:]
        /// By cookie.
        var sorted: [ExportedFileSystem] = []
        /// Grows with every change of the list.
        var generation: UInt64 = 0
    }

    package let root: Root
    private let listing = Mutex(Listing())

    package init(root: Root = .gateway) {
        self.root = root
    }

    /// Offers these file systems, and no others.
    package func replace(with engines: [FileSystem]) {
        let offered = engines.filter { engine in
            switch root {
            case .gateway: true
            case .fileSystem(let id): engine.id == id
            }
        }
        listing.withLock { listing in
            let known = listing.byKey
            let exported = offered.map { engine in
                let key = FileSystemKey(engine.unique)
                if let old = known[key], old.engine === engine { return old }
                return ExportedFileSystem(engine, isTop: root != .gateway)
            }
            listing.byKey = Dictionary(uniqueKeysWithValues: exported.map { ($0.key, $0) })
            listing.sorted = exported.sorted { $0.cookie < $1.cookie }
            listing.generation += 1
        }
    }

    var current: Listing { listing.withLock { $0 } }

    /// A file system that a handle names; `nil` when it is not offered here.
    func fileSystem(_ key: FileSystemKey) -> ExportedFileSystem? {
        listing.withLock { $0.byKey[key] }
    }

    /// What PUTROOTFH makes the current file handle; `nil` when a mount target's file system does not serve.
    var rootObject: NFSObject? {
        switch root {
        case .gateway: .gateway
        case .fileSystem: current.sorted.first.map { .inode(InodeObject($0, .root)) }
        }
    }
}
