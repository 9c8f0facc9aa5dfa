import NFSWire
import VarveModel

/// SECINFO and SECINFO_NO_NAME (RFC 8881 §18.29, §18.45): AUTH_SYS, and AUTH_NONE as nobody.
///
/// Both use the current file handle up (RFC 8881 §2.6.3.1.1.8).
extension CompoundRun {
    private static let flavors: [SecurityFlavor] = [.system, .none]

    func securityInfo(_ arguments: NameArguments) async throws(NFSStatus) -> OperationReply {
        let directory = try object()
        let name = try name(arguments.name)
        do {
            _ = try await find(name, in: directory)
        } catch .symlink {
            // LOOKUP's alone (RFC 8881 §15.2).
            throw .notDirectory
        }
        current = nil
        currentStateID = nil
        return .securityInfo(Self.flavors)
    }

    func securityInfoNoName(_ style: SecurityInfoStyle) async throws(NFSStatus) -> OperationReply {
        let object = try object()
        if style == .parent {
            switch object {
            case .gateway: throw .noEntry
            case .snapshots: break
            case .inode(let inode):
                let isTop = inode.inode == .root && inode.view == .live
                guard !isTop || server.exports.root == .gateway else { throw .noEntry }
                guard try await attributes(of: inode).kind == .directory else {
                    throw .notDirectory
                }
            }
        }
        current = nil
        currentStateID = nil
        return .securityInfoNoName(Self.flavors)
    }
}
