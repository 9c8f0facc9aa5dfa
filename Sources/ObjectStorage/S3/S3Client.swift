import BackupVault
import Keyring
import Synchronization
import VarveModel

/// Speaks S3 with one bucket: signs, sends, waits, repeats.
///
/// Every call blocks. A request that fails in a way that may pass is repeated after a pause that doubles, with chance
/// in it, until it has tried for long enough; all of them may be repeated, since each does the same again.
final class S3Client: Sendable {
    let address: S3Address
    let clock: any SteadyClock
    private let limits: S3Limits

    /// Bytes of a part of an upload.
    var partBytes: Int { limits.partBytes }

    private let transport: any S3Transport
    let wallClock: any VarveClock
    private let source: @Sendable () throws(S3Error) -> S3Credentials
    private let known = Mutex<S3Credentials?>(nil)

    init(
        _ address: S3Address,
        credentials: @escaping @Sendable () throws(S3Error) -> S3Credentials,
        limits: S3Limits = .standard,
        clock: any SteadyClock = BootClock(),
        wallClock: any VarveClock = WallClock(),
        transport: any S3Transport = HTTPTransport()
    ) {
        self.address = address
        self.clock = clock
        self.limits = limits
        self.transport = transport
        self.wallClock = wallClock
        source = credentials
    }

    /// Sends a request, and repeats it while that may help.
    ///
    /// - Parameters:
    ///   - request: Doing it twice is doing it once.
    ///   - accepts: Statuses besides 200 to 299 that are an answer and no error.
    ///   - attempts: At most so many; `nil` is as many as the time allows.
    ///   - isWanted: Asked before each repetition, once more when its pause is over.
    /// - Returns: The answer.
    /// - Throws: `.notFound`, `.noBucket`, `.denied`, `.noSpace`, `.unavailable`, `.failed`.
    func send(
        _ request: S3Request,
        accepts: Set<Int> = [],
        attempts: Int? = nil,
        isWanted: () -> Bool = { true }
    ) throws(S3Error) -> S3Answer {
        let began = clock.now()
        var pause = limits.pauseNanosecondsMin
        var hasReloaded = false
        var count = 0
        while true {
            count += 1
            let used = try credentials()
            let why: String
            switch attempt(request, as: used) {
            case .answer(let answer):
                if let complaint = request.complaint(about: answer) {
                    why = complaint
                    break
                }
                if (200..<300).contains(answer.status), !isError(answer) { return answer }
                // Credentials whose time is over, or a request that came too slowly, are told by status 400 too.
                let isDefinite = !answer.refusesCredentials && !S3Client.mayPass(answer)
                if isDefinite, accepts.contains(answer.status) { return answer }
                if answer.refusesCredentials, !hasReloaded {
                    // A file of credentials may have been replaced since.
                    hasReloaded = true
                    known.withLock { $0 = nil }
                    if try credentials() != used { continue }
                }
                guard S3Client.mayPass(answer) else { throw error(request, answer, used) }
                why = (["status \(answer.status)"] + [answer.errorCode].compactMap { $0 })
                    .joined(separator: " ")
            case .broken(let reason): why = reason
            }
            let isOver = clock.now() - began + pause > limits.totalNanosecondsMax
            guard !isOver, count < attempts ?? .max, isWanted() else {
                throw unavailable(request, why, attempts: count)
            }
            clock.pause(nanoseconds: Int64.random(in: pause / 2...pause))
            // The machine may have slept for hours in it: what is sent then, signed anew, would meet what others did.
            guard clock.now() - began <= limits.totalNanosecondsMax, isWanted() else {
                throw unavailable(request, why, attempts: count)
            }
            pause = min(pause * 2, limits.pauseNanosecondsMax)
        }
    }

    private func credentials() throws(S3Error) -> S3Credentials {
        if let known = known.withLock({ $0 }) { return known }
        let loaded = try source()
        known.withLock { $0 = loaded }
        return loaded
    }

    private func attempt(_ request: S3Request, as credentials: S3Credentials) -> S3Outcome {
        let path = address.path(of: request.key)
        let query = SigV4.canonical(request.query)
        var headers = request.headers
        headers["host"] = address.host
        let signer = SigV4(credentials: credentials, region: address.region)
        let added = signer.headers(
            signing: request.method,
            path: path,
            query: query,
            headers: headers,
            bodyHash: request.body.isEmpty
                ? SigV4.emptyHash : Hex.encode(Digest.sha256(request.body)),
            time: SigV4.time(wallClock.now().utcText)
        )
        return transport.send(
            url: address.url(path: path, query: query),
            method: request.method,
            headers: headers.merging(added) { $1 },
            body: request.body,
            seconds: limits.seconds(for: max(request.body.count, request.range?.count ?? 0))
        )
    }

    /// Whether an answer of status 200 holds an error, as that of CompleteMultipartUpload may (AWS S3 API).
    private func isError(_ answer: S3Answer) -> Bool {
        answer.headers["content-type"]?.contains("xml") == true && answer.error != nil
    }

    /// Whether the same request may be answered otherwise a little later.
    private static func mayPass(_ answer: S3Answer) -> Bool {
        switch answer.status {
        case 408, 429, 500, 502, 503, 504: return true
        // CompleteMultipartUpload answers 200 first and may fail then: that may pass too.
        case 200..<300: return true
        default:
            return [
                "RequestTimeout", "SlowDown", "Throttling", "InternalError", "OperationAborted",
            ]
            .contains(answer.errorCode)
        }
    }
}

/// How long an object store is waited for.
package struct S3Limits: Sendable, Hashable {
    /// One attempt that moves no body to speak of.
    package var attemptSeconds: Int64
    /// The first pause; each one doubles.
    package var pauseNanosecondsMin: Int64
    package var pauseNanosecondsMax: Int64
    /// After so long a request is given up.
    package var totalNanosecondsMax: Int64
    /// Bytes of a part of an upload; AWS takes no less than 5 MiB but for the last one.
    package var partBytes: Int

    /// What a store on another continent gets.
    ///
    /// An attempt 30 s and 1 s for each 128 KiB of its body or answer; pauses from 100 ms to 10 s; 120 s in all. Parts
    /// of 8 MiB: a pack of 32 MiB goes out in four, three of them while it is being filled.
    package static let standard = S3Limits(
        attemptSeconds: 30,
        pauseNanosecondsMin: 100_000_000,
        pauseNanosecondsMax: 10_000_000_000,
        totalNanosecondsMax: 120_000_000_000,
        partBytes: 8 << 20
    )

    /// How long a store is waited for.
    package init(
        attemptSeconds: Int64,
        pauseNanosecondsMin: Int64,
        pauseNanosecondsMax: Int64,
        totalNanosecondsMax: Int64,
        partBytes: Int
    ) {
        self.attemptSeconds = attemptSeconds
        self.pauseNanosecondsMin = pauseNanosecondsMin
        self.pauseNanosecondsMax = pauseNanosecondsMax
        self.totalNanosecondsMax = totalNanosecondsMax
        self.partBytes = partBytes
    }

    func seconds(for bytes: Int) -> Int64 { attemptSeconds + Int64(bytes >> 17) }
}

// MARK: Errors

extension S3Client {
    private func unavailable(_ request: S3Request, _ why: String, attempts: Int) -> S3Error {
        S3Error(
            .unavailable,
            "\(request.text(at: address)): \(why) (\(attempts) attempts)",
            remedy: "Look whether the object store runs and the network reaches it; then repeat it."
        )
    }

    private func error(
        _ request: S3Request,
        _ answer: S3Answer,
        _ credentials: S3Credentials
    ) -> S3Error {
        let said = answer.error
        let code = said?.value("Code") ?? ""
        var text = "\(request.text(at: address)): status \(answer.status)"
        if !code.isEmpty { text += " \(code)" }
        if let message = said?.value("Message"), !message.isEmpty { text += ": \(message)" }
        switch (answer.status, code) {
        case (_, "NoSuchBucket"):
            return S3Error(
                .noBucket,
                text,
                remedy:
                    "Make the bucket '\(address.bucket)' at \(address.endpoint), or name another one."
            )
        case (_, "RequestTimeTooSkewed"):
            let date = answer.headers["date"].map { "; the store's clock shows \($0)" } ?? ""
            return S3Error(.denied, text + date, remedy: "Set this machine's clock right.")
        case (301, _), (307, _), (_, "AuthorizationHeaderMalformed"), (_, "PermanentRedirect"):
            let region = answer.headers["x-amz-bucket-region"] ?? said?.value("Region")
            return S3Error(
                .failed,
                text,
                remedy: region.map { "The bucket lies in region \($0): name that." }
                    ?? "Name the bucket's own region and endpoint."
            )
        // Ceph says it with status 403.
        case (507, _), (_, "QuotaExceeded"), (_, "EntityTooLarge"), (_, "XMinioStorageFull"):
            return S3Error(
                .noSpace,
                text,
                remedy: "Free space in the store, or prune the vault; the vault is consistent."
            )
        // AWS hides an object behind a marker instead; others refuse, each in words of its own.
        case (_, let code)
        where request.method == "DELETE"
            && ["ObjectLocked", "ObjectLockedByBucketPolicy", "WormProtected"].contains(code):
            return S3Error(
                .held,
                text,
                remedy: "Nothing need be done: it goes when the store lets it go."
            )
        case (401, _), (403, _), (_, "ExpiredToken"), (_, "InvalidToken"):
            return S3Error(
                .denied,
                "\(text) (\(credentials))",
                remedy:
                    "Check the credentials, what their owner may do with the bucket, and this machine's clock."
            )
        case (404, _): return S3Error(.notFound, text)
        default: return S3Error(.failed, text, remedy: "Look into the object store's log.")
        }
    }
}
