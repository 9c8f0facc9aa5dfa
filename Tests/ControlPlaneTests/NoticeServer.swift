import Foundation
import Synchronization

/// A server of HTTP/1.1 on 127.0.0.1 that keeps what is posted to it, and answers as it is told.
final class NoticeServer: Sendable {
    private struct State {
        var bodies: [Data] = []
        var heads: [String] = []
        var answers: [Int]
    }

    struct Failure: Error {}

    let port: UInt16
    private let listener: Int32
    private let state: Mutex<State>

    var bodies: [Data] { state.withLock { $0.bodies } }
    var heads: [String] { state.withLock { $0.heads } }
    var url: String { "http://127.0.0.1:\(port)/hooks/secret" }

    /// Listens.
    ///
    /// - Parameter answers: The status of each answer in turn, the last one for all that follow; 0 hangs up without one.
    /// - Throws: When no port is to be had.
    init(answers: [Int] = [204]) throws {
        state = Mutex(State(answers: answers))
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, length) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, pointer, &length) == 0
            }
        }
        guard isBound else { throw Failure() }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in serve() }
    }

    /// Ends the server, whose thread then ends.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func serve() {
        while case let client = accept(listener, nil, nil), client >= 0 {
            answer(client)
            close(client)
        }
        close(listener)
    }

    private func answer(_ client: Int32) {
        var bytes = Data()
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let separator = Data("\r\n\r\n".utf8)
        while true {
            if let end = bytes.range(of: separator) {
                let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
                let length =
                    head.split(separator: "\r\n").first {
                        $0.lowercased().hasPrefix("content-length:")
                    }.flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
                if bytes.count >= end.upperBound + length {
                    let status = state.withLock { state in
                        state.heads.append(head)
                        state.bodies.append(bytes[end.upperBound...])
                        return state.answers.count > 1
                            ? state.answers.removeFirst() : state.answers[0]
                    }
                    guard status != 0 else { return }
                    let text =
                        "HTTP/1.1 \(status) So\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    _ = text.withCString { write(client, $0, strlen($0)) }
                    return
                }
            }
            let count = read(client, &buffer, buffer.count)
            guard count > 0 else { return }
            bytes += buffer[..<count]
        }
    }
}
