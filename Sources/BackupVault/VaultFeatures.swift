import VarveModel

/// What a vault may have that not every Varve knows: bits of its description's `readOnlyCompatible` word.
///
/// Whoever does not know a bit may read the vault, and change nothing in it. A bit is set durably before the
/// first object that it stands for is there, and never taken away.
enum VaultFeature {
    /// Recovery points may be held: a file in `holds` keeps its point.
    static let holds: UInt32 = 1
    /// The vault has a lock, in force or not: the files `lock` and `lock.copy` are there.
    static let lock: UInt32 = 2
    /// Recovery points may be in cold storage: records in `cold`, and its settings, are there.
    static let cold: UInt32 = 4
    /// Points have vouchers: whoever deletes one removes its voucher first.
    static let vouchers: UInt32 = 8
    static let known = holds | lock | cold | vouchers

    /// Refuses bits that this program does not know.
    static func requireKnown(_ features: UInt32) throws(VaultError) {
        let unknown = features & ~known
        guard unknown != 0 else { return }
        throw VaultError(
            .newerFormat,
            "the vault has features \(unknown) that this Varve does not know: it may read it, and not change it",
            remedy: "Write, delete and prune with the Varve that added them, or a newer one."
        )
    }
}

extension Vault {
    /// Refuses to change a vault that has features that this program does not know.
    ///
    /// Another process may have added one since the vault was opened, so this looks at the disk.
    func requireWritable() throws(VaultError) {
        try VaultFeature.requireKnown(try presentDescription().features.readOnlyCompatible)
    }

    func has(feature bit: UInt32) throws(VaultError) -> Bool {
        try presentDescription().features.readOnlyCompatible & bit != 0
    }

    /// Has the description say that a feature is in use, durably; within ``exclusively(_:)``.
    func require(feature bit: UInt32) throws(VaultError) {
        let description = try presentDescription()
        guard description.features.readOnlyCompatible & bit == 0 else { return }
        try replace(description.adding(feature: bit))
    }
}
