import VarveModel

@testable import FileSystemEngine

/// Bytes, attributes and extended attributes of the model.
extension ModelFileSystem {
    private func regular(_ inode: InodeNumber) throws(FileSystemError) -> Node {
        let node = try node(inode)
        switch node.kind {
        case .regular: return node
        case .directory: throw FileSystemError(.isDirectory, "model")
        case .fifo, .characterDevice, .blockDevice, .symlink, .socket:
            throw FileSystemError(.invalid, "model")
        }
    }

    mutating func write(
        _ inode: InodeNumber,
        _ bytes: [UInt8],
        at offset: Int,
        as caller: Credentials
    ) throws(FileSystemError) {
        guard UInt64(offset + bytes.count) <= limits.fileBytesMax else {
            throw FileSystemError(.fileTooBig, "model")
        }
        var node = try regular(inode)
        let attributes = try attributes(of: inode)
        try Permission.require(.write, of: attributes, for: caller)
        guard !bytes.isEmpty else { return }
        let end = offset + bytes.count
        if node.data.count < end {
            node.data.append(contentsOf: repeatElement(0, count: end - node.data.count))
        }
        node.data.replaceSubrange(offset..<end, with: bytes)
        node.permissions = Ownership.permissionsAfterWrite(attributes, by: caller)
        nodes[inode] = node
        touchContent(inode)
    }

    mutating func punch(
        _ inode: InodeNumber,
        _ range: Range<Int>,
        as caller: Credentials
    ) throws(FileSystemError) {
        var node = try regular(inode)
        let attributes = try attributes(of: inode)
        try Permission.require(.write, of: attributes, for: caller)
        let clipped = range.clamped(to: 0..<node.data.count)
        guard !clipped.isEmpty else { return }
        node.data.replaceSubrange(clipped, with: repeatElement(0, count: clipped.count))
        node.permissions = Ownership.permissionsAfterWrite(attributes, by: caller)
        nodes[inode] = node
        touchContent(inode)
    }

    func read(
        _ inode: InodeNumber,
        _ range: Range<Int>,
        as caller: Credentials
    ) throws(FileSystemError) -> [UInt8] {
        let node = try regular(inode)
        try Permission.require(.read, of: try attributes(of: inode), for: caller)
        return Array(node.data[range.clamped(to: 0..<node.data.count)])
    }

    mutating func setAttributes(
        _ inode: InodeNumber,
        _ changes: AttributeChanges,
        as caller: Credentials
    ) throws(FileSystemError) {
        let before = try attributes(of: inode)
        if changes.size != nil { _ = try regular(inode) }
        try Ownership.requireTimesAndSize(changes, of: before, for: caller)
        let birth = try Ownership.changed(before, by: changes, for: caller)
        var node = try node(inode)
        node.uid = birth.uid
        node.gid = birth.gid
        node.permissions = birth.permissions
        if let size = changes.size {
            guard size <= limits.fileBytesMax else { throw FileSystemError(.fileTooBig, "model") }
            if changes.permissions == nil {
                var owned = before
                owned.uid = node.uid
                owned.gid = node.gid
                owned.permissions = node.permissions
                node.permissions = Ownership.permissionsAfterWrite(owned, by: caller)
            }
            if Int(size) < node.data.count {
                node.data.removeSubrange(Int(size)...)
            } else {
                let more = Int(size) - node.data.count
                node.data.append(contentsOf: repeatElement(0, count: more))
            }
            node.modified = now
        }
        if let accessed = changes.accessed { node.accessed = value(accessed) }
        if let modified = changes.modified { node.modified = value(modified) }
        nodes[inode] = node
        touch(inode)
    }

    private func value(_ time: AttributeChanges.Time) -> Timestamp {
        switch time {
        case .now: now
        case .exactly(let time): time
        }
    }

    mutating func setExtendedAttribute(
        _ name: [UInt8],
        _ value: [UInt8],
        _ mode: AttributeSetMode,
        of inode: InodeNumber,
        as caller: Credentials
    ) throws(FileSystemError) {
        let node = try node(inode)
        try ExtendedAttributeRules.requireWrite(
            name,
            of: try attributes(of: inode),
            for: caller
        )
        guard value.count <= limits.attributeBytesMax else {
            throw FileSystemError(.rangeError, "model")
        }
        let exists = node.attributes[name] != nil
        if mode == .create, exists { throw FileSystemError(.exists, "model") }
        if mode == .replace, !exists { throw FileSystemError(.noAttribute, "model") }
        nodes[inode]?.attributes[name] = value
        touch(inode)
    }

    mutating func removeExtendedAttribute(
        _ name: [UInt8],
        of inode: InodeNumber,
        as caller: Credentials
    ) throws(FileSystemError) {
        let node = try node(inode)
        try ExtendedAttributeRules.requireWrite(
            name,
            of: try attributes(of: inode),
            for: caller
        )
        guard node.attributes[name] != nil else { throw FileSystemError(.noAttribute, "model") }
        nodes[inode]?.attributes[name] = nil
        touch(inode)
    }

    func extendedAttribute(
        _ name: [UInt8],
        of inode: InodeNumber,
        as caller: Credentials
    ) throws(FileSystemError) -> [UInt8] {
        let node = try node(inode)
        try ExtendedAttributeRules.requireRead(
            name,
            of: try attributes(of: inode),
            for: caller
        )
        guard let value = node.attributes[name] else {
            throw FileSystemError(.noAttribute, "model")
        }
        return value
    }
}

/// Handles, restarts and rollbacks of the model.
extension ModelFileSystem {
    mutating func open(_ inode: InodeNumber) throws(FileSystemError) {
        _ = try node(inode)
        openCounts[inode, default: 0] += 1
    }

    mutating func close(_ inode: InodeNumber) {
        guard let count = openCounts[inode] else { return }
        openCounts[inode] = count > 1 ? count - 1 : nil
        endIfNameless(inode)
    }

    /// Handles end with the process, and nameless inodes with them.
    mutating func restart() {
        openCounts = [:]
        for inode in nodes.keys { endIfNameless(inode) }
    }

    mutating func rollBackEverything(to then: ModelFileSystem) {
        nodes = then.nodes.mapValues { node in
            var node = node
            node.changed = nil
            return node
        }
        for inode in nodes.keys { endIfNameless(inode) }
    }

    func subtree(_ root: InodeNumber) -> Set<InodeNumber> {
        var found: Set<InodeNumber> = []
        var queue = [root]
        while let inode = queue.popLast() {
            guard nodes[inode] != nil, found.insert(inode).inserted else { continue }
            queue += nodes[inode]?.children.values ?? [:].values
        }
        return found
    }

    /// Brings a name of a live directory, or (with `name` nil) an inode, back as it was in `past`.
    mutating func rollBack(
        _ root: InodeNumber,
        name: (directory: InodeNumber, name: FileName)?,
        to past: ModelFileSystem
    ) throws(FileSystemError) {
        let then = past.subtree(root)
        var live: Set<InodeNumber> = []
        if let name, let existing = nodes[name.directory]?.children[name.name] {
            live.formUnion(subtree(existing))
        } else if name == nil {
            live.formUnion(subtree(root))
        }
        for inode in then { live.formUnion(subtree(inode)) }
        var above: InodeNumber?
        if let name {
            above = name.directory
        } else if nodes[root]?.kind == .directory {
            above = nodes[root]?.parent
        }
        while let next = above {
            guard !then.contains(next), !live.contains(next) else {
                throw FileSystemError(.invalid, "model")
            }
            above = next == .root ? nil : nodes[next]?.parent
        }
        let outside = nodes.keys.filter { !then.contains($0) && !live.contains($0) }
        setBack(then, live, past)
        // Directories have one name: those that come back leave the place where they are now.
        for directory in outside {
            for (key, value) in nodes[directory]?.children ?? [:]
            where then.contains(value) && nodes[value]?.kind == .directory && value != root {
                nodes[directory]?.children[key] = nil
                touchContent(directory)
            }
        }
        if let name {
            for (directory, key) in names(of: root)
            where nodes[root]?.kind == .directory && outside.contains(directory)
                && (directory, key) != (name.directory, name.name)
            {
                nodes[directory]?.children[key] = nil
                touchContent(directory)
            }
            nodes[name.directory]?.children[name.name] = root
            if nodes[root]?.kind == .directory { nodes[root]?.parent = name.directory }
            touchContent(name.directory)
        }
        for inode in then.union(live) { endIfNameless(inode) }
        for inode in nodes.keys where names(of: inode).isEmpty { endIfNameless(inode) }
    }

    private mutating func setBack(
        _ then: Set<InodeNumber>,
        _ live: Set<InodeNumber>,
        _ past: ModelFileSystem
    ) {
        for inode in live.subtracting(then) {
            if nodes[inode]?.kind == .directory {
                // Whoever has it open sees its names go.
                nodes[inode]?.children = [:]
                touchContent(inode)
            }
            nodes[inode]?.changed = nil
        }
        for inode in then {
            guard var node = past.nodes[inode] else { continue }
            node.changed = nil
            if let now = nodes[inode], node.kind == .directory {
                node.parent = then.contains(node.parent) ? node.parent : now.parent
            }
            nodes[inode] = node
        }
    }
}
