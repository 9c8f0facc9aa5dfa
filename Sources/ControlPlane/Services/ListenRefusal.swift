private import Glibc
import LocalAPI
import MetadataStore
import NIOCore

/// Why a mount target cannot be listened for, and what helps.
struct ListenRefusal: Sendable {
    let error: APIError

    /// - Parameters:
    ///   - cause: What the socket said, or whatever else came in the way.
    ///   - target: Whose address it is.
    ///   - gateway: Where the gateway listens, if it does.
    init(_ cause: any Error, _ target: MountTargetRecord, gateway: ListenAddress?) {
        error =
            (cause as? IOError).map { Self.error($0.errnoCode, target, gateway: gateway) }
            ?? APIError(cause)
    }

    /// What an errno of bind(2) or listen(2) means.
    static func error(
        _ code: Int32,
        _ target: MountTargetRecord,
        gateway: ListenAddress?
    ) -> APIError {
        switch code {
        case EADDRNOTAVAIL:
            APIError(
                .invalid,
                "\(target.address) is no address of this machine (EADDRNOTAVAIL)",
                remedy:
                    "'ip address' shows those there are; 'ip address add \(target.address)/32 dev lo' adds it for this machine alone."
            )
        case EADDRINUSE: inUse(target, gateway)
        case EACCES:
            APIError(
                .denied,
                "listening on port \(target.port) is not permitted (EACCES)",
                remedy:
                    "Ports below 1024 take root or CAP_NET_BIND_SERVICE; name another with --port."
            )
        default:
            APIError(
                .failed,
                "listen on \(target.endpoint): \(String(cString: strerror(code)))"
            )
        }
    }

    private static func inUse(_ target: MountTargetRecord, _ gateway: ListenAddress?) -> APIError {
        if let gateway, gateway.port == Int(target.port),
            gateway.host == target.address || gateway.host == "0.0.0.0" || gateway.host == "::"
        {
            return APIError(
                .exists,
                "the gateway listens on \(gateway), and so on \(target.endpoint) (EADDRINUSE)",
                remedy:
                    "Name another address or --port; or give the gateway one address ('nfs: 127.0.0.1:2049' in varve.yaml) or none ('off')."
            )
        }
        return APIError(
            .exists,
            "another program listens on \(target.endpoint) (EADDRINUSE)",
            remedy: "'ss -ltnp' names it; name another address or --port."
        )
    }
}
