/// Which side of a comparison failed.
enum ZoneCopyFailure: Error {
    case source(DiskError)
    case target(DiskError)

    var error: DiskError {
        switch self {
        case .source(let error), .target(let error): error
        }
    }
}

/// Makes the files of one zone equal to another's: names by listing, bytes by comparison; only what differs is written.
struct ZoneCopier {
    /// What is compared at once; the two buffers of it are the memory that a copy takes.
    private static let blockBytes = 1 << 20
    /// What is written when a byte of it differs.
    private static let pageBytes = 4096

    let source: DiskZone
    let target: DiskZone
    /// What the file `zone` of the source says while it is the one: an empty mount point is not taken for an empty zone.
    let unique: [UInt8]
    /// Told of bytes compared since it was told last.
    let compared: (UInt64) -> Void
    /// Asked before each file and each block: once the disk is closed, zones are another's to write.
    var hasEnded: () -> Bool = { false }

    /// Bytes written to the target.
    private(set) var copied: UInt64 = 0

    init(
        from source: DiskZone,
        to target: DiskZone,
        unique: [UInt8],
        compared: @escaping (UInt64) -> Void
    ) {
        self.source = source
        self.target = target
        self.unique = unique
        self.compared = compared
    }

    // MARK: Names

    /// Gives the target the names of the source, and no other.
    ///
    /// - Returns: Files that it did not have, now empty.
    mutating func copyNames() throws(ZoneCopyFailure) -> [String] {
        let wanted = try reading { () throws(DiskError) in try ZoneTree(of: source) }
        // Read after the names: they were there, and not those of a mount point whose disk went.
        try reading { () throws(DiskError) in try source.check(unique) }
        try writing { () throws(DiskError) in try target.check(unique) }
        let found = try writing { () throws(DiskError) in try ZoneTree(of: target) }
        try goOn()
        var made: [String] = []
        // Parents first.
        for directory in wanted.directories.subtracting(found.directories).sorted() {
            try writing { () throws(DiskError) in
                if found.files.contains(directory) { try target.disk.remove(path(directory)) }
                try target.disk.makeDirectory(path(directory))
            }
        }
        for file in wanted.files.subtracting(found.files).sorted() {
            try writing { () throws(DiskError) in
                if found.directories.contains(file) { try target.disk.removeTree(path(file)) }
                try target.disk.open(path(file), .create).close()
            }
            made.append(file)
        }
        let gone = found.files.subtracting(wanted.files).subtracting(wanted.directories)
        for file in gone.sorted() {
            try writing { () throws(DiskError) in
                if try target.disk.status(of: path(file)) != nil {
                    try target.disk.remove(path(file))
                }
            }
        }
        // The deepest first.
        let empty = found.directories.subtracting(wanted.directories).subtracting(wanted.files)
        for directory in empty.sorted(by: >) {
            try writing { () throws(DiskError) in
                if try target.disk.status(of: path(directory)) != nil {
                    try target.disk.removeDirectory(path(directory))
                }
            }
        }
        return made.sorted()
    }

    /// Gives the target the files that it lacks, whole and durable, and takes none from it.
    ///
    /// - Parameter listed: Files whose lack is explained.
    /// - Returns: Files that it has now.
    /// - Throws: Which side failed.
    mutating func restoreNames(but listed: Set<String>) throws(ZoneCopyFailure) -> [String] {
        let wanted = try reading { () throws(DiskError) in try ZoneTree(of: source) }
        let found = try writing { () throws(DiskError) in try ZoneTree(of: target) }
        try reading { () throws(DiskError) in try source.check(unique) }
        try writing { () throws(DiskError) in try target.check(unique) }
        var restored: [String] = []
        for name in wanted.files.subtracting(found.files).subtracting(listed).sorted() {
            let isInTheWay = found.directories.contains(name) || isBeneathFile(name, found.files)
            guard !isInTheWay else { continue }
            try restore(name)
            restored.append(name)
        }
        return restored
    }

    private func isBeneathFile(_ name: String, _ files: Set<String>) -> Bool {
        var parent = DiskPath.relativeParent(of: name)
        while !parent.isEmpty {
            if files.contains(parent) { return true }
            parent = DiskPath.relativeParent(of: parent)
        }
        return false
    }

    /// Copies one file under a name of the zones' own first: after a power cut it is there whole or not at all.
    private mutating func restore(_ name: String) throws(ZoneCopyFailure) {
        let from = try reading { () throws(DiskError) in
            try source.disk.open(source.directory + "/" + name, .read)
        }
        defer { from.close() }
        let size = try reading { () throws(DiskError) in try from.size() }
        let temporary = path(ZoneFile.temporaryName)
        let to = try writing { () throws(DiskError) in
            try target.disk.makeDirectories(DiskPath.parent(of: path(name)))
            return try target.disk.open(temporary, .create)
        }
        defer { to.close() }
        try writing { () throws(DiskError) in
            try to.truncate(to: 0)
            try to.truncate(to: size)
        }
        try copy(0..<size, from, to, isForced: true)
        try writing { () throws(DiskError) in
            try to.sync()
            try target.disk.rename(temporary, to: path(name))
        }
    }

    func sourceFiles() throws(ZoneCopyFailure) -> [String] {
        try reading { () throws(DiskError) in try ZoneTree(of: source).files.sorted() }
    }

    /// The sizes of those of `names` that the source has.
    func sourceBytes(_ names: [String]) throws(ZoneCopyFailure) -> UInt64 {
        try reading { () throws(DiskError) in
            var sum: UInt64 = 0
            for name in names {
                sum += try source.disk.status(of: source.directory + "/" + name)?.size ?? 0
            }
            return sum
        }
    }

    /// Makes all names of the target durable, and asks whether both zones were there to the end.
    func syncNames() throws(ZoneCopyFailure) {
        try writing { () throws(DiskError) in try target.syncNames() }
        // What is not found in an unmounted zone is no removal.
        try reading { () throws(DiskError) in try source.check(unique) }
        try writing { () throws(DiskError) in try target.check(unique) }
    }

    // MARK: Bytes

    /// Makes a file's bytes and size equal, durably; one that the source has no more is left.
    ///
    /// - Parameters:
    ///   - name: The file, beneath the zone's directory.
    ///   - ranges: What may differ.
    ///   - forced: What is written though it reads the same: a page cache may show what the medium lost.
    /// - Throws: Which side failed.
    mutating func copyFile(
        _ name: String,
        _ ranges: ByteRanges = .whole,
        forced: ByteRanges = ByteRanges()
    ) throws(ZoneCopyFailure) {
        try goOn()
        let from: any DiskFile
        do throws(DiskError) {
            from = try source.disk.open(source.directory + "/" + name, .read)
        } catch {
            guard error.code == .notFound else { throw .source(error) }
            // Removed or renamed meanwhile: the names are compared again.
            return try reading { () throws(DiskError) in try source.checkIsThere() }
        }
        defer { from.close() }
        let to: any DiskFile
        do throws(DiskError) {
            to = try target.disk.open(path(name), .readWrite)
        } catch {
            guard error.code == .notFound else { throw .target(error) }
            return try writing { () throws(DiskError) in try target.checkIsThere() }
        }
        defer { to.close() }
        to.dropResident()
        let size = try reading { () throws(DiskError) in try from.size() }
        try writing { () throws(DiskError) in
            if try to.size() != size || !forced.isEmpty { try to.truncate(to: size) }
        }
        for range in forced.clipped(to: size) { try copy(range, from, to, isForced: true) }
        for range in ranges.clipped(to: size) { try copy(range, from, to, isForced: false) }
        try writing { () throws(DiskError) in try to.sync() }
    }

    private mutating func copy(
        _ range: Range<UInt64>,
        _ from: any DiskFile,
        _ to: any DiskFile,
        isForced: Bool
    ) throws(ZoneCopyFailure) {
        var start = range.lowerBound - range.lowerBound % UInt64(ZoneCopier.pageBytes)
        while start < range.upperBound {
            try goOn()
            let count = Int(min(UInt64(ZoneCopier.blockBytes), range.upperBound - start))
            let wanted = try reading { () throws(DiskError) in
                try from.read(count: count, at: start)
            }
            // Harmless: what does not read is written, and if that fails too, the zone stays out.
            let found = isForced ? [] : (try? to.read(count: count, at: start)) ?? []
            compared(UInt64(count))
            if wanted != found { try copy(wanted, over: found, at: start, to) }
            start += UInt64(count)
        }
    }

    /// Writes the pages of `wanted` that differ from `found`.
    private mutating func copy(
        _ wanted: [UInt8],
        over found: [UInt8],
        at offset: UInt64,
        _ to: any DiskFile
    ) throws(ZoneCopyFailure) {
        var start: Int?
        for page in stride(from: 0, through: wanted.count, by: ZoneCopier.pageBytes) {
            let end = min(page + ZoneCopier.pageBytes, wanted.count)
            let isSame =
                page >= wanted.count
                || (end <= found.count && wanted[page..<end] == found[page..<end])
            if !isSame {
                start = start ?? page
                if end < wanted.count { continue }
            }
            guard let first = start else { continue }
            let last = isSame ? min(page, wanted.count) : end
            try writing { () throws(DiskError) in
                try to.write(Array(wanted[first..<last]), at: offset + UInt64(first))
            }
            copied += UInt64(last - first)
            start = nil
        }
    }

    private func path(_ name: String) -> String { target.directory + "/" + name }

    private func goOn() throws(ZoneCopyFailure) {
        guard hasEnded() else { return }
        throw .source(
            DiskError(.failed, "'\(source.directory)' is copied no further: the disk is closed")
        )
    }

    private func reading<Value>(
        _ body: () throws(DiskError) -> Value
    ) throws(ZoneCopyFailure) -> Value {
        do throws(DiskError) { return try body() } catch { throw .source(error) }
    }

    private func writing<Value>(
        _ body: () throws(DiskError) -> Value
    ) throws(ZoneCopyFailure) -> Value {
        do throws(DiskError) { return try body() } catch { throw .target(error) }
    }
}
