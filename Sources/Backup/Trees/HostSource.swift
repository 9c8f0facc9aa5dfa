import Disk
import Synchronization
import VarveModel

/// A directory of the host, as a tree to read.
struct HostSource: TreeSource {
    private let path: String

    /// A descriptor each: a deep tree must not need as many.
    var isListingCostly: Bool { true }

    init(_ path: String) {
        self.path = path
    }

    func root() async throws(TreeFailure) -> (entry: TreeEntry, directory: RestingDirectory) {
        let directory: HostDirectory
        do throws(DiskError) {
            directory = try HostDirectory.open(path)
        } catch {
            guard error.errno == SystemError.notDirectory else { throw TreeFailure("open", error) }
            return try fileRoot()
        }
        let resting = RestingDirectory(root: directory)
        let name = FileName(DiskPath.name(of: path)) ?? HostDirectory.itself
        let node = try attempt("stat") { () throws(DiskError) in
            TreeNode(try directory.status(of: HostDirectory.itself))
        }
        return (TreeEntry(name: name, node: node), resting)
    }

    /// The path is that of one file.
    private func fileRoot() throws(TreeFailure) -> (entry: TreeEntry, directory: RestingDirectory) {
        guard let name = FileName(DiskPath.name(of: path)) else {
            throw TreeFailure(call: "open", errno: SystemError.invalid, reason: "not a path")
        }
        let parent = try attempt("open") { () throws(DiskError) in
            try HostDirectory.open(DiskPath.parent(of: path))
        }
        let node = try attempt("stat") { () throws(DiskError) in
            TreeNode(try parent.status(of: name))
        }
        return (TreeEntry(name: name, node: node), RestingDirectory(root: parent))
    }

    func open(
        _ entry: TreeEntry,
        in parent: RestingDirectory
    ) async throws(TreeFailure) -> RestingDirectory {
        parent.below(entry.name)
    }

    func list(_ directory: RestingDirectory) async throws(TreeFailure) -> HostListing {
        // A descriptor of its own: the position of a listing must not move under another one.
        HostListing(try attempt("open") { () throws(DiskError) in try directory.reopened() })
    }

    func details(
        of entry: TreeEntry?,
        in directory: RestingDirectory
    ) async throws(TreeFailure) -> TreeDetails {
        let open = try attempt("open") { () throws(DiskError) in try directory.opened() }
        let name = entry?.name ?? HostDirectory.itself
        var details = TreeDetails()
        if entry?.node.kind == .symlink {
            details.target = try attempt("read symlink") { () throws(DiskError) in
                try open.symlinkTarget(name)
            }
        }
        do throws(DiskError) {
            for attribute in try open.attributeNames(name) {
                try read(attribute, of: name, in: open, into: &details)
            }
        } catch {
            details.failures.append(TreeFailure("list attributes", error))
        }
        return details
    }

    private func read(
        _ attribute: [UInt8],
        of name: FileName,
        in open: HostDirectory,
        into details: inout TreeDetails
    ) throws(DiskError) {
        do throws(DiskError) {
            guard let value = try open.attribute(attribute, of: name) else { return }
            details.attributes.append(TreeDetails.Attribute(name: attribute, value: value))
        } catch {
            let text = String(decoding: attribute, as: UTF8.self)
            details.failures.append(TreeFailure("read attribute \(text)", error))
        }
    }

    func openFile(
        _ entry: TreeEntry,
        in directory: RestingDirectory
    ) async throws(TreeFailure) -> HostSourceFile {
        try attempt("open") { () throws(DiskError) in
            HostSourceFile(try directory.opened().openFile(entry.name))
        }
    }

    func rest(_ directory: RestingDirectory) {
        directory.rest()
    }
}

/// The names of a host directory with their attributes, 1 `getdents64` at a time.
final class HostListing: TreeListing {
    private let directory: HostDirectory

    init(_ directory: HostDirectory) {
        self.directory = directory
    }

    func next() async throws(TreeFailure) -> TreePart? {
        let names = try attempt("list") { () throws(DiskError) in try directory.nextNames() }
        guard !names.isEmpty else { return nil }
        var part = TreePart()
        for name in names {
            do throws(DiskError) {
                let node = TreeNode(try directory.status(of: name))
                part.entries.append(TreeEntry(name: name, node: node))
            } catch {
                part.failures.append((name, TreeFailure("stat", error)))
            }
        }
        return part
    }
}

/// An open file of the host.
struct HostSourceFile: TreeFile {
    private let file: HostFile

    init(_ file: HostFile) {
        self.file = file
    }

    func dataRanges() async throws(TreeFailure) -> [Range<UInt64>] {
        try attempt("seek") { () throws(DiskError) in try file.dataRanges() }
    }

    func read(_ range: Range<UInt64>) async throws(TreeFailure) -> [UInt8] {
        try attempt("read") { () throws(DiskError) in
            try file.read(count: range.count, at: range.lowerBound)
        }
    }
}

/// A host directory that opens when it is used and closes when it rests, so that a deep or wide walk
/// holds few descriptors.
final class RestingDirectory: Sendable {
    private let root: HostDirectory
    let path: [FileName]
    private let current: Mutex<HostDirectory?>

    init(root: HostDirectory) {
        self.root = root
        path = []
        current = Mutex(nil)
    }

    private init(root: HostDirectory, path: [FileName]) {
        self.root = root
        self.path = path
        current = Mutex(nil)
    }

    func below(_ name: FileName) -> RestingDirectory {
        RestingDirectory(root: root, path: path + [name])
    }

    /// The open directory; it stays open as long as somebody holds it.
    func opened() throws(DiskError) -> HostDirectory {
        if path.isEmpty { return root }
        if let open = current.withLock({ $0 }) { return open }
        let opened = try root.directory(at: path)
        return current.withLock { current in
            if let first = current { return first }
            current = opened
            return opened
        }
    }

    /// Another descriptor of the same directory.
    func reopened() throws(DiskError) -> HostDirectory {
        if let last = path.last {
            return try root.directory(at: path.dropLast()).directory(last)
        }
        return try root.directory(HostDirectory.itself)
    }

    func rest() {
        current.withLock { $0 = nil }
    }
}

/// Does a host call and says which one failed.
func attempt<Value>(
    _ call: String,
    _ body: () throws(DiskError) -> Value
) throws(TreeFailure) -> Value {
    do throws(DiskError) {
        return try body()
    } catch {
        throw TreeFailure(call, error)
    }
}

extension TreeFailure {
    init(_ call: String, _ error: DiskError) {
        self.init(call: call, errno: error.errno, reason: error.message)
    }
}

extension TreeNode {
    init(_ status: HostStatus) {
        self.init(
            identity: Identity(device: status.identity.device, inode: status.identity.inode),
            kind: status.kind,
            permissions: status.permissions,
            uid: status.uid,
            gid: status.gid,
            links: status.kind == .directory ? 1 : status.links,
            size: status.size,
            accessed: status.accessed,
            modified: status.modified,
            device: status.device
        )
    }
}
