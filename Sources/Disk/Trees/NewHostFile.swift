import VarveModel

/// A file that appears under a free name whole and durable, or not at all.
///
/// It grows beside where it goes, under a name that nobody can have prepared (`.varve-part-…`): of a process that is killed
/// this name stays. What stands under the name that it is to have is never replaced.
package final class NewHostFile {
    private let directory: HostDirectory
    private let file: HostFile
    private let name: FileName
    private let part: FileName
    private var byteCount: UInt64 = 0
    private var isEnded = false

    /// Begins a file.
    ///
    /// - Parameters:
    ///   - path: Where it shall appear.
    ///   - permissions: As open(2) takes them, less the umask.
    /// - Throws: `.failed` for a path that ends in no name, and what the host answers.
    package init(_ path: [UInt8], permissions: UInt32) throws(DiskError) {
        (directory, name) = try NewHostFile.place(path)
        part = NewHostFile.unguessableName()
        file = try directory.createFile(part, permissions: permissions)
    }

    /// Says early what ``finish()`` would.
    ///
    /// - Throws: `.exists` when something stands there, a symlink to nothing too.
    package static func requireFree(_ path: [UInt8]) throws(DiskError) {
        let (directory, name) = try place(path)
        do throws(DiskError) {
            _ = try directory.status(of: name)
        } catch  where error.code == .notFound {
            return
        }
        throw DiskError(.exists, "'\(String(decoding: path, as: UTF8.self))' exists")
    }

    private static func place(
        _ path: [UInt8]
    ) throws(DiskError) -> (directory: HostDirectory, name: FileName) {
        let slash = path.lastIndex(of: UInt8(ascii: "/"))
        let last = Array(slash.map { path[(path.index(after: $0))...] } ?? path[...])
        guard let name = FileName(bytes: last), !name.isDot, !name.isDotDot else {
            let shown = String(decoding: path, as: UTF8.self)
            throw DiskError(.failed, "'\(shown)' names no file")
        }
        let above = slash.map { Array(path[...$0]) } ?? [UInt8(ascii: ".")]
        return (try HostDirectory.open(bytes: above), name)
    }

    /// A name for what is not whole yet (`.varve-part-…`).
    private static func unguessableName() -> FileName {
        let text = String(UInt64.random(in: .min ... .max), radix: 16)
        let padding = String(repeating: "0", count: 16 - text.count)
        return FileName(checked: Array(".varve-part-\(padding)\(text)".utf8))
    }

    /// Adds bytes at its end.
    package func write(_ bytes: [UInt8]) throws(DiskError) {
        try file.write(bytes, at: byteCount)
        byteCount += UInt64(bytes.count)
    }

    /// Puts it in place: its bytes are durable before its name is there, and that before this ends.
    ///
    /// - Throws: `.exists` when the name was taken meanwhile; it is still to be abandoned then, as after any other error.
    package func finish() throws(DiskError) {
        precondition(!isEnded, "a file is finished once")
        try file.sync()
        try directory.rename(part, toFree: name)
        isEnded = true
        file.close()
        try directory.sync()
    }

    /// Takes away what was begun; nothing once it is in place.
    package func abandon() {
        guard !isEnded else { return }
        isEnded = true
        file.close()
        // What cannot be taken away stays under a name that says what it is.
        try? directory.remove(part)
    }
}
