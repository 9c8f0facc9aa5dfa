import FileSystemEngine
import NFSWire
import VarveModel

/// READDIR (RFC 8881 §18.23).
extension CompoundRun {
    /// Cookies are places in the order of the names' hashes, and hold for ever: any verifier of ours is this one.
    private static let verifier = Verifier.zero
    /// Bytes of an entry that a page is cut for: number, name and some attributes.
    private static let entryBytes = 100

    func readDirectory(
        _ arguments: ReadDirectoryArguments
    ) async throws(NFSStatus) -> CompoundAnswer {
        let object = try object()
        guard arguments.attributes.intersection(ObjectAttributes.writeOnly(in: version)).isEmpty
        else {
            throw .invalid
        }
        guard arguments.cookie == 0 || arguments.cookie > 2 else { throw .badCookie }
        guard arguments.verifier == Self.verifier else { throw .notSame }
        var listing = DirectoryListing(arguments, verifier: Self.verifier)
        switch object {
        case .gateway: try await listGateway(&listing, arguments)
        case .snapshots(let fileSystem):
            try await list(snapshotsOf: fileSystem, &listing, arguments)
        case .inode(let directory): try await list(directory, &listing, arguments)
        }
        return .listing(listing)
    }

    private func list(
        _ directory: InodeObject,
        _ listing: inout DirectoryListing,
        _ arguments: ReadDirectoryArguments
    ) async throws(NFSStatus) {
        let bytes = min(Int(arguments.bytesMax), room)
        let count = min(max(bytes / Self.entryBytes, 1), server.limits.directoryEntriesMax)
        let caller = caller
        let page = try await engine {
            try await directory.fileSystem.engine.readDirectory(
                directory.inode,
                after: arguments.cookie,
                limit: count,
                at: directory.view,
                as: caller
            )
        }
        listing.fill(
            page,
            of: directory,
            ObjectAttributes(
                object: .inode(directory),
                attributes: page.directory,
                limits: server.limits,
                version: version
            )
        )
    }

    /// One entry a file system; what does not answer is left out.
    private func listGateway(
        _ listing: inout DirectoryListing,
        _ arguments: ReadDirectoryArguments
    ) async throws(NFSStatus) {
        for found in server.exports.current.sorted where found.cookie > arguments.cookie {
            let root = NFSObject.inode(InodeObject(found, .root))
            guard let described = await describedIfThere(root, arguments.attributes) else {
                continue
            }
            listing.append(cookie: found.cookie, name: found.name, described)
        }
        listing.isEnd = true
    }

    func describedIfThere(
        _ object: NFSObject,
        _ requested: Bitmap
    ) async -> ObjectAttributes? {
        do throws(NFSStatus) {
            return try await described(object, for: requested)
        } catch {
            return nil
        }
    }
}

/// Names with attributes, to be written as far as they fit.
struct DirectoryListing: Sendable {
    private struct Entry: Sendable {
        let cookie: UInt64
        let name: [UInt8]
        let object: ObjectAttributes
    }

    /// Names of a file system's directory, which are described as they are written.
    private struct Names: Sendable {
        let entries: [DirectoryEntry]
        let directory: InodeObject
        /// The directory's own: of an entry only what it is and its attributes differ.
        let described: ObjectAttributes
    }

    private let verifier: Verifier
    private let requested: Bitmap
    private let directoryBytesMax: UInt32
    let bytesMax: UInt32
    private var entries: [Entry] = []
    private var names: Names?
    /// Whether nothing comes behind the entries.
    var isEnd = false

    init(_ arguments: ReadDirectoryArguments, verifier: Verifier) {
        self.verifier = verifier
        requested = arguments.attributes
        directoryBytesMax = arguments.directoryBytesMax
        bytesMax = arguments.bytesMax
    }

    mutating func append(cookie: UInt64, name: [UInt8], _ object: ObjectAttributes) {
        entries.append(Entry(cookie: cookie, name: name, object: object))
    }

    /// Takes a page of a directory.
    mutating func fill(_ page: DirectoryPage, of directory: InodeObject, _ own: ObjectAttributes) {
        names = Names(entries: page.entries, directory: directory, described: own)
        isEnd = page.isEnd
    }

    /// Writes a READDIR4resok; answers `false`, NFS4ERR_TOOSMALL, when there are entries and not one fits.
    func write(to writer: inout XDRWriter, bytesMax: Int) -> Bool {
        var budget = DirectoryBudget(bytesMax: bytesMax, directoryBytesMax: directoryBytesMax)
        writer.beginDirectory(verifier: verifier)
        let count = names?.entries.count ?? entries.count
        let written =
            if let names {
                write(names, &writer, &budget)
            } else {
                writeEntries(&writer, &budget)
            }
        writer.endDirectory(isAtEnd: isEnd && written == count)
        return written > 0 || (count == 0 && bytesMax >= 16)
    }

    /// Writes names as far as they fit; answers how many.
    private func write(
        _ names: Names,
        _ writer: inout XDRWriter,
        _ budget: inout DirectoryBudget
    ) -> Int {
        var described = names.described
        for (index, entry) in names.entries.enumerated() {
            described.object = .inode(names.directory.sibling(entry.attributes.inode))
            described.attributes = entry.attributes
            let isWritten = writer.appendEntry(
                cookie: entry.cookie,
                name: entry.name.bytes,
                attributes: requested,
                budget: &budget
            ) { described.value($0) }
            guard isWritten else { return index }
        }
        return names.entries.count
    }

    private func writeEntries(_ writer: inout XDRWriter, _ budget: inout DirectoryBudget) -> Int {
        for (index, entry) in entries.enumerated() {
            let isWritten = writer.appendEntry(
                cookie: entry.cookie,
                name: entry.name,
                attributes: requested,
                budget: &budget
            ) { entry.object.value($0) }
            guard isWritten else { return index }
        }
        return entries.count
    }
}
