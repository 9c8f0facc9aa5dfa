import VarveModel

/// A file of a tree, whatever holds the tree.
struct TreeNode: Sendable, Hashable {
    /// Equal for two names of one file.
    struct Identity: Sendable, Hashable {
        let device: UInt64
        let inode: UInt64
    }

    let identity: Identity
    let kind: FileKind
    let permissions: UInt16
    let uid: UInt32
    let gid: UInt32
    let links: UInt32
    let size: UInt64
    let accessed: Timestamp
    let modified: Timestamp
    let device: DeviceNumber
}

/// A name in a directory of a tree.
struct TreeEntry: Sendable, Hashable {
    let name: FileName
    let node: TreeNode
}

/// What a node has beyond its attributes.
struct TreeDetails: Sendable {
    struct Attribute: Sendable {
        let name: [UInt8]
        let value: [UInt8]

        /// Linux sets these (ACLs) by a file's mode too, so they come after it.
        var isSystem: Bool { name.starts(with: Array("system.".utf8)) }
    }

    var attributes: [Attribute] = []
    /// A symlink's.
    var target: [UInt8] = []
    /// Attributes that could not be read.
    var failures: [TreeFailure] = []
}

/// Bytes of a file that stand together.
struct TreeData: Sendable {
    let offset: UInt64
    let bytes: [UInt8]

    var end: UInt64 { offset + UInt64(bytes.count) }
}

/// Why one step of a copy failed.
struct TreeFailure: Error, Sendable {
    /// What was tried.
    let call: String
    let errno: Int32
    let reason: String
    /// Whether bytes did not verify: graver than whatever is only refused.
    var isDamage = false
    /// Set when going on makes no sense: the target is full, or its medium failed.
    var fatal: BackupError?

    func fatal(_ error: BackupError) -> TreeFailure {
        var copy = self
        copy.fatal = error
        return copy
    }
}

/// A place that a tree is read from; several workers read at once.
protocol TreeSource: Sendable {
    associatedtype Directory: Sendable
    associatedtype Listing: TreeListing
    associatedtype File: TreeFile

    /// Whether a listing that is not at its end costs something to hold, as a descriptor is.
    ///
    /// Such a listing is read to its end before what it names is entered; any other waits, so that of a directory of
    /// very many directories only a part is held.
    var isListingCostly: Bool { get }
    /// Whether it shows only a part of a tree.
    var isPartial: Bool { get }

    /// The root, and the directory that holds it when it is none itself.
    func root() async throws(TreeFailure) -> (entry: TreeEntry, directory: Directory)
    /// Opens a directory that stands in another.
    func open(_ entry: TreeEntry, in parent: Directory) async throws(TreeFailure) -> Directory
    func list(_ directory: Directory) async throws(TreeFailure) -> Listing
    /// Reads what a node has beyond its attributes; `nil` means the directory itself.
    func details(of entry: TreeEntry?, in directory: Directory) async throws(TreeFailure)
        -> TreeDetails
    func openFile(_ entry: TreeEntry, in directory: Directory) async throws(TreeFailure) -> File
    /// Lets go of what is costly to hold; the directory opens again when it is next used.
    func rest(_ directory: Directory)
    /// Whether all beneath a directory is shown; of any other one knows nothing of the rest.
    func isWhole(_ directory: Directory) -> Bool
}

/// The names of a directory, part by part; one worker at a time.
protocol TreeListing: Sendable {
    /// Some more; `nil` at the end.
    func next() async throws(TreeFailure) -> TreePart?
}

/// A part of a listing.
struct TreePart: Sendable {
    var entries: [TreeEntry] = []
    /// Names that could not be looked at.
    var failures: [(name: FileName, failure: TreeFailure)] = []
}

/// A regular file that is open for reading.
protocol TreeFile: Sendable {
    /// Runs of data in order; the rest is holes.
    func dataRanges() async throws(TreeFailure) -> [Range<UInt64>]
    /// The bytes of a range; fewer when the file has shrunk meanwhile.
    func read(_ range: Range<UInt64>) async throws(TreeFailure) -> [UInt8]
}

/// A place that a tree is written to; several workers write at once.
protocol TreeSink: Sendable {
    associatedtype Directory: Sendable
    associatedtype File: Sendable
    /// Names a file that was made, so that it can have further names.
    associatedtype Link: Sendable

    /// How many workers it bears.
    var workersMax: Int { get }
    /// Makes a directory, or finds the one that is there.
    func makeDirectory(_ entry: TreeEntry, in parent: Directory) async throws(TreeFailure)
        -> Directory
    /// Sets all that a directory has, once nothing in it will change any more.
    func finish(
        _ directory: Directory,
        _ node: TreeNode,
        _ details: TreeDetails
    ) async throws(TreeFailure) -> [TreeFailure]
    /// Makes an empty regular file, whose data will come in these runs.
    func makeFile(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        runs: [Range<UInt64>],
        in directory: Directory
    ) async throws(TreeFailure) -> File
    func write(_ bytes: [UInt8], at offset: UInt64, to file: File) async throws(TreeFailure)
    /// Sets size and attributes, once all data is written up to `written`.
    func finish(
        _ file: File,
        _ entry: TreeEntry,
        _ details: TreeDetails,
        written: UInt64
    ) async throws(TreeFailure) -> (link: Link, failures: [TreeFailure])
    /// Takes a half-written file away again.
    func abandon(_ file: File) async
    /// Makes a regular file of at most ``TreeData/wholeBytesMax`` with all that it has.
    ///
    /// Its data ascends; what it does not cover is holes.
    func makeWhole(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        _ data: [TreeData],
        in directory: Directory
    ) async throws(TreeFailure) -> (link: Link, failures: [TreeFailure])
    /// Makes a symlink, FIFO, socket or device.
    func makeSpecial(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        in directory: Directory
    ) async throws(TreeFailure) -> (link: Link, failures: [TreeFailure])
    func link(_ entry: TreeEntry, to link: Link, in directory: Directory) async throws(TreeFailure)
    /// A file that was made before, by its name.
    func find(_ name: FileName, in directory: Directory) async throws(TreeFailure) -> Link
    /// A directory that was made before, by its name.
    func findDirectory(_ name: FileName, in parent: Directory) async throws(TreeFailure)
        -> Directory?
    /// Removes the names of a directory that are not in `kept`.
    func removeOthers(than kept: Set<FileName>, in directory: Directory) async throws(TreeFailure)
    func rest(_ directory: Directory)
    /// Makes all of it durable.
    func complete() async throws(TreeFailure)
}

extension TreeSource {
    var isListingCostly: Bool { false }
    var isPartial: Bool { false }

    func rest(_ directory: Directory) {}
    func isWhole(_ directory: Directory) -> Bool { true }
}

extension TreeData {
    /// 1 MiB: a file up to it is read before it is made, and made at once.
    static let wholeBytesMax: UInt64 = 1 << 20
    /// More runs than this are written one by one.
    static let wholeRunsMax = 64
}

extension TreeSink {
    func rest(_ directory: Directory) {}

    func makeWhole(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        _ data: [TreeData],
        in directory: Directory
    ) async throws(TreeFailure) -> (link: Link, failures: [TreeFailure]) {
        try await makeInParts(entry, details, data, in: directory)
    }

    /// Makes a file, writes it and finishes it, one after the other.
    func makeInParts(
        _ entry: TreeEntry,
        _ details: TreeDetails,
        _ data: [TreeData],
        in directory: Directory
    ) async throws(TreeFailure) -> (link: Link, failures: [TreeFailure]) {
        let runs = data.map { $0.offset..<$0.end }
        let file = try await makeFile(entry, details, runs: runs, in: directory)
        do throws(TreeFailure) {
            for part in data { try await write(part.bytes, at: part.offset, to: file) }
            return try await finish(file, entry, details, written: data.last?.end ?? 0)
        } catch {
            await abandon(file)
            throw error
        }
    }
}
