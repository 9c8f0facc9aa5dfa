import VarveModel

/// What a copy would do, without doing it.
extension TreeCopy {
    /// Compares a tree with what stands where it would go.
    ///
    /// - Parameters:
    ///   - place: Read as its caller may.
    ///   - selection: Which names of it; `nil` for all.
    ///   - target: Where it would go; `nil` for a place that is yet to be made.
    ///   - existing: What the copy would do with names that are there.
    /// - Returns: What would be made, replaced, left and removed.
    /// - Throws: When the source's root cannot be read, or nothing is selected.
    package static func plan(
        from place: TreePlace,
        selecting selection: TreeSelection? = nil,
        to target: TreeTarget?,
        existing: ExistingNames
    ) async throws(BackupError) -> TreePlan {
        let isMirror = existing == .mirror
        return try await withTaskExecutorPreference(HostThreads.shared) {
            () async throws(BackupError) -> TreePlan in
            switch place {
            case .host(let path):
                try await compare(HostSource(path), selection, with: target, isMirror)
            case .fileSystem(let fileSystem, let path, let view, let caller):
                try await compare(
                    EngineSource(fileSystem: fileSystem, path: path, view: view, caller: caller),
                    selection,
                    with: target,
                    isMirror
                )
            case .recoveryPoint(let vault, let point, let path):
                try await reading(point, of: vault) { () async throws(BackupError) in
                    try await compare(
                        VaultSource(vault: vault, point: point, path: path),
                        selection,
                        with: target,
                        isMirror
                    )
                }
            case .coldPoint(let tree, let path):
                try await compare(
                    ColdSource(tree: tree, path: path),
                    selection,
                    with: target,
                    isMirror
                )
            }
        }
    }

    private static func compare(
        _ source: some TreeSource,
        _ selection: TreeSelection?,
        with target: TreeTarget?,
        _ isMirror: Bool
    ) async throws(BackupError) -> TreePlan {
        guard let selection else { return try await compare(source, with: target, isMirror) }
        let found = try await select(selection, of: source)
        let selected = SelectedSource(base: source, names: found.names)
        var plan = try await compare(selected, with: target, isMirror)
        plan.omissions += found.omissions
        return plan
    }

    private static func compare(
        _ source: some TreeSource,
        with target: TreeTarget?,
        _ isMirror: Bool
    ) async throws(BackupError) -> TreePlan {
        switch target {
        case nil:
            let nothing: EngineSource? = nil
            return try await plan(TreePlanner(from: source, to: nothing, isMirror: isMirror))
        case .host(let path):
            return try await plan(
                TreePlanner(from: source, to: HostSource(path), isMirror: isMirror)
            )
        case .fileSystem(let fileSystem, let path, let caller),
            .name(let fileSystem, let path, let caller):
            let standing = EngineSource(
                fileSystem: fileSystem,
                path: path,
                view: .live,
                caller: caller,
                followsLast: target?.followsLast ?? true
            )
            return try await plan(TreePlanner(from: source, to: standing, isMirror: isMirror))
        }
    }

    private static func plan<Source: TreeSource, Target: TreeSource>(
        _ planner: TreePlanner<Source, Target>
    ) async throws(BackupError) -> TreePlan {
        var planner = planner
        do throws(TreeFailure) {
            return try await planner.run()
        } catch {
            throw error.fatal ?? BackupError(rootFailure: error)
        }
    }
}
