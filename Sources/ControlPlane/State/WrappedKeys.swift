package import Disk
package import Keyring
package import LocalAPI
package import VarveModel

/// A file system's wrapped data key: one copy beside its working copy, one in each zone.
///
/// They are small files of their own, never rows, so that erasing them is erasing the file system.
package struct WrappedKeys: Sendable {
    /// Absolute paths of the copies.
    private let files: [String]
    private let disk: any Disk

    package init(files: [String], on disk: any Disk) {
        self.files = files
        self.disk = disk
    }

    /// Wraps and stores a key, durably, everywhere.
    package func store(_ key: DataKey, root: RootKey, family: UniqueID) throws(APIError) {
        do {
            for file in files {
                try disk.makeDirectories(DiskPath.parent(of: file))
                try disk.replace(file, with: key.wrapped(by: root, for: family))
            }
        } catch {
            throw APIError(error)
        }
    }

    /// The key, from the first copy that opens; missing or damaged copies are written anew from it.
    ///
    /// - Throws: `.notFound` when no copy is left, or why none of them opens.
    package func load(root: RootKey, family: UniqueID) throws(APIError) -> DataKey {
        var key: DataKey?
        var damaged: [String] = []
        var reasons: [APIError] = []
        for file in files {
            do throws(APIError) {
                let found = try open(file, root: root, family: family)
                key = key ?? found
            } catch {
                reasons.append(error)
                damaged.append(file)
            }
        }
        guard let key else { throw WrappedKeys.lost(reasons) }
        if !damaged.isEmpty {
            try WrappedKeys(files: damaged, on: disk).store(key, root: root, family: family)
        }
        return key
    }

    /// Why no copy opens.
    ///
    /// The root key is the right one: it has opened the state directory.
    private static func lost(_ reasons: [APIError]) -> APIError {
        if let newer = reasons.first(where: { $0.code == .newerFormat }) { return newer }
        let isGone = reasons.allSatisfy { $0.code == .notFound }
        return APIError(
            isGone ? .notFound : .corrupt,
            "no copy of the data key opens: \(reasons.map(\.message).joined(separator: "; "))",
            remedy: "Put one of them back from a copy of the state directory, and restart varved; "
                + "without its key nobody can read the file system: restore it from a vault."
        )
    }

    /// Overwrites every copy, syncs it, and only then unlinks it: crypto-erasure.
    package func erase() throws(APIError) {
        do {
            for file in files where try disk.status(of: file) != nil {
                let open = try disk.open(file, .readWrite)
                let size = Int(try open.size())
                try open.write(SecureRandom.bytes(size), at: 0)
                try open.sync()
                open.close()
                try disk.remove(file)
                try disk.syncDirectory(DiskPath.parent(of: file))
            }
        } catch {
            throw APIError(error)
        }
    }

    private func open(
        _ file: String,
        root: RootKey,
        family: UniqueID
    ) throws(APIError) -> DataKey {
        let bytes: [UInt8]
        do {
            bytes = try disk.contents(of: file, limit: 4_096)
        } catch {
            throw APIError(error)
        }
        do {
            return try DataKey(wrapped: bytes, by: root, for: family)
        } catch {
            throw APIError(error, about: file)
        }
    }
}
