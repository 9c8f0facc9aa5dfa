/// Who calls, as RPC says it: opaque_auth of a call (RFC 5531 §8.2).
package enum RPCCredential: Sendable, Hashable {
    /// AUTH_NONE, whatever its body.
    case none
    /// AUTH_SYS.
    case system(AuthSys)
    /// RPCSEC_GSS (RFC 2203): recognised, and refused.
    case gss([UInt8])
    /// AUTH_TLS (RFC 9289 §4.1): the client asks whether the server speaks TLS.
    case tls
    /// A flavor that we do not know.
    case unknown(UInt32, [UInt8])
    /// A flavor that we know, with a body that is not its.
    case malformed(UInt32, XDRError)

    /// Numbers of flavors (RFC 5531 §8.2, IANA's registry).
    package enum Flavor {
        package static let none: UInt32 = 0
        package static let system: UInt32 = 1
        package static let gss: UInt32 = 6
        package static let tls: UInt32 = 7
    }

    /// Why a call with it is refused; `nil` when it may go on.
    package var refusal: RPCAuthStatus? {
        switch self {
        case .none, .system: nil
        case .gss, .tls, .unknown, .malformed: .badCredential
        }
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        let flavor = try reader.uint32("opaque_auth.flavor")
        switch flavor {
        case Flavor.none:
            _ = try reader.opaque("opaque_auth.body", max: NFSLimits.authBodyBytesMax)
            self = .none
        case Flavor.system:
            self = try Self.readSystem(from: &reader)
        case Flavor.gss:
            self = .gss(try reader.opaque("opaque_auth.body", max: NFSLimits.authBodyBytesMax))
        case Flavor.tls:
            _ = try reader.opaque("opaque_auth.body", max: NFSLimits.authBodyBytesMax)
            self = .tls
        default:
            let body = try reader.opaque("opaque_auth.body", max: NFSLimits.authBodyBytesMax)
            self = .unknown(flavor, body)
        }
    }

    /// A bad body is the caller's credential being bad, not the message: it is answered AUTH_BADCRED (RFC 5531 §9).
    private static func readSystem(
        from reader: inout XDRReader
    ) throws(XDRError) -> RPCCredential {
        let before = reader
        do throws(XDRError) {
            return .system(
                try reader.body(
                    "opaque_auth.body",
                    max: NFSLimits.authBodyBytesMax,
                    isExact: false
                ) { (body: inout XDRReader) throws(XDRError) in try AuthSys(from: &body) }
            )
        } catch {
            reader = before
            _ = try reader.opaque("opaque_auth.body", max: NFSLimits.authBodyBytesMax)
            return .malformed(Flavor.system, error)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .none, .malformed:
            writer.write(Flavor.none)
            writer.write(opaque: [])
        case .system(let parameters):
            writer.write(Flavor.system)
            writer.writeBody { parameters.encode(to: &$0) }
        case .gss(let body):
            writer.write(Flavor.gss)
            writer.write(opaque: body)
        case .tls:
            writer.write(Flavor.tls)
            writer.write(opaque: [])
        case .unknown(let flavor, let body):
            writer.write(flavor)
            writer.write(opaque: body)
        }
    }
}

/// The body of AUTH_SYS: authsys_parms (RFC 5531 appendix A).
///
/// The client's word, which the network vouches for or not.
package struct AuthSys: XDRValue, Hashable {
    package var stamp: UInt32
    package var machineName: [UInt8]
    package var uid: UInt32
    package var gid: UInt32
    /// Supplementary groups, 16 at most.
    package var groups: [UInt32]

    package init(
        stamp: UInt32 = 0,
        machineName: [UInt8] = [],
        uid: UInt32,
        gid: UInt32,
        groups: [UInt32] = []
    ) {
        self.stamp = stamp
        self.machineName = machineName
        self.uid = uid
        self.gid = gid
        self.groups = groups
    }

    package static var bytesMin: Int { 20 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stamp = try reader.uint32("stamp")
        machineName = try reader.opaque("machinename", max: NFSLimits.machineNameBytesMax)
        uid = try reader.uint32("uid")
        gid = try reader.uint32("gid")
        groups = try reader.array("gids", max: NFSLimits.authSysGroupsMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(stamp)
        writer.write(opaque: machineName)
        writer.write(uid)
        writer.write(gid)
        writer.write(groups)
    }
}
