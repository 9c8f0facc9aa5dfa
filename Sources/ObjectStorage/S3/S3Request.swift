/// One request to a bucket.
struct S3Request: Sendable {
    var method: String
    /// `nil` is the bucket itself.
    var key: String?
    var query: [(name: String, value: String)] = []
    /// With lower-case names; signed.
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    /// The part of an object that the answer is to bring.
    var range: Range<UInt64>?
    /// Whether a 404 is believed only from a store that says what is not there; see ``S3Answer/provesAbsence``.
    var needsProof = true
    /// Whether any error in S3's form is such proof.
    var believesAnyCode = false

    init(_ method: String, _ key: String?) {
        self.method = method
        self.key = key
    }

    /// Why an answer is not all that was asked for; `nil` when it is.
    ///
    /// What stands between may cut a body, and tell the length that is left; or answer itself while the store is away.
    func complaint(about answer: S3Answer) -> String? {
        // An answer to HEAD has no body: who asks looks further.
        let isProof = answer.provesAbsence || believesAnyCode && answer.errorCode != nil
        if needsProof, method != "HEAD", answer.status == 404, !isProof {
            return "status 404, and not S3's word for what is not there"
        }
        guard let range, answer.status == 200 || answer.status == 206 else { return nil }
        guard let total = answer.totalBytes else { return "the answer has no length" }
        // A store may answer with all of it (RFC 9110 §14.2).
        guard answer.status == 206 else {
            return UInt64(answer.body.count) == total
                ? nil : "\(answer.body.count) bytes of \(total) came"
        }
        let expected = min(range.upperBound, max(total, range.lowerBound)) - range.lowerBound
        return UInt64(answer.body.count) == expected
            ? nil : "\(answer.body.count) bytes of \(expected) came"
    }

    /// For people: what was asked of which key, and where.
    func text(at address: S3Address) -> String {
        "\(method) s3://\(address.bucket)" + (key.map { "/\($0)" } ?? "")
            + " at \(address.endpoint)"
    }
}

/// What the store answered.
struct S3Answer: Sendable {
    let status: Int
    /// With lower-case names.
    let headers: [String: String]
    let body: [UInt8]

    /// What an error's body says: `<Error><Code>…`.
    var error: XMLElement? {
        guard let root = XMLElement(body), root.name == "Error" else { return nil }
        return root
    }

    var errorCode: String? { error?.value("Code") }

    /// Whether the store itself says that something is not there.
    ///
    /// A proxy before a store that restarts, or a wrong route, answers 404 as well, without S3's document of the error.
    var provesAbsence: Bool {
        [
            "NoSuchKey", "NoSuchBucket", "NoSuchUpload", "ObjectLockConfigurationNotFoundError",
            "NoSuchObjectLockConfiguration",
        ].contains(errorCode)
    }

    /// Whether others may be taken: AWS answers 400 to a token of temporary credentials whose time is over.
    var refusesCredentials: Bool {
        status == 403 || errorCode == "ExpiredToken" || errorCode == "InvalidToken"
    }

    /// Bytes of the whole object, of a range of which this is.
    var totalBytes: UInt64? {
        if let range = headers["content-range"], let slash = range.lastIndex(of: "/") {
            return UInt64(range[range.index(after: slash)...])
        }
        return status == 200 ? headers["content-length"].flatMap { UInt64($0) } : nil
    }
}

/// What became of one attempt.
enum S3Outcome: Sendable {
    case answer(S3Answer)
    /// No whole answer came: whether the store did what was asked is not known.
    case broken(String)
}

/// Sends one request once; any thread that may block.
protocol S3Transport: Sendable {
    /// Sends and waits for the whole answer.
    ///
    /// - Parameters:
    ///   - url: Of the request.
    ///   - method: As it was signed.
    ///   - headers: All of them, with lower-case names.
    ///   - body: All of it.
    ///   - seconds: How long it may take.
    /// - Returns: The answer, or why none came.
    func send(
        url: String,
        method: String,
        headers: [String: String],
        body: [UInt8],
        seconds: Int64
    ) -> S3Outcome
}
