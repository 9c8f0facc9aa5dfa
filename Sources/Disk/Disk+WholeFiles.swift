/// Small whole files, written so that a crash leaves the old one or the new one.
extension Disk {
    /// The whole of a small file.
    ///
    /// - Parameters:
    ///   - path: An existing file.
    ///   - limit: More bytes than this are `.failed`: a small file has no business being large.
    /// - Returns: All its bytes.
    /// - Throws: `.notFound`, `.denied`, `.failed`.
    package func contents(of path: String, limit: Int = 16 << 20) throws(DiskError) -> [UInt8] {
        let file = try open(path, .read)
        defer { file.close() }
        let size = try file.size()
        guard size <= UInt64(limit) else {
            throw DiskError(.failed, "read '\(path)': \(size) bytes, at most \(limit) expected")
        }
        return try file.read(count: Int(size), at: 0)
    }

    /// Replaces `path` with `bytes`, durably: a new file, synced, renamed over the old, directory synced.
    package func replace(_ path: String, with bytes: [UInt8]) throws(DiskError) {
        let temporary = path + ".new"
        if try status(of: temporary) != nil { try remove(temporary) }
        let file = try open(temporary, .createNew)
        defer { file.close() }
        try file.write(bytes, at: 0)
        try file.sync()
        try rename(temporary, to: path)
        try syncDirectory(DiskPath.parent(of: path))
    }

    /// Makes `path` and whatever is missing above it, durably.
    package func makeDirectories(_ path: String) throws(DiskError) {
        if try status(of: path) != nil { return }
        let parent = DiskPath.parent(of: path)
        try makeDirectories(parent)
        try makeDirectory(path)
        try syncDirectory(parent)
    }

    /// Removes a directory and all beneath it; nothing there is no error.
    package func removeTree(_ path: String) throws(DiskError) {
        guard let status = try status(of: path) else { return }
        guard status.kind == .directory else { return try remove(path) }
        for name in try list(path) { try removeTree(path + "/" + name) }
        try removeDirectory(path)
    }
}

extension DiskFile {
    /// A file that is not in our address space has nothing to lend.
    package func resident(_ range: Range<UInt64>) -> ResidentBytes? { nil }

    /// A file without a page cache that could be asked.
    package func readResident(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) -> Bool { false }

    package func write(_ bytes: [UInt8], at offset: UInt64) throws(DiskError) {
        try bytes.withBytes { (buffer) throws(DiskError) in try write(buffer, at: offset) }
    }
}

extension DiskCopy {
    /// As ``mend(_:at:)``.
    package func mend(_ bytes: [UInt8], at offset: UInt64) throws(DiskError) {
        try bytes.withBytes { (buffer) throws(DiskError) in try mend(buffer, at: offset) }
    }
}

extension DiskReadable {
    /// Up to `count` bytes; fewer only at the end.
    package func read(count: Int, at offset: UInt64) throws(DiskError) -> [UInt8] {
        var failure: DiskError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(DiskError) {
                initialized = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

extension [UInt8] {
    /// The standard closure rethrows untyped: what `body` throws is carried out by hand.
    fileprivate func withBytes(
        _ body: (UnsafeRawBufferPointer) throws(DiskError) -> Void
    ) throws(DiskError) {
        // SAFETY: the pointer does not leave the closure.
        let failure: DiskError? = withUnsafeBytes { buffer in
            do throws(DiskError) {
                try body(buffer)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }
}

/// The little path arithmetic that a store needs.
package enum DiskPath {
    /// `/a/b` of `/a/b/c`; `/` of `/a`.
    package static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// `c` of `/a/b/c`.
    package static func name(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return path }
        return String(path[path.index(after: slash)...])
    }
}
