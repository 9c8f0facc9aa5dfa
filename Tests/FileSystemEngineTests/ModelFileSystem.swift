import VarveModel

@testable import FileSystemEngine

/// A file system as plain values: what the engine is held against.
///
/// It shares the pure rules of permission with the engine, which have tests of their own, and nothing
/// else: no rows, no slices, no epochs.
struct ModelFileSystem {
    struct Node {
        var kind: FileKind
        var permissions: UInt16
        var uid: UInt32
        var gid: UInt32
        var accessed: Timestamp
        var modified: Timestamp
        /// `nil` when a rollback may or may not have touched it.
        var changed: Timestamp?
        var data: [UInt8] = []
        var target: [UInt8] = []
        var device = DeviceNumber.none
        var children: [FileName: InodeNumber] = [:]
        var attributes: [[UInt8]: [UInt8]] = [:]
        var parent = InodeNumber(rawValue: 0)
    }

    var nodes: [InodeNumber: Node] = [:]
    var openCounts: [InodeNumber: Int] = [:]
    var now: Timestamp
    let limits: FileSystemLimits

    init(now: Timestamp, limits: FileSystemLimits) {
        self.now = now
        self.limits = limits
        nodes[.root] = Node(
            kind: .directory,
            permissions: 0o755,
            uid: 0,
            gid: 0,
            accessed: now,
            modified: now,
            changed: now,
            parent: .root
        )
    }

    // MARK: Questions

    func node(_ inode: InodeNumber) throws(FileSystemError) -> Node {
        guard let node = nodes[inode] else { throw FileSystemError(.stale, "model") }
        return node
    }

    /// Directories that have the inode as a name, once a name.
    func names(of inode: InodeNumber) -> [(directory: InodeNumber, name: FileName)] {
        nodes.flatMap { directory, node in
            node.children.filter { $0.value == inode }.map { (directory, $0.key) }
        }
    }

    func links(of inode: InodeNumber) -> UInt32 {
        guard let node = nodes[inode] else { return 0 }
        guard node.kind == .directory else { return UInt32(names(of: inode).count) }
        if inode != .root, names(of: inode).isEmpty { return 0 }
        let directories = node.children.values.filter { nodes[$0]?.kind == .directory }
        return UInt32(2 + directories.count)
    }

    /// The directory of what has one name.
    private func parent(of inode: InodeNumber, _ node: Node) -> InodeNumber {
        if node.kind == .directory { return node.parent }
        let names = names(of: inode)
        return names.count == 1 ? names[0].directory : InodeNumber(rawValue: 0)
    }

    func attributes(of inode: InodeNumber) throws(FileSystemError) -> Attributes {
        let node = try node(inode)
        return Attributes(
            inode: inode,
            kind: node.kind,
            permissions: node.permissions,
            uid: node.uid,
            gid: node.gid,
            links: links(of: inode),
            size: UInt64(node.kind == .symlink ? node.target.count : node.data.count),
            allocated: 0,
            accessed: node.accessed,
            modified: node.modified,
            changed: node.changed ?? .epoch,
            created: .epoch,
            change: 0,
            device: node.device,
            parent: parent(of: inode, node)
        )
    }

    func directory(_ inode: InodeNumber) throws(FileSystemError) -> Node {
        let node = try node(inode)
        guard node.kind == .directory else { throw FileSystemError(.notDirectory, "model") }
        return node
    }

    func lookup(
        _ name: FileName,
        in directory: InodeNumber,
        as caller: Credentials
    ) throws(FileSystemError) -> InodeNumber {
        let node = try self.directory(directory)
        try Permission.require(.execute, of: try attributes(of: directory), for: caller)
        if name.isDot { return directory }
        if name.isDotDot { return node.parent }
        guard let found = node.children[name] else { throw FileSystemError(.notFound, "model") }
        return found
    }

    // MARK: Changes

    mutating func touch(_ inode: InodeNumber) {
        nodes[inode]?.changed = now
    }

    mutating func touchContent(_ inode: InodeNumber) {
        nodes[inode]?.modified = now
        nodes[inode]?.changed = now
    }

    /// Ends an inode that lost its last name, unless it is open.
    mutating func endIfNameless(_ inode: InodeNumber) {
        guard inode != .root, names(of: inode).isEmpty, openCounts[inode] == nil else { return }
        nodes[inode] = nil
    }

    /// Checks a birth; the engine's answer then gives the number.
    func checkCreate(
        _ name: FileName,
        in directory: InodeNumber,
        _ new: NewInode,
        as caller: Credentials
    ) throws(FileSystemError) -> Ownership.Birth {
        _ = try self.directory(directory)
        try requireFree(name, in: directory, as: caller)
        try Ownership.requireMayMake(new.kind, for: caller)
        let birth = try Ownership.birth(
            of: new,
            in: try attributes(of: directory),
            for: caller
        )
        if new.kind.fileKind == .directory, links(of: directory) >= limits.linksMax {
            throw FileSystemError(.tooManyLinks, "model")
        }
        if case .symlink(let target) = new.kind {
            guard !target.isEmpty else { throw FileSystemError(.invalid, "model") }
            guard target.count <= limits.symlinkBytesMax else {
                throw FileSystemError(.nameTooLong, "model")
            }
        }
        return birth
    }

    func requireFree(
        _ name: FileName,
        in directory: InodeNumber,
        as caller: Credentials
    ) throws(FileSystemError) {
        let node = try node(directory)
        let attributes = try attributes(of: directory)
        try Permission.require(.execute, of: attributes, for: caller)
        guard !name.isDot, !name.isDotDot, node.children[name] == nil else {
            throw FileSystemError(.exists, "model")
        }
        guard attributes.links > 0 else { throw FileSystemError(.stale, "model") }
        try Permission.require(.write, of: attributes, for: caller)
    }

    mutating func create(
        _ name: FileName,
        in directory: InodeNumber,
        _ new: NewInode,
        _ birth: Ownership.Birth,
        _ inode: InodeNumber,
        as caller: Credentials
    ) {
        var node = Node(
            kind: new.kind.fileKind,
            permissions: birth.permissions,
            uid: birth.uid,
            gid: birth.gid,
            accessed: now,
            modified: now,
            changed: now
        )
        if caller.isRoot {
            node.accessed = new.accessed ?? now
            node.modified = new.modified ?? now
        }
        switch new.kind {
        case .symlink(let target): node.target = target
        case .characterDevice(let device), .blockDevice(let device): node.device = device
        case .regular, .directory, .fifo, .socket: break
        }
        if node.kind == .directory { node.parent = directory }
        nodes[inode] = node
        nodes[directory]?.children[name] = inode
        touchContent(directory)
    }

    mutating func link(
        _ inode: InodeNumber,
        as name: FileName,
        in directory: InodeNumber,
        _ caller: Credentials
    ) throws(FileSystemError) {
        _ = try self.directory(directory)
        let node = try node(inode)
        try requireFree(name, in: directory, as: caller)
        guard node.kind != .directory else { throw FileSystemError(.notPermitted, "model") }
        guard links(of: inode) > 0 else { throw FileSystemError(.stale, "model") }
        guard links(of: inode) < limits.linksMax else {
            throw FileSystemError(.tooManyLinks, "model")
        }
        nodes[directory]?.children[name] = inode
        touch(inode)
        touchContent(directory)
    }

    private func removal(
        of name: FileName,
        in directory: InodeNumber,
        as caller: Credentials
    ) throws(FileSystemError) -> InodeNumber {
        let node = try self.directory(directory)
        if name.isDot { throw FileSystemError(.invalid, "model") }
        if name.isDotDot { throw FileSystemError(.notEmpty, "model") }
        let parent = try attributes(of: directory)
        try Permission.require(.execute, of: parent, for: caller)
        guard let found = node.children[name] else { throw FileSystemError(.notFound, "model") }
        try Permission.requireRemoval(
            of: try attributes(of: found),
            from: parent,
            for: caller
        )
        return found
    }

    mutating func unlink(
        _ name: FileName,
        in directory: InodeNumber,
        as caller: Credentials
    ) throws(FileSystemError) {
        let inode = try removal(of: name, in: directory, as: caller)
        guard nodes[inode]?.kind != .directory else {
            throw FileSystemError(.isDirectory, "model")
        }
        nodes[directory]?.children[name] = nil
        touch(inode)
        touchContent(directory)
        endIfNameless(inode)
    }

    mutating func removeDirectory(
        _ name: FileName,
        in directory: InodeNumber,
        as caller: Credentials
    ) throws(FileSystemError) {
        let inode = try removal(of: name, in: directory, as: caller)
        guard let node = nodes[inode], node.kind == .directory else {
            throw FileSystemError(.notDirectory, "model")
        }
        guard node.children.isEmpty else { throw FileSystemError(.notEmpty, "model") }
        nodes[directory]?.children[name] = nil
        touch(inode)
        touchContent(directory)
        endIfNameless(inode)
    }

    func isAbove(_ inode: InodeNumber, _ directory: InodeNumber) -> Bool {
        var next = directory
        while next != inode {
            guard next != .root, let parent = nodes[next]?.parent else { return false }
            next = parent
        }
        return true
    }

    mutating func rename(
        _ name: FileName,
        in source: InodeNumber,
        to newName: FileName,
        in target: InodeNumber,
        as caller: Credentials
    ) throws(FileSystemError) {
        guard !name.isDot, !name.isDotDot, !newName.isDot, !newName.isDotDot else {
            throw FileSystemError(.invalid, "model")
        }
        let from = try directory(source)
        try Permission.require(.execute, of: try attributes(of: source), for: caller)
        let to = try directory(target)
        try Permission.require(.execute, of: try attributes(of: target), for: caller)
        guard let entry = from.children[name] else { throw FileSystemError(.notFound, "model") }
        guard links(of: target) > 0 else { throw FileSystemError(.stale, "model") }
        let existing = to.children[newName]
        var facts = RenameFacts(
            entry: try attributes(of: entry),
            source: try attributes(of: source),
            target: try attributes(of: target)
        )
        if let existing {
            facts.existing = try attributes(of: existing)
            facts.isExistingFull = nodes[existing]?.children.isEmpty == false
            facts.isExistingAboveSource =
                source != target && existing != entry && nodes[existing]?.kind == .directory
                && isAbove(existing, source)
        }
        facts.isSameName = source == target && name == newName
        facts.isEntryAboveTarget = nodes[entry]?.kind == .directory && isAbove(entry, target)
        let verdict = try RenameRules.decide(facts, for: caller, linksMax: limits.linksMax)
        guard verdict != .nothing else { return }
        nodes[source]?.children[name] = nil
        nodes[target]?.children[newName] = entry
        if nodes[entry]?.kind == .directory { nodes[entry]?.parent = target }
        touch(entry)
        touchContent(source)
        touchContent(target)
        if let existing {
            touch(existing)
            endIfNameless(existing)
        }
    }
}
