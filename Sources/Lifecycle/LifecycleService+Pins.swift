package import FileSystemEngine
package import MetadataStore
package import VarveModel

/// Pins by hand: a file, or all beneath a directory, belongs in Standard.
extension LifecycleService {
    /// Pins a file or a directory; what is in a colder tier comes back with the next run.
    ///
    /// It costs what lies beneath a directory.
    ///
    /// - Throws: `.failed` for what is neither, and beyond 10,000 pins.
    package func pin(
        _ fileSystem: FileSystem,
        _ inode: InodeNumber,
        by who: String
    ) async throws(LifecycleError) {
        try await requirePinnable(fileSystem, inode)
        let pin = PinRow(inode: inode, since: clock.now(), placedBy: who)
        try await using { () async throws(MetadataError) in
            try await journal.addPin(fileSystem.id.text, pin)
        }
        try await recheckPinned(fileSystem, inode)
    }

    /// Takes a pin away; the policies decide again from the next run on.
    ///
    /// - Throws: `.notFound` when it is not pinned itself.
    package func unpin(
        _ fileSystem: FileSystem,
        _ inode: InodeNumber
    ) async throws(LifecycleError) {
        let wasPinned = try await using { () async throws(MetadataError) in
            try await journal.removePin(fileSystem.id.text, inode)
        }
        guard wasPinned else {
            throw LifecycleError(
                .notFound,
                "inode \(inode.rawValue) has no pin of its own",
                remedy:
                    "'varve lifecycle pins' shows those there are; a directory above it may have one."
            )
        }
        try await recheckPinned(fileSystem, inode)
    }

    /// The pins with where they are now, those of what is gone left out.
    package func pins(
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) -> [(pin: PinRow, path: [FileName])] {
        let pins = try await using { () async throws(MetadataError) in
            try await journal.pins(fileSystem.id.text)
        }
        var found: [(pin: PinRow, path: [FileName])] = []
        for pin in pins {
            if let path = try await path(of: pin.inode, fileSystem) { found.append((pin, path)) }
        }
        return found
    }

    /// One of an inode's names; `nil` when it has none any more.
    package func path(
        of inode: InodeNumber,
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) -> [FileName]? {
        do throws(FileSystemError) {
            return try await fileSystem.path(of: inode)
        } catch  where error.code == .stale || error.code == .notFound {
            return nil
        } catch {
            throw LifecycleError(error)
        }
    }

    private func requirePinnable(
        _ fileSystem: FileSystem,
        _ inode: InodeNumber
    ) async throws(LifecycleError) {
        let kind: FileKind
        do throws(FileSystemError) {
            kind = try await fileSystem.attributes(of: inode).kind
        } catch {
            throw LifecycleError(error)
        }
        guard kind == .regular || kind == .directory else {
            throw LifecycleError(
                .failed,
                "inode \(inode.rawValue) is neither a file nor a directory",
                remedy: "Only regular files have a tier."
            )
        }
    }

    private func recheckPinned(
        _ fileSystem: FileSystem,
        _ inode: InodeNumber
    ) async throws(LifecycleError) {
        try await recheck(fileSystem, [inode], mayComeBack: true)
        try await recheck(beneath: inode, of: fileSystem, mayComeBack: true)
    }
}
