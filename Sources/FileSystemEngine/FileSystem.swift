import Keyring
import MetadataStore
package import VarveModel

/// One file system: POSIX meaning over versioned rows and sealed segments.
///
/// Every method may be called from anywhere, at any time. Changes go through one committer thread
/// and are answered when durable; reads go to a few reader threads, each with a connection.
package final class FileSystem: Sendable {
    package let id: FileSystemID
    /// Changes whenever unstable writes may have been lost.
    package let verifier: WriteVerifier
    package let limits: FileSystemLimits
    let core: Core
    let committer: Committer
    let readers: WorkerPool

    init(core: Core, committer: Committer, readers: WorkerPool) {
        id = core.configuration.id
        verifier = WriteVerifier(rawValue: UInt64.random(in: 1 ... .max))
        limits = core.limits
        self.core = core
        self.committer = committer
        self.readers = readers
    }

    /// Names it for ever, on every machine.
    package var unique: UniqueID { core.configuration.unique }

    /// 32 secret bytes for one purpose of a front-end, the same at every start: the file system's own, gone with its key.
    package func secret(for purpose: String) -> [UInt8] {
        let key = core.configuration.dataKey.derive(
            salt: core.configuration.unique.bytes,
            info: Array("varve front-end secret".utf8)
        )
        return Digest.hmac(Array(purpose.utf8), key: key)
    }
}
