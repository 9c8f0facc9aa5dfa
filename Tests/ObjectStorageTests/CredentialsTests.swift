import Foundation
import TestKit
import Testing

@testable import ObjectStorage

/// Goal: a secret is read only where nobody else could have read or written it, and is never told.
@Suite struct CredentialsTests {
    private static let text = """
        [default]
        aws_access_key_id = AK
        aws_secret_access_key = not-to-be-told
        """

    private static func write(_ text: String, mode: mode_t) throws -> (TemporaryDirectory, String) {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/s3"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        #expect(chmod(path, mode) == 0)
        return (directory, path)
    }

    private static func refusal(_ source: S3CredentialSource) -> S3Error? {
        do throws(S3Error) {
            _ = try source.load()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [0o600, 0o400] as [mode_t])
    func `a file of its owner alone is read`(mode: mode_t) throws {
        let (directory, path) = try Self.write(Self.text, mode: mode)
        try withExtendedLifetime(directory) {
            let found = try S3CredentialSource.file(path).load()
            #expect(found == S3Credentials(accessKey: "AK", secret: "not-to-be-told"))
            #expect(!"\(found)".contains("told") && "\(found)".contains("AK"))
        }
    }

    @Test(arguments: [0o644, 0o640, 0o604, 0o620, 0o666] as [mode_t])
    func `a file that others may read or write is refused`(mode: mode_t) throws {
        let (directory, path) = try Self.write(Self.text, mode: mode)
        try withExtendedLifetime(directory) {
            let refused = try #require(Self.refusal(.file(path)))
            #expect(refused.code == .denied)
            #expect(refused.message.contains(String(mode, radix: 8)), "\(refused)")
            #expect(refused.remedy.contains("chmod 600 '\(path)'"), "\(refused)")
            #expect(!refused.description.contains("told"))
        }
    }

    @Test func `whose file it is decides too`() {
        let mode = mode_t(S_IFREG) | 0o600
        #expect(S3CredentialSource.distrust(owner: 0, mode: mode, daemon: 7) == nil)
        #expect(S3CredentialSource.distrust(owner: 7, mode: mode, daemon: 7) == nil)
        let other = S3CredentialSource.distrust(owner: 8, mode: mode, daemon: 7)
        #expect(other?.contains("uid 8") == true)
    }

    @Test(arguments: [
        "", "[other]\naws_access_key_id = AK", "aws_secret_access_key = not-to-be-told",
    ])
    func `a file without keys is refused, and what stands there is not told`(text: String) throws {
        let (directory, path) = try Self.write(text, mode: 0o600)
        try withExtendedLifetime(directory) {
            let refused = try #require(Self.refusal(.file(path)))
            #expect(refused.code == .denied && refused.message.contains(path))
            #expect(!refused.description.contains("told"))
        }
    }

    @Test func `what is no file is refused`() throws {
        let directory = try TemporaryDirectory()
        #expect(Self.refusal(.file(directory.path))?.message.contains("no file") == true)
        let missing = Self.refusal(.file(directory.path + "/none"))
        #expect(missing?.code == .denied && missing?.message.contains("/none") == true)
        let pipe = directory.path + "/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        // It does not wait for a writer.
        #expect(Self.refusal(.file(pipe))?.code == .denied)
    }

    /// A service of the metadata of an instance, as EC2's: it asks for the token of a session (IMDSv2).
    private static func metadata(_ client: HTTPWire, role: String?) {
        while let request = client.read() {
            let words = request.words
            let hasToken = request.headers["x-aws-ec2-metadata-token"] == "session"
            let roles = "/latest/meta-data/iam/security-credentials/"
            var (status, body) = (hasToken ? 404 : 401, "")
            switch (words[0], words[1]) {
            case ("PUT", "/latest/api/token"):
                let isAsked = request.headers["x-aws-ec2-metadata-token-ttl-seconds"] != nil
                (status, body) = (isAsked ? 200 : 400, "session")
            case ("GET", roles) where hasToken && role != nil: (status, body) = (200, role ?? "")
            case ("GET", roles + "backup") where hasToken:
                let keys = #""AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t""#
                (status, body) = (200, #"{"Code": "Success", \#(keys), "Expiration": "2026"}"#)
            case ("GET", roles + "empty") where hasToken: (status, body) = (200, "{}")
            default: break
            }
            let bytes = Array(body.utf8)
            client.write(HTTPWire.answer(status, ["content-length": "\(bytes.count)"], bytes))
        }
        client.close()
    }

    private static func load(role: String?) throws -> S3Credentials? {
        let server = try HTTPListener { metadata($0, role: role) }
        defer { server.stop() }
        let endpoint = "http://127.0.0.1:\(server.port)/"
        let instance = InstanceCredentials(
            variables: ["AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint],
            transport: HTTPTransport()
        )
        return try instance.load()
    }

    @Test func `the role of an instance gives keys`() throws {
        let expected = S3Credentials(accessKey: "ASIA", secret: "s", sessionToken: "t")
        #expect(try Self.load(role: "backup\nother") == expected)
        #expect(try Self.load(role: nil) == nil)
        #expect(throws: S3Error.self) { try Self.load(role: "empty") }
        let disabled = InstanceCredentials(
            variables: ["AWS_EC2_METADATA_DISABLED": "true"],
            transport: Nobody()
        )
        #expect(try disabled.load() == nil)
    }

    @Test func `the agent of a container gives keys`() throws {
        let instance = InstanceCredentials(
            variables: ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/1"],
            transport: Agent()
        )
        let expected = S3Credentials(accessKey: "ASIA", secret: "s", sessionToken: "t")
        #expect(try instance.load() == expected)
    }

    private struct Agent: S3Transport {
        func send(
            url: String,
            method: String,
            headers: [String: String],
            body: [UInt8],
            seconds: Int64
        ) -> S3Outcome {
            guard url == "http://169.254.170.2/v2/credentials/1", method == "GET" else {
                return .broken("nobody is there")
            }
            let text = #"{"AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t"}"#
            return .answer(S3Answer(status: 200, headers: [:], body: Array(text.utf8)))
        }
    }

    /// Must not be asked.
    private struct Nobody: S3Transport {
        func send(
            url: String,
            method: String,
            headers: [String: String],
            body: [UInt8],
            seconds: Int64
        ) -> S3Outcome {
            Issue.record("\(url) was asked")
            return .broken("nobody is there")
        }
    }

    /// The first is RFC 9110's own (§5.6.7); the others are `date -u -d … +%s` of GNU coreutils.
    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777 as Int64),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199),
        ("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200),
        ("Fri, 31 Dec 2100 12:00:00 GMT", 4_133_937_600),
    ])
    func `a date of a server is read`(text: String, seconds: Int64) {
        #expect(HTTPDate.seconds(text) == seconds)
    }

    @Test(arguments: [
        "", "Sun, 06 Nov 1994 08:49:37", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
    ])
    func `what is no date of a server is none`(text: String) {
        #expect(HTTPDate.seconds(text) == nil)
    }
}
