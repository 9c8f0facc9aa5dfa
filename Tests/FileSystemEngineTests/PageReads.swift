import Disk
import MetadataStore

@testable import FileSystemEngine

/// The pages of a file system's database that some work read, told apart by the tree that they belong to.
struct PageReads: CustomStringConvertible {
    /// By table or index: leaves, which hold the rows, and pages above them.
    private(set) var leaves: [String: Int] = [:]
    private(set) var inner: [String: Int] = [:]
    private(set) var leafBytes = 0
    private(set) var bytes: UInt64 = 0
    private let pages: [Int: Page]

    /// One page as SQLite's `dbstat` tells it.
    private struct Page {
        let tree: String
        /// `/` is the root, `/000/` its first child.
        let path: String
        let isLeaf: Bool

        var level: Int { path.split(separator: "/").count + 1 }
    }

    private static let pageBytes = 4_096
    /// A frame is a sealed header of 64 bytes and the page.
    private static let frameBytes = 4_160

    /// Finds out what was read.
    ///
    /// A checkpoint copies pages from the log into the base as they are sealed: so a frame is known by its bytes.
    init(_ reads: [RecordedRead], in world: EngineWorld) throws {
        try world.fileSystem.core.database.sealed.checkpoint()
        pages = try PageReads.pages(of: world.fileSystem)
        let path = world.configuration.directory + "/meta.sqlite"
        let base = try world.disk.contents(of: path, limit: 1 << 30)
        let log = try world.disk.contents(of: path + "-wal", limit: 1 << 30)
        var numbers: [ArraySlice<UInt8>: Int] = [:]
        for number in 1..<base.count / PageReads.pageBytes {
            let start = number * PageReads.pageBytes
            numbers[base[start..<start + PageReads.pageBytes]] = number
        }
        for read in reads {
            bytes += UInt64(read.count)
            let start = Int(read.offset)
            let number =
                read.path == path
                ? start / PageReads.pageBytes
                : numbers[log[start + 64..<start + PageReads.frameBytes]]
            guard let page = number.flatMap({ pages[$0] }) else {
                inner["no page: \(read)", default: 0] += 1
                continue
            }
            if page.isLeaf {
                leaves[page.tree, default: 0] += 1
                leafBytes += read.count
            } else {
                inner[page.tree, default: 0] += 1
            }
        }
    }

    /// Levels of a tree, leaves included.
    func depth(of tree: String) -> Int {
        pages.values.filter { $0.tree == tree }.map(\.level).max() ?? 0
    }

    /// Bytes that are free in the leaf with a tree's greatest keys.
    static func room(inLastLeafOf tree: String, _ fileSystem: FileSystem) throws -> Int {
        let connection = try fileSystem.core.database.sealed.connect(writer: false)
        let statement = try connection.prepare(
            "SELECT unused FROM dbstat WHERE name = ?1 AND pagetype = 'leaf' ORDER BY path DESC"
        )
        defer { statement.reset() }
        statement.bind(1, tree)
        return try statement.step() ? Int(statement.int(0)) : 0
    }

    private static func pages(of fileSystem: FileSystem) throws -> [Int: Page] {
        let connection = try fileSystem.core.database.sealed.connect(writer: false)
        let statement = try connection.prepare("SELECT pageno, name, path, pagetype FROM dbstat")
        defer { statement.reset() }
        var pages: [Int: Page] = [:]
        while try statement.step() {
            pages[Int(statement.int(0))] = Page(
                tree: statement.text(1),
                path: statement.text(2),
                isLeaf: statement.text(3) == "leaf"
            )
        }
        return pages
    }

    var description: String {
        let depths = inner.keys.sorted().map { "\($0) has \(depth(of: $0)) levels" }
        return "leaves \(leaves), above them \(inner); \(depths)"
    }
}
