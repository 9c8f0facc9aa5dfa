import Foundation
import TestKit
import Testing

/// Goal: every damaged, missing or newer file of a state directory is a clear error that names it, the rest
/// keeps serving, and nothing is lost once the file is put back.
///
/// Method: the real programs on one good state directory; a damage at a time; then the good file again.
@Suite(.serialized) struct DamageTests {
    typealias Damage = DamagedWorld.Damage

    /// Damage that the daemon cannot begin with.
    private struct Refusal {
        let file: String
        let damage: Damage
        /// What `varved serve` exits with, and `varved doctor`.
        let serve: Int32
        let doctor: Int32
        let words: [String]
    }

    private static let refusals = [
        Refusal(file: "format", damage: .cut(to: 50), serve: 2, doctor: 2, words: ["copy"]),
        Refusal(file: "format", damage: .flip(40), serve: 2, doctor: 2, words: ["copy"]),
        Refusal(
            file: "format",
            damage: .newer(at: 8, digest: nil),
            serve: 1,
            doctor: 2,
            words: ["format 2", "newer Varve", "Nothing was touched"]
        ),
        Refusal(file: "key", damage: .cut(to: 50), serve: 2, doctor: 2, words: ["copy"]),
        Refusal(file: "key", damage: .flip(70), serve: 1, doctor: 1, words: ["copy"]),
        Refusal(
            file: "key",
            damage: .newer(at: 8, digest: nil),
            serve: 1,
            doctor: 2,
            words: ["format 2", "newer"]
        ),
        Refusal(
            file: "control.sqlite",
            damage: .flip(40),
            serve: 2,
            doctor: 2,
            words: ["header is damaged", "copy", "vaults/"]
        ),
        Refusal(
            file: "control.sqlite",
            damage: .remove,
            serve: 2,
            doctor: 2,
            words: ["copy", "vaults/"]
        ),
        Refusal(
            file: "control.sqlite",
            damage: .newer(at: 8, digest: 80..<112),
            serve: 1,
            doctor: 2,
            words: ["format 2", "newer"]
        ),
        Refusal(
            file: "control.sqlite-wal",
            damage: .remove,
            serve: 2,
            doctor: 2,
            words: ["missing", "copy"]
        ),
        Refusal(
            file: "control.sqlite-wal",
            damage: .flip(520),
            serve: 2,
            doctor: 2,
            words: ["byte 512", "copy"]
        ),
        Refusal(
            file: "control.sqlite-wal",
            damage: .newer(at: 8, digest: 48..<80),
            serve: 1,
            doctor: 2,
            words: ["newer"]
        ),
        Refusal(
            file: "control.sqlite-wal",
            damage: .cut(to: 4_096),
            serve: 2,
            doctor: 2,
            words: ["its history is shorter", "copy"]
        ),
        Refusal(
            file: "journal.sqlite",
            damage: .flip(40),
            serve: 2,
            doctor: 2,
            words: ["--renew-journal", "no file data"]
        ),
    ]

    @Test func `a state directory that does not open is refused by name`() throws {
        let world = try DamagedWorld()
        for one in Self.refusals {
            try world.heal()
            try world.damage(one.file, one.damage)
            let what = "\(one.file) \(one.damage)"
            let serve = try world.daemon.varved("serve")
            #expect(serve.status == one.serve, "\(what): \(serve.errors)")
            let doctor = try world.daemon.varved("doctor")
            #expect(doctor.status == one.doctor, "\(what): \(doctor.text)\(doctor.errors)")
            for text in [serve.errors, doctor.text + doctor.errors] {
                // A log is named by itself, or by its database.
                let path = world.daemon.state + "/" + one.file.replacing("-wal", with: "")
                #expect(text.contains(path), "\(what): \(text)")
                for word in one.words { #expect(text.contains(word), "\(what): \(text)") }
            }
        }
        try world.heal()
        try world.daemon.start()
        #expect(try world.reads("first") && world.reads("second"))
        #expect(try world.daemon.varve("doctor").complaint == "")
    }

    @Test func `a root key that is wrong, missing, damaged or newer is named`() throws {
        let world = try DamagedWorld()
        let key = world.daemon.keyFile
        let right = try Data(contentsOf: URL(fileURLWithPath: key))
        let other = try DaemonProcess()
        var newer = right
        newer[8] = 2
        let cases: [(bytes: Data?, status: Int32, words: [String])] = [
            (
                try Data(contentsOf: URL(fileURLWithPath: other.keyFile)), 1,
                ["does not open under this root key", "--key-file"]
            ),
            (nil, 1, ["there is no root key", "--key-file"]),
            (right.prefix(40), 2, ["cut short", "copy"]), (newer, 1, ["format 2", "newer"]),
        ]
        for (bytes, status, words) in cases {
            // It is missing when the last case removed it.
            try? FileManager.default.removeItem(atPath: key)
            try bytes?.write(to: URL(fileURLWithPath: key))
            let serve = try world.daemon.varved("serve")
            #expect(serve.status == status, "\(words): \(serve.errors)")
            for word in [key] + words { #expect(serve.errors.contains(word), "\(serve.errors)") }
        }
        try right.write(to: URL(fileURLWithPath: key))
        try world.daemon.start()
        #expect(try world.reads("first") && world.reads("second"))
    }

    @Test func `a lost journal is renewed, and the files are there`() throws {
        let world = try DamagedWorld()
        try world.damage("journal.sqlite", .flip(40))
        #expect(try world.daemon.varved("serve").status == 2)
        let renewed = try world.daemon.varved("doctor", "--renew-journal")
        #expect(renewed.status == 0, "\(renewed.text)\(renewed.errors)")
        #expect(renewed.errors.contains("set aside"), "\(renewed.errors)")
        let again = try world.daemon.varved("doctor", "--renew-journal")
        #expect(again.status == 1 && again.errors.contains("nothing to renew"), "\(again.errors)")
        try world.daemon.start()
        #expect(try world.reads("first") && world.reads("second"))
        #expect(try world.daemon.varve("job", "history").status == 0)
        #expect(try world.daemon.varve("doctor").complaint == "")
    }

    /// Damage of one file system.
    private struct Loss {
        let file: String
        let damage: Damage
        /// What reading its large file exits with.
        let read: Int32
        let words: [String]
    }

    @Test func `a damaged file system is named, and the others serve`() throws {
        let world = try DamagedWorld()
        let meta = "filesystems/\(world.first)/meta.sqlite"
        let segment = "zones/local-a/\(world.first)/standard/*"
        let cases = [
            Loss(file: meta, damage: .cut(to: 8_192), read: 2, words: [meta]),
            Loss(file: meta, damage: .flip(40), read: 2, words: [meta, "header is damaged"]),
            Loss(file: meta, damage: .flipAll(from: 4_096 + 100), read: 2, words: [meta]),
            Loss(file: meta, damage: .remove, read: 1, words: [meta]),
            Loss(
                file: meta,
                damage: .newer(at: 8, digest: 80..<112),
                read: 1,
                words: ["format 2", "newer"]
            ),
            Loss(file: meta + "-wal", damage: .remove, read: 2, words: ["missing"]),
            Loss(
                file: meta + "-wal",
                damage: .cut(to: 4_096),
                read: 2,
                words: ["its history is shorter"]
            ),
            Loss(file: meta + "-wal", damage: .flip(520), read: 2, words: ["byte 512"]),
            Loss(file: segment, damage: .flip(20_000), read: 2, words: ["/large", "segment"]),
            Loss(file: segment, damage: .cut(to: 8_192), read: 2, words: ["/large", "cut short"]),
            Loss(file: segment, damage: .remove, read: 2, words: ["/large", "not there"]),
            Loss(
                file: segment,
                damage: .newer(at: 8, digest: nil),
                read: 1,
                words: ["/large", "format 2"]
            ),
        ]
        for one in cases {
            try world.heal()
            try world.damage(one.file, one.damage)
            let what = "\(one.file) \(one.damage)"
            let offline = try world.daemon.varved("doctor")
            #expect(offline.status == 2, "\(what): \(offline.text)\(offline.errors)")
            try world.daemon.start()
            #expect(try world.reads("second"), "\(what)")
            let read = try world.daemon.varve("cat", "first:/large")
            #expect(read.status == one.read, "\(what): \(read.errors)")
            #expect(read.errors.split(separator: "\n").count == 2, "\(what): \(read.errors)")
            let doctor = try world.daemon.varve("doctor")
            #expect(doctor.status == 2, "\(what): \(doctor.text)\(doctor.errors)")
            for text in [offline.text, doctor.text] {
                #expect(text.contains("\(world.first) ('first')"), "\(what): \(text)")
                for word in one.words { #expect(text.contains(word), "\(what): \(text)") }
            }
            #expect(try world.daemon.varve("vault", "verify", "main").status == 0, "\(what)")
            #expect(world.daemon.stop() == 0)
        }
        try world.heal()
        try world.daemon.start()
        #expect(try world.reads("first") && world.reads("second"))
    }

    @Test func `one copy of a data key heals the other, and both lost are named`() throws {
        let world = try DamagedWorld()
        let copies = ["filesystems/\(world.first)/key", "zones/local-a/\(world.first)/key"]
        try world.damage(copies[0], .flip(70))
        try world.daemon.start()
        #expect(try world.reads("first"))
        #expect(world.daemon.stop() == 0)
        for copy in copies { try world.damage(copy, .flip(70)) }
        try world.daemon.start()
        #expect(try world.reads("second"))
        let read = try world.daemon.varve("cat", "first:/small")
        #expect(read.status == 2)
        for copy in copies { #expect(read.errors.contains(copy), "\(read.errors)") }
        #expect(read.errors.contains("copy of the state directory"), "\(read.errors)")
        let list = try world.daemon.varve("fs", "list")
        #expect(list.status == 0 && list.text.contains("unavailable"), "\(list.text)")
        #expect(list.errors.contains("first"), "\(list.errors)")
    }
}
