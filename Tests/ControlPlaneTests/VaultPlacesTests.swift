import BackupVault
import Disk
import LocalAPI
import TestKit
import Testing

@testable import ControlPlane

/// Goal: where a vault lies is known from what stands in the state directory alone, and never guessed.
@Suite struct VaultPlacesTests {
    private let disk = SimulatedDisk()
    private var places: VaultPlaces { VaultPlaces(disk: disk, paths: StatePaths(root: "/state")) }

    init() throws {
        try disk.makeDirectories("/state/vaults")
    }

    private static func refusal(_ body: () throws -> Void) -> APIError? {
        do {
            try body()
            return nil
        } catch {
            return APIError(error)
        }
    }

    private static let location = BucketLocation(
        address: "s3://vaults/a//b/",
        endpoint: "http://127.0.0.1:9/",
        region: "eu-central-1",
        isPathStyle: true,
        credentials: "/etc/varve/s3"
    )

    @Test func `a place is written as text, and read back`() throws {
        let place = try BucketPlace(Self.location)
        #expect(place.location.address == "s3://vaults/a/b")
        #expect(place.text == "s3://vaults/a/b at http://127.0.0.1:9")
        try places.keep("far", place)
        let text = String(
            decoding: try disk.contents(of: "/state/vaults/far.s3", limit: 4_096),
            as: UTF8.self
        )
        #expect(text.contains("\"address\" : \"s3://vaults/a/b\"") && text.hasSuffix("}\n"))
        #expect(text.contains("\"format\" : 1") && text.contains("\"pathStyle\" : true"))
        #expect(try places.bucket(of: "far") == place)
        #expect(try places.bucket(of: "near") == nil)
        // The same once more is no change; another place under the name is refused.
        try places.keep("far", place)
        let other = try BucketPlace(BucketLocation(address: "s3://others"))
        let refused = try #require(Self.refusal { try places.keep("far", other) })
        #expect(refused.code == .exists && refused.message.contains("s3://vaults/a/b at"))
        #expect(try places.bucket(of: "far") == place)
    }

    @Test func `what was written by hand is enough`() throws {
        let text = #"{"format": 1, "address": "s3://vaults", "later": {"a": []}}"#
        try disk.replace("/state/vaults/far.s3", with: Array(text.utf8))
        let place = try #require(try places.bucket(of: "far"))
        #expect(place.text == "s3://vaults at https://s3.us-east-1.amazonaws.com")
        #expect(place.location.credentials == nil, "it is the environment")
    }

    @Test(arguments: [
        ("", APIError.Code.invalid), ("{}", .invalid), (#"{"format": 1}"#, .invalid),
        (#"{"format": 1, "address": "http://vaults"}"#, .invalid),
        (#"{"format": 1, "address": "s3://vaults", "endpoint": "ftp://h"}"#, .invalid),
        (#"{"format": 1, "address": "s3://vaults", "credentials": "s3"}"#, .invalid),
        (#"{"format": 2, "address": "s3://vaults"}"#, .newerFormat),
    ])
    func `what says no place is refused by its path`(text: String, code: APIError.Code) throws {
        try disk.replace("/state/vaults/far.s3", with: Array(text.utf8))
        let refused = try #require(Self.refusal { _ = try places.storage(of: "far") })
        #expect(refused.code == code && refused.message.contains("/state/vaults/far.s3"))
        #expect(try places.names() == ["far"], "it is shown all the same")
    }

    @Test(arguments: [
        BucketLocation(address: "vaults/a"), BucketLocation(address: "s3://vaults/../a"),
        BucketLocation(address: "s3://vaults", endpoint: "h:80"),
        BucketLocation(address: "s3://vaults", region: "eu central"),
        BucketLocation(address: "s3://vaults", credentials: "keys"),
    ])
    func `what somebody mistypes is a matter of usage`(location: BucketLocation) {
        #expect(Self.refusal { _ = try BucketPlace(location) }?.code == .usage)
    }

    @Test func `names are those of folders and of files, and a name has one place`() throws {
        try disk.makeDirectory("/state/vaults/near")
        try disk.makeDirectory("/state/vaults/.adopting-x")
        let place = try BucketPlace(Self.location)
        try places.keep("far", place)
        #expect(try places.names() == ["far", "near"])
        #expect(try places.storage(of: "near").place == "/state/vaults/near")
        #expect(Self.refusal { _ = try places.storage(of: "none") }?.code == .notFound)
        #expect(Self.refusal { _ = try places.storage(of: "../far") }?.code == .notFound)
        #expect(Self.refusal { try places.keep("near", place) }?.code == .exists)
        #expect(Self.refusal { try places.requireNoBucket("far") }?.code == .exists)
        try places.requireNoBucket("near")
        try disk.makeDirectory("/state/vaults/far")
        let both = try #require(Self.refusal { _ = try places.storage(of: "far") })
        #expect(both.code == .invalid && both.message.contains("/state/vaults/far.s3"))
    }

    @Test func `a bucket that cannot be asked leaves no name behind`() throws {
        let directory = try TemporaryDirectory()
        var location = Self.location
        location.credentials = directory.path + "/none"
        let place = try BucketPlace(location)
        let refused = Self.refusal {
            _ = try places.create("far", in: place) { (_) throws(VaultError) -> Vault in
                throw VaultError(.failed, "nothing is to be made")
            }
        }
        #expect(refused?.code == .denied, "\(String(describing: refused))")
        #expect(refused?.message.contains(directory.path + "/none") == true)
        #expect(try places.names().isEmpty)
    }
}
