import FoundationEssentials
import HTTPTypes
import Hummingbird
import LocalAPI
import Logging
import NIOCore
import Synchronization

/// Binds the local API's routes to what answers them: decoding, who asks, errors, streams.
struct RouteTable {
    /// Told how far long work has come; may be called from any thread.
    typealias Report = @Sendable (Progress) -> Void
    /// Hands bytes to the client, piece by piece.
    typealias Send = ([UInt8]) async throws -> Void

    let router = Router(context: PeerContext.self)
    let logger: Logger

    /// 16 MiB: the longest JSON request is the policy files of `job lint`.
    private static let requestBytesMax = 16 << 20

    func on<Request, Answer>(
        _ call: Call<Request, Answer>,
        _ handle: @escaping @Sendable (Request, Peer) async throws -> Answer
    ) {
        post(call.path) { request, context in
            let asked: Request = try await Self.decoded(request)
            let peer = try await Self.peer(request, context)
            return try Self.json(try await handle(asked, peer))
        }
    }

    /// Long work answers at once and goes on in the response's body.
    func on<Request, Answer>(
        _ call: LongCall<Request, Answer>,
        _ handle: @escaping @Sendable (Request, Peer, @escaping Report) async throws -> Answer
    ) {
        let logger = logger
        post(call.path) { request, context in
            let asked: Request = try await Self.decoded(request)
            let peer = try await Self.peer(request, context)
            let body = ResponseBody { writer in
                let (lines, feed) = AsyncStream.makeStream(
                    of: Progress.self,
                    bufferingPolicy: .bufferingNewest(4)
                )
                let last = try await withThrowingTaskGroup(of: StreamLine<Answer>.self) { group in
                    group.addTask {
                        defer { feed.finish() }
                        do {
                            let result = try await handle(asked, peer) { feed.yield($0) }
                            return StreamLine(result: result)
                        } catch {
                            let error = APIError(error)
                            Self.log(error, call.path, logger)
                            return StreamLine(error: error)
                        }
                    }
                    for await progress in lines {
                        try await writer.write(Self.line(StreamLine<Answer>(progress: progress)))
                    }
                    return try await group.next()
                }
                if let last { try await writer.write(Self.line(last)) }
                try await writer.finish(nil)
            }
            return Response(status: .ok, headers: [.contentType: Route.linesType], body: body)
        }
    }

    /// The handler answers what sends the bytes; a failure on the way is told behind those sent.
    func on<Request, Answer>(
        _ download: Download<Request, Answer>,
        _ handle: @escaping @Sendable (Request, Peer) async throws -> Outgoing<Answer>
    ) {
        let logger = logger
        post(download.path) { request, context in
            let asked: Request = try await Self.decoded(request)
            let peer = try await Self.peer(request, context)
            let outgoing = try await handle(asked, peer)
            let body = ResponseBody { writer in
                let outlet = Outlet(writer)
                let last: StreamLine<Answer>
                do {
                    last = StreamLine(
                        result: try await outgoing.send { try await outlet.write(frame: $0) }
                    )
                } catch {
                    // Nobody is there any more to be told.
                    if outlet.isGone { throw error }
                    let error = APIError(error)
                    Self.log(error, download.path, logger)
                    last = StreamLine(error: error)
                }
                try await outlet.end(last)
            }
            return Response(
                status: .ok,
                headers: [.contentType: "application/octet-stream"],
                body: body
            )
        }
    }

    func on<Request, Answer>(
        _ upload: Upload<Request, Answer>,
        _ handle: @escaping @Sendable (Request, Peer, RequestBody) async throws -> Answer
    ) {
        post(upload.path) { request, context in
            do {
                guard let text = request.uri.queryParameters[Substring(Route.requestParameter)]
                else {
                    throw APIError(.usage, "the query bears no '\(Route.requestParameter)'")
                }
                let asked = try Self.decode(Request.self, Data(text.utf8))
                let peer = try await Self.peer(request, context)
                return try Self.json(try await handle(asked, peer, request.body))
            } catch {
                // The client reads the answer only once it has sent everything.
                for try await _ in request.body {}
                throw error
            }
        }
    }

    private func post(
        _ path: String,
        _ handle: @escaping @Sendable (Hummingbird.Request, PeerContext) async throws -> Response
    ) {
        let logger = logger
        router.post(RouterPath(Route.prefix + path)) { request, context -> Response in
            do {
                return try await handle(request, context)
            } catch {
                let error = APIError(error)
                Self.log(error, path, logger)
                return try Self.json(
                    Refusal(error),
                    status: HTTPResponse.Status(code: error.httpStatus)
                )
            }
        }
    }

    /// What the operator should know of; the rest is the user's business, who is told.
    private static func log(_ error: APIError, _ path: String, _ logger: Logger) {
        switch error.code {
        case .corrupt, .noSpace, .readOnly, .wrongKey, .newerFormat, .failed:
            logger.error("request failed", metadata: ["route": "\(path)", "error": "\(error)"])
        case .usage, .notFound, .exists, .denied, .hostPathRefused, .notDirectory, .isDirectory,
            .notEmpty, .invalid, .tooLarge, .stale, .busy, .unsupported, .unavailable:
            logger.debug("request refused", metadata: ["route": "\(path)", "error": "\(error)"])
        }
    }

    private static func decoded<Request: Decodable>(
        _ request: Hummingbird.Request
    ) async throws -> Request {
        let body = try await request.body.collect(upTo: requestBytesMax)
        return try decode(Request.self, Data(body.readableBytesView))
    }

    private static func decode<Request: Decodable>(
        _ type: Request.Type,
        _ data: Data
    ) throws -> Request {
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let error as APIError {
            throw error
        } catch {
            throw APIError(
                .usage,
                "the request is not understood: \(error)",
                remedy: "Check that varve and varved are of one version."
            )
        }
    }

    private static func peer(_ request: Hummingbird.Request, _ context: PeerContext) async throws
        -> Peer
    {
        let header = HTTPField.Name(Route.actAsHeader).flatMap { request.headers[$0] }
        return try await Peer.connected(to: context.channel, actAs: header)
    }

    private static func json(
        _ answer: some Encodable,
        status: HTTPResponse.Status = .ok
    ) throws -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: try JSONEncoder().encode(answer)))
        )
    }

    private static func line(_ value: some Encodable) throws -> ByteBuffer {
        var buffer = ByteBuffer(bytes: try JSONEncoder().encode(value))
        buffer.writeInteger(UInt8(ascii: "\n"))
        return buffer
    }
}

/// Bytes on their way to a client, and what is to be said behind them.
struct Outgoing<Answer: Codable & Sendable>: Sendable {
    let send: @Sendable (RouteTable.Send) async throws -> Answer
}

/// A response's writer, as a closure can hold it.
private final class Outlet: Sendable {
    // SAFETY: the one task that answers the request writes, one piece after the other.
    private nonisolated(unsafe) var writer: any ResponseBodyWriter
    // SAFETY: as above.
    private(set) nonisolated(unsafe) var isGone = false

    init(_ writer: any ResponseBodyWriter) {
        self.writer = writer
    }

    func write(frame bytes: [UInt8]) async throws {
        // An empty frame would be the last.
        guard !bytes.isEmpty else { return }
        var buffer = ByteBuffer()
        buffer.reserveCapacity(bytes.count + 4)
        buffer.writeBytes(DownloadFrames.head(bytes.count))
        buffer.writeBytes(bytes)
        do {
            try await writer.write(buffer)
        } catch {
            isGone = true
            throw error
        }
    }

    /// Says how it went, and ends the body.
    func end(_ last: some Encodable) async throws {
        var buffer = ByteBuffer(bytes: DownloadFrames.head(0))
        buffer.writeBytes(try JSONEncoder().encode(last))
        try await writer.write(buffer)
        try await writer.finish(nil)
    }
}
