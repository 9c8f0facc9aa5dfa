import Disk
import VarveModel

/// A writer's sign that it lives: a locked file whose name bears the generation it began in.
///
/// The lock dies with its process, so no clock decides whether a writer has ended.
struct Lease: Sendable {
    let writer: UniqueID
    let generation: UInt64
    private let files: VaultFiles
    private let lock: any DiskLock

    static let ending = ".writer"
    static let pruneLock = "prune.lock"

    /// Takes a lease in the newest generation.
    ///
    /// The lease stands before the generation is read again: either this writer sees a newer one and
    /// begins anew, or the prune that makes it sees this lease.
    static func take(
        files: VaultFiles,
        generations: GenerationFiles
    ) throws(VaultError) -> (lease: Lease, generation: Generation) {
        while true {
            let generation = try generations.current()
            let writer = UniqueID.random()
            let name = fileName(writer: writer, generation: generation.number)
            let lock: any DiskLock
            do throws(DiskError) {
                lock = try files.disk.lock(files.path(.leases, name))
            } catch {
                // A prune looked at the new file before it was locked; it removes the name.
                if error.code == .busy { continue }
                throw VaultError(error)
            }
            let lease = Lease(
                writer: writer,
                generation: generation.number,
                files: files,
                lock: lock
            )
            if try files.exists(.leases, name), try generations.current() == generation {
                return (lease, generation)
            }
            lease.end()
        }
    }

    /// Ends the lease; its name goes first, so nobody finds a name without a lock.
    func end() {
        // A name that stays is found unlocked, and dropped, by the next prune.
        try? files.remove(.leases, Lease.fileName(writer: writer, generation: generation))
        lock.release()
    }

    private static func fileName(writer: UniqueID, generation: UInt64) -> String {
        Generation.stem(generation) + "-" + Hex.encode(writer.bytes) + ending
    }

    /// The writers that live; the names of dead ones are removed.
    static func living(
        files: VaultFiles
    ) throws(VaultError) -> [(writer: UniqueID, generation: UInt64)] {
        var living: [(writer: UniqueID, generation: UInt64)] = []
        for stem in try files.list(.leases, ending: ending) {
            let parts = stem.split(separator: "-").map(String.init)
            guard parts.count == 2, let generation = Generation.number(ofStem: parts[0]),
                let writer = Hex.decode(parts[1]).flatMap(UniqueID.init)
            else { continue }
            do throws(DiskError) {
                let lock = try files.disk.lock(files.path(.leases, stem + ending))
                // Its writer is gone. Another process may remove the same name.
                try? files.remove(.leases, stem + ending)
                lock.release()
            } catch {
                guard error.code == .busy else { throw VaultError(error) }
                living.append((writer, generation))
            }
        }
        return living
    }

    /// Holds off every other prune of this vault.
    static func lockPrune(files: VaultFiles) throws(VaultError) -> any DiskLock {
        do throws(DiskError) {
            return try files.disk.lock(files.path(.leases, pruneLock))
        } catch {
            guard error.code == .busy else { throw VaultError(error) }
            throw VaultError(
                .locked,
                "another prune of the vault '\(files.directory)' is running",
                remedy: "Wait for it to end."
            )
        }
    }
}
