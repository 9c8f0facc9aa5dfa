import FileSystemEngine
import NFSWire
import VarveModel

/// ACCESS (RFC 8881 §18.1): what of some rights the caller has.
extension CompoundRun {
    func access(_ arguments: AccessArguments) async throws(NFSStatus) -> OperationReply {
        let object = try object()
        return access(arguments, to: object, try await attributes(of: object))
    }

    /// ACCESS to what is in memory.
    func accessNow(_ arguments: AccessArguments) throws(NFSStatus) -> OperationReply? {
        let object = try object()
        return attributesNow(of: object).map { access(arguments, to: object, $0) }
    }

    private func access(
        _ arguments: AccessArguments,
        to object: NFSObject,
        _ attributes: Attributes
    ) -> OperationReply {
        var held = Permission.rights(of: attributes, for: caller)
        switch object {
        case .gateway, .snapshots: held.subtract(.write)
        case .inode(let inode): if inode.view != .live { held.subtract(.write) }
        }
        let isDirectory = attributes.kind == .directory
        var known: NFSWire.AccessRights =
            isDirectory
            ? [.read, .lookup, .modify, .extend, .delete] : [.read, .modify, .extend, .execute]
        var granted: NFSWire.AccessRights = []
        if held.contains(.read) { granted.insert(.read) }
        if held.contains(.execute) { granted.insert(isDirectory ? .lookup : .execute) }
        let mayModify =
            isDirectory ? held.isSuperset(of: [.write, .execute]) : held.contains(.write)
        if mayModify { granted.formUnion([.modify, .extend, .delete]) }
        if version == .v42, case .inode(let inode) = object {
            known.formUnion(.ofXattrs)
            granted.formUnion(xattrRights(of: attributes, inode))
        }
        let supported = arguments.rights.intersection(known)
        return .access(
            AccessReply(supported: supported, granted: granted.intersection(supported))
        )
    }
}
