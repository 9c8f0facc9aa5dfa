package import Disk
package import Keyring
package import LocalAPI
package import VarveModel

/// One state directory, locked while this lives: at most one daemon works on it.
package final class StateDirectory: Sendable {
    package let paths: StatePaths
    package let format: StateFormat
    package let disk: any Disk
    package let rootKey: RootKey
    /// That key, and those of single vaults.
    package let ring: RootKeyRing
    /// Seals `control.sqlite` and `journal.sqlite`.
    package let dataKey: DataKey
    private let lock: any DiskLock

    /// Opens and locks a state directory.
    ///
    /// - Parameters:
    ///   - root: Its path, absolute.
    ///   - keyFile: The root key's file.
    ///   - disk: Where it lies.
    /// - Throws: `.notFound` where `init` never ran, `.busy` when a daemon works on it, `.wrongKey`,
    ///   `.newerFormat`, `.corrupt`.
    package init(open root: String, keyFile: String, on disk: any Disk) throws(APIError) {
        let paths = StatePaths(root: root)
        do {
            guard try disk.status(of: paths.format) != nil else {
                throw APIError(
                    .notFound,
                    "'\(root)' is no state directory",
                    remedy: "Make one with 'varved init --state \(root)', or name another."
                )
            }
            let format = try StateFormat(
                encoded: try disk.contents(of: paths.format, limit: 65_536),
                path: paths.format
            )
            let lock = try StateDirectory.locked(paths, disk)
            let rootKey = try RootKeyFile.read(keyFile, on: disk)
            let wrapped = try disk.contents(of: paths.key, limit: 4_096)
            let dataKey: DataKey
            do {
                dataKey = try DataKey(wrapped: wrapped, by: rootKey, for: format.id)
            } catch {
                let plain = APIError(error, about: "\(paths.key) (root key \(keyFile))")
                guard plain.code != .newerFormat else { throw plain }
                throw APIError(
                    plain.code,
                    plain.message,
                    remedy: "Name the root key that was in force when the directory was made "
                        + "(--key-file); if it is this one, put '\(paths.key)' back from a copy."
                )
            }
            self.paths = paths
            self.format = format
            self.disk = disk
            self.rootKey = rootKey
            ring = RootKeyRing(own: rootKey, keyFile: keyFile, on: disk)
            self.dataKey = dataKey
            self.lock = lock
        } catch {
            throw APIError(error)
        }
    }

    /// Makes a state directory; a crash on the way leaves one that `init` can be run on again.
    ///
    /// - Parameters:
    ///   - root: Its path, absolute; made when missing.
    ///   - keyFile: The root key's file; made when missing, kept when there.
    ///   - simulatedStart: Where a simulated clock begins; marks the directory for ever.
    ///   - disk: Where it lies.
    ///   - clock: Says when.
    /// - Returns: Whether the root key was made now.
    /// - Throws: `.exists` when it is a state directory already.
    package static func create(
        at root: String,
        keyFile: String,
        simulatedStart: Timestamp?,
        on disk: any Disk,
        clock: any VarveClock
    ) throws(APIError) -> Bool {
        let paths = StatePaths(root: root)
        do {
            try disk.makeDirectories(root)
            let lock = try locked(paths, disk)
            defer { lock.release() }
            if try disk.status(of: paths.format) != nil {
                throw APIError(
                    .exists,
                    "'\(root)' is a state directory already",
                    remedy: "Start it with 'varved serve --state \(root)', or name another place."
                )
            }
            for folder in paths.folders { try disk.makeDirectories(folder) }
            let (rootKey, isNew) = try RootKeyFile.readOrMake(keyFile, on: disk)
            let format = StateFormat(
                id: UniqueID.random(),
                created: clock.now(),
                simulatedStart: simulatedStart
            )
            let dataKey = DataKey.random()
            try disk.replace(paths.key, with: dataKey.wrapped(by: rootKey, for: format.id))
            try DaemonStores.create(disk: disk, paths: paths, key: dataKey, state: format.id)
            if keyFile != RootKeyFile.defaultPath(), try disk.status(of: paths.settings) == nil {
                try disk.replace(paths.settings, with: Array(starterSettings(keyFile).utf8))
            }
            try disk.replace(paths.format, with: format.encoded())
            return isNew
        } catch {
            throw APIError(error)
        }
    }

    /// Lets another daemon have it.
    package func release() {
        lock.release()
    }

    private static func locked(_ paths: StatePaths, _ disk: any Disk) throws -> any DiskLock {
        do throws(DiskError) {
            return try disk.lock(paths.lock)
        } catch {
            guard error.code == .busy else { throw error }
            throw APIError(
                .busy,
                "another daemon works on the state directory '\(paths.root)'",
                remedy: "Talk to it with 'varve --socket \(paths.socket)', or stop it first."
            )
        }
    }

    private static func starterSettings(_ keyFile: String) -> String {
        """
        # Settings of this state directory: see docs/operating.md. Flags win over them.
        keyFile: '\(keyFile.replacing("'", with: "''"))'

        """
    }
}
