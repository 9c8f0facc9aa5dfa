import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// A vault's key is wrapped anew, and what opens it is told by name.
@Suite struct RootKeyTests {
    @Test func `the new key opens the vault, the old one does not, and both are named`() throws {
        let world = try VaultWorld()
        let contents: VaultWorld.Contents = ["a": Array("kept".utf8)]
        let point = try VaultWorld.backUp(contents, to: world.vault)
        #expect(world.vault.rootKey == world.root.id)
        let new = RootKey.random()
        try world.vault.wrap(by: new)
        #expect(world.vault.rootKey == new.id)
        #expect(try world.vault.verify(readData: true).isClean)
        let vault = try VaultWorld.open(world.disk, root: new)
        #expect(vault.rootKey == new.id)
        #expect(try VaultWorld.restore(try vault.recoveryPoint(point.id), from: vault) == contents)
        let refused = #expect(throws: VaultError.self) { try world.reopened() }
        #expect(refused?.code == .wrongKey)
        for name in [world.root.id.description, "it was wrapped by root key \(new.id)"] {
            #expect(refused?.message.contains(name) == true, "\(refused?.message ?? "")")
        }
        // The right one among several is found, whatever the others are.
        let found = try Vault.open(
            disk: world.disk,
            directory: VaultWorld.directory,
            roots: [.random(), world.root, new, .random()]
        )
        #expect(found.rootKey == new.id)
    }

    /// Goal: a process that had the vault open does not put the old key back.
    @Test func `a key that another process wrapped is taken over`() throws {
        let world = try VaultWorld()
        try VaultWorld.backUp(["a": [1]], to: world.vault)
        let other = try world.reopened()
        let new = RootKey.random()
        try other.wrap(by: new)
        #expect(try world.vault.verify(readData: false).isClean)
        #expect(try world.vault.repair(.everything).healed.isEmpty)
        #expect(world.vault.rootKey == new.id)
        let again = RootKey.random()
        try world.vault.wrap(by: again)
        #expect(try VaultWorld.open(world.disk, root: again).rootKey == again.id)
        // Damage is still damage.
        #expect(try other.verify(readData: false).isClean)
        try world.disk.corrupt(VaultWorld.directory + "/key", at: 3, mask: 1)
        #expect(try other.verify(readData: false).findings.map(\.file) == ["key"])
        #expect(throws: VaultError.self) { try other.wrap(by: .random()) }
        #expect(try other.repair(.structure).verified.isClean)
        #expect(try VaultWorld.open(world.disk, root: again).rootKey == again.id)
    }

    /// Goal: the old key or the new one opens, whenever power goes, and never neither.
    @Test func `wrapping anew survives a power cut after every write`() throws {
        let disk = SimulatedDisk()
        try disk.makeDirectory("/vaults")
        try disk.syncDirectory("/")
        let world = try VaultWorld(disk: disk)
        let contents: VaultWorld.Contents = ["a": Array("kept".utf8)]
        let point = try VaultWorld.backUp(contents, to: world.vault)
        let new = RootKey.random()
        let before = disk.operations
        try world.vault.wrap(by: new)
        let after = disk.operations
        var replay = disk.replay()
        var opened: Set<String> = []
        for cut in before...after {
            replay.advance(to: cut)
            for fate in [.keepUnsynced, .dropUnsynced, .tear(seed: UInt64(cut))] as [CutFate] {
                let image = replay.image(fate)
                let vault = try Vault.open(
                    disk: image,
                    directory: VaultWorld.directory,
                    roots: [world.root, new]
                )
                let shown = try VaultWorld.restore(try vault.recoveryPoint(point.id), from: vault)
                #expect(shown == contents, "cut \(cut)")
                #expect(try vault.verify(readData: true).isClean, "cut \(cut)")
                opened.insert(vault.rootKey.description)
                if cut == after { #expect(vault.rootKey == new.id) }
                // With neither, the message names the one that is needed.
                let refused = #expect(throws: VaultError.self) {
                    try VaultWorld.open(image, root: .random())
                }
                #expect(refused?.message.contains("wrapped by root key \(vault.rootKey)") == true)
            }
        }
        #expect(opened == [world.root.id.description, new.id.description])
    }

    @Test
    func `a vault from before root keys had names opens, and names them once it is wrapped anew`()
        throws
    {
        let disk = SimulatedDisk(recording: false)
        try GoldenTests.copy(GoldenTests.fixtures + "/vault-1", to: VaultWorld.directory, on: disk)
        let file = GoldenTests.fixtures + "/vault-1.root.key"
        let root = try RootKey(encoded: HostDisk().contents(of: file))
        let vault = try VaultWorld.open(disk, root: root)
        #expect(vault.rootKey == root.id)
        let refused = #expect(throws: VaultError.self) {
            try VaultWorld.open(disk, root: .random())
        }
        #expect(refused?.message.contains("wrapped by") == false)
        let new = RootKey.random()
        try vault.wrap(by: new)
        let again = try VaultWorld.open(disk, root: new)
        #expect(try again.recoveryPoints().count == 2)
        #expect(try again.verify(readData: true).isClean)
        #expect(throws: VaultError.self) { try VaultWorld.open(disk, root: root) }
    }
}
