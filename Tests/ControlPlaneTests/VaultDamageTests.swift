import Foundation
import TestKit
import Testing

/// Goal: a damaged vault is named, with the vault's name and the file's, and takes neither file systems nor other
/// vaults with it.
///
/// Method: as in ``DamageTests``; then the good file again, and the point restores.
@Suite(.serialized) struct VaultDamageTests {
    /// Damage of the vault `main`, which holds the one recovery point of `first`.
    private struct Loss {
        let file: String
        let damage: DamagedWorld.Damage
        /// Whether the vault still opens.
        let opens: Bool
        /// What `varve backup list` exits with: 2 for damage, 3 for what this Varve or this key may not read.
        let list: Int32
        let words: [String]
    }

    private static let cases = [
        Loss(
            file: "vault.json",
            damage: .cut(to: 100),
            opens: false,
            list: 2,
            words: ["vault.json"]
        ),
        Loss(file: "vault.json", damage: .flip(200), opens: false, list: 2, words: ["vault.json"]),
        Loss(
            file: "vault.json",
            damage: .remove,
            opens: false,
            list: 2,
            words: ["holds no vault", "'vault.json' is missing beside '", "copy"]
        ),
        Loss(
            file: "vault.json",
            damage: .replace("\"format\" : 1", with: "\"format\" : 2"),
            opens: false,
            list: 3,
            words: ["format 2", "newer"]
        ),
        Loss(file: "key", damage: .flip(70), opens: false, list: 3, words: ["key", "copy"]),
        Loss(file: "key", damage: .remove, opens: false, list: 2, words: ["key", "copy"]),
        Loss(file: "secret", damage: .flip(100), opens: false, list: 2, words: ["secret"]),
        Loss(
            file: "manifests/*",
            damage: .flip(150),
            opens: true,
            list: 2,
            words: ["manifests/rp-"]
        ),
        Loss(
            file: "manifests/*",
            damage: .cut(to: 60),
            opens: true,
            list: 2,
            words: ["manifests/rp-"]
        ),
        Loss(
            file: "manifests/*",
            damage: .newer(at: 8, digest: nil),
            opens: true,
            list: 3,
            words: ["manifests/rp-", "format 2"]
        ),
        Loss(
            file: "manifests/*",
            damage: .remove,
            opens: true,
            list: 2,
            words: ["manifests/rp-", "is lost", "as of 20", "backup delete"]
        ),
        Loss(file: "packs/*", damage: .flip(200), opens: true, list: 0, words: ["packs/"]),
        Loss(file: "packs/*", damage: .cut(to: 150), opens: true, list: 0, words: ["packs/"]),
        Loss(
            file: "packs/*",
            damage: .remove,
            opens: true,
            list: 0,
            words: ["in no readable pack"]
        ),
        Loss(
            file: "packs/*",
            damage: .newer(at: 8, digest: nil),
            opens: true,
            list: 0,
            words: ["packs/", "format 2"]
        ),
    ]

    @Test func `a damaged vault is named, and everything else serves`() throws {
        let world = try DamagedWorld()
        for one in Self.cases {
            try world.heal()
            try world.damage("vaults/main/" + one.file, one.damage)
            let what = "\(one.file) \(one.damage)"
            let offline = try world.daemon.varved("doctor")
            #expect(offline.status == 2, "\(what): \(offline.text)\(offline.errors)")
            try world.daemon.start()
            #expect(try world.reads("first") && world.reads("second"), "\(what)")
            let doctor = try world.daemon.varve("doctor")
            #expect(doctor.status == 2, "\(what)")
            let verify = try world.daemon.varve("vault", "verify", "main", "--read-data")
            #expect(verify.status != 0, "\(what)")
            for text in [offline.text, doctor.text, verify.text + verify.errors] {
                #expect(text.contains("main"), "\(what): \(text)")
                for word in one.words { #expect(text.contains(word), "\(what): \(text)") }
            }
            try others(world, one, what)
            #expect(world.daemon.stop() == 0)
        }
        try world.heal()
        try world.daemon.start()
        #expect(try world.daemon.varve("doctor").complaint == "")
        try world.daemon.done(
            "restore",
            "first:/",
            "--recovery-point",
            world.point,
            "--to-new",
            "r"
        )
        #expect(try world.reads("r"))
    }

    /// What lists, restores and backs up beside the damage.
    private func others(_ world: DamagedWorld, _ one: Loss, _ what: String) throws {
        let daemon = world.daemon
        let list = try daemon.varve("backup", "list")
        #expect(list.status == one.list, "\(what): \(list.errors)")
        #expect(list.text.contains("second"), "\(what): \(list.text)")
        if one.list != 0 { #expect(list.errors.contains("main"), "\(what): \(list.errors)") }
        let vaults = try daemon.varve("vault", "list")
        #expect(vaults.status == 0 && vaults.text.contains("other"), "\(what)")
        #expect(vaults.text.contains("unavailable") == !one.opens, "\(what): \(vaults.text)")
        let restore = try daemon.varve(
            "restore",
            "first:/",
            "--recovery-point",
            world.point,
            "--to-new",
            "again"
        )
        let isDamage = if case .newer = one.damage { false } else { one.list != 3 }
        #expect(isDamage ? restore.status == 2 : [1, 3].contains(restore.status), "\(what)")
        #expect(restore.errors.contains("main"), "\(what): \(restore.errors)")
        // A vault is never made over what may be one.
        let make = try daemon.varve("vault", "create", "main")
        #expect(make.status == 1, "\(what): \(make.errors)")
        let backup = try daemon.varve("backup", "run", "first", "--vault", "other")
        #expect(backup.status == 0, "\(what): \(backup.errors)")
    }

    @Test(arguments: ["rm '%'/packs/*", "truncate -s 150 '%'/packs/*", "rm '%'/manifests/*"])
    func `a backup onto a damaged one reads everything, and restores`(harm: String) throws {
        let world = try DamagedWorld()
        let vault = world.daemon.state + "/vaults/main"
        try DaemonProcess.system("bash", "-c", harm.replacing("%", with: vault))
        try world.daemon.start()
        try world.daemon.done("rm", "-r", "first:/later")
        let backup = try world.daemon.varve("backup", "run", "first", "--vault", "main")
        #expect(backup.status == 0 && backup.errors.hasPrefix("full: "), "\(backup.errors)")
        try world.daemon.done(
            "restore",
            "first:/",
            "--recovery-point",
            backup.output.line,
            "--to-new",
            "again"
        )
        #expect(try world.reads("again"))
        #expect(try world.daemon.varve("ls", "again:/later").status == 1)
        let next = try world.daemon.varve("backup", "run", "first", "--vault", "main")
        #expect(next.status == 0 && next.errors.hasPrefix("incremental: "), "\(next.errors)")
    }

    @Test func `a point that is in no vault that opens names the vault that does not`() throws {
        let world = try DamagedWorld()
        try world.damage("vaults/main/vault.json", .cut(to: 10))
        try world.daemon.start()
        let options = ["--recovery-point", world.point, "--to", world.daemon.work + "/out"]
        let missed = try DaemonProcess.run(
            "varve",
            ["--socket", world.daemon.socket, "restore", "first:/"] + options
        )
        #expect(missed.status == 2, "\(missed.errors)")
        for word in [world.point, "vault 'main' does not open", "vault.json"] {
            #expect(missed.errors.contains(word), "\(missed.errors)")
        }
        // One that is elsewhere is found past it.
        let list = try world.daemon.varve("--json", "backup", "list", "--vault", "other")
        let points = try JSONSerialization.jsonObject(with: list.output) as? [[String: Any]]
        let elsewhere = try #require(points?.first?["id"] as? String)
        try world.daemon.done(
            "restore",
            "second:/",
            "--recovery-point",
            elsewhere,
            "--to-new",
            "again"
        )
        #expect(try world.reads("again"))
    }

    /// Goal: a vault whose making was cut short is told apart from one that lost its description, and is made again.
    @Test func `an unfinished vault is named, harms nothing, and is made again`() throws {
        let world = try DamagedWorld()
        let daemon = world.daemon
        let folder = daemon.state + "/vaults/half"
        let states = [
            "mkdir -p %", "mkdir -p %/packs %/index",
            "mkdir -p %/packs %/index %/manifests %/generations %/leases && cp main/key %/key",
            "mkdir -p %/packs && cp main/key main/secret % && echo x >%/vault.json.new",
        ]
        for state in states {
            try world.heal()
            let script = "cd '\(daemon.state)/vaults' && " + state.replacing("%", with: "half")
            try DaemonProcess.system("bash", "-euc", script)
            let offline = try daemon.varved("doctor")
            #expect(offline.status == 0, "\(state): \(offline.text)\(offline.errors)")
            try daemon.start()
            let doctor = try daemon.varve("doctor")
            #expect(doctor.status == 0, "\(state)")
            let list = try daemon.varve("vault", "list")
            #expect(list.status == 0 && list.text.contains("unfinished"), "\(state): \(list.text)")
            let named = try daemon.varve("vault", "verify", "half")
            #expect(named.status == 1, "\(state)")
            for text in [offline.text, doctor.text, list.errors, named.errors] {
                for word in [folder, "its making was cut short", "varve vault create", "remove"] {
                    #expect(text.contains(word), "\(state): \(text)")
                }
            }
            let points = try daemon.varve("backup", "list")
            #expect(points.status == 0 && points.errors.isEmpty, "\(state): \(points.errors)")
            try daemon.done("vault", "create", "half")
            try daemon.done("backup", "run", "first", "--vault", "half")
            #expect(try daemon.varve("vault", "verify", "half", "--read-data").status == 0)
            #expect(try daemon.varve("doctor").text.contains("nothing is wrong"))
            #expect(daemon.stop() == 0)
        }
    }
}
