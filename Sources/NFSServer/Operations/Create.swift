import FileSystemEngine
import NFSWire
import VarveModel

/// CREATE (RFC 8881 §18.4): anything but a regular file.
extension CompoundRun {
    func create(_ arguments: CreateArguments) async throws(NFSStatus) -> OperationReply {
        let directory = try writable(try object())
        let kind = try newKind(arguments.kind)
        let name = try newName(arguments.name, in: directory)
        let requested = try RequestedAttributes(arguments.attributes, permissions: nil)
        guard requested.changes.size == nil else { throw .invalid }
        let made = try await make(name, kind, in: directory, requested, verifier: nil)
        become(.inode(directory.sibling(made.attributes.inode)), known: made.attributes)
        return .create(
            CreateReply(
                change: made.change,
                attributesSet: requested.mask
            )
        )
    }

    private func newKind(_ kind: CreateKind) throws(NFSStatus) -> NewInode.Kind {
        switch kind {
        case .directory: return .directory
        case .symlink(let target):
            guard !target.isEmpty else { throw .invalid }
            return .symlink(target: target)
        case .fifo: return .fifo
        case .socket: return .socket
        case .blockDevice(let device):
            return .blockDevice(DeviceNumber(major: device.major, minor: device.minor))
        case .characterDevice(let device):
            return .characterDevice(DeviceNumber(major: device.major, minor: device.minor))
        case .regular, .attributeDirectory, .namedAttribute: throw .badType
        }
    }

    /// Makes an inode with its attributes.
    ///
    /// Mode, owner and group come with it; times and a size are set behind it, which a crash may leave undone: the client has
    /// no answer then, asks again, and they are set.
    func make(
        _ name: FileName,
        _ kind: NewInode.Kind,
        in directory: InodeObject,
        _ requested: RequestedAttributes,
        verifier: UInt64?
    ) async throws(NFSStatus) -> MadeInode {
        let changes = requested.changes
        // Told before anything is made.
        let sizeMax = directory.fileSystem.engine.limits.fileBytesMax
        guard changes.size ?? 0 <= sizeMax else { throw .fileTooLarge }
        let new = NewInode(
            kind,
            permissions: changes.permissions ?? (kind == .directory ? 0o755 : 0o644),
            uid: changes.uid,
            gid: changes.gid
        )
        let made = try await makeOnce(name, new, in: directory, verifier: verifier)
        var rest = AttributeChanges(accessed: changes.accessed, modified: changes.modified)
        // An empty file is as long as it was asked to be.
        if let size = changes.size, size > 0 { rest.size = size }
        let changed = try await apply(
            rest,
            to: directory.sibling(made.attributes.inode),
            isOpened: true
        )
        return MadeInode(
            attributes: changed ?? made.attributes,
            change: made.change
        )
    }

    /// Makes an inode, or finds the one that the request had made before the server restarted.
    private func makeOnce(
        _ name: FileName,
        _ new: NewInode,
        in directory: InodeObject,
        verifier: UInt64?
    ) async throws(NFSStatus) -> MadeInode {
        if let done {
            let attributes = try await attributes(of: directory.sibling(done.inode))
            return MadeInode(attributes: attributes, change: done.target)
        }
        let caller = caller
        let receipt = keeping { (change: NamedInode) in DoneChange(change) }
        let made = try await engine {
            try await directory.fileSystem.engine.createEntry(
                name,
                in: directory.inode,
                new,
                as: caller,
                verifier: verifier,
                receipt: receipt
            )
        }
        kept(DoneChange(made))
        return MadeInode(attributes: made.attributes, change: ChangeInfo(made.directory))
    }
}

/// An inode that was made, as it is once all is set.
struct MadeInode: Sendable {
    let attributes: Attributes
    /// Of the directory.
    let change: ChangeInfo
}
