@testable import BackupVault
import Keyring
import TestKit
import Testing
import VarveModel

@testable import ObjectStorage

/// Goal: Object Lock is asked for as a store that we did not write understands it, and binds there.
@Suite(.enabled(if: Seaweed.isAvailable), .serialized) struct SeaweedObjectLockTests {
    private static func client(_ store: Seaweed) throws -> S3Client {
        let address = try S3Address("s3://locked/one", endpoint: store.endpoint, region: nil)
        let credentials = S3Credentials(accessKey: "varve", secret: "varve-secret")
        return S3Client(address, credentials: { () throws(S3Error) in credentials })
    }

    private static func open(_ client: S3Client, _ root: RootKey) throws -> Vault {
        try Vault.open(
            in: BucketStorage(client, times: .standard, isKeptByThread: true),
            roots: [root],
            settings: BucketWorld.settings
        )
    }

    /// Versions, or markers, of everything: key and version.
    private static func all(
        _ element: String,
        _ client: S3Client
    ) throws -> [(key: String, version: String)] {
        var request = S3Request("GET", nil)
        request.query = [("versions", ""), ("prefix", "one/")]
        let answer = try client.send(request)
        let root = try client.document(answer, "ListVersionsResult", request)
        #expect(root.value("IsTruncated") != "true")
        return root.all(element).map { ($0.value("Key") ?? "", $0.value("VersionId") ?? "") }
    }

    private static func remove(_ key: String, version: String, _ client: S3Client) throws {
        var request = S3Request("DELETE", key)
        request.query = [("versionId", version)]
        _ = try client.send(request)
    }

    @Test func `what a locked point needs outlives whoever deletes it, and comes back`() throws {
        let store = try Seaweed()
        defer { store.stop() }
        let client = try Self.client(store)
        var make = S3Request("PUT", nil)
        make.headers["x-amz-bucket-object-lock-enabled"] = "true"
        _ = try client.send(make)
        #expect(try client.objectLock() == .enabled(hasDefaultRule: false))
        let root = RootKey.random()
        let now = WallClock().now()
        let vault = try Vault.create(
            in: BucketStorage(client, times: .standard, isKeptByThread: true),
            name: "far",
            root: root,
            clock: WallClock(),
            settings: BucketWorld.settings
        )
        #expect(vault.isKeptByStore() == true)
        _ = try vault.setLock(.init(minDays: 2, placedBy: "root"), now: now)
        var generator = SeededGenerator(seed: testSeed(default: 51))
        let contents = BucketWorld.contents(6, using: &generator)
        let writer = try vault.beginWrite()
        var draft = BucketWorld.draft(try BucketWorld.store(contents, by: writer))
        draft.created = now
        draft.expires = now.adding(seconds: 3 * VaultLock.day)
        let point = try writer.publish(draft)
        let packs = try client.list("one/packs/").objects.map(\.key)
        #expect(!packs.isEmpty)
        for key in packs + ["one/manifests/" + Manifest.fileName(point.id)] {
            let kept = try #require(try client.retention(of: key), "\(key)")
            #expect(kept.mode == .governance)
            #expect(kept.until.seconds >= now.seconds + 3 * VaultLock.day - 1, "\(key)")
        }
        // Put off, and made final, which this store wants a governance to be bypassed for.
        let keeper = try #require(try vault.files.storage.keeper())
        let later = now.adding(seconds: 30 * VaultLock.day)
        let name = String(packs[0].dropFirst("one/".count))
        try keeper.keep(name, atLeast: later, until: later, isFinal: true, isNew: false)
        #expect(try client.retention(of: packs[0])?.mode == .compliance)
        // Everything is deleted, each version too, as far as the store lets it go.
        for (key, _) in try Self.all("Version", client) { try client.delete(key) }
        var refused: Set<String> = []
        for (key, version) in try Self.all("Version", client) {
            do {
                try Self.remove(key, version: version, client)
            } catch {
                #expect((error as? S3Error)?.code == .denied, "\(error)")
                refused.insert(key)
            }
        }
        #expect(refused.isSuperset(of: packs))
        for (key, version) in try Self.all("DeleteMarker", client) {
            try Self.remove(key, version: version, client)
        }
        let opened = try Self.open(client, root)
        #expect(try BucketWorld.restore(point, from: opened) == contents)
        #expect(try opened.lockInForce()?.lock.minDays == 2)
    }
}
