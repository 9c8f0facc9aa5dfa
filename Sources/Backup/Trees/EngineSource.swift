import FileSystemEngine
import Synchronization
import VarveModel

/// A file system at one view, as a tree to read.
struct EngineSource: TreeSource {
    let fileSystem: FileSystem
    let path: [FileName]
    let view: View
    let caller: Credentials
    /// Whether a symlink at the path's end stands for what it points at.
    var followsLast = true

    func root() async throws(TreeFailure) -> (entry: TreeEntry, directory: InodeNumber) {
        do throws(FileSystemError) {
            let found = try await fileSystem.resolve(
                path,
                at: view,
                as: caller,
                followLast: followsLast
            )
            let name = path.last ?? FileName.root
            return (TreeEntry(name: name, node: TreeNode(found)), found.inode)
        } catch {
            throw TreeFailure("look up", error)
        }
    }

    func open(_ entry: TreeEntry, in parent: InodeNumber) async throws(TreeFailure) -> InodeNumber {
        InodeNumber(rawValue: entry.node.identity.inode)
    }

    func list(_ directory: InodeNumber) async throws(TreeFailure) -> EngineListing {
        EngineListing(source: self, directory: directory)
    }

    func details(
        of entry: TreeEntry?,
        in directory: InodeNumber
    ) async throws(TreeFailure) -> TreeDetails {
        let inode = entry.map { InodeNumber(rawValue: $0.node.identity.inode) } ?? directory
        var details = TreeDetails()
        do throws(FileSystemError) {
            if entry?.node.kind == .symlink {
                details.target = try await fileSystem.readSymlink(inode, at: view)
            }
        } catch {
            throw TreeFailure("read symlink", error)
        }
        do throws(FileSystemError) {
            let names = try await fileSystem.extendedAttributeNames(
                of: inode,
                at: view,
                as: caller
            )
            for name in names {
                let value = try await fileSystem.extendedAttribute(
                    name,
                    of: inode,
                    at: view,
                    as: caller
                )
                details.attributes.append(TreeDetails.Attribute(name: name, value: value))
            }
        } catch {
            details.failures.append(TreeFailure("read attributes", error))
        }
        return details
    }

    func openFile(
        _ entry: TreeEntry,
        in directory: InodeNumber
    ) async throws(TreeFailure) -> EngineSourceFile {
        EngineSourceFile(source: self, inode: InodeNumber(rawValue: entry.node.identity.inode))
    }
}

/// The names of a directory of a file system.
final class EngineListing: TreeListing {
    private let source: EngineSource
    private let directory: InodeNumber
    private let state: Mutex<(cookie: UInt64, isEnd: Bool)> = Mutex((0, false))

    init(source: EngineSource, directory: InodeNumber) {
        self.source = source
        self.directory = directory
    }

    func next() async throws(TreeFailure) -> TreePart? {
        let (cookie, isEnd) = state.withLock { $0 }
        if isEnd { return nil }
        do throws(FileSystemError) {
            let page = try await source.fileSystem.readDirectory(
                directory,
                after: cookie,
                limit: 512,
                at: source.view,
                as: source.caller
            )
            let last = page.entries.last?.cookie
            state.withLock { $0 = (last ?? cookie, page.isEnd || last == nil) }
            guard !page.entries.isEmpty else { return nil }
            return TreePart(
                entries: page.entries.map {
                    TreeEntry(name: $0.name, node: TreeNode($0.attributes))
                }
            )
        } catch {
            throw TreeFailure("list", error)
        }
    }
}

/// A file of a file system.
struct EngineSourceFile: TreeFile {
    let source: EngineSource
    let inode: InodeNumber

    func dataRanges() async throws(TreeFailure) -> [Range<UInt64>] {
        do throws(FileSystemError) {
            return try await source.fileSystem.dataRanges(inode, at: source.view)
        } catch {
            throw TreeFailure("seek", error)
        }
    }

    func read(_ range: Range<UInt64>) async throws(TreeFailure) -> [UInt8] {
        do throws(FileSystemError) {
            return try await source.fileSystem.read(
                inode,
                range,
                at: source.view,
                as: source.caller,
                isAccess: false
            ).bytes
        } catch {
            throw TreeFailure("read", error)
        }
    }
}

extension FileName {
    /// What a root is called in reports.
    static let root: FileName = {
        guard let name = FileName(".") else { preconditionFailure("a dot is a name") }
        return name
    }()
}

extension TreeNode {
    init(_ attributes: Attributes) {
        self.init(
            identity: Identity(device: 0, inode: attributes.inode.rawValue),
            kind: attributes.kind,
            permissions: attributes.permissions,
            uid: attributes.uid,
            gid: attributes.gid,
            links: attributes.kind == .directory ? 1 : attributes.links,
            size: attributes.size,
            accessed: attributes.accessed,
            modified: attributes.modified,
            device: attributes.device
        )
    }
}

extension TreeFailure {
    init(_ call: String, _ error: FileSystemError) {
        self.init(
            call: call,
            errno: SystemError.number(error.code),
            reason: error.message,
            isDamage: error.code == .corrupt
        )
    }

    /// A failure of the file system that is written to: a full or failed one ends the copy.
    init(changing call: String, _ error: FileSystemError) {
        self.init(call, error)
        switch error.code {
        case .noSpace, .readOnly, .failed: fatal = BackupError(error)
        default: break
        }
    }
}
