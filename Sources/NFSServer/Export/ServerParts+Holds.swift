import FileSystemEngine
import VarveModel

/// A file system that is opened anew while clients have files of it open.
extension ServerParts {
    /// Holds what is open of a file system through the engine that serves it now.
    ///
    /// The one before knew which inodes must outlive their names, and is closed; a REMOVE would end a file under a client that has it open. What
    /// had no name by then is gone, as with a restart of the server: its client hears NFS4ERR_STALE.
    func holdAnew(_ fileSystem: ExportedFileSystem) async {
        for (open, inode) in store.read({ $0.heldInodes(of: fileSystem.key) }) {
            await hold(inode, of: fileSystem.engine, for: open)
        }
    }

    @inline(never)
    private func hold(_ inode: InodeNumber, of engine: FileSystem, for open: StateKey) async {
        do throws(FileSystemError) {
            let file = try await engine.open(inode)
            await store.change { state, _ in
                state.hold(open, through: HeldFile { engine.close(file) })
            }
        } catch {
            note(error)
        }
    }
}
