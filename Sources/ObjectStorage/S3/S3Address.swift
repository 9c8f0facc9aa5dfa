/// Where a bucket is, and which of its keys are meant.
package struct S3Address: Sendable, Hashable {
    /// How a bucket is named in a request.
    package enum Style: String, Sendable, Hashable, CaseIterable {
        /// `https://host/bucket/key`: what self-hosted stores understand without names of their own for each bucket.
        case path
        /// `https://bucket.host/key`: what AWS asks for.
        case host
    }

    package let bucket: String
    /// Empty, or ends with a slash.
    package let prefix: String
    /// `http://127.0.0.1:8333`, without a slash at its end.
    package let endpoint: String
    package let region: String
    package let style: Style

    /// For people: `s3://bucket/prefix`.
    package var text: String {
        "s3://\(bucket)" + (prefix.isEmpty ? "" : "/\(prefix.dropLast())")
    }

    /// Reads what an operator gives.
    ///
    /// - Parameters:
    ///   - text: `s3://bucket` or `s3://bucket/some/prefix`.
    ///   - endpoint: A URL of `http` or `https` without a path; `nil` is AWS's of the region.
    ///   - region: `nil` is `us-east-1`, which stores that know no regions take too.
    ///   - style: `nil` is by host at AWS, but for a bucket with a dot, whose host no certificate is for; by path
    ///     elsewhere.
    /// - Throws: `.invalid` with what is wrong.
    package init(
        _ text: String,
        endpoint: String?,
        region: String?,
        style: Style? = nil
    ) throws(S3Error) {
        guard text.hasPrefix("s3://") else {
            throw S3Error(
                .invalid,
                "'\(text)' is no address of a bucket",
                remedy: "Write s3://BUCKET/PREFIX."
            )
        }
        let parts = text.dropFirst(5).split(separator: "/", omittingEmptySubsequences: true)
        guard let bucket = parts.first.map(String.init), S3Address.isBucket(bucket) else {
            throw S3Error(
                .invalid,
                "'\(text)' names no bucket",
                remedy: "A bucket has 3 to 63 lower-case letters, digits, hyphens and dots."
            )
        }
        let folders = parts.dropFirst().map(String.init)
        guard folders.allSatisfy(S3Address.isFolder) else {
            throw S3Error(
                .invalid,
                "the prefix of '\(text)' cannot be used",
                remedy: "Use letters, digits, '-', '_' and '.' between slashes."
            )
        }
        let region = region ?? "us-east-1"
        guard !region.isEmpty,
            region.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
        else { throw S3Error(.invalid, "'\(region)' is no region") }
        // AWS in China has a domain of its own.
        let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        let host = endpoint ?? "https://s3.\(region).\(domain)"
        self.bucket = bucket
        prefix = folders.isEmpty ? "" : folders.joined(separator: "/") + "/"
        self.endpoint = try S3Address.checked(endpoint: host)
        self.region = region
        self.style = style ?? (endpoint == nil && !bucket.contains(".") ? .host : .path)
    }

    private static func checked(endpoint: String) throws(S3Error) -> String {
        let trimmed = endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
        for scheme in ["http://", "https://"] where trimmed.hasPrefix(scheme) {
            let host = trimmed.dropFirst(scheme.count)
            if !host.isEmpty, !host.contains("/"), !host.contains("@"), !host.contains("?") {
                return trimmed
            }
        }
        throw S3Error(
            .invalid,
            "'\(endpoint)' is no endpoint of an object store",
            remedy: "Write http://HOST:PORT or https://HOST."
        )
    }

    /// As S3's general-purpose buckets are named.
    private static func isBucket(_ name: String) -> Bool {
        (3...63).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            }
    }

    /// What needs no encoding anywhere, and that no path takes for a step.
    private static func isFolder(_ name: String) -> Bool {
        name != "." && name != ".."
            && name.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == ".")
            }
    }

    /// The host of a request, with its port where it is not the scheme's own.
    var host: String {
        let authority = String(endpoint.dropFirst("\(scheme)://".utf8.count))
        return style == .path ? authority : "\(bucket).\(authority)"
    }

    private var scheme: String { endpoint.hasPrefix("https:") ? "https" : "http" }

    /// The path of a key, or of the bucket itself, encoded.
    func path(of key: String?) -> String {
        let key = SigV4.encoded(key ?? "", keepsSlashes: true)
        return style == .path ? "/\(bucket)" + (key.isEmpty ? "" : "/\(key)") : "/\(key)"
    }

    func url(path: String, query: String) -> String {
        "\(scheme)://\(host)\(path)" + (query.isEmpty ? "" : "?\(query)")
    }
}
