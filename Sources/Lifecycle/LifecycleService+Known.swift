import FileSystemEngine
import MetadataStore
import VarveModel

/// Files that nobody was heard to use: brought back from the past, or used while nobody wrote it down.
extension LifecycleService {
    /// Has the journal know files among inodes that changed; one that it knows stays as it is.
    ///
    /// They count as used today: nobody can tell better, and later is the safe side.
    func takeIn(
        _ inodes: [InodeNumber],
        of fileSystem: FileSystem
    ) async throws(LifecycleError) {
        let (id, today) = (fileSystem.id.text, clock.now().day)
        let unknown = try await using { () async throws(MetadataError) in
            try await journal.unknown(id, inodes)
        }
        for start in stride(from: 0, to: unknown.count, by: LifecycleService.page) {
            let page = Array(unknown[start..<min(start + LifecycleService.page, unknown.count)])
            let files = try await filesWithData(page, fileSystem)
            try await using { () async throws(MetadataError) in
                try await journal.takeIn(id, files, day: today)
            }
        }
    }

    private func filesWithData(
        _ inodes: [InodeNumber],
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) -> [(inode: InodeNumber, tier: Tier)] {
        let places: [TierPlace?]
        do throws(FileSystemError) {
            places = try await fileSystem.tierPlaces(of: inodes)
        } catch {
            throw LifecycleError(error)
        }
        return places.compactMap { place in
            guard let place, place.attributes.kind == .regular, place.attributes.links > 0,
                place.attributes.size > 0
            else { return nil }
            return (place.attributes.inode, place.tier)
        }
    }
}
