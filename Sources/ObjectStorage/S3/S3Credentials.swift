/// An access key of an object store and its secret; it never shows the secret.
package struct S3Credentials: Sendable, Hashable, CustomStringConvertible {
    package let accessKey: String
    let secret: String
    /// Of temporary credentials (AWS STS).
    let sessionToken: String?

    /// An access key with its secret.
    package init(accessKey: String, secret: String, sessionToken: String? = nil) {
        self.accessKey = accessKey
        self.secret = secret
        self.sessionToken = sessionToken
    }

    package var description: String { "access key \(accessKey)" }

    /// The keys of a credentials file as AWS's tools write it (`[default]`, `aws_access_key_id = …`), or lines without
    /// a section; `nil` when an access key or its secret is missing.
    ///
    /// - Parameters:
    ///   - text: The whole file.
    ///   - profile: Which section counts; lines before the first section count for every one.
    package init?(file text: String, profile: String = "default") {
        var section = profile
        var values: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let trimmed = line.trimmingWhitespace()
            if trimmed.isEmpty || trimmed.hasPrefix("#") || trimmed.hasPrefix(";") { continue }
            if trimmed.hasPrefix("["), trimmed.hasSuffix("]") {
                section = String(trimmed.dropFirst().dropLast()).trimmingWhitespace()
                continue
            }
            guard section == profile, let equals = trimmed.firstIndex(of: "=") else { continue }
            let name = trimmed[..<equals].trimmingWhitespace().lowercased()
            values[name] = trimmed[trimmed.index(after: equals)...].trimmingWhitespace()
        }
        self.init(
            accessKey: values["aws_access_key_id"],
            secret: values["aws_secret_access_key"],
            sessionToken: values["aws_session_token"]
        )
    }

    /// The keys of an environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
    package init?(environment: [String: String]) {
        self.init(
            accessKey: environment["AWS_ACCESS_KEY_ID"],
            secret: environment["AWS_SECRET_ACCESS_KEY"],
            sessionToken: environment["AWS_SESSION_TOKEN"]
        )
    }

    private init?(accessKey: String?, secret: String?, sessionToken: String?) {
        guard let accessKey, let secret, !accessKey.isEmpty, !secret.isEmpty else { return nil }
        self.init(
            accessKey: accessKey,
            secret: secret,
            sessionToken: sessionToken.flatMap { $0.isEmpty ? nil : $0 }
        )
    }
}

extension StringProtocol {
    fileprivate func trimmingWhitespace() -> String {
        let start = drop(while: \.isWhitespace)
        let end = start.lastIndex { !$0.isWhitespace }
        return end.map { String(start[...$0]) } ?? ""
    }
}
