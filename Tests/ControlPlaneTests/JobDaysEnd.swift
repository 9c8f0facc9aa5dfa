import Backup
import BackupVault
import Disk
import FileSystemEngine
import JobScheduler
import MetadataStore
import Policies
import VarveModel

@testable import ControlPlane

/// What is looked at once all days are lived.
extension JobDays {
    func finish() async throws {
        complain(timeline.complaints)
        complain(timeline.violations(until: now.seconds))
        try await recognise(isCut: true)
        for name in JobDaysPlan.both { try await lookIntoSnapshots(of: name) }
        for name in Self.vaultNames { try await lookInto(try await world.vaults.find(name)) }
        try await lookForLeftovers()
        for (fate, count) in timeline.fates { mix[fate] = count }
        for (name, vault) in vaults {
            mix["\(name): points made"] = vault.made
            mix["\(name): points gone"] = vault.gone
            mix["\(name): points moved to cold storage"] = vault.moved
        }
        let runs = mix.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        let cut = cuts.map { "\($0.key.rawValue) \($0.value)" }.sorted()
        print(
            "job days, seed \(seed), \(plan.seconds / 3_600) hours: \(timeline.records.count) records, "
                + "\(runs.joined(separator: ", ")); power went in runs of \(cut.joined(separator: ", "))"
        )
        await world.close()
    }

    /// Snapshots show what was there at their instants.
    private func lookIntoSnapshots(of name: String) async throws {
        let engine = try await world.fileSystems.find(name).engine
        for snapshot in try await engine.snapshots() {
            let found = try await engine.allFiles(at: .past(snapshot.epoch))
            let wanted = models[name]?.snapshots.first { $0.name == snapshot.name }
            if found != wanted?.files { complain("\(name): snapshot \(snapshot.name) shows else") }
        }
    }

    /// A vault is clean to its last byte, a prune leaves nothing to the next one, and every point restores what was
    /// there when it was made.
    private func lookInto(_ vault: Vault) async throws {
        _ = try vault.prune()
        let again = try vault.prune()
        let isIdle =
            again.packsCondemned == 0 && again.packsDeleted == 0 && again.packsWaiting == 0
            && again.bytesFreed == 0 && again.leftoversRemoved == 0 && again.chunksMoved == 0
        if !isIdle { complain("\(vault.name): a second prune finds more: \(again)") }
        let verified = try vault.verify(readData: true)
        complain(verified.findings.map { "\(vault.name): \($0.message)" })
        let points = try vault.listing().points
        let wanted = vaults[vault.name]?.points ?? []
        if points.count != wanted.count { complain("\(vault.name): \(points.count) points") }
        let engine = try await world.fileSystems.create(
            name: "restored-\(vault.name)",
            tags: [:],
            owner: .root
        ).engine
        for point in points {
            let known = wanted.first { $0.id == point.id }
            try await restore(point, of: vault, to: engine, wanted: known?.files)
        }
        mix["points restored", default: 0] += points.count
    }

    private func restore(
        _ point: RecoveryPoint,
        of vault: Vault,
        to engine: FileSystem,
        wanted: JobDaysVault.Files?
    ) async throws {
        guard let name = FileName("\(point.id)") else { return complain("no name for \(point.id)") }
        let place =
            point.isCold
            ? TreePlace.coldPoint(try ColdTree.open(point, of: vault), path: [])
            : TreePlace.recoveryPoint(vault, point, path: [])
        let report = try await TreeCopy.run(
            from: place,
            to: .fileSystem(engine, path: [name], .root)
        )
        let directory = try await engine.resolve([name], as: .root).inode
        let found = try await engine.allFiles(in: directory)
        if !report.isComplete || found != wanted {
            complain("\(vault.name): \(point.id) of \(point.labels) restores otherwise")
        }
    }

    /// No folder of a restore test's is left, nor a file of a move that did not end.
    private func lookForLeftovers() async throws {
        let known = await world.fileSystems.all().count
        let folders = try world.disk.list(StateWorld.root + "/filesystems")
        if folders.count != known { complain("folders of file systems: \(folders)") }
        for name in Self.vaultNames {
            let folder = world.state.paths.vault(name) + "/cold"
            guard try world.disk.status(of: folder) != nil else { continue }
            let cold = (vaults[name]?.points ?? []).filter(\.isCold).compactMap(\.id)
            let own = Set(cold.flatMap { ["\($0).cold", "\($0).tar.zst.age"] } + ["settings"])
            complain(
                try world.disk.list(folder).filter { !own.contains($0) }.map {
                    "\(name): \($0) is left in cold storage"
                }
            )
        }
    }
}
