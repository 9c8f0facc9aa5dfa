package import Disk
package import Keyring
package import LocalAPI
package import VarveModel

/// A file system's wrapped data key: One Zone has one copy beside its working copy and one in the zone; Regional has one file, of
/// which its disk keeps a copy in each zone.
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
            bytes = try disk.contents(of: file, limit: WrappedKeys.bytesMax)
        } catch {
            throw APIError(error)
        }
        do {
            return try DataKey(wrapped: bytes, by: root, for: family)
        } catch {
            guard let key = otherCopy(of: file, root: root, family: family) else {
                throw APIError(error, about: file)
            }
            // Over all copies: the one that does not open is the one that is read first.
            try WrappedKeys(files: [file], on: disk).store(key, root: root, family: family)
            return key
        }
    }

    /// The key from another zone's copy of one file; `nil` where there is none that opens.
    private func otherCopy(of file: String, root: RootKey, family: UniqueID) -> DataKey? {
        // Harmless: what does not read is no copy that opens, and the caller says why the first did not.
        guard let open = try? disk.open(file, .read) else { return nil }
        defer { open.close() }
        for copy in open.copies {
            // Harmless, as above.
            if let bytes = try? copy.bytes(atMost: WrappedKeys.bytesMax),
                let key = try? DataKey(wrapped: bytes, by: root, for: family)
            {
                return key
            }
        }
        return nil
    }

    /// 4 KiB: a wrapped key is some 100 bytes.
    private static let bytesMax = 4_096
}

extension DiskCopy {
    /// The beginning of the copy.
    fileprivate func bytes(atMost count: Int) throws(DiskError) -> [UInt8] {
        var failure: DiskError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(DiskError) {
                initialized = try read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
