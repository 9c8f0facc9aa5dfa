/// A vault's place before it is one: its making may have been cut short.
///
/// Making ends with `vault.json`. Until then it holds nothing but what making puts there: empty folders and
/// the two key files. So nothing of a vault that ever was one passes for a leftover, whatever it has lost.
extension VaultFiles {
    private static let makingLock = "making.lock"

    /// Holds off every other making in this place, where two could meet; `nil` where none can.
    ///
    /// - Throws: `.locked`.
    func lockMaking() throws(VaultError) -> (any Exclusion)? {
        guard storage.arrivesLate else { return nil }
        if let lock = try storage.exclude("leases/\(VaultFiles.makingLock)") { return lock }
        throw VaultError(
            .locked,
            "a vault is just being made in '\(place)'",
            remedy: "Wait for it to end; then take that vault in ('varve vault adopt')."
        )
    }

    /// Refuses a place that holds a vault, or anything that a making did not put there.
    func requireVacant() throws(VaultError) {
        guard try storage.size(of: VaultDescription.fileName) == nil else {
            throw VaultError(
                .exists,
                "'\(place)' already holds a vault",
                remedy: storage.diskBeneath == nil
                    ? "Choose another prefix, or take that vault in ('varve vault adopt')."
                    : "Choose another directory, or open that vault."
            )
        }
        guard let first = try strangers().first else { return }
        throw VaultError(
            .exists,
            "'\(place)' holds no vault, but '\(first)': a new vault would replace what may belong to one",
            remedy: lostRemedy
        )
    }

    /// Whether a making ended just before its last file, the plain `vault.json`: the next making takes the place.
    func isMakingCutShort() throws(VaultError) -> Bool {
        guard storage.arrivesLate, try storage.size(of: VaultDescription.fileName) == nil else {
            return false
        }
        return try strangers().isEmpty
    }

    /// Why a place without `vault.json` does not open.
    ///
    /// - Returns: `.notFound` where a making was cut short, `.corrupt` where a vault has lost it.
    func undescribed() throws(VaultError) -> VaultError {
        guard let first = try strangers().first else {
            return VaultError(
                .notFound,
                "'\(place)' holds no vault: its making was cut short, and it holds no recovery point",
                remedy: "Make it again ('varve vault create'), or remove the directory."
            )
        }
        return VaultError(
            .corrupt,
            "'\(place)' holds no vault: '\(VaultDescription.fileName)' is missing beside '\(first)'",
            remedy: lostRemedy
        )
    }

    private var lostRemedy: String {
        "If it was a vault, put '\(VaultDescription.fileName)' back from a copy of it; nothing was touched. "
            + "Otherwise move the directory elsewhere."
    }

    private func isOfMaking(_ name: String, in folder: Folder) -> Bool {
        switch folder {
        // A claim to the making puts the reserve of a bucket where it is missing.
        case .leases: name.hasPrefix(VaultFiles.makingLock + "-") || name == "reserve"
        case .changes:
            ChangingFiles.base(ofChange: name).map { base in
                base == ChangingFiles.epochName
                    || ChangingFiles.topNames.contains(base) && !LockFiles.names.contains(base)
            } ?? false
        default: false
        }
    }

    /// What no making puts into the directory, by name.
    private func strangers() throws(VaultError) -> [String] {
        let names = try storage.list(nil)
        let own: Set<String> = [
            VaultDescription.keyFileName, VaultDescription.secretFileName,
        ]
        var found: [String] = []
        for name in names.sorted() {
            if let folder = Folder(rawValue: name) {
                let names = try list(folder).filter { !isOfMaking($0, in: folder) }
                found += names.sorted().map { "\(folder)/\($0)" }
            } else if !own.contains(name),
                !(own.union([VaultDescription.fileName])).contains(where: { $0 + ".new" == name })
            {
                found.append(name)
            }
        }
        return found
    }
}
