import Foundation
import TestKit
import Testing

/// Goal: what `vault verify` finds is told by path, and what parity covers is healed, by the commands that a person types.
@Suite(.serialized) struct VaultRepairTests {
    /// The vault's pack of content.
    private func contentPack(_ daemon: DaemonProcess) throws -> String {
        let folder = daemon.state + "/vaults/main/packs"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        return try #require(
            names.first { name in
                // docs/formats/vault.md: byte 112 of a pack is 0 when it holds content.
                try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))[112] == 0
            }
        )
    }

    @Test func `a lost path is named, and comes back by parity`() throws {
        let world = try DamagedWorld()
        let daemon = world.daemon
        try daemon.start()
        #expect(
            try daemon.done("vault", "parity", "main", "5%").line == "3 files were given parity"
        )
        #expect(try daemon.done("--json", "vault", "list").line.contains("0.05"))
        #expect(daemon.stop() == 0)
        let pack = try contentPack(daemon)
        try world.damage("vaults/main/packs/" + pack, .flip(200))
        try daemon.start()
        let found = try daemon.varve("vault", "verify", "main", "--read-data")
        #expect(found.status == 2)
        for word in ["lost: \(world.point)", "/large (bytes ", "packs/" + pack] {
            #expect(found.text.contains(word), "\(word): \(found.text)")
        }
        let json = try daemon.varve("--json", "vault", "verify", "main", "--read-data")
        #expect(json.status == 2)
        let answer = try #require(
            try JSONSerialization.jsonObject(with: json.output) as? [String: Any]
        )
        let lost = try #require((answer["lost"] as? [[String: Any]])?.first)
        #expect(lost["point"] as? String == world.point && lost["partCount"] as? Int == 1)
        let part = try #require((lost["parts"] as? [[String: Any]])?.first)
        #expect(part["path"] as? String == "/large" && part["what"] as? String == "content")

        let healed = try daemon.varve("vault", "verify", "main", "--read-data", "--repair")
        #expect(healed.status == 0, "\(healed.text)")
        #expect(healed.text.contains("healed: packs/\(pack)"), "\(healed.text)")
        #expect(try daemon.varve("vault", "verify", "main", "--read-data").status == 0)
        try daemon.done("restore", "first:/", "--recovery-point", world.point, "--to-new", "r")
        #expect(try world.reads("r"))
        #expect(daemon.stop() == 0)
    }

    @Test func `samples, the index and wrong words`() throws {
        let world = try DamagedWorld()
        let daemon = world.daemon
        try daemon.start()
        let sample = try daemon.varve("vault", "verify", "main", "--sample", "50%", "--seed", "3")
        #expect(sample.status == 0 && sample.text.contains("of 1 packs (seed 3)"), "\(sample.text)")
        #expect(try daemon.done("vault", "rebuild-index", "main").line == "the index lists 2 packs")
        #expect(try daemon.done("vault", "create", "third", "--parity", "10%").line.isEmpty)
        try daemon.done("backup", "run", "first", "--vault", "third")
        #expect(try daemon.varve("vault", "verify", "third", "--read-data").status == 0)
        #expect(try daemon.done("vault", "parity", "third", "off").line.isEmpty)
        for words in [
            ["--sample", "0%"], ["--sample", "101%"], ["--seed", "3"],
            ["--read-data", "--sample", "5%"],
        ] {
            let ended = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "vault", "verify", "main"] + words
            )
            #expect(ended.status == 64, "\(words): \(ended.errors)")
        }
        #expect(daemon.stop() == 0)
    }

    private func run(_ daemon: DaemonProcess, _ words: [String]) throws -> DaemonProcess.Ended {
        try DaemonProcess.run("varve", ["--socket", daemon.socket] + words)
    }

    /// Goal: without parity, content comes back from another vault, or from what is backed up.
    @Test(arguments: ["--from-live", "--from"])
    func `what parity does not heal comes back from others`(who: String) throws {
        let world = try DamagedWorld()
        let daemon = world.daemon
        try daemon.start()
        try daemon.done("vault", "create", "copies")
        try daemon.done("backup", "run", "first", "--vault", "copies")
        if who == "--from" {
            try daemon.done("put", "-", "first:/large", input: DamagedWorld.small)
        }
        #expect(daemon.stop() == 0)
        let pack = try contentPack(daemon)
        try world.damage("vaults/main/packs/" + pack, .flip(200))
        try daemon.start()
        let words = ["vault", "verify", "main", "--read-data", "--repair"]
        let alone = try run(daemon, words)
        #expect(alone.status == 2 && alone.text.contains("not healed"), "\(alone.text)")
        let stranger = try run(daemon, words + ["--from", "other"])
        #expect(stranger.status == 2, "\(stranger.text)")
        let healed = try run(daemon, words + (who == "--from" ? [who, "copies"] : [who]))
        #expect(healed.status == 0, "\(healed.text)")
        #expect(healed.text.contains("healed: content: 1 chunks"), "\(healed.text)")
        #expect(try daemon.varve("vault", "verify", "main", "--read-data").status == 0)
        try daemon.done("restore", "first:/", "--recovery-point", world.point, "--to-new", "r")
        #expect(try world.reads("r"))
        #expect(try run(daemon, words + ["--from", "main"]).status == 64)
        let refused = try run(daemon, ["vault", "verify", "main", who, "copies"])
        #expect(refused.status == 64)
        #expect(daemon.stop() == 0)
    }
}
