import LocalAPI
import MetadataStore
import VarveModel

/// Makes, lists and deletes mount targets.
struct MountTargetRoutes: Sendable {
    let mountTargets: MountTargets
    let fileSystems: FileSystems

    func add(to table: RouteTable) {
        table.on(Route.createMountTarget) { request, peer in
            try peer.requireAdministrator("making a mount target")
            let made = try await mountTargets.create(
                of: request.fileSystem,
                at: request.address,
                port: request.port
            )
            return await described([made])[0]
        }
        table.on(Route.listMountTargets) { request, _ in
            guard let name = request.fileSystem else {
                return await described(await mountTargets.all())
            }
            let id = try await fileSystems.entry(name).record.id
            return await described(await mountTargets.all(of: id))
        }
        table.on(Route.deleteMountTarget) { request, peer in
            try peer.requireAdministrator("deleting a mount target")
            try await mountTargets.delete(request.mountTarget)
            return Nothing()
        }
    }

    private func described(_ entries: [MountTargets.Entry]) async -> [MountTargetDescription] {
        let records = await fileSystems.all().map(\.record)
        return entries.map { entry in
            let record = entry.record
            var description = MountTargetDescription(
                id: record.id.text,
                fileSystem: record.fileSystem.text,
                fileSystemName: records.first { $0.id == record.fileSystem }?.name ?? "",
                address: record.address,
                port: record.port,
                state: "error",
                created: TimeText(record.created)
            )
            switch entry.condition {
            case .creating: description.state = "creating"
            case .available: description.state = "available"
            case .deleting: description.state = "deleting"
            case .error(let error): description.reason = error.description
            }
            return description
        }
    }
}
