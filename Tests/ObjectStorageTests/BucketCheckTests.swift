import BackupVault
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import ObjectStorage

/// Goal: what a bucket refuses, and what it is short of, is told so that somebody can act on it.
@Suite struct BucketCheckTests {
    private static let everything = ["list", "write", "read", "upload in parts", "remove"]

    @Test func `a bucket that allows all is left as it was, and shows its clock`() throws {
        var world = BucketWorld()
        let store = world.store
        let server = try HTTPListener { store.serve($0) }
        defer { server.stop() }
        world.port = server.port
        let vault = try world.create("a")
        let before = store.state.withLock { $0.objects }
        let check = try world.storage("a").check()
        #expect(check.done == Self.everything && check.refused.isEmpty)
        #expect(check.clockSeconds == 0 && !check.isClockOff)
        #expect(store.state.withLock { $0.objects } == before)
        #expect(store.state.withLock { $0.uploads.isEmpty })
        #expect(try vault.recoveryPoints().isEmpty)
    }

    @Test(arguments: [
        ("PUT", ["list", "read", "upload in parts", "remove"], "write"),
        ("POST", ["list", "write", "read", "remove"], "upload in parts"),
        ("DELETE", ["list", "write", "read"], "remove"), ("GET", [], "list"),
    ])
    func `what is refused is named, with bucket, endpoint, status, code and a next step`(
        method: String,
        done: [String],
        refused: String
    ) throws {
        let world = BucketWorld()
        world.store.state.withLock { $0.refusals[method] = (403, "AccessDenied") }
        let check = try world.storage("a").check()
        #expect(check.done == done, "\(check.done)")
        let refusal = try #require(check.refused.last)
        #expect(refusal.what == refused && refusal.error.code == .denied)
        for word in [
            method, "s3://vaults", "http://store:9000", "status 403 AccessDenied", "access key key",
        ] {
            #expect(refusal.error.message.contains(word), "\(refusal.error.message)")
        }
        #expect(refusal.error.remedy.contains("Check the credentials"))
        #expect(!refusal.error.description.contains("secret"))
    }

    /// Each with the code that a program decides by, and a word of what to do.
    @Test(arguments: [
        (404, "NoSuchBucket", S3Error.Code.noBucket, "Make the bucket 'vaults'"),
        (403, "RequestTimeTooSkewed", .denied, "clock"),
        (403, "InvalidAccessKeyId", .denied, "Check the credentials"),
        (400, "ExpiredToken", .denied, "Check the credentials"),
        (301, "PermanentRedirect", .failed, "region"),
        (400, "AuthorizationHeaderMalformed", .failed, "region"),
        (507, "XMinioStorageFull", .noSpace, "Free space"),
        (403, "QuotaExceeded", .noSpace, "Free space"),
        (400, "InvalidArgument", .failed, "log"), (503, "SlowDown", .unavailable, "runs"),
        (500, "InternalError", .unavailable, "runs"),
    ])
    func `an answer that is no success is told by what it means`(
        status: Int,
        code: String,
        expected: S3Error.Code,
        remedy: String
    ) throws {
        let world = BucketWorld()
        world.store.state.withLock { $0.refusals["PUT"] = (status, code) }
        let client = try world.store.client("a", clock: world.clock)
        do throws(S3Error) {
            try client.put("one/x", [1])
            Issue.record("it was taken")
        } catch {
            #expect(error.code == expected, "\(error)")
            #expect(error.message.contains("\(status) \(code)"), "\(error)")
            #expect(error.remedy.contains(remedy), "\(error)")
        }
    }

    @Test func `a store that does not answer ends the work after two minutes, and a look sooner`()
        throws
    {
        let world = BucketWorld()
        let storage = try world.storage("a")
        world.store.state.withLock { $0.lastRequest["a"] = 0 }
        let began = world.clock.now()
        #expect { try storage.reach() } throws: { ($0 as? VaultError)?.code == .unavailable }
        let looked = world.clock.now()
        #expect(looked - began < 1_000_000_000)
        #expect { try storage.list(nil) } throws: { error in
            guard let error = error as? VaultError else { return false }
            return error.code == .unavailable && error.message.contains("connection reset")
                && error.message.contains("http://store:9000")
        }
        let waited = world.clock.now() - looked
        #expect(waited > 100_000_000_000 && waited <= 120_000_000_000, "\(waited)")
        let check = storage.check()
        #expect(check.done.isEmpty && check.refused.map(\.what) == ["list"])
        world.store.state.withLock { $0.lastRequest["a"] = nil }
        #expect(try storage.list(nil).isEmpty)
    }

    @Test func `keys that are replaced are read anew when the old ones are refused`() throws {
        let world = BucketWorld()
        let given = Mutex(S3Credentials(accessKey: "old", secret: "secret"))
        let asked = Mutex(0)
        let address = try S3Address("s3://vaults/one", endpoint: "http://store:9000", region: nil)
        let client = S3Client(
            address,
            credentials: { () throws(S3Error) in
                asked.withLock { $0 += 1 }
                return given.withLock { $0 }
            },
            clock: world.clock,
            transport: KeyCheck(store: world.store)
        )
        #expect(throws: S3Error.self) { try client.put("one/x", [1]) }
        given.withLock { $0 = S3Credentials(accessKey: "new", secret: "secret") }
        try client.put("one/x", [2])
        let first = asked.withLock { $0 }
        try client.put("one/x", [3])
        #expect(asked.withLock { $0 } == first, "they are kept while they serve")
        #expect(world.store.state.withLock { $0.objects["one/x"] } == [3])
    }

    /// Takes the access key `new` alone.
    private struct KeyCheck: S3Transport {
        let store: MemoryStore

        func send(
            url: String,
            method: String,
            headers: [String: String],
            body: [UInt8],
            seconds: Int64
        ) -> S3Outcome {
            guard headers["authorization"]?.contains("Credential=new/") == true else {
                return .answer(MemoryStore.failure(403, "InvalidAccessKeyId"))
            }
            return store.arrive(url: url, method: method, headers: headers, body: body, from: "a")
        }
    }
}
