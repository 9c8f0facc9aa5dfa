import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Requests over HTTP: the calling thread waits for the answer's future, and connections are used again.
struct HTTPTransport: S3Transport {
    /// It lives as long as the process, and follows no redirect: what was signed is for one host.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(10))
        )
        configuration.httpVersion = .http1Only
        // Who calls retries, with pauses and an end.
        configuration.connectionPool.retryConnectionEstablishment = false
        // 16: two uploads with two parts each, their signs of life, and restores beside.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 16
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// 64 MiB: ranges of 8 MiB are asked for; a list of 1,000 names has less than 1 MiB.
    private static let bodyBytesMax = 64 << 20

    func send(
        url: String,
        method: String,
        headers: [String: String],
        body: [UInt8],
        seconds: Int64
    ) -> S3Outcome {
        do {
            let request = try HTTPClient.Request(
                url: url,
                method: HTTPMethod(rawValue: method),
                headers: HTTPHeaders(headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }),
                body: body.isEmpty && method != "PUT" && method != "POST" ? nil : .bytes(body)
            )
            let accumulator = ResponseAccumulator(
                request: request,
                maxBodySize: HTTPTransport.bodyBytesMax
            )
            let response = try HTTPTransport.client.execute(
                request: request,
                delegate: accumulator,
                deadline: .now() + .seconds(seconds)
            ).wait()
            return HTTPTransport.outcome(response, method)
        } catch {
            return .broken("\(error)")
        }
    }

    private static func outcome(_ response: HTTPClient.Response, _ method: String) -> S3Outcome {
        var headers: [String: String] = [:]
        for (name, value) in response.headers { headers[name.lowercased()] = value }
        let body = response.body.map { Array($0.readableBytesView) } ?? []
        let isBodyless = method == "HEAD" || response.status == .noContent
        if !isBodyless, let length = headers["content-length"], Int(length) != body.count {
            return .broken("\(body.count) of \(length) bytes came")
        }
        return .answer(
            S3Answer(status: Int(response.status.code), headers: headers, body: body)
        )
    }
}
