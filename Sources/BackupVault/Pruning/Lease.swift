import VarveModel

/// A writer's sign that it lives, whose name bears the generation it began in.
///
/// In a directory it dies with its process, so no clock decides whether a writer has ended; see ``VaultStorage`` for
/// what it is elsewhere.
struct Lease: Sendable {
    let writer: UniqueID
    let generation: UInt64
    private let sign: any SignOfLife

    static let ending = ".writer"

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
            // A prune looked at the new sign before its owner was to be seen; it removes the name.
            guard let sign = try files.storage.beginSign("leases/" + name) else { continue }
            let lease = Lease(writer: writer, generation: generation.number, sign: sign)
            do throws(VaultError) {
                if try files.exists(.leases, name), try generations.current() == generation {
                    return (lease, generation)
                }
            } catch {
                lease.end()
                throw error
            }
            lease.end()
        }
    }

    /// Refuses to go on where a prune may have taken this writer for dead.
    ///
    /// - Parameter isSure: Looks whether the lease stands; otherwise only the time is counted.
    /// - Throws: `.failed` when it was given up.
    func check(isSure: Bool = false) throws(VaultError) {
        try sign.check(isSure: isSure)
    }

    /// Ends the lease; its name goes.
    func end() { sign.end() }

    /// Lets the lease be found by the next prune, which cleans up behind a writer that is dead.
    func leave() { sign.leave() }

    private static func fileName(writer: UniqueID, generation: UInt64) -> String {
        Generation.stem(generation) + "-" + Hex.encode(writer.bytes) + ending
    }

    private static func parse(
        _ name: String
    ) -> (writer: UniqueID, generation: UInt64)? {
        guard name.hasSuffix(ending) else { return nil }
        let parts = name.dropLast(ending.count).split(separator: "-").map(String.init)
        guard parts.count == 2, let generation = Generation.number(ofStem: parts[0]),
            let writer = Hex.decode(parts[1]).flatMap(UniqueID.init)
        else { return nil }
        return (writer, generation)
    }

    /// The writers that live; the names of dead ones are removed.
    static func living(
        files: VaultFiles
    ) throws(VaultError) -> [(writer: UniqueID, generation: UInt64)] {
        let names = try files.list(.leases).filter { parse($0) != nil }.map { "leases/" + $0 }
        let living = try files.storage.living(names) { name throws(VaultError) in
            try bury(String(name.dropFirst("leases/".count)), files: files)
        }
        return living.compactMap { parse(String($0.dropFirst("leases/".count))) }
    }

    /// Voids what a dead writer may still have on its way: a manifest that is not there by now never counts.
    ///
    /// A manifest that is there was published while nothing had been deleted that it needs: it gets no mark, which
    /// would stay if this machine died now, and void a point that somebody counts on. Nor does one that was lost since,
    /// as its voucher says. One that comes between the first look and the second is of a writer that cannot confirm it any
    /// more: whether its mark stays or goes harms nobody.
    private static func bury(_ name: String, files: VaultFiles) throws(VaultError) {
        guard files.storage.arrivesLate, let dead = parse(name) else { return }
        let point = RecoveryPointID(dead.writer)
        let manifest = Manifest.fileName(point)
        if try files.exists(.manifests, manifest) { return }
        if try files.exists(.vouchers, Voucher.fileName(point)) { return }
        let voided = VoidedPoints(files: files)
        let mark = try voided.add(point)
        if try files.exists(.manifests, manifest) { try voided.remove(mark) }
    }

    /// Holds off every other prune of this vault.
    static func lockPrune(files: VaultFiles) throws(VaultError) -> any Exclusion {
        if let lock = try files.storage.exclude("leases/prune.lock") { return lock }
        throw VaultError(
            .locked,
            "another prune of the vault '\(files.place)' is running",
            remedy: "Wait for it to end."
        )
    }
}
