import BackupVault
import Disk
import TestKit
import Testing

@testable import ObjectStorage

/// Goal: a vault may rely on the same things wherever it lies.
///
/// Method: one list of demands, made of a directory and of a bucket.
@Suite struct StorageContractTests {
    private static func storages() throws -> [any VaultStorage] {
        let clock = SimulatedSteadyClock()
        let bucket = BucketStorage(
            try MemoryStore().client("a", clock: clock),
            times: .standard,
            isKeptByThread: false
        )
        clock.keep(bucket, as: "a")
        return [DirectoryStorage(SimulatedDisk(), "/vaults/one"), bucket]
    }

    private static func refusal(_ body: () throws(VaultError) -> Void) -> VaultError.Code? {
        do throws(VaultError) {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    private static func prepared(_ storage: any VaultStorage) throws {
        try storage.makePlace()
        _ = try storage.makeFolders(["packs", "leases"])
        try storage.sync(nil)
    }

    @Test func `a whole file is there, replaced, listed and removed`() throws {
        for storage in try Self.storages() {
            try Self.prepared(storage)
            #expect(try storage.size(of: "packs/a") == nil)
            #expect(
                Self.refusal { () throws(VaultError) in
                    _ = try storage.contents("packs/a", limit: 9)
                } == .notFound
            )
            try storage.replace("packs/a", with: [1, 2, 3])
            try storage.replace("packs/a", with: [4, 5])
            try storage.replace("key", with: [])
            #expect(try storage.contents("packs/a", limit: 9) == [4, 5])
            #expect(try storage.contents("key", limit: 9).isEmpty)
            #expect(
                Self.refusal { () throws(VaultError) in
                    _ = try storage.contents("packs/a", limit: 1)
                } != nil
            )
            #expect(try storage.size(of: "packs/a") == 2)
            for name in ["b", "c", "d", "e"] { try storage.replace("packs/\(name)", with: [1]) }
            #expect(try storage.list("packs") == ["a", "b", "c", "d", "e"])
            #expect(Set(try storage.list(nil)).isSuperset(of: ["key", "packs"]))
            #expect(try storage.list("none").isEmpty)
            if let sizes = try storage.sizes(in: "packs") {
                #expect(sizes["a"] == 2 && sizes.count == 5)
            }
            try storage.remove("packs/a")
            try storage.sync("packs")
            #expect(try storage.list("packs") == ["b", "c", "d", "e"])
        }
    }

    @Test(arguments: [0, 100, 8 << 10, 20_000, 40_000])
    func `a file written in pieces comes under its name at the end, whole`(count: Int) throws {
        for storage in try Self.storages() {
            try Self.prepared(storage)
            var generator = SeededGenerator(seed: UInt64(count))
            let bytes = generator.bytes(count)
            let file = try storage.begin("packs/p", as: "packs/p.w.open", isReadBack: true)
            for start in stride(from: 0, to: count, by: 1_500) {
                let piece = Array(bytes[start..<min(count, start + 1_500)])
                try piece.withUnsafeBytes { try file.append($0) }
            }
            #expect(try storage.size(of: "packs/p") == nil)
            let read = try file.read(count: min(10, count), at: 0)
            #expect(read == Array(bytes.prefix(10)))
            try file.finish([7, 7])
            try storage.sync("packs")
            #expect(try storage.contents("packs/p", limit: 1 << 20) == bytes + [7, 7])
            let open = try storage.open("packs/p")
            #expect(try open.size() == UInt64(count) + 2)
            for start in stride(from: 0, through: count + 3, by: 777) {
                let expected = Array((bytes + [7, 7]).dropFirst(start).prefix(900))
                #expect(try open.read(count: 900, at: UInt64(start)) == expected)
            }
            open.close()
            let other = try storage.begin("packs/q", as: "packs/q.w.open", isReadBack: false)
            try bytes.withUnsafeBytes { try other.append($0) }
            other.discard()
            #expect(try storage.list("packs") == ["p"])
            #expect(try storage.unfinished().isEmpty)
        }
    }

    @Test func `who lives is seen, and one alone has what it excludes others from`() throws {
        for storage in try Self.storages() {
            try Self.prepared(storage)
            let sign = try #require(try storage.beginSign("leases/a.writer"))
            try sign.check(isSure: true)
            #expect(
                try storage.living(["leases/a.writer"]) { _ throws(VaultError) in } == [
                    "leases/a.writer"
                ]
            )
            sign.end()
            #expect(try storage.list("leases").isEmpty)
            let held = try #require(try storage.exclude("leases/prune.lock"))
            #expect(try storage.exclude("leases/prune.lock") == nil)
            let other = try #require(try storage.exclude("leases/holds.lock"))
            other.release()
            held.release()
            try #require(try storage.exclude("leases/prune.lock")).release()
        }
    }
}
