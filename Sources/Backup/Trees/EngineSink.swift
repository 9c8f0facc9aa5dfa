import FileSystemEngine
import VarveModel

/// A directory of a live file system, as a place to write a tree to.
struct EngineSink: TreeSink {
    let fileSystem: FileSystem
    let existing: ExistingNames
    let caller: Credentials
    /// Files that replace others once they are whole.
    private let drafts = Drafts()

    init(fileSystem: FileSystem, existing: ExistingNames, caller: Credentials) {
        self.fileSystem = fileSystem
        self.existing = existing
        self.caller = caller
    }

    /// Operations in flight fill the batches of group commit: a durable create costs a sync alone, and
    /// a sixty-fourth of one in company.
    let workersMax = 128

    /// Finds where the root of a tree goes.
    func place(
        _ path: [FileName],
        followsLast: Bool
    ) async throws(TreeFailure) -> RootPlace<InodeNumber> {
        do throws(FileSystemError) {
            let found = try await fileSystem.resolve(path, as: caller, followLast: followsLast)
            if found.kind == .directory { return .itself(found.inode) }
        } catch {
            guard error.code == .notFound else { throw TreeFailure("look up", error) }
        }
        guard let name = path.last else {
            throw TreeFailure(call: "look up", errno: SystemError.invalid, reason: "no name")
        }
        do throws(FileSystemError) {
            let parent = try await fileSystem.resolve(Array(path.dropLast()), as: caller)
            return .name(name, in: parent.inode)
        } catch {
            throw TreeFailure("look up", error)
        }
    }

    func makeDirectory(
        _ entry: TreeEntry,
        in parent: InodeNumber
    ) async throws(TreeFailure) -> InodeNumber {
        // Ours to fill, whatever it will be in the end.
        let new = new(.directory, entry.node, permissions: entry.node.permissions | 0o700)
        do throws(FileSystemError) {
            return try await fileSystem.create(entry.name, in: parent, new, as: caller).inode
        } catch  where error.code == .exists {
            let found = try await lookUp(entry.name, in: parent)
            if found.kind == .directory { return found.inode }
            try await clear(entry.name, found, in: parent)
            return try await change("make directory") { () async throws(FileSystemError) in
                try await fileSystem.create(entry.name, in: parent, new, as: caller).inode
            }
        } catch {
            throw TreeFailure(changing: "make directory", error)
        }
    }

    func finish(
        _ directory: InodeNumber,
        _ node: TreeNode,
        _ details: TreeDetails
    ) async throws(TreeFailure) -> [TreeFailure] {
        try await dress(directory, node, details, size: nil)
    }

    func makeFile(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        runs: [Range<UInt64>],
        in directory: InodeNumber
    ) async throws(TreeFailure) -> EngineSinkFile {
        let permissions = entry.node.permissions | (caller.isRoot ? 0 : 0o600)
        let new = new(.regular, entry.node, permissions: permissions)
        guard try await isDraftWanted(entry.name, in: directory) else {
            let made = try await replacing("create", entry.name, in: directory) {
                () async throws(FileSystemError) in
                try await fileSystem.create(entry.name, in: directory, new, as: caller)
            }
            return EngineSinkFile(inode: made.inode, directory: directory, name: entry.name)
        }
        // What stands there stays until all has been read that shall take its place. A draft that a crash leaves goes
        // with the next mirror; whoever only replaces would keep it.
        let name = drafts.next()
        do throws(FileSystemError) {
            let made = try await fileSystem.create(name, in: directory, new, as: caller)
            return EngineSinkFile(inode: made.inode, directory: directory, name: name)
        } catch {
            throw TreeFailure(changing: "create", error)
        }
    }

    /// Whether a file is made beside what it shall replace: that must stay when the new one does not come whole.
    private func isDraftWanted(
        _ name: FileName,
        in directory: InodeNumber
    ) async throws(TreeFailure) -> Bool {
        guard existing == .replace else { return existing == .mirror }
        do throws(FileSystemError) {
            return try await fileSystem.lookup(name, in: directory, as: caller).kind != .directory
        } catch  where error.code == .notFound {
            return false
        } catch {
            throw TreeFailure("look up", error)
        }
    }

    func write(
        _ bytes: [UInt8],
        at offset: UInt64,
        to file: EngineSinkFile
    ) async throws(TreeFailure) {
        try await change("write") { () async throws(FileSystemError) in
            _ = try await fileSystem.write(
                file.inode,
                bytes,
                at: offset,
                stability: .unstable,
                as: caller
            )
        }
    }

    func finish(
        _ file: EngineSinkFile,
        _ entry: TreeEntry,
        _ details: TreeDetails,
        written: UInt64
    ) async throws(TreeFailure) -> (link: InodeNumber, failures: [TreeFailure]) {
        let node = entry.node
        let size = node.size > written ? node.size : nil
        let failures = try await dress(file.inode, node, details, size: size)
        if file.name != entry.name { try await putInPlace(file, as: entry.name) }
        return (file.inode, failures)
    }

    /// Renames a draft over what stands in its place.
    private func putInPlace(
        _ file: EngineSinkFile,
        as name: FileName
    ) async throws(TreeFailure) {
        if try await findDirectory(name, in: file.directory) != nil {
            let found = try await lookUp(name, in: file.directory)
            try await clear(name, found, in: file.directory)
        }
        try await change("rename") { () async throws(FileSystemError) in
            try await fileSystem.rename(
                file.name,
                in: file.directory,
                to: name,
                in: file.directory,
                as: caller
            )
        }
    }

    /// One transaction: a copy that is cut short leaves no half-written file of this size.
    func makeWhole(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        _ data: [TreeData],
        in directory: InodeNumber
    ) async throws(TreeFailure) -> (link: InodeNumber, failures: [TreeFailure]) {
        guard data.count <= WholeFile.runsMax else {
            return try await makeInParts(entry, details, data, in: directory)
        }
        let node = entry.node
        let (gid, refusals) = grouping(node)
        let file = WholeFile(
            permissions: node.permissions,
            uid: caller.isRoot ? node.uid : nil,
            gid: gid,
            accessed: node.accessed,
            modified: node.modified,
            size: max(node.size, data.last?.end ?? 0),
            runs: data.map { WholeFile.Run(offset: $0.offset, bytes: $0.bytes) },
            attributes: details.attributes.map {
                ExtendedAttribute(name: $0.name, value: $0.value)
            }
        )
        let made = try await replacing("create", entry.name, in: directory) {
            () async throws(FileSystemError) in
            try await fileSystem.createWhole(entry.name, in: directory, file, as: caller)
        }
        let refused = made.refused.map { name, error in
            TreeFailure("set attribute \(String(decoding: name, as: UTF8.self))", error)
        }
        return (made.attributes.inode, refused + refusals)
    }

    func abandon(_ file: EngineSinkFile) async {
        // What cannot be taken away either has been told of: the copy of this file failed.
        try? await fileSystem.unlink(file.name, in: file.directory, as: caller)
    }

    func makeSpecial(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        in directory: InodeNumber
    ) async throws(TreeFailure) -> (link: InodeNumber, failures: [TreeFailure]) {
        let node = entry.node
        let kind: NewInode.Kind =
            switch node.kind {
            case .symlink: .symlink(target: details.target)
            case .fifo: .fifo
            case .socket: .socket
            case .characterDevice: .characterDevice(node.device)
            case .blockDevice: .blockDevice(node.device)
            case .regular, .directory: preconditionFailure("these have calls of their own")
            }
        let new = new(kind, node, permissions: node.permissions)
        let made = try await replacing("create", entry.name, in: directory) {
            () async throws(FileSystemError) in
            try await fileSystem.create(entry.name, in: directory, new, as: caller)
        }
        if caller.isRoot && details.attributes.isEmpty { return (made.inode, []) }
        return (made.inode, try await dress(made.inode, node, details, size: nil))
    }

    func link(
        _ entry: TreeEntry,
        to link: InodeNumber,
        in directory: InodeNumber
    ) async throws(TreeFailure) {
        do throws(FileSystemError) {
            _ = try await fileSystem.link(link, as: entry.name, in: directory, as: caller)
        } catch  where error.code == .exists && existing != .refuse {
            let found = try await lookUp(entry.name, in: directory)
            if found.inode == link { return }
            try await clear(entry.name, found, in: directory)
            try await change("link") { () async throws(FileSystemError) in
                _ = try await fileSystem.link(link, as: entry.name, in: directory, as: caller)
            }
        } catch {
            throw TreeFailure(changing: "link", error)
        }
    }

    func find(
        _ name: FileName,
        in directory: InodeNumber
    ) async throws(TreeFailure) -> InodeNumber {
        try await lookUp(name, in: directory).inode
    }

    func findDirectory(
        _ name: FileName,
        in parent: InodeNumber
    ) async throws(TreeFailure) -> InodeNumber? {
        do throws(FileSystemError) {
            let found = try await fileSystem.lookup(name, in: parent, as: caller)
            return found.kind == .directory ? found.inode : nil
        } catch  where error.code == .notFound {
            return nil
        } catch {
            throw TreeFailure("look up", error)
        }
    }

    func removeOthers(
        than kept: Set<FileName>,
        in directory: InodeNumber
    ) async throws(TreeFailure) {
        try await change("remove") { () async throws(FileSystemError) in
            try await removeNames(of: directory) { !kept.contains($0) && !drafts.contains($0) }
        }
    }

    func complete() async throws(TreeFailure) {
        try await change("flush") { () async throws(FileSystemError) in
            try await fileSystem.flush()
        }
    }

    // MARK: Leaves

    private func new(_ kind: NewInode.Kind, _ node: TreeNode, permissions: UInt16) -> NewInode {
        guard caller.isRoot else { return NewInode(kind, permissions: permissions) }
        return NewInode(
            kind,
            permissions: permissions,
            uid: node.uid,
            gid: node.gid,
            accessed: node.accessed,
            modified: node.modified
        )
    }

    private func lookUp(
        _ name: FileName,
        in directory: InodeNumber
    ) async throws(TreeFailure) -> Attributes {
        do throws(FileSystemError) {
            return try await fileSystem.lookup(name, in: directory, as: caller)
        } catch {
            throw TreeFailure("look up", error)
        }
    }

    /// Makes a name; one that is there is cleared away first, if that was asked for.
    private func replacing<Value>(
        _ call: String,
        _ name: FileName,
        in directory: InodeNumber,
        _ make: () async throws(FileSystemError) -> Value
    ) async throws(TreeFailure) -> Value {
        do throws(FileSystemError) {
            return try await make()
        } catch  where error.code == .exists && existing != .refuse {
            try await clear(name, try await lookUp(name, in: directory), in: directory)
            return try await change(call, make)
        } catch {
            throw TreeFailure(changing: call, error)
        }
    }

    /// Takes away what stands where something else shall.
    private func clear(
        _ name: FileName,
        _ found: Attributes,
        in directory: InodeNumber
    ) async throws(TreeFailure) {
        guard existing != .refuse else {
            throw TreeFailure(call: "create", errno: SystemError.exists, reason: "'\(name)' exists")
        }
        try await change("remove") { () async throws(FileSystemError) in
            guard found.kind == .directory else {
                return try await fileSystem.unlink(name, in: directory, as: caller)
            }
            if existing == .mirror { try await removeNames(of: found.inode) { _ in true } }
            try await fileSystem.removeDirectory(name, in: directory, as: caller)
        }
    }

    /// Removes names of a directory, with all beneath them.
    private func removeNames(
        of directory: InodeNumber,
        where isUnwanted: (FileName) -> Bool
    ) async throws(FileSystemError) {
        var cookie: UInt64 = 0
        while true {
            let page = try await fileSystem.readDirectory(
                directory,
                after: cookie,
                limit: 512,
                as: caller
            )
            for entry in page.entries where isUnwanted(entry.name) {
                if entry.attributes.kind == .directory {
                    try await removeNames(of: entry.attributes.inode) { _ in true }
                    try await fileSystem.removeDirectory(entry.name, in: directory, as: caller)
                } else {
                    try await fileSystem.unlink(entry.name, in: directory, as: caller)
                }
            }
            guard let last = page.entries.last, !page.isEnd else { return }
            cookie = last.cookie
        }
    }

    /// Gives an inode its size, owner, attributes, permissions and times, the times last.
    private func dress(
        _ inode: InodeNumber,
        _ node: TreeNode,
        _ details: TreeDetails,
        size: UInt64?
    ) async throws(TreeFailure) -> [TreeFailure] {
        var failures: [TreeFailure] = []
        for attribute in details.attributes {
            let text = String(decoding: attribute.name, as: UTF8.self)
            do throws(FileSystemError) {
                try await fileSystem.setExtendedAttribute(
                    attribute.name,
                    attribute.value,
                    of: inode,
                    as: caller
                )
            } catch {
                let failure = TreeFailure(changing: "set attribute \(text)", error)
                if failure.fatal != nil { throw failure }
                failures.append(failure)
            }
        }
        var changes = AttributeChanges(
            permissions: node.kind == .symlink ? nil : node.permissions,
            size: size,
            accessed: .exactly(node.accessed),
            modified: .exactly(node.modified)
        )
        if caller.isRoot { changes.uid = node.uid }
        let (gid, refusals) = grouping(node)
        changes.gid = gid
        failures += refusals
        if !caller.isRoot, node.permissions & 0o6000 != 0, let gid = changes.gid {
            // A change of group takes set-id bits away, also those of a mode that comes with it.
            try await change("set group") { () async throws(FileSystemError) in
                _ = try await fileSystem.setAttributes(
                    inode,
                    AttributeChanges(gid: gid),
                    as: caller
                )
            }
            changes.gid = nil
        }
        let wanted = changes
        try await change("set attributes") { () async throws(FileSystemError) in
            _ = try await fileSystem.setAttributes(inode, wanted, as: caller)
        }
        return failures
    }

    /// The group that the caller may give, and what of owner and group it may not.
    private func grouping(_ node: TreeNode) -> (gid: UInt32?, refusals: [TreeFailure]) {
        if caller.isRoot { return (node.gid, []) }
        var refusals: [TreeFailure] = []
        if node.uid != caller.uid { refusals.append(notOurs("owner \(node.uid)")) }
        if caller.isMember(of: node.gid) { return (node.gid, refusals) }
        refusals.append(notOurs("group \(node.gid)"))
        return (nil, refusals)
    }

    private func notOurs(_ what: String) -> TreeFailure {
        TreeFailure(
            call: "chown",
            errno: SystemError.number(.notPermitted),
            reason: "only root may give a file to \(what)"
        )
    }

    @discardableResult
    private func change<Value>(
        _ call: String,
        _ body: () async throws(FileSystemError) -> Value
    ) async throws(TreeFailure) -> Value {
        do throws(FileSystemError) {
            return try await body()
        } catch {
            throw TreeFailure(changing: call, error)
        }
    }
}

/// A file that is being written in a file system.
struct EngineSinkFile: Sendable {
    let inode: InodeNumber
    let directory: InodeNumber
    /// Its own, or a draft's.
    let name: FileName
}
