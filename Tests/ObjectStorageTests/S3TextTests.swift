import TestKit
import Testing

@testable import ObjectStorage

/// Addresses, credentials and XML: what is read of text that somebody else wrote.
@Suite struct S3TextTests {
    private static func refusal(_ text: String, endpoint: String? = nil) -> S3Error.Code? {
        do throws(S3Error) {
            _ = try S3Address(text, endpoint: endpoint, region: nil)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `an address names bucket, prefix and host`() throws {
        let own = try S3Address("s3://vaults/a/b", endpoint: "http://127.0.0.1:8333/", region: nil)
        #expect(own.text == "s3://vaults/a/b" && own.prefix == "a/b/" && own.style == .path)
        #expect(
            own.url(path: own.path(of: "a/b/key"), query: "")
                == "http://127.0.0.1:8333/vaults/a/b/key"
        )
        #expect(own.host == "127.0.0.1:8333")
        let aws = try S3Address("s3://vaults", endpoint: nil, region: "eu-central-1")
        #expect(aws.host == "vaults.s3.eu-central-1.amazonaws.com" && aws.prefix.isEmpty)
        #expect(aws.path(of: "key") == "/key" && aws.path(of: nil) == "/")
        let dotted = try S3Address("s3://my.vaults", endpoint: nil, region: "cn-north-1")
        #expect(dotted.host == "s3.cn-north-1.amazonaws.com.cn" && dotted.style == .path)
        #expect(dotted.path(of: "key") == "/my.vaults/key" && dotted.path(of: nil) == "/my.vaults")
    }

    @Test(arguments: [
        "vaults", "s3://", "s3://A", "s3://ab", "s3://vaults/a b", "s3://vaults/../x", "http://x/y",
    ])
    func `what cannot be an address is refused`(text: String) {
        #expect(Self.refusal(text) == .invalid)
    }

    @Test(arguments: ["ftp://h", "http://", "http://h/path", "http://user@h", "h:80"])
    func `what cannot be an endpoint is refused`(endpoint: String) {
        #expect(Self.refusal("s3://vaults", endpoint: endpoint) == .invalid)
    }

    @Test func `credentials come from a file of AWS's form, and never show their secret`() throws {
        let text = """
            # mine
            [other]
            aws_access_key_id = NO
            aws_secret_access_key = NO
            [default]
            aws_access_key_id = AK
            AWS_SECRET_ACCESS_KEY=a=b/c+d
            """
        let found = try #require(S3Credentials(file: text))
        #expect(found == S3Credentials(accessKey: "AK", secret: "a=b/c+d"))
        #expect(!"\(found)".contains("a=b"))
        #expect(S3Credentials(file: "[default]\naws_access_key_id = AK") == nil)
        #expect(S3Credentials(environment: ["AWS_ACCESS_KEY_ID": "AK"]) == nil)
    }

    @Test func `an answer is read with its namespaces, entities and comments`() throws {
        let text = """
            <?xml version="1.0"?><!-- c --><a:Error xmlns:a="x>y"><Code>No&amp;&#65;&#x42;</Code><Empty/><!-- > -->\
            <Code x='>'>2</Code></a:Error>
            """
        let root = try #require(XMLElement(Array(text.utf8)))
        #expect(root.name == "Error" && root.value("Code") == "No&AB")
        #expect(root.all("Code").count == 2 && root.value("Empty") == "")
        #expect(XMLElement(Array("<a>\(XMLElement.escaped("\"<&>"))</a>".utf8))?.text == "\"<&>")
    }

    @Test(arguments: [
        "", "<a>", "<a></b>", "<a/><b/>", "<!DOCTYPE a><a/>", "<a>&x;</a>", "<a", "text",
        "<a><b><c><d><e><f><g><h><i/></h></g></f></e></d></c></b></a>",
    ])
    func `what is no document is refused`(text: String) {
        #expect(XMLElement(Array(text.utf8)) == nil)
    }

    @Test func `any bytes give an element or none`() {
        var generator = SeededGenerator(seed: testSeed(default: 5))
        let parts = [
            "<a>", "</a>", "<b/>", "&amp;", "&", "<!--", "-->", "x", "<?", "?>", "\"", "<", ">",
        ]
        for _ in 0..<TestSizes.current.fuzzInputs {
            var text = "<a>"
            for _ in 0..<Int.random(in: 0...12, using: &generator) {
                text += parts.randomElement(using: &generator) ?? ""
            }
            var bytes = Array(text.utf8)
            if Bool.random(using: &generator) { bytes += generator.bytes(3) }
            if let element = XMLElement(bytes) { #expect(element.name == "a") }
        }
    }
}
