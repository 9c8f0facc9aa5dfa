package import Disk
private import Glibc
package import Keyring
package import LocalAPI

/// The root key's file: outside the state directory, readable by its owner alone.
package enum RootKeyFile {
    /// `/etc/varve/root.key` for root, `~/.config/varve/root.key` for anybody else.
    package static func defaultPath(uid: UInt32 = getuid(), home: String? = nil) -> String {
        if uid == 0 { return "/etc/varve/root.key" }
        let place = home ?? getenv("HOME").map { String(cString: $0) } ?? "/"
        return place + "/.config/varve/root.key"
    }

    /// Reads a root key.
    ///
    /// - Throws: `.notFound`, `.denied`, `.wrongKey` for a file that is no key, `.newerFormat`.
    package static func read(_ path: String, on disk: any Disk) throws(APIError) -> RootKey {
        let bytes: [UInt8]
        do {
            bytes = try disk.contents(of: path, limit: 4_096)
        } catch {
            guard error.code == .notFound else { throw APIError(error) }
            throw APIError(
                .notFound,
                "there is no root key at '\(path)'",
                remedy:
                    "Name its file with --key-file, or restore it from your copy: without it nothing opens."
            )
        }
        do {
            return try RootKey(encoded: bytes)
        } catch {
            throw APIError(error, about: path)
        }
    }

    /// Reads the root key, or makes one where none is; an existing file is never replaced.
    ///
    /// - Parameters:
    ///   - path: Absolute.
    ///   - disk: The disk of its directory.
    /// - Returns: The key, and whether it was made now.
    /// - Throws: As ``read(_:on:)``, and what the disk refuses.
    package static func readOrMake(
        _ path: String,
        on disk: any Disk
    ) throws(APIError) -> (key: RootKey, isNew: Bool) {
        do {
            if try disk.status(of: path) != nil { return (try read(path, on: disk), false) }
            let key = RootKey.random()
            try disk.makeDirectories(DiskPath.parent(of: path))
            try disk.replace(path, with: key.encoded())
            return (key, true)
        } catch {
            throw APIError(error)
        }
    }
}
