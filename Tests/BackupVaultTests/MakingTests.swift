import BackupVault
import Disk
import Keyring
import TestKit
import Testing
import VarveModel

/// Goal: a vault whose making a power cut ended is made again, and nothing of one that was whole is ever replaced.
@Suite struct MakingTests {
    private static func make(on disk: some Disk, root: RootKey) throws(VaultError) -> Vault {
        try Vault.create(
            disk: disk,
            directory: VaultWorld.directory,
            name: "nightly",
            root: root,
            clock: SimulatedClock(VaultWorld.start),
            settings: VaultWorld.settings
        )
    }

    /// Method: power off after every write of the making; then the vault opens, or says that it never was one and is
    /// made; a backup into it restores either way.
    @Test func `a making that power ends at any write is a vault, or is made again`() throws {
        let root = RootKey.random()
        let disk = SimulatedDisk()
        try disk.makeDirectory("/vaults")
        try disk.syncDirectory("/")
        let start = disk.operations
        _ = try Self.make(on: disk, root: root)
        var (unfinished, whole) = (0, 0)
        for cut in start...disk.operations {
            for fate in [.keepUnsynced, .dropUnsynced, .tear(seed: UInt64(cut))] as [CutFate] {
                let image = disk.image(cuttingAfter: cut, fate: fate)
                let vault: Vault
                if let found = try Self.opened(image, root) {
                    vault = found
                    whole += 1
                } else {
                    vault = try Self.make(on: image, root: root)
                    unfinished += 1
                }
                let contents: VaultWorld.Contents = ["a": Array("bytes".utf8)]
                let point = try VaultWorld.backUp(contents, to: vault, day: 1)
                let again = try VaultWorld.open(image, root: root)
                #expect(try VaultWorld.restore(point, from: again) == contents)
            }
        }
        #expect(unfinished > 20 && whole > 1, "\(unfinished) unfinished, \(whole) whole")
    }

    /// The vault; `nil` where the directory says that it never was one.
    private static func opened(_ image: SimulatedDisk, _ root: RootKey) throws -> Vault? {
        do throws(VaultError) {
            return try Vault.open(
                disk: image,
                directory: VaultWorld.directory,
                root: root,
                settings: VaultWorld.settings
            )
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// Method: a vault with one point loses its description; a making onto it is refused, and every byte stays.
    @Test(arguments: [["vault.json"], ["vault.json", "key"], ["vault.json", "key", "secret"]])
    func `a vault that lost files is not made over`(lost: [String]) throws {
        let disk = SimulatedDisk(recording: false)
        let world = try VaultWorld(disk: disk)
        let contents: VaultWorld.Contents = ["a": Array("bytes".utf8)]
        let point = try VaultWorld.backUp(contents, to: world.vault, day: 1)
        var kept: [String: [UInt8]] = [:]
        for name in lost {
            let path = VaultWorld.directory + "/" + name
            kept[path] = try disk.contents(of: path)
            try disk.remove(path)
        }
        let before = try world.files()
        let opened = #expect(throws: VaultError.self) { try world.reopened() }
        #expect(opened?.code == .corrupt)
        #expect(opened?.message.contains("'vault.json' is missing beside '") == true)
        let made = #expect(throws: VaultError.self) {
            try Self.make(on: disk, root: world.root)
        }
        #expect(made?.code == .exists && made?.remedy.contains("copy") == true)
        #expect(try world.files() == before)
        for (path, bytes) in kept { try disk.replace(path, with: bytes) }
        #expect(try VaultWorld.restore(point, from: try world.reopened()) == contents)
    }

    @Test func `a directory with somebody's file in it is left alone`() throws {
        let disk = SimulatedDisk(recording: false)
        try disk.makeDirectories(VaultWorld.directory)
        try disk.replace(VaultWorld.directory + "/notes.txt", with: [1])
        let made = #expect(throws: VaultError.self) { try Self.make(on: disk, root: .random()) }
        #expect(made?.code == .exists && made?.message.contains("notes.txt") == true)
        #expect(try disk.list(VaultWorld.directory) == ["notes.txt"])
    }
}
