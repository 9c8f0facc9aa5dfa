import AsyncHTTPClient
import FoundationEssentials
import LocalAPI
import NIOCore
import NIOHTTP1

/// Speaks to the daemon over its Unix socket.
struct Client: Sendable {
    let socket: String
    let actAs: String?

    /// Lives as long as the process: `exit` ends it.
    private static let http = HTTPClient(
        eventLoopGroupProvider: .singleton,
        configuration: HTTPClient.Configuration(timeout: .init(connect: .seconds(10)))
    )
    /// 64 KiB: servers bound the head of a request, and here a path travels in it.
    private static let queryBytesMax = 64 << 10
    /// A refusal or a short answer is at most this long.
    private static let answerBytesMax = 64 << 20

    /// A short call.
    func call<Request, Answer>(
        _ call: Call<Request, Answer>,
        _ request: Request
    ) async throws -> Answer {
        let response = try await send(
            call.path,
            body: .bytes(ByteBuffer(bytes: JSONEncoder().encode(request)))
        )
        let body = try await collect(response.body)
        return try decode(Answer.self, body)
    }

    /// Long work, showing its progress.
    func call<Request, Answer>(
        _ call: LongCall<Request, Answer>,
        _ request: Request
    ) async throws -> Answer {
        let response = try await send(
            call.path,
            body: .bytes(ByteBuffer(bytes: JSONEncoder().encode(request)))
        )
        do {
            if let result: Answer = try await lastLine(of: response.body) { return result }
        } catch let error as APIError {
            throw error
        } catch {
            throw unreachable(error)
        }
        throw APIError(
            .unavailable,
            "the daemon ended before its work was done",
            remedy: "Look into its log; what was acknowledged before is kept."
        )
    }

    /// The result among the lines of a long answer; `nil` when they end without one.
    private func lastLine<Answer: Codable & Sendable>(
        of body: HTTPClientResponse.Body
    ) async throws -> Answer? {
        var pending: [UInt8] = []
        for try await part in body {
            pending.append(contentsOf: part.readableBytesView)
            while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = try decode(StreamLine<Answer>.self, Array(pending[..<end]))
                pending.removeFirst(end + 1)
                if let progress = line.progress { ProgressLine.show(progress) }
                if let error = line.error { throw error }
                if let result = line.result {
                    ProgressLine.end()
                    return result
                }
            }
        }
        return nil
    }

    /// Bytes from the daemon, piece by piece; answers what it says behind them.
    @discardableResult
    func download<Request, Answer>(
        _ download: Download<Request, Answer>,
        _ request: Request,
        _ consume: ([UInt8]) throws -> Void
    ) async throws -> Answer {
        let response = try await send(
            download.path,
            body: .bytes(ByteBuffer(bytes: JSONEncoder().encode(request)))
        )
        var reader = DownloadReader()
        do {
            for try await part in response.body {
                try reader.take(Array(part.readableBytesView), consume)
                guard reader.ending?.count ?? 0 <= Client.answerBytesMax else { break }
            }
        } catch let error as APIError {
            throw error
        } catch {
            throw brokenOff("\(error)")
        }
        guard let ending = reader.ending, !ending.isEmpty else { throw brokenOff("no end came") }
        let last = try decode(StreamLine<Answer>.self, ending)
        if let error = last.error { throw error }
        guard let answer = last.result else { throw brokenOff("no answer came") }
        return answer
    }

    private func brokenOff(_ why: String) -> APIError {
        APIError(
            .failed,
            "the daemon broke off before the end: \(why)",
            remedy:
                "What came is not whole. Its log names the reason; 'varve doctor' checks the file system."
        )
    }

    /// Bytes to the daemon, piece by piece.
    func upload<Request, Answer, Body: AsyncSequence & Sendable>(
        _ upload: Upload<Request, Answer>,
        _ request: Request,
        body: Body,
        length: Int64?
    ) async throws -> Answer where Body.Element == ByteBuffer {
        let json = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
        let query = "?\(Route.requestParameter)=\(Client.percentEncoded(json))"
        guard query.utf8.count <= Client.queryBytesMax else {
            throw APIError(
                .tooLarge,
                "the path is too long to write to: it makes a request of \(query.utf8.count) bytes, "
                    + "\(Client.queryBytesMax) are allowed",
                remedy: "Write to a shorter path, and 'varve mv' it to this one."
            )
        }
        let response = try await send(
            upload.path + query,
            body: .stream(body, length: length.map { .known($0) } ?? .unknown)
        )
        return try decode(Answer.self, try await collect(response.body))
    }

    private func send(
        _ path: String,
        body: HTTPClientRequest.Body
    ) async throws -> HTTPClientResponse {
        try Socket.check(socket)
        var request = HTTPClientRequest(
            url: "http+unix://\(Client.percentEncoded(socket))\(Route.prefix)\(path)"
        )
        request.method = .POST
        request.body = body
        if let actAs { request.headers.add(name: Route.actAsHeader, value: actAs) }
        let response: HTTPClientResponse
        do {
            response = try await Client.http.execute(request, deadline: .distantFuture)
        } catch let error as APIError {
            // What the body is made of could not be read.
            throw error
        } catch {
            throw unreachable(error)
        }
        guard response.status == .ok else {
            let body = try await collect(response.body)
            guard let refusal = try? JSONDecoder().decode(Refusal.self, from: body) else {
                // Not our daemon, or not our version: the status is all there is to say.
                throw APIError(
                    .failed,
                    "the daemon answered HTTP \(response.status.code) to \(path)",
                    remedy: "Check that varve and varved are of one version."
                )
            }
            throw refusal.error
        }
        return response
    }

    private func collect(_ body: HTTPClientResponse.Body) async throws -> Data {
        do {
            let buffer = try await body.collect(upTo: Client.answerBytesMax)
            return Data(buffer.readableBytesView)
        } catch {
            throw APIError(.unavailable, "the daemon broke off its answer: \(error)")
        }
    }

    private func decode<Answer: Decodable>(
        _ type: Answer.Type,
        _ bytes: some Sequence<UInt8>
    ) throws -> Answer {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw APIError(
                .failed,
                "the daemon's answer is not understood: \(error)",
                remedy: "Check that varve and varved are of one version."
            )
        }
    }

    private func unreachable(_ error: any Error) -> APIError {
        APIError(
            .unavailable,
            "the daemon on \(socket) broke off: \(error)",
            remedy: "Look into its log; what was acknowledged before is kept."
        )
    }

    private static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }
}
