import FileSystemEngine
import NFSWire
import VarveModel

/// LOOKUP and LOOKUPP (RFC 8881 §18.13, §18.14).
extension CompoundRun {
    func lookup(_ arguments: NameArguments) async throws(NFSStatus) -> OperationReply {
        let directory = try object()
        let name = try name(arguments.name)
        let found = try await find(name, in: directory)
        become(found.object, known: found.attributes)
        return .ok(.lookup)
    }

    /// LOOKUP of a name that is in memory, or known not to be there.
    func lookupNow(_ arguments: NameArguments) throws(NFSStatus) -> OperationReply? {
        guard case .inode(let directory) = try object() else { return nil }
        let name = try name(arguments.name)
        guard let attributes = try attributesNow(of: name, in: directory) else { return nil }
        become(.inode(directory.sibling(attributes.inode)), known: attributes)
        return .ok(.lookup)
    }

    /// The attributes of what a name in a directory of the present leads to, from memory.
    ///
    /// - Returns: `nil` also for what is no directory: the status depends on what it is instead.
    func attributesNow(
        of name: FileName,
        in directory: InodeObject
    ) throws(NFSStatus) -> Attributes? {
        guard directory.view == .live,
            directory.inode != .root || name.bytes != SnapshotDirectory.name
        else { return nil }
        do throws(FileSystemError) {
            return try directory.fileSystem.engine.rememberedLookup(
                name,
                in: directory.inode,
                as: caller
            )
        } catch {
            return try refused(error)
        }
    }

    /// Apart from the `catch`: Swift 6.3.1 does not always compile a choice there.
    private func refused(_ error: FileSystemError) throws(NFSStatus) -> Attributes? {
        guard error.code != .notDirectory else { return nil }
        throw NFSStatus(error.code)
    }

    /// What a name in a directory leads to, with its attributes where they were found on the way.
    func find(
        _ name: FileName,
        in directory: NFSObject
    ) async throws(NFSStatus) -> (object: NFSObject, attributes: Attributes?) {
        switch directory {
        case .gateway:
            let listing = server.exports.current
            guard let found = listing.sorted.first(where: { $0.name == name.bytes }) else {
                throw .noEntry
            }
            return (.inode(InodeObject(found, .root)), nil)
        case .snapshots(let fileSystem):
            return (try await past(name, of: fileSystem), nil)
        case .inode(let object):
            if object.inode == .root, object.view == .live, name.bytes == SnapshotDirectory.name {
                let root = try await self.attributes(of: object)
                guard Permission.rights(of: root, for: caller).contains(.execute) else {
                    throw .accessDenied
                }
                return (.snapshots(object.fileSystem), nil)
            }
            let attributes = try await attributes(of: name, in: object)
            return (.inode(object.sibling(attributes.inode)), attributes)
        }
    }

    /// The attributes of what a name in a directory leads to.
    func attributes(
        of name: FileName,
        in directory: InodeObject
    ) async throws(NFSStatus) -> Attributes {
        do {
            return try await engine {
                try await directory.fileSystem.engine.lookup(
                    name,
                    in: directory.inode,
                    at: directory.view,
                    as: caller
                )
            }
        } catch .notDirectory {
            // A symlink on the way is the client's to follow.
            throw try await attributes(of: directory).kind == .symlink ? .symlink : .notDirectory
        }
    }

    func lookupParent() async throws(NFSStatus) -> OperationReply {
        if case .snapshots(let fileSystem)? = current {
            become(.inode(InodeObject(fileSystem, .root)))
            return .ok(.lookupParent)
        }
        let object = try inode(orElse: .noEntry)
        if object.inode == .root {
            become(try above(rootOf: object))
            return .ok(.lookupParent)
        }
        let attributes = try await attributes(of: object)
        guard attributes.kind == .directory else {
            throw attributes.kind == .symlink ? .symlink : .notDirectory
        }
        guard Permission.rights(of: attributes, for: caller).contains(.execute) else {
            throw .accessDenied
        }
        become(.inode(object.sibling(attributes.parent)))
        return .ok(.lookupParent)
    }

    /// Above the past's root is `.snapshot`, above the present's the gateway; a mount target's has nothing above it.
    private func above(rootOf object: InodeObject) throws(NFSStatus) -> NFSObject {
        guard object.view == .live else { return .snapshots(object.fileSystem) }
        guard server.exports.root == .gateway else { throw .noEntry }
        return .gateway
    }
}
