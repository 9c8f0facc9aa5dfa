package import FileSystemEngine
import MetadataStore
import VarveModel

/// Access days of files that are gone.
extension LifecycleService {
    /// Rows of one visit to the journal and to the file system.
    private static let goneRowsMax = 256

    /// Forgets the access days of files that are gone, among as many rows as are owed.
    ///
    /// Runs forget those that they look at. Where no policy is in force nobody looks, and files that come and go would leave
    /// a row each.
    ///
    /// - Parameters:
    ///   - fileSystem: Whose files they are.
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
        while !Task.isCancelled {
            let (position, limit) = sweep.take(LifecycleService.goneRowsMax)
            guard limit > 0 else { break }
            let rows = try await using { () async throws(MetadataError) in
                try await journal.accessDays(id, after: position, limit: limit)
            }
            sweep.move(to: rows.count < limit ? nil : rows.last?.inode)
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
        }
        return forgotten
    }
}
