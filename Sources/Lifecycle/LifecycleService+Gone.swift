package import FileSystemEngine
import MetadataStore
import VarveModel

/// Access days of files that are gone.
extension LifecycleService {
    /// Pages of one call: some 16,000 rows.
    private static let gonePagesMax = 64

    /// Forgets the access days of files that are gone, among as many rows as are owed, or a part of them.
    ///
    /// Runs forget those that they look at. Where no policy is in force nobody looks, and files that come and go would leave
    /// a row each.
    ///
    /// - Parameters:
    ///   - fileSystem: Whose files they are; the caller has its turn, for what a run looks at may come back meanwhile.
    ///   - sweep: Its own.
    /// - Returns: How many were forgotten.
    /// - Throws: What journal and file system refuse; the next call goes on from there.
    @discardableResult
    package func forgetGone(
        _ fileSystem: FileSystem,
        _ sweep: AccessSweep
    ) async throws(LifecycleError) -> Int {
        let id = fileSystem.id.text
        var forgotten = 0
        for _ in 0..<LifecycleService.gonePagesMax where !Task.isCancelled {
            let (position, limit) = sweep.take(LifecycleService.page)
            guard limit > 0 else { break }
            let rows = try await using { () async throws(MetadataError) in
                try await journal.accessDays(id, after: position, limit: limit)
            }
            let inodes = rows.map(\.inode)
            let places: [TierPlace?]
            do throws(FileSystemError) {
                places = try await fileSystem.tierPlaces(of: inodes)
            } catch {
                throw LifecycleError(error)
            }
            let gone = zip(inodes, places).filter { $1 == nil }.map { $0.0 }
            try await using { () async throws(MetadataError) in
                try await journal.forgetAccess(id, gone)
            }
            forgotten += gone.count
            guard rows.count == limit else {
                sweep.end()
                break
            }
            sweep.move(to: inodes.last)
        }
        return forgotten
    }
}
