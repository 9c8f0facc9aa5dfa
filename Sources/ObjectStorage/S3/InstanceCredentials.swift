import FoundationEssentials

/// The temporary keys that a cloud gives to an instance or a container of its own, where AWS's tools look for them.
///
/// They end after hours. Nobody counts: when the store refuses them, they are asked for anew.
struct InstanceCredentials: Sendable {
    /// Of the environment: the names that are known here.
    let variables: [String: String]
    let transport: any S3Transport

    static let names = [
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_EC2_METADATA_DISABLED",
    ]

    /// Of Amazon ECS's agent, and of EC2's instance metadata service.
    private static let containerHost = "http://169.254.170.2"
    private static let instanceHost = "http://169.254.169.254"
    /// 2 s: it is on the same machine or nowhere.
    private static let seconds: Int64 = 2

    /// What they answer, as far as it counts.
    private struct Answer: Decodable {
        let accessKey: String
        let secret: String
        let token: String

        enum CodingKeys: String, CodingKey {
            case accessKey = "AccessKeyId"
            case secret = "SecretAccessKey"
            case token = "Token"
        }
    }

    /// Asks for them.
    ///
    /// - Returns: `nil` where this machine has no such service, or was given no role.
    /// - Throws: `.denied` for an answer that holds no keys; it is not shown.
    func load() throws(S3Error) -> S3Credentials? {
        if let path = variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
            let url = InstanceCredentials.containerHost + path
            return try ask(url, headers: [:]).map { body throws(S3Error) in try read(body, of: url)
            }
        }
        if variables["AWS_EC2_METADATA_DISABLED"]?.lowercased() == "true" { return nil }
        let host =
            variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? InstanceCredentials.instanceHost
        let base = host.hasSuffix("/") ? String(host.dropLast()) : host
        // A session's token first (EC2, IMDSv2): what only forwards requests is refused by it.
        let asking = ["x-aws-ec2-metadata-token-ttl-seconds": "300"]
        guard let token = ask(base + "/latest/api/token", "PUT", headers: asking) else {
            return nil
        }
        let headers = ["x-aws-ec2-metadata-token": String(decoding: token, as: UTF8.self)]
        let roles = base + "/latest/meta-data/iam/security-credentials/"
        guard let names = ask(roles, headers: headers),
            let role = String(decoding: names, as: UTF8.self).split(whereSeparator: \.isNewline)
                .first
        else { return nil }
        let url = roles + SigV4.encoded(String(role))
        return try ask(url, headers: headers).map { body throws(S3Error) in try read(body, of: url)
        }
    }

    /// The body of a success; `nil` for anything else.
    private func ask(
        _ url: String,
        _ method: String = "GET",
        headers: [String: String]
    ) -> [UInt8]? {
        let outcome = transport.send(
            url: url,
            method: method,
            headers: headers,
            body: [],
            seconds: InstanceCredentials.seconds
        )
        guard case .answer(let answer) = outcome, answer.status == 200 else { return nil }
        return answer.body
    }

    private func read(_ body: [UInt8], of url: String) throws(S3Error) -> S3Credentials {
        do {
            let answer = try JSONDecoder().decode(Answer.self, from: Data(body))
            return S3Credentials(
                accessKey: answer.accessKey,
                secret: answer.secret,
                sessionToken: answer.token
            )
        } catch {
            throw S3Error(
                .denied,
                "\(url) answers no keys",
                remedy: "Look at the role of this instance or container."
            )
        }
    }
}
