import BackupVault
import FileSystemEngine
import VarveModel

/// Where a backup starts: what the vault has of the source already.
extension BackupRun {
    /// What a backup stands on.
    enum Start {
        case point(RecoveryPoint, Bookmark)
        case none(because: String)
    }

    /// The recovery point of the vault's bookmark, and that.
    func start() async throws(BackupError) -> Start {
        let bookmark: Bookmark?
        do throws(FileSystemError) {
            bookmark = try await reader.fileSystem.bookmark(BackupService.bookmarkName(of: vault))
        } catch {
            throw BackupError(error)
        }
        guard let bookmark else { return .none(because: "this vault has no earlier point of it") }
        // One that does not read is no reason not to back up: without it as a base, everything is read.
        let points = try storing { () throws(VaultError) in try vault.listing().points }
        // A later point than the bookmark's may stand: its maker died before it moved the bookmark.
        let match = points.last {
            $0.source == request.source && $0.instant == bookmark.epoch.rawValue
        }
        guard let match else {
            return .none(because: "the recovery point of its bookmark is gone")
        }
        // A newer point does not take its place: it may be of a history that older metadata has undone.
        guard !match.isCold else {
            return .none(because: "the recovery point of its bookmark is in cold storage")
        }
        do throws(VaultError) {
            // Changes are edits of its maps: on maps that do not open a new point would not restore either.
            for map in match.maps.values { _ = try vault.read(map.node) }
        } catch {
            guard error.code == .corrupt || error.code == .newerFormat else {
                throw BackupError(error)
            }
            return .none(because: "the recovery point of its bookmark is damaged: \(error.message)")
        }
        return .point(match, bookmark)
    }
}
