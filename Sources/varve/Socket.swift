import Glibc
import LocalAPI

/// The daemon's socket, before a request is made: the HTTP client would try for ten seconds.
enum Socket {
    /// Connects once and hangs up.
    ///
    /// - Throws: `.unavailable` or `.denied`, in the words of connect(2).
    static func check(_ path: String) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard bytes.count <= room else {
            throw APIError(
                .usage,
                "the socket path '\(path)' has \(bytes.count) bytes; Linux allows \(room)",
                remedy:
                    "Name a shorter one with --socket: the daemon's own setting, or a link to it."
            )
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw HostFile.failure("make a socket") }
        defer { close(descriptor) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result != 0 else { return }
        let number = errno
        throw APIError(
            number == EACCES ? .denied : .unavailable,
            "no daemon answers on '\(path)': \(String(cString: strerror(number)))",
            remedy: "Start it with 'varved serve', or name its socket with --socket."
        )
    }
}
