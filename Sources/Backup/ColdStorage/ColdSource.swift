import Synchronization
import VarveModel

/// A recovery point in cold storage, as a tree to read.
struct ColdSource: TreeSource {
    let tree: ColdTree
    let path: [FileName]

    /// A directory: its path from the top, and where its entry is.
    struct Directory: Sendable {
        let path: [UInt8]
        let place: ColdTree.Place
    }

    func root() async throws(TreeFailure) -> (entry: TreeEntry, directory: Directory) {
        let found = try tree.find(path)
        let entry = TreeEntry(name: path.last ?? FileName.root, node: try node(of: found))
        return (entry, Directory(path: found.entry.path, place: found.place))
    }

    func open(_ entry: TreeEntry, in parent: Directory) async throws(TreeFailure) -> Directory {
        let above = parent.path.isEmpty ? [] : parent.path + [UInt8(ascii: "/")]
        return Directory(path: above + entry.name.bytes, place: ColdSource.place(of: entry.node))
    }

    func list(_ directory: Directory) async throws(TreeFailure) -> ColdListing {
        ColdListing(source: self, directory: directory.path)
    }

    func details(
        of entry: TreeEntry?,
        in directory: Directory
    ) async throws(TreeFailure) -> TreeDetails {
        let place = entry.map { ColdSource.place(of: $0.node) } ?? directory.place
        let found = try tree.entry(at: place).entry
        if found.kind == .socket {
            return TreeDetails(
                attributes: found.attributes.map {
                    TreeDetails.Attribute(name: $0.name, value: $0.value)
                }
            )
        }
        let attributes = try tree.header(found).details.attributes
        return TreeDetails(
            attributes: attributes,
            target: found.kind == .symlink ? found.link : []
        )
    }

    func openFile(
        _ entry: TreeEntry,
        in directory: Directory
    ) async throws(TreeFailure) -> ColdSourceFile {
        ColdSourceFile(tree: tree, file: try tree.entry(at: ColdSource.place(of: entry.node)))
    }

    /// An entry as a node; all names of a file are one.
    func node(of found: ColdTree.Found) throws(TreeFailure) -> TreeNode {
        let entry = found.entry
        let (first, links) = tree.first(of: found)
        var device = DeviceNumber.none
        if entry.kind == .characterDevice || entry.kind == .blockDevice {
            device = try tree.header(try tree.entry(at: first).entry).node.device
        }
        return TreeNode(
            identity: TreeNode.Identity(device: UInt64(first.page), inode: UInt64(first.index)),
            kind: entry.kind,
            permissions: entry.permissions,
            uid: entry.uid,
            gid: entry.gid,
            links: links,
            size: entry.size,
            accessed: entry.accessed,
            modified: entry.modified,
            device: device
        )
    }

    private static func place(of node: TreeNode) -> ColdTree.Place {
        ColdTree.Place(page: Int(node.identity.device), index: Int(node.identity.inode))
    }
}

/// The names of a directory of a cold point, page by page of the archive's index.
final class ColdListing: TreeListing {
    private let source: ColdSource
    private let directory: [UInt8]
    /// Pages that are still to be looked at, the next one last.
    private let pages: Mutex<[Int]>

    init(source: ColdSource, directory: [UInt8]) {
        self.source = source
        self.directory = directory
        pages = Mutex(source.tree.pages(of: directory).reversed())
    }

    func next() async throws(TreeFailure) -> TreePart? {
        while let page = pages.withLock({ $0.popLast() }) {
            var part = TreePart()
            for found in try source.tree.names(of: directory, in: page) {
                let last = found.entry.path.split(separator: UInt8(ascii: "/")).last
                // The index was read whole: its paths are made of names.
                guard let name = FileName(bytes: Array(last ?? [])) else { continue }
                do throws(TreeFailure) {
                    part.entries.append(TreeEntry(name: name, node: try source.node(of: found)))
                } catch {
                    part.failures.append((name, error))
                }
            }
            if !part.entries.isEmpty || !part.failures.isEmpty { return part }
        }
        return nil
    }
}

/// A file of a cold point.
struct ColdSourceFile: TreeFile {
    let tree: ColdTree
    let file: ColdTree.Found

    func dataRanges() async throws(TreeFailure) -> [Range<UInt64>] {
        try tree.dataRanges(of: file)
    }

    func read(_ range: Range<UInt64>) async throws(TreeFailure) -> [UInt8] {
        try tree.read(range, of: file)
    }
}
