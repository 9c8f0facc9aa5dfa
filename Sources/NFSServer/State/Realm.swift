package import VarveModel

/// What a server is to its clients: the gateway, or one mount target (RFC 8881 §2.10.4).
///
/// A client that finds one server behind two addresses uses one session for both (trunking, RFC 8881 §2.10.5), and would then take the root of
/// one listener for that of the other. So each listener is a server of its own: what it gives to clients is worth nothing at the others.
package struct Realm: Hashable, Sendable {
    /// Empty for the gateway, whose clients were written down without one before there were others.
    package let name: String

    package static let gateway = Realm(name: "")

    private init(name: String) {
        self.name = name
    }

    package init(_ target: MountTargetID) {
        self.init(name: target.text)
    }
}

/// Names a client over restarts: what it calls itself, and the realm that it did so in.
///
/// Linux tells every server the same; in two realms it is two clients.
package struct ClientName: Hashable, Sendable {
    package let realm: Realm
    package let owner: [UInt8]

    package init(_ owner: [UInt8], in realm: Realm) {
        self.realm = realm
        self.owner = owner
    }
}
