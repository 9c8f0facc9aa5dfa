import Keyring
import VarveModel

/// Signs requests to S3: AWS Signature Version 4, in the header (AWS, "Authenticating Requests: Using the
/// Authorization Header").
///
/// A pure decision: the same request at the same time has the same signature.
struct SigV4: Sendable {
    let credentials: S3Credentials
    let region: String

    /// SHA-256 of no bytes, in hex: of a request without a body.
    static let emptyHash = Hex.encode(Digest.sha256([]))

    /// The headers of a request and `authorization`.
    ///
    /// - Parameters:
    ///   - method: As it is sent.
    ///   - path: As it is sent, encoded; S3 does not encode it once more, nor takes dots or slashes out of it.
    ///   - query: As it is sent: ``canonical(_:)``.
    ///   - headers: All that are signed, `host` among them, with lower-case names.
    ///   - bodyHash: SHA-256 of the body, in hex.
    ///   - time: `20130524T000000Z`.
    /// - Returns: What is to be sent besides `headers`.
    func headers(
        signing method: String,
        path: String,
        query: String,
        headers: [String: String],
        bodyHash: String,
        time: String
    ) -> [String: String] {
        var added = ["x-amz-date": time, "x-amz-content-sha256": bodyHash]
        added["x-amz-security-token"] = credentials.sessionToken
        let signed = headers.merging(added) { $1 }.sorted { $0.key < $1.key }
        let names = signed.map(\.key).joined(separator: ";")
        let lines = signed.map { "\($0.key):\(SigV4.collapsed($0.value))\n" }.joined()
        let request = [method, path, query, lines, names, bodyHash].joined(separator: "\n")
        let date = String(time.prefix(8))
        let scope = "\(date)/\(region)/s3/aws4_request"
        let hash = Hex.encode(Digest.sha256(Array(request.utf8)))
        let text = "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n\(hash)"
        let signature = Hex.encode(Digest.hmac(Array(text.utf8), rawKey: key(of: date)))
        added["authorization"] =
            "AWS4-HMAC-SHA256 Credential=\(credentials.accessKey)/\(scope), "
            + "SignedHeaders=\(names), Signature=\(signature)"
        return added
    }

    private func key(of date: String) -> [UInt8] {
        [date, region, "s3", "aws4_request"]
            .reduce(Array("AWS4\(credentials.secret)".utf8)) { key, part in
                Digest.hmac(Array(part.utf8), rawKey: key)
            }
    }

    /// Without spaces around it, and with single ones within.
    private static func collapsed(_ value: String) -> String {
        value.split(separator: " ").joined(separator: " ")
    }

    /// A query in the form that is signed, which is sent too: encoded, sorted by name, then by value.
    static func canonical(_ query: [(name: String, value: String)]) -> String {
        query.map { "\(encoded($0.name))=\(encoded($0.value))" }.sorted().joined(separator: "&")
    }

    /// Percent-encodes all but `A-Z a-z 0-9 - . _ ~` (RFC 3986 §2.3), and slashes where they are kept.
    static func encoded(_ text: String, keepsSlashes: Bool = false) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "/") where keepsSlashes: result += "/"
            default: result += "%" + Hex.encode([byte]).uppercased()
            }
        }
        return result
    }

    /// `20130524T000000Z` of `2013-05-24T00:00:00Z`.
    static func time(_ text: String) -> String {
        String(text.filter { $0 != "-" && $0 != ":" })
    }
}
