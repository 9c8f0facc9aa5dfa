import Keyring
import Testing
import VarveModel

@testable import ObjectStorage

/// Goal: a signature is the one that AWS computes.
///
/// Method: the four examples of AWS's page "Signature Calculations for the Authorization Header: Transferring Payload
/// in a Single Chunk" (Amazon S3 API Reference), with their published signatures.
@Suite struct SigV4Tests {
    private let signer = SigV4(
        credentials: S3Credentials(
            accessKey: "AKIAIOSFODNN7EXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        ),
        region: "us-east-1"
    )

    private func signature(
        _ method: String,
        path: String,
        query: [(name: String, value: String)] = [],
        headers: [String: String] = [:],
        body: String = ""
    ) -> String {
        let added = signer.headers(
            signing: method,
            path: path,
            query: SigV4.canonical(query),
            headers: headers.merging(["host": "examplebucket.s3.amazonaws.com"]) { $1 },
            bodyHash: Hex.encode(Digest.sha256(Array(body.utf8))),
            time: "20130524T000000Z"
        )
        let text = added["authorization"] ?? ""
        return text.split(separator: "=").last.map(String.init) ?? ""
    }

    @Test func `an object is read`() {
        #expect(
            signature("GET", path: "/test.txt", headers: ["range": "bytes=0-9"])
                == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        )
    }

    @Test func `an object is written`() {
        let headers = [
            "date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
        ]
        #expect(
            signature(
                "PUT",
                path: "/" + SigV4.encoded("test$file.text", keepsSlashes: true),
                headers: headers,
                body: "Welcome to Amazon S3."
            ) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        )
    }

    @Test func `a query without a value`() {
        #expect(
            signature("GET", path: "/", query: [("lifecycle", "")])
                == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        )
    }

    @Test func `a query is sorted`() {
        #expect(
            signature("GET", path: "/", query: [("prefix", "J"), ("max-keys", "2")])
                == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        )
    }

    @Test func `what is signed names the token of temporary credentials`() {
        let temporary = SigV4(
            credentials: S3Credentials(accessKey: "ASIA", secret: "s", sessionToken: "token"),
            region: "eu-central-1"
        )
        let added = temporary.headers(
            signing: "GET",
            path: "/",
            query: "",
            headers: ["host": "h"],
            bodyHash: SigV4.emptyHash,
            time: SigV4.time("2013-05-24T00:00:00Z")
        )
        #expect(added["x-amz-security-token"] == "token")
        #expect(added["authorization"]?.contains("x-amz-date;x-amz-security-token") == true)
        #expect(added["authorization"]?.contains("ASIA/20130524/eu-central-1/s3/") == true)
    }

    @Test func `a percent sign stands for every byte that is not plain`() {
        #expect(SigV4.encoded("a b/ü~") == "a%20b%2F%C3%BC~")
        #expect(SigV4.encoded("a b/c", keepsSlashes: true) == "a%20b/c")
    }
}
