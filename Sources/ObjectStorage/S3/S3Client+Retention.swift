import BackupVault
import FoundationEssentials
import VarveModel

/// How a store keeps one version of an object (S3 Object Lock).
struct S3Retention: Sendable, Hashable {
    enum Mode: String, Sendable {
        /// Whoever has the right to may lift it.
        case governance = "GOVERNANCE"
        /// Nobody may, before its time.
        case compliance = "COMPLIANCE"
    }

    let mode: Mode
    let until: Timestamp

    /// Whether this is enough for who asks for another one.
    func covers(_ other: S3Retention) -> Bool {
        until >= other.until && (mode == .compliance || other.mode == .governance)
    }

    /// This one as it may take the place of another: no mode becomes weaker, and no time earlier.
    func over(_ known: S3Retention?) -> S3Retention {
        guard let known else { return self }
        return S3Retention(
            mode: known.mode == .compliance ? .compliance : mode,
            until: max(until, known.until)
        )
    }
}

/// Object Lock: asking for it, and keeping objects.
extension S3Client {
    /// What a bucket says of Object Lock.
    enum ObjectLock: Sendable, Hashable {
        /// Versions may be kept; with a rule each new one is, also signs of life, which change every 20 seconds.
        case enabled(hasDefaultRule: Bool)
        case absent
    }

    /// Whether the bucket keeps versions of objects (GetObjectLockConfiguration).
    ///
    /// - Throws: `.denied` where the keys may not ask.
    func objectLock(attempts: Int? = nil) throws(S3Error) -> ObjectLock {
        var request = S3Request("GET", nil)
        request.query = [("object-lock", "")]
        // A store that does not know it answers in its own way; what stands before it has no words of S3's.
        request.believesAnyCode = true
        let answer = try send(request, accepts: [400, 404, 405, 501], attempts: attempts)
        guard answer.status == 200, let root = XMLElement(answer.body),
            root.name == "ObjectLockConfiguration", root.value("ObjectLockEnabled") == "Enabled"
        else { return .absent }
        return .enabled(hasDefaultRule: !root.all("Rule").isEmpty)
    }

    /// How the newest version of an object is kept; `nil` for not at all.
    ///
    /// - Throws: `.notFound`.
    func retention(of key: String) throws(S3Error) -> S3Retention? {
        var request = S3Request("GET", key)
        request.query = [("retention", "")]
        let answer = try send(request, accepts: [400, 404, 405])
        guard answer.status == 200 else {
            guard answer.isOfNoObject else { return nil }
            throw S3Error(.notFound, "\(request.text(at: address)): it is gone")
        }
        let root = try document(answer, "Retention", request)
        guard let mode = root.value("Mode").flatMap(S3Retention.Mode.init),
            let until = root.value("RetainUntilDate").flatMap(S3Client.time)
        else { return nil }
        return S3Retention(mode: mode, until: until)
    }

    /// Keeps the newest version of an object (PutObjectRetention).
    ///
    /// - Parameters:
    ///   - key: The object's.
    ///   - retention: A store refuses what would weaken the one that is there.
    ///   - bypassesGovernance: Replaces one of governance, which some stores ask for also when it becomes stronger.
    /// - Throws: `.denied` for what it refuses, `.notFound`.
    func retain(
        _ key: String,
        _ retention: S3Retention,
        bypassesGovernance: Bool = false
    ) throws(S3Error) {
        var request = S3Request("PUT", key)
        request.query = [("retention", "")]
        request.body = Array(
            ("<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>"
                + "\(retention.mode.rawValue)</Mode><RetainUntilDate>"
                + "\(Timestamp(seconds: retention.until.seconds).utcText)</RetainUntilDate></Retention>")
                .utf8
        )
        request.headers["content-type"] = "application/xml"
        request.headers["content-md5"] = Data(MD5.digest(request.body)).base64EncodedString()
        if bypassesGovernance { request.headers["x-amz-bypass-governance-retention"] = "true" }
        let answer = try send(request, accepts: [400, 405, 501])
        switch answer.status {
        case 405: throw S3Error(.notFound, "\(request.text(at: address)): it is gone")
        // MinIO answers 400 to what others answer 403.
        case 400, 501:
            let said = [answer.errorCode, answer.error?.value("Message")].compactMap { $0 }
            throw S3Error(
                .denied,
                "\(request.text(at: address)): the object is not kept: status \(answer.status) "
                    + said.joined(separator: ": "),
                remedy: "Look what the bucket's Object Lock, and the rights of the keys, allow."
            )
        default: return
        }
    }

    /// `2026-12-02T11:56:33Z`, with a fraction or without.
    private static func time(_ text: String) -> Timestamp? {
        let whole = text.split(separator: ".").first.map(String.init) ?? text
        let plain = whole.hasSuffix("Z") ? whole : whole + "Z"
        // Harmless: what no time can be read from counts as no retention, and is set anew.
        guard let date = try? Date(plain, strategy: .iso8601) else { return nil }
        return Timestamp(seconds: Int64(date.timeIntervalSince1970))
    }
}

extension S3Answer {
    /// Whether there is no object; AWS answers 405 where a marker hides one that was deleted.
    fileprivate var isOfNoObject: Bool { status == 405 || errorCode == "NoSuchKey" }
}
