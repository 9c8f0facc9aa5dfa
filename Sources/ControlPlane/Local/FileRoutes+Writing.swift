import FileSystemEngine
import Hummingbird
import LocalAPI
import NIOCore
import VarveModel

/// Changes files: bytes, names, attributes.
extension FileRoutes {
    func addWriting(to table: RouteTable) {
        table.on(Route.write) { try await write($0, $1, $2) }
        table.on(Route.makeDirectory) { try await makeDirectory($0, $1) }
        table.on(Route.move) { try await move($0, $1) }
        table.on(Route.link) { try await link($0, $1) }
        table.on(Route.symlink) { try await symlink($0, $1) }
        table.on(Route.setAttributes) { try await setAttributes($0, $1) }
        table.on(Route.setXattr) { try await setXattr($0, $1) }
    }

    /// Writes a body; it is answered once all of it is durable.
    private func write(
        _ request: WriteFile,
        _ peer: Peer,
        _ body: RequestBody
    ) async throws -> FileDescription {
        let place = try await FilePlace(request.file, in: fileSystems)
        let engine = place.engine
        let target: Attributes
        if let found = try await place.attributesIfThere(as: peer.caller) {
            target = found
        } else {
            let (directory, name) = try await place.parent(as: peer.caller)
            target = try await engine.create(
                name,
                in: directory,
                NewInode(.regular, permissions: 0o644),
                as: peer.caller
            )
        }
        guard target.kind == .regular else {
            throw APIError(
                target.kind == .directory ? .isDirectory : .invalid,
                "'\(request.file.description)' is a \(target.kind.word)"
            )
        }
        var offset = request.offset ?? 0
        var pending: [UInt8] = []
        for try await part in body {
            pending.append(contentsOf: part.readableBytesView)
            guard pending.count >= FileRoutes.pieceBytes else { continue }
            _ = try await engine.write(
                target.inode,
                pending,
                at: offset,
                stability: .unstable,
                as: peer.caller
            )
            offset += UInt64(pending.count)
            pending.removeAll(keepingCapacity: true)
        }
        if !pending.isEmpty {
            _ = try await engine.write(
                target.inode,
                pending,
                at: offset,
                stability: .unstable,
                as: peer.caller
            )
            offset += UInt64(pending.count)
        }
        if request.offset == nil {
            _ = try await engine.setAttributes(
                target.inode,
                AttributeChanges(size: offset),
                as: peer.caller
            )
        }
        _ = try await engine.commit(target.inode)
        return try await engine.describe(
            try await engine.attributes(of: target.inode),
            at: .live,
            as: peer.caller
        )
    }

    private func makeDirectory(_ request: MakeDirectory, _ peer: Peer) async throws -> Nothing {
        let place = try await FilePlace(request.file, in: fileSystems)
        let engine = place.engine
        let mode = request.mode ?? 0o755
        guard request.withParents else {
            let (directory, name) = try await place.parent(as: peer.caller)
            _ = try await engine.create(
                name,
                in: directory,
                NewInode(.directory, permissions: mode),
                as: peer.caller
            )
            return Nothing()
        }
        for count in 0..<place.names.count {
            let isLast = count == place.names.count - 1
            let above = try await engine.resolve(Array(place.names[..<count]), as: peer.caller)
            let new = NewInode(.directory, permissions: isLast ? mode : 0o755)
            do throws(FileSystemError) {
                _ = try await engine.create(
                    place.names[count],
                    in: above.inode,
                    new,
                    as: peer.caller
                )
            } catch {
                guard error.code == .exists else { throw error }
                let there = try await engine.resolve(Array(place.names[...count]), as: peer.caller)
                guard there.kind == .directory else { throw error }
            }
        }
        return Nothing()
    }

    private func move(_ request: TwoFiles, _ peer: Peer) async throws -> Nothing {
        let (from, to) = try await pair(request)
        let (source, name) = try await from.parent(as: peer.caller)
        let (target, newName) = try await destination(to, of: name, peer)
        try await from.engine.rename(name, in: source, to: newName, in: target, as: peer.caller)
        return Nothing()
    }

    private func link(_ request: TwoFiles, _ peer: Peer) async throws -> Nothing {
        let (from, to) = try await pair(request)
        let file = try await from.attributes(as: peer.caller, followsLast: false)
        let name =
            try from.names.last
            ?? { throw APIError(.invalid, "the root directory takes no second name") }()
        let (directory, newName) = try await destination(to, of: name, peer)
        _ = try await from.engine.link(file.inode, as: newName, in: directory, as: peer.caller)
        return Nothing()
    }

    /// Where a moved or linked name goes: into a directory that is there, or to the name itself.
    private func destination(
        _ place: FilePlace,
        of name: FileName,
        _ peer: Peer
    ) async throws -> (InodeNumber, FileName) {
        if let found = try await place.attributesIfThere(as: peer.caller), found.kind == .directory
        {
            return (found.inode, name)
        }
        return try await place.parent(as: peer.caller)
    }

    private func pair(_ request: TwoFiles) async throws -> (FilePlace, FilePlace) {
        let from = try await FilePlace(request.from, in: fileSystems)
        let to = try await FilePlace(request.to, in: fileSystems)
        guard from.engine.id == to.engine.id else {
            throw APIError(
                .invalid,
                "'\(request.from.description)' and '\(request.to.description)' are in two file systems",
                remedy:
                    "Copy instead: 'varve restore FROM --at now --to TO', then remove the source."
            )
        }
        return (from, to)
    }

    private func symlink(_ request: MakeSymlink, _ peer: Peer) async throws -> Nothing {
        let place = try await FilePlace(request.file, in: fileSystems)
        let (directory, name) = try await place.parent(as: peer.caller)
        _ = try await place.engine.create(
            name,
            in: directory,
            NewInode(.symlink(target: request.target.bytes), permissions: 0o777),
            as: peer.caller
        )
        return Nothing()
    }

    private func setAttributes(_ request: SetAttributes, _ peer: Peer) async throws
        -> FileDescription
    {
        let place = try await FilePlace(request.file, in: fileSystems)
        let found = try await place.attributes(as: peer.caller, followsLast: request.followsLink)
        let now = clock.now()
        func time(_ expression: TimeExpression?) -> AttributeChanges.Time? {
            switch expression {
            case nil: nil
            case .ago(0): .now
            case .some(let given): .exactly(given.resolved(now: now))
            }
        }
        let after = try await place.engine.setAttributes(
            found.inode,
            AttributeChanges(
                permissions: request.mode,
                uid: request.uid,
                gid: request.gid,
                size: request.size,
                accessed: time(request.accessed),
                modified: time(request.modified)
            ),
            as: peer.caller
        )
        return try await place.engine.describe(after, at: .live, as: peer.caller)
    }

    private func setXattr(_ request: SetXattr, _ peer: Peer) async throws -> Nothing {
        let place = try await FilePlace(request.file, in: fileSystems)
        let found = try await place.attributes(as: peer.caller)
        if let value = request.value {
            try await place.engine.setExtendedAttribute(
                request.name.bytes,
                value.bytes,
                of: found.inode,
                as: peer.caller
            )
        } else {
            try await place.engine.removeExtendedAttribute(
                request.name.bytes,
                of: found.inode,
                as: peer.caller
            )
        }
        return Nothing()
    }
}
