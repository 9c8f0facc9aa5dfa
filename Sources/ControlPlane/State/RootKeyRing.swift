package import Disk
package import Keyring
package import LocalAPI

/// What a root key opens beside the vault that it was found with.
package enum RootKeyScope: Sendable, Hashable {
    /// It was made for one vault.
    case vault
    /// The daemon's own: whatever has no key of its own.
    case daemon
    /// It came from elsewhere, and nobody here knows.
    case unknown
}

/// The root keys that a daemon has: its own, and those of single vaults beside it.
///
/// The others are files in `<key file>.d`, as secret as the first: `<name>.vault.key` of a vault whose key was wrapped anew,
/// `<name>.key` of one that was adopted from another machine.
package struct RootKeyRing: Sendable {
    package let own: RootKey
    /// Where the others are.
    package let directory: String
    private let disk: any Disk

    package init(own: RootKey, keyFile: String, on disk: any Disk) {
        self.own = own
        directory = keyFile + ".d"
        self.disk = disk
    }

    private static let ending = ".key"
    private static let vaultEnding = ".vault.key"

    /// All that read, the daemon's own first.
    ///
    /// - Throws: `.denied`, `.failed` when the directory does not read.
    package func keys() throws(APIError) -> [RootKey] {
        var keys = [own]
        for path in try paths() {
            do throws(APIError) {
                keys.append(try RootKeyFile.read(path, on: disk))
            } catch {
                continue  // 'doctor' names it; a vault that needs it says so.
            }
        }
        return keys
    }

    /// The files that do not read, and why.
    package func damage() throws(APIError) -> [(path: String, error: APIError)] {
        var damaged: [(path: String, error: APIError)] = []
        for path in try paths() {
            do throws(APIError) {
                _ = try RootKeyFile.read(path, on: disk)
            } catch {
                damaged.append((path, error))
            }
        }
        return damaged
    }

    package func key(_ id: RootKeyID) throws(APIError) -> RootKey? {
        try keys().first { $0.id == id }
    }

    /// What else a key opens, as far as that is known.
    package func scope(of id: RootKeyID) throws(APIError) -> RootKeyScope {
        if id == own.id { return .daemon }
        let made = "\(directory)/\(id)\(RootKeyRing.vaultEnding)"
        return try paths().contains(made) ? .vault : .unknown
    }

    /// Keeps a key, durably, unless it is there.
    package func keep(_ key: RootKey, scope: RootKeyScope) throws(APIError) {
        guard try self.key(key.id) == nil else { return }
        let ending = scope == .vault ? RootKeyRing.vaultEnding : RootKeyRing.ending
        do {
            try disk.makeDirectories(directory)
            try disk.replace("\(directory)/\(key.id)\(ending)", with: key.encoded())
        } catch {
            throw APIError(error)
        }
    }

    private func paths() throws(APIError) -> [String] {
        do {
            return try disk.list(directory).filter { $0.hasSuffix(RootKeyRing.ending) }
                .map { "\(directory)/\($0)" }
        } catch {
            guard error.code == .notFound else { throw APIError(error) }
            return []
        }
    }
}
