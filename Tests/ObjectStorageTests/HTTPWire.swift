import Foundation
import Synchronization

/// A connection that speaks as much of HTTP/1.1 as an S3 client does: heads, and bodies whose length is told.
///
/// Plain sockets and not NIO: what is between the client and its store shares no code with the client.
final class HTTPWire {
    struct Message {
        /// `GET /bucket?… HTTP/1.1`, or `HTTP/1.1 200 OK`.
        let start: String
        /// With lower-case names.
        let headers: [String: String]
        let body: [UInt8]
        /// As they came.
        let bytes: [UInt8]

        var words: [String] { start.split(separator: " ").map(String.init) }
    }

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, size)
    }

    /// Connects to a port of 127.0.0.1; `nil` when nobody listens.
    convenience init?(port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = HTTPWire.address(port)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            Glibc.close(descriptor)
            return nil
        }
        self.init(descriptor)
    }

    static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    /// The next message.
    ///
    /// - Parameter isBodyless: Whether it has no body though it tells a length: the answer to HEAD.
    /// - Returns: `nil` when the other side has ended.
    func read(isBodyless: Bool = false) -> Message? {
        while true {
            if let end = endOfHead() {
                let head = String(decoding: buffer[..<(end - 4)], as: UTF8.self)
                var lines = head.components(separatedBy: "\r\n")
                let start = lines.removeFirst()
                var headers: [String: String] = [:]
                for line in lines {
                    guard let colon = line.firstIndex(of: ":") else { continue }
                    let value = line[line.index(after: colon)...]
                    headers[line[..<colon].lowercased()] =
                        value.trimmingCharacters(in: .whitespaces)
                }
                let length =
                    isBodyless ? 0 : headers["content-length"].flatMap { Int($0) } ?? 0
                if buffer.count >= end + length {
                    let bytes = Array(buffer[..<(end + length)])
                    buffer.removeFirst(end + length)
                    return Message(
                        start: start,
                        headers: headers,
                        body: Array(bytes[end...]),
                        bytes: bytes
                    )
                }
            }
            guard fill() else { return nil }
        }
    }

    /// The place behind the empty line; `nil` before it has come.
    private func endOfHead() -> Int? {
        let mark = Array("\r\n\r\n".utf8)
        guard buffer.count >= mark.count else { return nil }
        for start in 0...(buffer.count - mark.count)
        where buffer[start] == mark[0] && buffer[start..<(start + mark.count)].elementsEqual(mark) {
            return start + mark.count
        }
        return nil
    }

    /// Takes in what comes; false when the other side has ended.
    private func fill() -> Bool {
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &piece, piece.count, 0)
        guard count > 0 else { return false }
        buffer += piece[..<count]
        return true
    }

    /// Waits until the other side ends, whatever it sends until then.
    func awaitEnd() {
        while fill() { buffer = [] }
    }

    /// False when the other side has gone.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { all in
                send(
                    descriptor,
                    all.baseAddress.map { $0 + sent },
                    all.count - sent,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    func close() {
        Glibc.close(descriptor)
    }

    /// Ends it so that the other side meets a reset (RFC 9293 §3.10.4), and not an end.
    func reset() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<Glibc.linger>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, size)
        Glibc.close(descriptor)
    }

    /// An answer as bytes.
    static func answer(_ status: Int, _ headers: [String: String], _ body: [UInt8]) -> [UInt8] {
        var head = "HTTP/1.1 \(status) -\r\n"
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
            head += "\(name): \(value)\r\n"
        }
        return Array((head + "\r\n").utf8) + body
    }
}

/// A port of 127.0.0.1 where each connection has a thread.
final class HTTPListener: Sendable {
    struct Failure: Error {}

    let port: UInt16
    private let listener: Int32

    /// Listens.
    ///
    /// - Parameter serve: Owns a connection, on its thread, until it returns.
    /// - Throws: When no port is to be had.
    init(_ serve: @escaping @Sendable (HTTPWire) -> Void) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = HTTPWire.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, pointer, &length) == 0
            }
        }
        guard isBound else { throw Failure() }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread {
            while case let client = accept(listener, nil, nil), client >= 0 {
                Thread.detachNewThread { serve(HTTPWire(client)) }
            }
            Glibc.close(listener)
        }
    }

    /// Takes no more connections; those that are open end with their other side.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
    }
}
