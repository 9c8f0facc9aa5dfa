import FileSystemEngine
import NFSWire
import VarveModel

/// READDIR (RFC 8881 §18.23).
extension CompoundRun {
    /// Cookies are places in the order of the names' hashes, and hold for ever: any verifier of ours is this one.
    private static let verifier = Verifier.zero

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
        let count = entriesMax(arguments, in: directory)
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
        var own = described(.inode(directory), page.directory)
        own.room = try await room(of: directory, for: arguments.attributes)
        listing.fill(page, own)
    }

    /// Entries that may fit, so that few are fetched and not sent.
    ///
    /// Attributes are as long for any inode, but for the digits of its owners: 0 and 0 here, the fewest.
    func entriesMax(_ arguments: ReadDirectoryArguments, in directory: InodeObject) -> Int {
        let described = described(.inode(directory), .shortest)
        var writer = XDRWriter()
        writer.writeAttributes(arguments.attributes) { described.write($0, to: &$1) }
        let budget = DirectoryBudget(
            bytesMax: min(Int(arguments.bytesMax), room),
            directoryBytesMax: arguments.directoryBytesMax
        )
        let fitting = budget.entriesMax(attributeBytes: writer.count)
        return min(max(fitting, 1), server.limits.directoryEntriesMax)
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
        /// The directory's own: of an entry only the attributes differ.
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
    mutating func fill(_ page: DirectoryPage, _ own: ObjectAttributes) {
        names = Names(entries: page.entries, described: own)
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
            described.attributes = entry.attributes
            let isWritten = writer.appendEntry(
                cookie: entry.cookie,
                name: entry.name.bytes,
                attributes: requested,
                budget: &budget
            ) { described.write($0, to: &$1) }
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
            ) { entry.object.write($0, to: &$1) }
            guard isWritten else { return index }
        }
        return entries.count
    }
}

extension Attributes {
    /// Such as take the fewest bytes of a listing.
    fileprivate static let shortest = Attributes(
        inode: .root,
        kind: .regular,
        permissions: 0,
        uid: 0,
        gid: 0,
        links: 1,
        size: 0,
        allocated: 0,
        accessed: .epoch,
        modified: .epoch,
        changed: .epoch,
        created: .epoch,
        change: 0
    )
}
