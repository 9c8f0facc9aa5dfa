private import Glibc
import LocalAPI
import NIOCore
import VarveModel

/// Who is at the other end of the socket, by the kernel's word (SO_PEERCRED), and as whom they act.
struct Peer: Sendable {
    /// Of the process that connected.
    let uid: UInt32
    /// Whom it acts as inside file systems: itself, or whom root named.
    let caller: Credentials
    /// Root, or the daemon's own user.
    let isAdministrator: Bool

    /// Whether the daemon may open host paths for it.
    var mayOpenHostPaths: Bool { isAdministrator }

    /// Refuses whoever is neither root nor the daemon's own user.
    func requireAdministrator(_ doing: String) throws(APIError) {
        guard !isAdministrator else { return }
        throw APIError(
            .denied,
            "\(doing) is for root and the daemon's own user (uid \(geteuid())); you are uid \(uid)",
            remedy: "Run it as one of them."
        )
    }

    /// Asks the kernel who is connected.
    ///
    /// - Parameters:
    ///   - channel: The connection.
    ///   - actAs: The value of the request's header, when there is one.
    /// - Returns: The peer, and as whom it acts.
    /// - Throws: `.denied` for a header of somebody who is not root; `.usage` for a malformed one.
    static func connected(to channel: any Channel, actAs: String?) async throws -> Peer {
        guard let provider = channel as? any SocketOptionProvider else {
            throw APIError(.failed, "the connection does not say who is at its other end")
        }
        let kernel: KernelCredentials = try await provider.unsafeGetSocketOption(
            level: .socket,
            name: NIOBSDSocket.Option(rawValue: SO_PEERCRED)
        ).get()
        let own = Credentials(
            uid: kernel.uid,
            gid: kernel.gid,
            groups: supplementaryGroups(of: kernel.uid, gid: kernel.gid)
        )
        return Peer(
            uid: kernel.uid,
            caller: try actAs.map { try Peer.other($0, peer: kernel.uid) } ?? own,
            isAdministrator: kernel.uid == 0 || kernel.uid == geteuid()
        )
    }

    private static func other(_ text: String, peer: UInt32) throws(APIError) -> Credentials {
        guard peer == 0 else {
            throw APIError(.denied, "--as is root's; you are uid \(peer)", remedy: "Leave it out.")
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            .map { UInt32($0) }
        guard (1...2).contains(parts.count), let uid = parts[0], let gid = parts.last ?? nil else {
            throw APIError(.usage, "'\(text)' is no UID or UID:GID")
        }
        return Credentials(uid: uid, gid: parts.count == 2 ? gid : primaryGroup(of: uid) ?? uid)
    }

    /// The groups that the user database lists (getgrouplist(3)); none for an unknown user.
    private static func supplementaryGroups(of uid: UInt32, gid: UInt32) -> [UInt32] {
        withUser(uid) { user in
            var count: Int32 = 64
            var groups = [gid_t](repeating: 0, count: Int(count))
            if getgrouplist(user.pw_name, gid, &groups, &count) < 0 {
                groups = [gid_t](repeating: 0, count: Int(max(count, 1)))
                guard getgrouplist(user.pw_name, gid, &groups, &count) >= 0 else { return [] }
            }
            return groups.prefix(Int(count)).filter { $0 != gid }
        } ?? []
    }

    private static func primaryGroup(of uid: UInt32) -> UInt32? {
        withUser(uid) { $0.pw_gid }
    }

    private static func withUser<Result>(_ uid: UInt32, _ body: (passwd) -> Result) -> Result? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        return buffer.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress,
                getpwuid_r(uid, &entry, start, buffer.count, &found) == 0,
                found != nil
            else { return nil }
            return body(entry)
        }
    }
}

/// `struct ucred` of socket(7), which the Glibc module hides: pid, uid, gid.
private struct KernelCredentials: Sendable {
    var process: Int32 = 0
    var uid: UInt32 = 0
    var gid: UInt32 = 0
}
