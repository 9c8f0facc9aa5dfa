import Synchronization
import VarveModel

/// What whoever unpacks a tar stream knows beside it: what tar cannot hold, and what does not verify.
final class UnpackingGuide: Sendable {
    private struct State {
        /// Paths in the stream that stand for others.
        var names: [[UInt8]: [UInt8]] = [:]
        var times: [[UInt8]: (accessed: Timestamp, modified: Timestamp)] = [:]
        var sockets: [ColdArchiveEntry] = []
        var damaged: [[UInt8]: String] = [:]
        var unbegun: [(path: [UInt8], reason: String)] = []
        var held = 0
        var entries: UInt64?
    }

    private let state = Mutex(State())
    /// What was asked for; no paths mean everything.
    private let paths: [[UInt8]]

    init(paths: [[UInt8]]) {
        self.paths = paths
    }

    /// A million: sockets and times of one second are rare, and each takes memory.
    private static let entriesMax = 1 << 20

    /// Takes entries of an index; false when they are too many.
    func add(_ entries: [ColdArchiveEntry]) -> Bool {
        state.withLock { state in
            state.held += entries.count
            guard state.held <= UnpackingGuide.entriesMax else { return false }
            for entry in entries {
                if entry.kind == .socket {
                    state.sockets.append(entry)
                } else if entry.isFurtherName {
                    state.names[entry.link] = entry.path
                } else {
                    state.times[entry.path] = (entry.accessed, entry.modified)
                }
            }
            return true
        }
    }

    func damage(_ path: [UInt8], _ reason: String, hasBegun: Bool) {
        state.withLock { state in
            let path = state.names[path] ?? path
            if hasBegun {
                state.damaged[path] = reason
            } else {
                state.unbegun.append((path, reason))
            }
        }
    }

    func expect(_ entries: UInt64) {
        state.withLock { $0.entries = entries }
    }

    /// Entries that the tar stream should have had; `nil` when it ended before that was told.
    var expected: UInt64? { state.withLock { $0.entries } }

    /// Whether this was asked for: an index may point at anything.
    func isAsked(_ path: [UInt8]) -> Bool {
        paths.isEmpty || ColdArchiveEntry.isBeneath(path, paths)
    }

    /// Sockets, first names before further ones.
    var sockets: [ColdArchiveEntry] {
        state.withLock { state in
            state.sockets.filter { !$0.isFurtherName } + state.sockets.filter(\.isFurtherName)
        }
    }

    /// Entries of which nothing came.
    var unbegun: [(path: [UInt8], reason: String)] { state.withLock { $0.unbegun } }

    /// Why an entry's bytes are not its own; `nil` when they are.
    func damage(of path: [UInt8]) -> String? { state.withLock { $0.damaged[path] } }

    /// The entry as it shall be: under its name here, with its exact times.
    func corrected(_ entry: ArchiveEntry) -> ArchiveEntry {
        state.withLock { state in
            var corrected = entry
            if let times = state.times[entry.path] {
                corrected.node = entry.node.with(times.accessed, times.modified)
            }
            corrected.path = state.names[entry.path] ?? entry.path
            corrected.hardLink = entry.hardLink.map { state.names[$0] ?? $0 }
            return corrected
        }
    }
}

extension TreeNode {
    fileprivate func with(_ accessed: Timestamp, _ modified: Timestamp) -> TreeNode {
        TreeNode(
            identity: identity,
            kind: kind,
            permissions: permissions,
            uid: uid,
            gid: gid,
            links: links,
            size: size,
            accessed: accessed,
            modified: modified,
            device: device
        )
    }
}

extension ArchiveEntry {
    /// A socket, or a further name of one, out of an index.
    init(_ entry: ColdArchiveEntry) {
        self.init(
            path: entry.path,
            hardLink: entry.isFurtherName ? entry.link : nil,
            node: TreeNode(
                identity: TreeNode.Identity(device: 0, inode: 0),
                kind: entry.kind,
                permissions: entry.permissions,
                uid: entry.uid,
                gid: entry.gid,
                links: 1,
                size: entry.size,
                accessed: entry.accessed,
                modified: entry.modified,
                device: .none
            ),
            details: TreeDetails(
                attributes: entry.attributes.map {
                    TreeDetails.Attribute(name: $0.name, value: $0.value)
                }
            )
        )
    }
}
