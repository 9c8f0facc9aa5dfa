import BackupVault
import FoundationEssentials
import Keyring
import Synchronization
import TestKit
import VarveModel

@testable import ObjectStorage

/// A steady clock that only waiting moves; others are told of each wait, so that they keep their signs up.
final class SimulatedSteadyClock: SteadyClock {
    private let time = Mutex<Int64>(1)
    private let listeners = Mutex<[String: @Sendable () -> Void]>([:])

    func now() -> Int64 { time.withLock { $0 } }

    func pause(nanoseconds: Int64) {
        time.withLock { $0 += nanoseconds }
        for tell in listeners.withLock({ Array($0.values) }) { tell() }
    }

    /// Has a storage keep up its signs while anybody waits.
    func keep(_ storage: BucketStorage, as name: String) {
        listeners.withLock { $0[name] = { [weak storage] in storage?.signs.refresh() } }
    }

    func forget(_ name: String) { listeners.withLock { $0[name] = nil } }
}

/// As much of S3 as a vault needs, in memory, with the faults of a network and of a store that is overloaded.
final class MemoryStore: Sendable {
    /// What may happen to a request.
    enum Fault: String, CaseIterable, Sendable {
        case none, busy, error, tooMany, cutBefore, cutAfter, errorAfter, repeatedLater, cutBody
    }

    struct State: Sendable {
        var objects: [String: [UInt8]] = [:]
        /// Whether versions are kept (Object Lock); each object's newest is, for so long.
        var hasObjectLock = false
        /// Whether the keys may not set any.
        var retainsNothing = false
        /// Whether what would weaken a retention is refused as by MinIO, and not as by AWS.
        var refusesByStatus400 = false
        var retentions: [String: S3Retention] = [:]
        /// How many retentions were set.
        var retained = 0
        /// Versions that are hidden: their keys were deleted, or written over.
        var hidden: [(key: String, bytes: [UInt8], retention: S3Retention?)] = []
        /// Keys with one of these parts in them are not deleted, as by stores that say so.
        var worm: [String] = []
        /// A put beyond so many bytes in all is refused.
        var quota = Int.max
        var uploads: [String: (key: String, parts: [Int: [UInt8]])] = [:]
        var requests = 0
        var mix: [Fault: Int] = [:]
        /// Requests that arrive again, with how many others come before.
        var late: [(after: Int, request: Arrived)] = []
        var generator = SeededGenerator(seed: 1)
        /// Of 100 requests so many meet a fault.
        var faultsPercent = 0
        /// After so many requests a client's no longer arrive.
        var lastRequest: [String: Int] = [:]
        var sent: [String: Int] = [:]
        /// Writes to keys with this part in them are taken, and neither done nor answered: they arrive when asked for.
        var withheld: String?
        var waiting: [Arrived] = []
        /// So many of the next requests to keys with this part in them meet a proxy that finds no store behind it.
        var routeless: (part: String, count: Int)?
        /// The end of an upload is answered by 200 without a document, and the object is not made.
        var endsNothing = false
        /// Requests of a method to keys with this part in them are refused: `AccessDenied`.
        var forbidden: (method: String, part: String)?
        /// Refused with this status and code.
        var refusals: [String: (status: Int, code: String)] = [:]
    }

    struct Arrived: Sendable {
        let method: String
        let key: String
        let query: [String: String]
        let headers: [String: String]
        let body: [UInt8]
    }

    let state = Mutex(State())
    private static let bucket = "vaults"
    private static let origin = "http://store:9000"

    static let credentials = S3Credentials(accessKey: "key", secret: "secret")
    static let region = "us-east-1"

    /// A client of this store.
    ///
    /// - Parameters:
    ///   - name: Whose requests are counted, and may be cut off, where they go straight.
    ///   - clock: By which it waits.
    ///   - port: Of 127.0.0.1, where requests go over a socket; `nil` is straight.
    ///   - partBytes: Of an upload in parts.
    /// - Returns: It, with patience by its own clock.
    /// - Throws: Never: the address is one.
    func client(
        _ name: String,
        clock: SimulatedSteadyClock,
        port: UInt16? = nil,
        partBytes: Int = 8 << 10
    ) throws -> S3Client {
        let address = try S3Address(
            "s3://\(Self.bucket)/one",
            endpoint: port.map { "http://127.0.0.1:\($0)" } ?? Self.origin,
            region: Self.region
        )
        let credentials = Self.credentials
        var limits = S3Limits.standard
        limits.partBytes = partBytes
        // Over a socket what does not answer is waited for in real time.
        if port != nil { limits.attemptSeconds = 2 }
        let transport: any S3Transport =
            port == nil ? Connection(store: self, name: name) : HTTPTransport()
        return S3Client(
            address,
            credentials: { () throws(S3Error) in credentials },
            limits: limits,
            clock: clock,
            wallClock: SimulatedClock(Timestamp(seconds: 1_800_000_000)),
            transport: transport
        )
    }

    private struct Connection: S3Transport {
        let store: MemoryStore
        let name: String

        func send(
            url: String,
            method: String,
            headers: [String: String],
            body: [UInt8],
            seconds: Int64
        ) -> S3Outcome {
            store.arrive(url: url, method: method, headers: headers, body: body, from: name)
        }
    }

    /// Does what a client asks, or what a fault makes of it.
    func arrive(
        url: String,
        method: String,
        headers: [String: String],
        body: [UInt8],
        from client: String
    ) -> S3Outcome {
        let hash = headers["x-amz-content-sha256"]
        guard hash == Hex.encode(Digest.sha256(body)), headers["authorization"] != nil else {
            return .answer(Self.failure(403, "SignatureDoesNotMatch"))
        }
        let target = url.dropFirst(Self.origin.count)
        let request = Self.parse(target, method: method, headers: headers, body: body)
        return state.withLock { state in
            state.sent[client, default: 0] += 1
            if let last = state.lastRequest[client], state.sent[client, default: 0] > last {
                return .broken("connection reset")
            }
            state.requests += 1
            let due = state.late.filter { $0.after <= state.requests }.map(\.request)
            state.late.removeAll { $0.after <= state.requests }
            for request in due { _ = Self.serve(request, &state) }
            if method == "PUT", let part = state.withheld, request.key.contains(part) {
                state.waiting.append(request)
                return .broken("timeout")
            }
            if let (part, count) = state.routeless, count > 0, request.key.contains(part) {
                state.routeless = (part, count - 1)
                return .answer(
                    S3Answer(
                        status: 404,
                        headers: ["content-type": "text/plain"],
                        body: method == "HEAD" ? [] : Array("404 page not found\n".utf8)
                    )
                )
            }
            return Self.serve(request, with: Self.fault(for: request, &state), &state)
        }
    }

    /// Has what was withheld arrive.
    func release() {
        state.withLock { state in
            state.withheld = nil
            for request in state.waiting { _ = Self.serve(request, &state) }
            state.waiting = []
        }
    }

    private static func fault(for request: Arrived, _ state: inout State) -> Fault {
        guard Int.random(in: 0..<100, using: &state.generator) < state.faultsPercent else {
            return .none
        }
        let fault = Fault.allCases.randomElement(using: &state.generator) ?? .none
        if fault == .repeatedLater, !mayComeLate(request.method, request.key) { return .none }
        if fault == .cutBody, request.method != "GET" { return .none }
        state.mix[fault, default: 0] += 1
        return fault
    }

    private static func serve(
        _ request: Arrived,
        with fault: Fault,
        _ state: inout State
    ) -> S3Outcome {
        switch fault {
        case .busy: return .answer(failure(503, "SlowDown"))
        case .error: return .answer(failure(500, "InternalError"))
        case .tooMany: return .answer(failure(429, "TooManyRequests"))
        case .cutBefore: return .broken("connection reset")
        case .none: return .answer(serve(request, &state))
        case .cutAfter:
            _ = serve(request, &state)
            return .broken("connection reset")
        case .errorAfter:
            _ = serve(request, &state)
            return .answer(failure(500, "InternalError"))
        case .repeatedLater:
            let after = state.requests + Int.random(in: 1...60, using: &state.generator)
            state.late.append((after, request))
            return .answer(serve(request, &state))
        case .cutBody:
            let answer = serve(request, &state)
            return .broken("\(answer.body.count / 2) of \(answer.body.count) bytes came")
        }
    }

    /// Whether a request to a key, or to the path of one, may arrive once more, much later: marks alone, which a hold takes
    /// away, and the plain description of a vault from before must not.
    static func mayComeLate(_ method: String, _ key: String) -> Bool {
        let folders = [
            "/packs/", "/manifests/", "/vouchers/", "/index/", "/generations/", "/counts/",
            "/leases/",
        ]
        let changing = ["/changes/", "/holds/"]
        switch method {
        case "PUT": return (folders + changing).contains { key.contains($0) }
        case "DELETE": return changing.contains { key.contains($0) }
        default: return false
        }
    }

    /// The target is the path, from the bucket on, and the query.
    private static func parse(
        _ target: Substring,
        method: String,
        headers: [String: String],
        body: [UInt8]
    ) -> Arrived {
        let path = target.dropFirst("/\(bucket)".count)
        let parts = path.split(separator: "?", maxSplits: 1).map(String.init)
        var query: [String: String] = [:]
        for pair in (parts.count > 1 ? parts[1] : path.first == "?" ? parts[0] : "").split(
            separator: "&"
        ) {
            let sides = pair.split(separator: "=", omittingEmptySubsequences: false).map(decoded)
            query[sides[0]] = sides.count > 1 ? sides[1] : ""
        }
        let key = path.first == "?" ? "" : String((parts.first ?? "").dropFirst())
        return Arrived(method: method, key: key, query: query, headers: headers, body: body)
    }

    private static func decoded(_ text: some StringProtocol) -> String {
        let parts = text.split(separator: "%", omittingEmptySubsequences: false)
        var bytes = Array(parts[0].utf8)
        for part in parts.dropFirst() {
            bytes += Hex.decode(String(part.prefix(2)).lowercased()) ?? []
            bytes += Array(part.dropFirst(2).utf8)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The same store behind a socket.
extension MemoryStore {
    /// Serves a client until that ends; what is not signed as it came is refused.
    func serve(_ client: HTTPWire) {
        while let request = client.read() {
            let answer = answer(request)
            var headers = answer.headers
            headers["date"] = "Fri, 15 Jan 2027 08:00:00 GMT"
            if headers["content-length"] == nil, answer.status != 204 {
                headers["content-length"] = "\(answer.body.count)"
            }
            let bytes = HTTPWire.answer(answer.status, headers, answer.body)
            guard client.write(bytes) else { break }
        }
        client.close()
    }

    private func answer(_ request: HTTPWire.Message) -> S3Answer {
        let words = request.words
        guard words.count == 3, Self.isSigned(request) else {
            return Self.failure(403, "SignatureDoesNotMatch")
        }
        let arrived = Self.parse(
            words[1][...],
            method: words[0],
            headers: request.headers,
            body: request.body
        )
        return state.withLock { Self.serve(arrived, &$0) }
    }

    /// Whether method, path, query, headers and body are, as they came, what was signed.
    private static func isSigned(_ request: HTTPWire.Message) -> Bool {
        let (words, headers) = (request.words, request.headers)
        let hash = Hex.encode(Digest.sha256(request.body))
        guard headers["x-amz-content-sha256"] == hash, let time = headers["x-amz-date"],
            let given = headers["authorization"],
            let names = given.split(separator: ",").first(where: { $0.contains("SignedHeaders=") })
        else { return false }
        let signed = Set(names.split(separator: "=")[1].split(separator: ";").map(String.init))
        let added: Set = ["x-amz-content-sha256", "x-amz-date", "x-amz-security-token"]
        let sides = words[1].split(separator: "?", maxSplits: 1).map(String.init)
        let expected = SigV4(credentials: credentials, region: region).headers(
            signing: words[0],
            path: sides[0],
            query: sides.count > 1 ? sides[1] : "",
            headers: headers.filter { signed.subtracting(added).contains($0.key) },
            bodyHash: hash,
            time: time
        )
        return signed.contains("host") && expected["authorization"] == given
    }
}

/// What is answered.
extension MemoryStore {
    static func failure(_ status: Int, _ code: String) -> S3Answer {
        document(status, "<Error><Code>\(code)</Code><Message>m</Message></Error>")
    }

    private static func document(_ status: Int, _ text: String) -> S3Answer {
        let body = Array("<?xml version=\"1.0\"?>\n\(text)".utf8)
        return S3Answer(
            status: status,
            headers: ["content-type": "application/xml", "content-length": "\(body.count)"],
            body: body
        )
    }

    private static func tag(_ bytes: [UInt8]) -> String {
        "\"\(Hex.encode(Digest.sha256(bytes)))\""
    }

    static func serve(_ request: Arrived, _ state: inout State) -> S3Answer {
        if let (status, code) = state.refusals[request.method] { return failure(status, code) }
        if let (method, part) = state.forbidden, method == request.method,
            request.key.contains(part)
        {
            return failure(403, "AccessDenied")
        }
        if request.query["object-lock"] != nil || request.query["retention"] != nil {
            return serveObjectLock(request, &state)
        }
        if request.query["uploadId"] != nil || request.query["uploads"] != nil {
            return serveUpload(request, &state)
        }
        switch request.method {
        case "PUT":
            let others = state.objects.reduce(0) {
                $1.key == request.key ? $0 : $0 + $1.value.count
            }
            guard others + request.body.count <= state.quota else {
                return failure(507, "XMinioStorageFull")
            }
            hide(request.key, &state)
            state.objects[request.key] = request.body
            return S3Answer(status: 200, headers: ["etag": tag(request.body)], body: [])
        case "DELETE":
            if state.worm.contains(where: request.key.contains) {
                return failure(403, "ObjectLocked")
            }
            hide(request.key, &state)
            state.objects[request.key] = nil
            return S3Answer(status: 204, headers: [:], body: [])
        case "HEAD":
            guard let bytes = state.objects[request.key] else {
                return S3Answer(status: 404, headers: [:], body: [])
            }
            return S3Answer(status: 200, headers: ["content-length": "\(bytes.count)"], body: [])
        default:
            return request.key.isEmpty ? list(request, state) : get(request, state)
        }
    }

    /// What a bucket with Object Lock keeps of an object that is deleted, or written over.
    private static func hide(_ key: String, _ state: inout State) {
        guard state.hasObjectLock, let bytes = state.objects[key] else { return }
        let retention = state.retentions.removeValue(forKey: key)
        state.hidden.append((key, bytes, retention))
    }

    /// As AWS answers: what would weaken a retention is refused, and so is a body without its MD5.
    private static func serveObjectLock(_ request: Arrived, _ state: inout State) -> S3Answer {
        if request.query["object-lock"] != nil {
            guard state.hasObjectLock else {
                return failure(404, "ObjectLockConfigurationNotFoundError")
            }
            let text = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"
            return document(200, "<ObjectLockConfiguration>\(text)</ObjectLockConfiguration>")
        }
        guard state.hasObjectLock else { return failure(400, "InvalidRequest") }
        guard state.objects[request.key] != nil else { return failure(404, "NoSuchKey") }
        let there = state.retentions[request.key]
        guard request.method == "PUT" else {
            guard let there else { return failure(404, "NoSuchObjectLockConfiguration") }
            return document(
                200,
                "<Retention><Mode>\(there.mode.rawValue)</Mode><RetainUntilDate>"
                    + "\(there.until.utcText.dropLast()).000Z</RetainUntilDate></Retention>"
            )
        }
        if state.retainsNothing { return failure(403, "AccessDenied") }
        guard let root = XMLElement(request.body),
            request.headers["content-md5"]
                == Data(MD5.digest(request.body)).base64EncodedString(),
            let mode = root.value("Mode").flatMap(S3Retention.Mode.init),
            let date = root.value("RetainUntilDate").flatMap({ try? Date($0, strategy: .iso8601) })
        else { return failure(400, "MalformedXML") }
        let until = Timestamp(seconds: Int64(date.timeIntervalSince1970))
        let wanted = S3Retention(mode: mode, until: until)
        let bypasses = request.headers["x-amz-bypass-governance-retention"] == "true"
        if let there,
            there.mode == .compliance
                ? !wanted.covers(there) : !bypasses && (until < there.until || mode != there.mode)
        {
            return state.refusesByStatus400
                ? failure(400, "InvalidRequest") : failure(403, "AccessDenied")
        }
        state.retentions[request.key] = wanted
        state.retained += 1
        return S3Answer(status: 200, headers: [:], body: [])
    }

    private static func get(_ request: Arrived, _ state: State) -> S3Answer {
        guard let bytes = state.objects[request.key] else { return failure(404, "NoSuchKey") }
        let range = (request.headers["range"] ?? "bytes=0-").dropFirst(6).split(separator: "-")
        let start = Int(range[0]) ?? 0
        guard start < bytes.count else {
            return S3Answer(
                status: 416,
                headers: ["content-range": "bytes */\(bytes.count)"],
                body: []
            )
        }
        let end = min(bytes.count, (range.count > 1 ? Int(range[1]) ?? 0 : bytes.count) + 1)
        let headers = [
            "content-range": "bytes \(start)-\(end - 1)/\(bytes.count)", "etag": tag(bytes),
            "content-length": "\(end - start)",
        ]
        return S3Answer(status: 206, headers: headers, body: Array(bytes[start..<end]))
    }

    /// Three names a page, so that every list has several.
    private static func list(_ request: Arrived, _ state: State) -> S3Answer {
        let prefix = request.query["prefix"] ?? ""
        var names: [String: String] = [:]
        for (key, bytes) in state.objects where key.hasPrefix(prefix) {
            let rest = key.dropFirst(prefix.count)
            if let slash = rest.firstIndex(of: "/") {
                let folder = prefix + rest[...slash]
                names[folder] = "<CommonPrefixes><Prefix>\(folder)</Prefix></CommonPrefixes>"
            } else {
                names[key] = "<Contents><Key>\(key)</Key><Size>\(bytes.count)</Size></Contents>"
            }
        }
        let after = request.query["continuation-token"] ?? ""
        let left = names.keys.sorted().filter { $0 > after }
        let page = left.prefix(3)
        var text = "<IsTruncated>\(left.count > 3)</IsTruncated>"
        if left.count > 3 {
            text += "<NextContinuationToken>\(page.last ?? "")</NextContinuationToken>"
        }
        text += page.map { names[$0] ?? "" }.joined()
        return document(200, "<ListBucketResult xmlns=\"x\">\(text)</ListBucketResult>")
    }

    private static func serveUpload(_ request: Arrived, _ state: inout State) -> S3Answer {
        if request.method == "GET" {
            let found = state.uploads.map { id, upload in
                "<Upload><Key>\(upload.key)</Key><UploadId>\(id)</UploadId></Upload>"
            }
            return document(
                200,
                "<ListMultipartUploadsResult>\(found.joined())</ListMultipartUploadsResult>"
            )
        }
        guard let id = request.query["uploadId"] else {
            let id = "upload-\(state.requests)"
            state.uploads[id] = (request.key, [:])
            return document(
                200,
                "<InitiateMultipartUploadResult><UploadId>\(id)</UploadId></InitiateMultipartUploadResult>"
            )
        }
        guard let upload = state.uploads[id] else { return failure(404, "NoSuchUpload") }
        switch request.method {
        case "PUT":
            let number = Int(request.query["partNumber"] ?? "") ?? 0
            state.uploads[id]?.parts[number] = request.body
            return S3Answer(status: 200, headers: ["etag": tag(request.body)], body: [])
        case "DELETE":
            state.uploads[id] = nil
            return S3Answer(status: 204, headers: [:], body: [])
        default:
            let listed = XMLElement(request.body)?.all("Part") ?? []
            let parts = upload.parts.sorted { $0.key < $1.key }
            let isWhole =
                listed.count == parts.count
                && zip(listed, parts).allSatisfy { $0.value("ETag") == tag($1.value) }
            guard isWhole else { return failure(400, "InvalidPart") }
            if state.endsNothing { return S3Answer(status: 200, headers: [:], body: []) }
            state.uploads[id] = nil
            state.objects[upload.key] = parts.flatMap(\.value)
            return document(200, "<CompleteMultipartUploadResult/>")
        }
    }
}
