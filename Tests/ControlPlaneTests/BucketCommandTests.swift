import Foundation
import LocalAPI
import TestKit
import Testing

/// Goal: a vault in a bucket does by the real programs what one in a directory does, against a store that we did not
/// write.
@Suite(
    .serialized,
    .enabled(
        if: Seaweed.isAvailable,
        "SeaweedFS is missing: Tests/Witnesses/seaweedfs.sh --install .build/witnesses"
    )
)
struct BucketCommandTests {
    private struct World {
        let store: Seaweed
        let daemon: DaemonProcess
        let credentials: String

        init() throws {
            store = try Seaweed()
            daemon = try DaemonProcess()
            credentials = try store.credentials("varve", "varve-secret", in: daemon.work)
            try daemon.start()
            try daemon.done("fs", "create", "home")
        }

        var address: String { "s3://\(store.bucket)/home" }

        /// How the store is reached.
        func options(_ credentials: String? = nil) -> [String] {
            ["--endpoint", store.endpoint, "--credentials", credentials ?? self.credentials]
        }

        func run(_ words: [String], input: Data? = nil) throws -> DaemonProcess.Ended {
            try DaemonProcess.run("varve", ["--socket", daemon.socket] + words, input: input)
        }

        func done(_ words: [String]) throws {
            let ended = try run(words)
            guard ended.status == 0 else { throw Seaweed.Failure(description: ended.errors) }
        }

        func described(_ name: String) throws -> VaultDescription {
            let bytes = try daemon.done("--json", "vault", "describe", name)
            return try JSONDecoder().decode(VaultDescription.self, from: bytes)
        }

        func backUp(_ vault: String = "far") throws -> String {
            try daemon.done("backup", "run", "home", "--vault", vault).line
        }
    }

    /// Bytes that no compression makes less of.
    private static func bytes(_ count: Int, seed: UInt64) -> Data {
        var generator = SeededGenerator(seed: seed)
        var data = Data(capacity: count)
        while data.count < count {
            withUnsafeBytes(of: generator.next()) { data.append(contentsOf: $0) }
        }
        return data
    }

    @Test func `a vault in a bucket backs up, verifies, restores, prunes, copies and moves house`()
        throws
    {
        let world = try World()
        let daemon = world.daemon
        // More than a part of an upload, so that packs go out in parts.
        let (first, second) = (Self.bytes(12 << 20, seed: 1), Self.bytes(3 << 20, seed: 2))
        try daemon.done("put", "-", "home:/large", input: first)
        try world.done(["vault", "create", "far", "--s3", world.address] + world.options())
        let old = try world.backUp()
        try daemon.done("rm", "home:/large")
        try daemon.done("put", "-", "home:/note", input: second)
        let full = try world.described("far")
        let new = try world.backUp()
        let both = try world.described("far")
        #expect(both.recoveryPoints == 2 && both.place == world.address)
        #expect(both.bucket?.endpoint == world.store.endpoint)
        let added = (both.storedBytes ?? 0) - (full.storedBytes ?? 0)
        #expect((2 << 20)..<(6 << 20) ~= added, "an increment: \(added)")
        let list = try daemon.varve("vault", "list")
        #expect(list.text.contains(world.address) && list.text.contains("available"))
        try Self.isWhole("far", world)

        try daemon.done("restore", "home:/", "--recovery-point", old, "--to-new", "before")
        #expect(try daemon.done("cat", "before:/large") == first)
        try daemon.done("restore", "home:/", "--recovery-point", new, "--to-new", "after")
        #expect(try daemon.done("cat", "after:/note") == second)

        // From the bucket to a directory, and from there to another bucket.
        try daemon.done("vault", "create", "near")
        try daemon.done("recovery-point", "copy", "--from", "far", "--to", "near", "--all")
        let third = "s3://\(world.store.bucket)/third"
        try world.done(["vault", "create", "third", "--s3", third] + world.options())
        try daemon.done("recovery-point", "copy", "--from", "near", "--to", "third", "--all")
        for vault in ["near", "third"] {
            #expect(try world.described(vault).recoveryPoints == 2)
            try Self.isWhole(vault, world)
        }

        // What the older one alone needs goes with it.
        try daemon.done("backup", "delete", old, "--vault", "far")
        let pruned = try world.described("far").storedBytes ?? .max
        #expect(pruned < (both.storedBytes ?? 0) - (9 << 20), "\(pruned)")
        try Self.isWhole("far", world)
        try Self.move(world, new, second)
    }

    private static func isWhole(_ vault: String, _ world: World) throws {
        let verified = try world.daemon.varve("vault", "verify", vault, "--read-data")
        #expect(verified.status == 0, "\(vault): \(verified.text)\(verified.errors)")
    }

    /// The machine burns; the kit, the bucket's address and its keys are what is left.
    private static func move(_ world: World, _ point: String, _ content: Data) throws {
        let kit = world.daemon.work + "/far.kit"
        try world.daemon.done("vault", "recovery-kit", "far", "--output", kit)
        let paper = try String(contentsOfFile: kit, encoding: .utf8)
        #expect(
            paper.contains(
                "varve vault adopt \(world.address) --endpoint \(world.store.endpoint) --credentials KEYS"
            ),
            "\(paper)"
        )
        #expect(paper.contains("Lies in:   \(world.address) at \(world.store.endpoint)"))
        // Nothing of the secret is anywhere in what the daemon keeps.
        let found = try DaemonProcess.run(
            "/bin/grep",
            ["-r", "-l", "-a", "varve-secret", world.daemon.state]
        )
        #expect(found.status == 1 && found.text.isEmpty, "\(found.text)")
        #expect(!(try world.daemon.logText()).contains("varve-secret"))
        #expect(world.daemon.stop() == 0)
        let new = try DaemonProcess()
        try new.start()
        let adopt =
            ["--socket", new.socket, "vault", "adopt", world.address, "--recovery-kit", kit]
            + world.options()
        let adopted = try DaemonProcess.run("varve", adopt)
        #expect(adopted.status == 0, "\(adopted.errors)")
        #expect(adopted.errors.contains("'far' is here, with 1 recovery points"))
        // It is known over a restart, and again is no harm.
        #expect(new.stop() == 0)
        try new.start()
        #expect(try DaemonProcess.run("varve", adopt).status == 0)
        try new.done("restore", "home:/", "--recovery-point", point, "--to-new", "home")
        #expect(try new.done("cat", "home:/note") == content)
        try new.done("backup", "run", "home", "--vault", "far")
        let doctor = try new.varve("doctor")
        #expect(doctor.status == 0, "\(doctor.text)")
        let may = "\(world.address) at \(world.store.endpoint): may list, write, read, upload in"
        #expect(doctor.text.contains(may), "\(doctor.text)")
        #expect(doctor.text.contains("this machine's clock is the store's"), "\(doctor.text)")
    }

    @Test func `what a bucket refuses is said, with what to do, and nothing is made`() throws {
        let world = try World()
        let (daemon, store) = (world.daemon, world.store)
        func create(_ address: String, _ options: [String]) throws -> DaemonProcess.Ended {
            try world.run(["vault", "create", "far", "--s3", address] + options)
        }
        let wrong = try store.credentials("varve", "not-it", in: daemon.work)
        let signature = try create(world.address, world.options(wrong))
        #expect(signature.status == 1)
        for word in [
            "status 403 SignatureDoesNotMatch", "s3://vaults/home/", store.endpoint,
            "access key varve", "Check the credentials",
        ] {
            #expect(signature.errors.contains(word), "\(word): \(signature.errors)")
        }
        #expect(!signature.errors.contains("not-it"))
        let missing = try create("s3://no-such-bucket/home", world.options())
        #expect(missing.errors.contains("404 NoSuchBucket"), "\(missing.errors)")
        #expect(missing.errors.contains("Make the bucket 'no-such-bucket'"))
        let reader = try store.credentials("reader", "reader-secret", in: daemon.work)
        let denied = try create(world.address, world.options(reader))
        #expect(denied.errors.contains("PUT s3://vaults/home/"), "\(denied.errors)")
        #expect(denied.errors.contains("403 AccessDenied"), "\(denied.errors)")
        #expect(chmod(wrong, 0o644) == 0)
        let open = try create(world.address, world.options(wrong))
        #expect(open.errors.contains("others may read them (mode 644)"), "\(open.errors)")
        let parity = try create(world.address, world.options() + ["--parity", "5%"])
        #expect(parity.status == 64, "\(parity.errors)")
        #expect(try world.run(["vault", "create", "far"] + world.options()).status == 64)
        #expect(try create("vaults/home", world.options()).status == 64)
        #expect(!(try daemon.done("--json", "vault", "list").line.contains("\"far\"")))
        // Of all these nothing is left in the way.
        #expect(try create(world.address, world.options()).status == 0)
        let again = try create(world.address, world.options())
        #expect(again.status == 1 && again.errors.contains("already"), "\(again.errors)")
        let other = try world.run(
            ["vault", "create", "other", "--s3", world.address] + world.options()
        )
        #expect(other.status == 1 && other.errors.contains("already holds a vault"))
        #expect(try daemon.done("--json", "vault", "list").line.contains("\"far\""))
        let cold = try daemon.varve(
            "backup",
            "run",
            "home",
            "--vault",
            "far",
            "--move-to-cold-storage-after-days",
            "1"
        )
        #expect(cold.status == 1 && cold.errors.contains("cold storage"), "\(cold.errors)")

        // The store goes: what is asked is told, and no damage is claimed.
        #expect(daemon.stop() == 0)
        store.stop()
        try daemon.start()
        let list = try daemon.varve("vault", "list")
        #expect(list.text.contains("unavailable") && list.text.contains(world.address))
        #expect(list.errors.contains(store.endpoint), "\(list.errors)")
        let doctor = try daemon.varve("doctor")
        #expect(doctor.status == 2 && doctor.text.contains("unavailable: bucket of vault far"))
        #expect(!doctor.text.contains("damage: "), "\(doctor.text)")
    }
}
