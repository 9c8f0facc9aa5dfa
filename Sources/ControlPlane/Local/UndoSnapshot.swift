import Backup
import FileSystemEngine
import LocalAPI
import Synchronization
import VarveModel

/// The snapshot that undoes a restore in place.
///
/// It is taken when the first change is due: a restore that ends before changes nothing and leaves none.
final class UndoSnapshot: Sendable {
    private let engine: FileSystem?
    private let now: Timestamp
    private let taken = Mutex<String?>(nil)

    init(_ engine: FileSystem?, _ now: Timestamp) {
        self.engine = engine
        self.now = now
    }

    /// `nil` until it is taken.
    var name: String? { taken.withLock { $0 } }

    func take() async throws(BackupError) {
        do throws(FileSystemError) {
            let name = try await engine?.undoSnapshot(now)
            taken.withLock { $0 = name }
        } catch {
            throw BackupError(error)
        }
    }
}

extension FileSystem {
    /// A week: as long as a restore in place can be undone by its snapshot.
    private static let undoSeconds: Int64 = 7 * 86_400

    /// Takes the snapshot that undoes a restore in place.
    func undoSnapshot(_ now: Timestamp) async throws(FileSystemError) -> String {
        let stem = "before-restore-\(TimeText(Timestamp(seconds: now.seconds)).text)"
        var number = 1
        while true {
            let name = number == 1 ? stem : "\(stem)-\(number)"
            do throws(FileSystemError) {
                _ = try await createSnapshot(
                    name,
                    expires: now.adding(seconds: FileSystem.undoSeconds)
                )
                return name
            } catch {
                guard error.code == .exists, number < 1_000 else { throw error }
                number += 1
            }
        }
    }
}
