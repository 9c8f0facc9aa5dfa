import FileSystemEngine
import Keyring
import NFSWire
import VarveModel

/// GETXATTR, SETXATTR, LISTXATTRS and REMOVEXATTR (RFC 8276 §8.4): names of the family `user.`, which is not sent (§4).
extension CompoundRun {
    private static let family = Array("user.".utf8)

    func getXattr(_ arguments: NameArguments) async throws(NFSStatus) -> OperationReply {
        let object = try inode(orElse: .notSupported)
        let name = try xattrName(arguments.name)
        let caller = caller
        let value = try await engine {
            try await object.fileSystem.engine.extendedAttribute(
                name,
                of: object.inode,
                at: object.view,
                as: caller
            )
        }
        return .getXattr(GetXattrReply(value: value))
    }

    func setXattr(_ arguments: SetXattrArguments) async throws(NFSStatus) -> OperationReply {
        let object = try writable(current)
        if let done { return .setXattr(done.target) }
        let name = try xattrName(arguments.name)
        try await requireXattrs(object)
        let mode: AttributeSetMode =
            switch arguments.option {
            case .either: .either
            case .create: .create
            case .replace: .replace
            }
        let caller = caller
        let receipt = keeping { (change: InodeChange) in DoneChange(change) }
        let change = try await engine {
            try await object.fileSystem.engine.setExtendedAttribute(
                name,
                arguments.value,
                mode: mode,
                of: object.inode,
                as: caller,
                receipt: receipt
            )
        }
        kept(DoneChange(change))
        forgetKnown()
        return .setXattr(ChangeInfo(change))
    }

    func removeXattr(_ arguments: NameArguments) async throws(NFSStatus) -> OperationReply {
        let object = try writable(current)
        if let done { return .removeXattr(done.target) }
        let name = try xattrName(arguments.name)
        try await requireXattrs(object)
        let caller = caller
        let receipt = keeping { (change: InodeChange) in DoneChange(change) }
        let change = try await engine {
            try await object.fileSystem.engine.removeExtendedAttribute(
                name,
                of: object.inode,
                as: caller,
                receipt: receipt
            )
        }
        kept(DoneChange(change))
        forgetKnown()
        return .removeXattr(ChangeInfo(change))
    }

    /// Names in the order of their cookies, as many as fit.
    ///
    /// A cookie is made from the name it follows: it stays right while others come and go.
    func listXattrs(_ arguments: ListXattrsArguments) async throws(NFSStatus) -> OperationReply {
        let object = try inode(orElse: .notSupported)
        let caller = caller
        let names = try await engine {
            try await object.fileSystem.engine.extendedAttributeNames(
                of: object.inode,
                at: object.view,
                as: caller
            )
        }
        let entries =
            names
            .filter { $0.starts(with: Self.family) }
            .map { (cookie: object.fileSystem.xattrCookie($0), name: $0.dropFirst(5)) }
            .filter { $0.cookie > arguments.cookie }
            .sorted { $0.cookie < $1.cookie }
        // LISTXATTRS4resok: cookie, number of names, eof; behind the operation's number and status.
        var left = min(Int(arguments.bytesMax), room - 8) - 16
        guard left >= 0 else { throw .tooSmall }
        var page: [PathComponent] = []
        var last = arguments.cookie
        for entry in entries {
            left -= 4 + (entry.name.count + 3) / 4 * 4
            guard left >= 0, page.count < NFSLimits.xattrNamesMax else { break }
            page.append(PathComponent(bytes: Array(entry.name)))
            last = entry.cookie
        }
        guard !page.isEmpty || entries.isEmpty else { throw .tooSmall }
        return .listXattrs(
            ListXattrsReply(cookie: last, names: page, isAtEnd: page.count == entries.count)
        )
    }

    /// What of ACCESS's rights to extended attributes a caller has (RFC 8276 §8); their names anybody may list.
    func xattrRights(of attributes: Attributes, _ object: InodeObject) -> NFSWire.AccessRights {
        var rights: NFSWire.AccessRights = [.xattrList]
        let name = Self.family + [0x78]
        let (caller, isLive) = (caller, object.view == .live)
        func isAllowed(_ ask: () throws(FileSystemError) -> Void) -> Bool {
            do throws(FileSystemError) {
                try ask()
                return true
            } catch {
                return false
            }
        }
        let mayRead = isAllowed { () throws(FileSystemError) in
            try ExtendedAttributeRules.requireRead(name, of: attributes, for: caller)
        }
        let mayWrite = isAllowed { () throws(FileSystemError) in
            try ExtendedAttributeRules.requireWrite(name, of: attributes, for: caller)
        }
        if mayRead { rights.insert(.xattrRead) }
        if mayWrite, isLive { rights.insert(.xattrWrite) }
        return rights
    }

    /// The engine's name of one on the wire.
    private func xattrName(_ bytes: [UInt8]) throws(NFSStatus) -> [UInt8] {
        guard !bytes.isEmpty else { throw .invalid }
        let name = Self.family + bytes
        guard name.count <= ExtendedAttributeRules.nameBytesMax else { throw .nameTooLong }
        guard !bytes.contains(0) else { throw .badCharacter }
        return name
    }

    /// Only files and directories have some of the family `user.` (xattr(7)).
    private func requireXattrs(_ object: InodeObject) async throws(NFSStatus) {
        switch try await attributes(of: object).kind {
        case .regular, .directory: return
        case .symlink, .fifo, .characterDevice, .blockDevice, .socket: throw .wrongType
        }
    }
}

extension ExportedFileSystem {
    /// Where a listing goes on after a name; never 0, which begins one.
    fileprivate func xattrCookie(_ name: [UInt8]) -> UInt64 { max(1, seal.hash(name)) }
}

extension NFSWire.AccessRights {
    static let ofXattrs: NFSWire.AccessRights = [.xattrRead, .xattrWrite, .xattrList]
}

extension ChangeInfo {
    init(_ change: InodeChange) {
        self.init(isAtomic: true, before: change.before, after: change.after)
    }
}
