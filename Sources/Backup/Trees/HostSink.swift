import Disk
private import Glibc
import VarveModel

/// A directory of the host, as a place to write a tree to.
struct HostSink: TreeSink {
    private let existing: ExistingNames
    /// Root gives files away; anyone else may only keep them.
    private let isRoot = geteuid() == 0
    private let uid = geteuid()
    private let gid = getegid()
    /// Files that replace others once they are whole.
    private let drafts = Drafts()

    /// Enough to keep a disk busy; the threads behind them are fewer.
    let workersMax = 16

    init(existing: ExistingNames) {
        self.existing = existing
    }

    /// Finds where the root of a tree goes.
    static func place(_ path: String) throws(TreeFailure) -> RootPlace<RestingDirectory> {
        do throws(DiskError) {
            return .itself(RestingDirectory(root: try HostDirectory.open(path)))
        } catch  where error.errno == ENOENT || error.errno == ENOTDIR {
            guard let name = FileName(DiskPath.name(of: path)) else {
                throw TreeFailure(call: "open", errno: EINVAL, reason: "'\(path)' is no path")
            }
            let parent = try attempt("open") { () throws(DiskError) in
                try HostDirectory.open(DiskPath.parent(of: path))
            }
            return .name(name, in: RestingDirectory(root: parent))
        } catch {
            throw TreeFailure("open", error)
        }
    }

    func makeDirectory(
        _ entry: TreeEntry,
        in parent: RestingDirectory
    ) async throws(TreeFailure) -> RestingDirectory {
        let open = try change("open") { () throws(DiskError) in try parent.opened() }
        do throws(DiskError) {
            try open.makeDirectory(entry.name)
        } catch  where error.code == .exists {
            let found = try change("stat") { () throws(DiskError) in
                try open.status(of: entry.name)
            }
            if found.kind == .directory {
                // Ours to fill, whatever it will be in the end.
                if found.permissions & 0o700 != 0o700 {
                    try change("chmod") { () throws(DiskError) in
                        try open.setPermissions(entry.name, found.permissions | 0o700)
                    }
                }
            } else {
                try clear(entry.name, isDirectory: true, in: open)
                try change("make directory") { () throws(DiskError) in
                    try open.makeDirectory(entry.name)
                }
            }
        } catch {
            throw TreeFailure(changing: "make directory", error)
        }
        return parent.below(entry.name)
    }

    func finish(
        _ directory: RestingDirectory,
        _ node: TreeNode,
        _ details: TreeDetails
    ) async throws(TreeFailure) -> [TreeFailure] {
        let open = try change("open") { () throws(DiskError) in try directory.opened() }
        return try dress(HostDirectory.itself, node, details, in: open)
    }

    func makeFile(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        runs: [Range<UInt64>],
        in directory: RestingDirectory
    ) async throws(TreeFailure) -> HostSinkFile {
        let open = try change("open") { () throws(DiskError) in try directory.opened() }
        // What stands there stays until the new one is whole.
        let isDraft = try isDraftWanted(entry.name, in: open)
        let name = isDraft ? drafts.next() : entry.name
        let file = try making("create", name, in: open) { () throws(DiskError) in
            try open.createFile(name)
        }
        return HostSinkFile(file: file, directory: open, resting: directory, name: name)
    }

    /// Whether a file is made beside what it shall replace: that must stay when the new one does not come whole.
    private func isDraftWanted(
        _ name: FileName,
        in directory: HostDirectory
    ) throws(TreeFailure) -> Bool {
        guard existing != .refuse else { return false }
        do throws(DiskError) {
            return try directory.status(of: name).kind != .directory
        } catch  where error.code == .notFound {
            return false
        } catch {
            throw TreeFailure("stat", error)
        }
    }

    func write(
        _ bytes: [UInt8],
        at offset: UInt64,
        to file: HostSinkFile
    ) async throws(TreeFailure) {
        try change("write") { () throws(DiskError) in try file.file.write(bytes, at: offset) }
    }

    func finish(
        _ file: HostSinkFile,
        _ entry: TreeEntry,
        _ details: TreeDetails,
        written: UInt64
    ) async throws(TreeFailure) -> (link: HostLink, failures: [TreeFailure]) {
        if entry.node.size > written {
            try change("truncate") { () throws(DiskError) in
                try file.file.truncate(to: entry.node.size)
            }
        }
        let failures = try dress(file.name, entry.node, details, in: file.directory)
        if file.name != entry.name {
            try change("rename") { () throws(DiskError) in
                try file.directory.rename(file.name, over: entry.name)
            }
        }
        file.file.close()
        return (HostLink(directory: file.resting, name: entry.name), failures)
    }

    func abandon(_ file: HostSinkFile) async {
        file.file.close()
        // What cannot be taken away either has been told of: the copy of this file failed.
        try? file.directory.remove(file.name)
    }

    func makeSpecial(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        in directory: RestingDirectory
    ) async throws(TreeFailure) -> (link: HostLink, failures: [TreeFailure]) {
        let open = try change("open") { () throws(DiskError) in try directory.opened() }
        let node = entry.node
        try making("create", entry.name, in: open) { () throws(DiskError) in
            if node.kind == .symlink {
                try open.makeSymlink(entry.name, to: details.target)
            } else {
                try open.makeSpecial(entry.name, node.kind, device: node.device)
            }
        }
        let failures = try dress(entry.name, node, details, in: open)
        return (HostLink(directory: directory, name: entry.name), failures)
    }

    func link(
        _ entry: TreeEntry,
        to link: HostLink,
        in directory: RestingDirectory
    ) async throws(TreeFailure) {
        let open = try change("open") { () throws(DiskError) in try directory.opened() }
        let first = try change("open") { () throws(DiskError) in try link.directory.opened() }
        try making("link", entry.name, in: open) { () throws(DiskError) in
            try open.link(entry.name, to: link.name, in: first)
        }
    }

    func find(
        _ name: FileName,
        in directory: RestingDirectory
    ) async throws(TreeFailure) -> HostLink {
        HostLink(directory: directory, name: name)
    }

    func findDirectory(
        _ name: FileName,
        in parent: RestingDirectory
    ) async throws(TreeFailure) -> RestingDirectory? {
        let open = try attempt("open") { () throws(DiskError) in try parent.opened() }
        do throws(DiskError) {
            return try open.status(of: name).kind == .directory ? parent.below(name) : nil
        } catch  where error.code == .notFound {
            return nil
        } catch {
            throw TreeFailure("stat", error)
        }
    }

    func removeOthers(
        than kept: Set<FileName>,
        in directory: RestingDirectory
    ) async throws(TreeFailure) {
        try change("remove") { () throws(DiskError) in
            let listing = try directory.reopened()
            var others: [FileName] = []
            while true {
                let names = try listing.nextNames()
                if names.isEmpty { break }
                others += names.filter { !kept.contains($0) && !drafts.contains($0) }
            }
            for name in others { try listing.removeTree(name) }
        }
    }

    func rest(_ directory: RestingDirectory) {
        directory.rest()
    }

    func complete() async throws(TreeFailure) {}

    // MARK: Leaves

    /// Makes a name; one that is there is cleared away first, if that was asked for.
    private func making<Value>(
        _ call: String,
        _ name: FileName,
        in directory: HostDirectory,
        _ body: () throws(DiskError) -> Value
    ) throws(TreeFailure) -> Value {
        do throws(DiskError) {
            return try body()
        } catch  where error.code == .exists && existing != .refuse {
            try clear(name, isDirectory: false, in: directory)
            return try change(call, body)
        } catch {
            throw TreeFailure(changing: call, error)
        }
    }

    private func clear(
        _ name: FileName,
        isDirectory: Bool,
        in directory: HostDirectory
    ) throws(TreeFailure) {
        guard existing != .refuse else {
            throw TreeFailure(call: "create", errno: EEXIST, reason: "'\(name)' exists")
        }
        try change("remove") { () throws(DiskError) in
            if existing == .mirror {
                try directory.removeTree(name)
            } else {
                try directory.remove(name)
            }
        }
    }

    /// Gives a name its owner, attributes, permissions and times, in the order in which one does not
    /// undo another: chown clears set-user-id, and everything changes times.
    private func dress(
        _ name: FileName,
        _ node: TreeNode,
        _ details: TreeDetails,
        in directory: HostDirectory
    ) throws(TreeFailure) -> [TreeFailure] {
        var failures: [TreeFailure] = []
        func note(_ call: String, _ body: () throws(DiskError) -> Void) throws(TreeFailure) {
            do throws(DiskError) {
                try body()
            } catch {
                let failure = TreeFailure(changing: call, error)
                if failure.fatal != nil { throw failure }
                failures.append(failure)
            }
        }
        func set(_ attributes: [TreeDetails.Attribute]) throws(TreeFailure) {
            for attribute in attributes {
                let text = String(decoding: attribute.name, as: UTF8.self)
                try note("set attribute \(text)") { () throws(DiskError) in
                    try directory.setAttribute(attribute.name, attribute.value, of: name)
                }
            }
        }
        if isRoot || node.uid != uid || node.gid != gid {
            try note("chown") { () throws(DiskError) in
                try directory.setOwner(name, uid: node.uid, gid: node.gid)
            }
        }
        try set(details.attributes.filter { !$0.isSystem })
        if node.kind != .symlink {
            try note("chmod") { () throws(DiskError) in
                try directory.setPermissions(name, node.permissions)
            }
        }
        try set(details.attributes.filter(\.isSystem))
        try note("set times") { () throws(DiskError) in
            try directory.setTimes(name, accessed: node.accessed, modified: node.modified)
        }
        return failures
    }

    /// Does a call that changes the host; a full or failed disk ends the whole copy.
    @discardableResult
    private func change<Value>(
        _ call: String,
        _ body: () throws(DiskError) -> Value
    ) throws(TreeFailure) -> Value {
        do throws(DiskError) {
            return try body()
        } catch {
            throw TreeFailure(changing: call, error)
        }
    }
}

/// A file that is being written on the host.
struct HostSinkFile: Sendable {
    let file: HostFile
    let directory: HostDirectory
    let resting: RestingDirectory
    let name: FileName
}

/// A name of a file on the host.
struct HostLink: Sendable {
    let directory: RestingDirectory
    let name: FileName
}

extension TreeFailure {
    /// A failure of the target, which may be the end of the copy.
    init(changing call: String, _ error: DiskError) {
        self.init(call: call, errno: error.errno, reason: error.message)
        if SystemError.isFatal(error.errno) { fatal = BackupError(error) }
    }
}
