import Synchronization
import TestKit

/// Stands between a client and a store, and does to requests and answers what networks and stores do.
final class FaultyProxy: Sendable {
    /// What may happen to a request.
    enum Fault: String, CaseIterable, Sendable {
        /// The store says that it is overloaded; nothing was done.
        case slowDown
        /// It was done, and the answer says that it was not.
        case errorAfter
        /// The answer ends in its middle.
        case cutBody
        /// The answer is whole, and has less than was asked for.
        case shortBody
        /// The connection is reset before, or after, the store got the request.
        case resetBefore, resetAfter
        /// The store did it, and no answer comes.
        case timeout
        /// It arrives once more, after others.
        case repeatedLater
        /// It seems lost, and arrives after others, when its sender has repeated it.
        case late
    }

    private struct State {
        var generator = SeededGenerator(seed: 1)
        var faultsPercent = 0
        var mix: [Fault: Int] = [:]
        var requests = 0
        var late: [(after: Int, bytes: [UInt8])] = []
    }

    private let state = Mutex(State())
    private let store: UInt16
    /// 2: each is waited for in real time.
    private static let timeoutsMax = 2

    /// In front of the store at that port of 127.0.0.1.
    init(store: UInt16) {
        self.store = store
    }

    var mix: [Fault: Int] { state.withLock { $0.mix } }

    func fail(percent: Int, seed: UInt64) {
        state.withLock { state in
            state.faultsPercent = percent
            state.generator = SeededGenerator(seed: seed)
        }
    }

    /// Serves a client until one of both ends.
    func serve(_ client: HTTPWire) {
        while let request = client.read() {
            for bytes in due() { _ = forward(bytes, isHead: false) }
            guard answer(request, to: client) else { return }
        }
        client.close()
    }

    /// What was held back for so long.
    private func due() -> [[UInt8]] {
        state.withLock { state in
            state.requests += 1
            let due = state.late.filter { $0.after <= state.requests }.map(\.bytes)
            state.late.removeAll { $0.after <= state.requests }
            return due
        }
    }

    /// False when the connection has ended.
    private func answer(_ request: HTTPWire.Message, to client: HTTPWire) -> Bool {
        let isHead = request.start.hasPrefix("HEAD ")
        switch choose(for: request) {
        case nil, .repeatedLater:
            guard let answer = forward(request.bytes, isHead: isHead) else { return end(client) }
            return client.write(answer.bytes)
        case .slowDown: return client.write(Self.failure(503, "SlowDown", isHead))
        case .errorAfter:
            _ = forward(request.bytes, isHead: isHead)
            return client.write(Self.failure(500, "InternalError", isHead))
        case .cutBody:
            guard let answer = forward(request.bytes, isHead: isHead) else { return end(client) }
            client.write(Array(answer.bytes.dropLast((answer.body.count + 1) / 2)))
            return end(client)
        case .shortBody:
            guard let answer = forward(request.bytes, isHead: isHead) else { return end(client) }
            return client.write(Self.short(answer))
        case .resetBefore, .late:
            client.reset()
            return false
        case .resetAfter:
            _ = forward(request.bytes, isHead: isHead)
            client.reset()
            return false
        case .timeout:
            _ = forward(request.bytes, isHead: isHead)
            client.awaitEnd()
            return end(client)
        }
    }

    private func end(_ client: HTTPWire) -> Bool {
        client.close()
        return false
    }

    /// Of those that the request may meet, the one that was met least: all are, however few requests there are.
    private func choose(for request: HTTPWire.Message) -> Fault? {
        state.withLock { state in
            guard Int.random(in: 0..<100, using: &state.generator) < state.faultsPercent else {
                return nil
            }
            let mix = state.mix
            let possible = Fault.allCases.filter { Self.isPossible($0, for: request, mix) }
            let least = possible.map { mix[$0, default: 0] }.min()
            guard
                let fault = possible.filter({ mix[$0, default: 0] == least })
                    .randomElement(using: &state.generator)
            else { return nil }
            if fault == .repeatedLater || fault == .late {
                let after = state.requests + Int.random(in: 1...60, using: &state.generator)
                state.late.append((after, request.bytes))
            }
            state.mix[fault, default: 0] += 1
            return fault
        }
    }

    private static func isPossible(
        _ fault: Fault,
        for request: HTTPWire.Message,
        _ mix: [Fault: Int]
    ) -> Bool {
        switch fault {
        case .cutBody, .shortBody:
            request.start.hasPrefix("GET ") && request.headers["range"] != nil
        case .repeatedLater, .late:
            MemoryStore.mayComeLate(request.words[0], request.words[1])
        case .timeout: mix[.timeout, default: 0] < timeoutsMax
        case .slowDown, .errorAfter, .resetBefore, .resetAfter: true
        }
    }

    /// Has the store do it; `nil` when it has gone.
    private func forward(_ request: [UInt8], isHead: Bool) -> HTTPWire.Message? {
        guard let wire = HTTPWire(port: store) else { return nil }
        defer { wire.close() }
        guard wire.write(request) else { return nil }
        return wire.read(isBodyless: isHead)
    }

    private static func failure(_ status: Int, _ code: String, _ isHead: Bool) -> [UInt8] {
        let body = Array("<Error><Code>\(code)</Code><Message>m</Message></Error>".utf8)
        let headers = ["content-type": "application/xml", "content-length": "\(body.count)"]
        return HTTPWire.answer(status, headers, isHead ? [] : body)
    }

    /// The same answer with half of its body, and a length to match.
    private static func short(_ answer: HTTPWire.Message) -> [UInt8] {
        let body = Array(answer.body.prefix(answer.body.count / 2))
        var headers = answer.headers
        headers["content-length"] = "\(body.count)"
        return HTTPWire.answer(Int(answer.words[1]) ?? 0, headers, body)
    }
}
