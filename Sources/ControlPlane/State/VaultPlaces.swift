import BackupVault
import Disk
import LocalAPI

/// Where the vaults of a state directory lie: folders beneath `vaults/`, and files `NAME.s3` that name buckets.
struct VaultPlaces: Sendable {
    let disk: any Disk
    let paths: StatePaths

    /// No vault's name has a dot, so that nobody takes the file for a folder of a vault.
    private static let ending = ".s3"
    /// 64 KiB: a file has less than 1.
    private static let bytesMax = 64 << 10

    private func file(_ name: String) -> String {
        paths.vault(name) + VaultPlaces.ending
    }

    /// Every name under which a folder or a file stands, sorted.
    func names() throws(DiskError) -> [String] {
        let found = try disk.list(paths.vaults).map { name in
            name.hasSuffix(VaultPlaces.ending)
                ? String(name.dropLast(VaultPlaces.ending.count)) : name
        }
        return Set(found.filter(Vaults.isName)).sorted()
    }

    /// The bucket of a vault; `nil` for one in a directory, or of no such name.
    ///
    /// - Throws: `.invalid`, `.newerFormat`, `.denied`, `.failed`.
    func bucket(of name: String) throws(APIError) -> BucketPlace? {
        guard Vaults.isName(name) else { return nil }
        let path = file(name)
        do {
            guard try disk.status(of: path) != nil else { return nil }
            let bytes = try disk.contents(of: path, limit: VaultPlaces.bytesMax)
            return try BucketPlace(encoded: bytes, path: path)
        } catch {
            throw APIError(error)
        }
    }

    /// Whether a folder of a vault stands there.
    private func hasFolder(_ name: String) throws(APIError) -> Bool {
        do {
            return try disk.status(of: paths.vault(name)) != nil
        } catch {
            throw APIError(error)
        }
    }

    /// The storage of a vault.
    ///
    /// - Throws: `.notFound`; `.invalid` where a folder and a bucket have the same name, or the file does not read;
    ///   what a bucket that does not answer throws, without much patience.
    func storage(of name: String) throws(APIError) -> any VaultStorage {
        let bucket = try bucket(of: name)
        let isFolder = Vaults.isName(name) ? try hasFolder(name) : false
        guard bucket != nil || isFolder else {
            throw APIError(
                .notFound,
                "there is no vault '\(name)'",
                remedy:
                    "Make it with 'varve vault create \(name)'; 'varve vault list' shows those there are."
            )
        }
        guard let bucket else { return DirectoryStorage(disk, paths.vault(name)) }
        guard !isFolder else {
            throw APIError(
                .invalid,
                "both the folder '\(paths.vault(name))' and '\(file(name))' say where the vault '\(name)' lies",
                remedy: "Move away the one that is not it; nothing was touched."
            )
        }
        let storage = bucket.storage()
        do throws(APIError) {
            try reach(storage)
        } catch {
            throw APIError(
                error.code,
                "vault '\(name)' does not open: \(error.message)",
                remedy: error.remedy
            )
        }
        return storage
    }

    private func reach(_ storage: any VaultStorage) throws(APIError) {
        do throws(VaultError) {
            try storage.reach()
        } catch {
            throw APIError(error)
        }
    }

    /// Refuses a name that a vault in a bucket has.
    func requireNoBucket(_ name: String) throws(APIError) {
        guard let known = try bucket(of: name) else { return }
        throw APIError(
            .exists,
            "there is a vault '\(name)' already: it lies in \(known.text)",
            remedy: "Choose another name."
        )
    }

    /// Makes a vault in a bucket.
    ///
    /// The file comes first: a crash leaves a vault that is unfinished, and may be made again, and never one that
    /// nobody knows.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - place: Where.
    ///   - make: Makes it there.
    /// - Returns: What `make` does.
    /// - Throws: `.exists`; what a bucket that does not answer throws; what `make` throws.
    func create(
        _ name: String,
        in place: BucketPlace,
        _ make: (any VaultStorage) throws(VaultError) -> Vault
    ) throws(APIError) -> Vault {
        let isKnown = try isKnown(name, as: place)
        let storage = place.storage()
        try reach(storage)
        if !isKnown { try write(name, place) }
        do throws(VaultError) {
            return try make(storage)
        } catch {
            // Without an answer nobody knows what was made: then the name stays, and says so.
            // Harmless: a file that stays names a place without a vault. The next list says that, and making or adopting one
            // under that name there goes on as if it were new.
            if !isKnown, error.code != .unavailable { try? disk.remove(file(name)) }
            throw APIError(error)
        }
    }

    /// Keeps where a vault lies, durably; of one that is known to lie there nothing changes.
    ///
    /// - Throws: `.exists` when another vault has the name.
    func keep(_ name: String, _ place: BucketPlace) throws(APIError) {
        guard try !isKnown(name, as: place) else { return }
        try write(name, place)
    }

    private func write(_ name: String, _ place: BucketPlace) throws(APIError) {
        do {
            try disk.replace(file(name), with: try place.encoded())
        } catch {
            throw APIError(error)
        }
    }

    /// Whether the name is known for just this place.
    private func isKnown(_ name: String, as place: BucketPlace) throws(APIError) -> Bool {
        guard try !hasFolder(name) else {
            throw APIError(
                .exists,
                "there is a vault '\(name)' already",
                remedy: "Choose another name; or, to adopt, move '\(paths.vault(name))' away."
            )
        }
        guard let known = try bucket(of: name) else { return false }
        guard known.address != place.address else { return true }
        throw APIError(
            .exists,
            "there is a vault '\(name)' already: it lies in \(known.text)",
            remedy: "Choose another name; or, to adopt, move '\(file(name))' away."
        )
    }
}
