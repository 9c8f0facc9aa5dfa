import FileSystemEngine
import LocalAPI
import VarveModel

/// Attributes as the local API shows them.
extension Attributes {
    var octalMode: String {
        let digits = String(permissions & 0o7777, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

extension FileKind {
    var word: String {
        switch self {
        case .fifo: "fifo"
        case .characterDevice: "character-device"
        case .directory: "directory"
        case .blockDevice: "block-device"
        case .regular: "file"
        case .symlink: "symlink"
        case .socket: "socket"
        }
    }
}

extension FileEntry {
    init(_ name: [UInt8], _ found: Attributes, target: [UInt8]?) {
        self.init(
            name: EscapedBytes(name),
            inode: found.inode.rawValue,
            kind: found.kind.word,
            mode: found.octalMode,
            uid: found.uid,
            gid: found.gid,
            links: found.links,
            size: found.size,
            modified: TimeText(found.modified),
            target: target.map { EscapedBytes($0) }
        )
    }
}

extension FileSystem {
    /// A value; `nil` when it is not the caller's to read, or gone since the names were listed.
    private func readableAttribute(
        _ name: [UInt8],
        of inode: InodeNumber,
        at view: View,
        as caller: Credentials
    ) async throws -> [UInt8]? {
        do throws(FileSystemError) {
            return try await extendedAttribute(name, of: inode, at: view, as: caller)
        } catch {
            guard error.code == .denied || error.code == .noAttribute else { throw error }
            return nil
        }
    }

    /// All that is known of an inode.
    func describe(
        _ found: Attributes,
        at view: View,
        as caller: Credentials
    ) async throws -> FileDescription {
        var xattrs: [String: EscapedBytes] = [:]
        for name in try await extendedAttributeNames(of: found.inode, at: view, as: caller) {
            let value = try await readableAttribute(name, of: found.inode, at: view, as: caller)
            if let value { xattrs[EscapedBytes(name).text] = EscapedBytes(value) }
        }
        let isDevice = found.kind == .characterDevice || found.kind == .blockDevice
        return FileDescription(
            inode: found.inode.rawValue,
            kind: found.kind.word,
            mode: found.octalMode,
            uid: found.uid,
            gid: found.gid,
            links: found.links,
            size: found.size,
            allocated: found.allocated,
            accessed: TimeText(found.accessed),
            modified: TimeText(found.modified),
            changed: TimeText(found.changed),
            created: TimeText(found.created),
            change: found.change,
            device: isDevice ? "\(found.device.major):\(found.device.minor)" : nil,
            target: found.kind == .symlink
                ? EscapedBytes(try await readSymlink(found.inode, at: view)) : nil,
            tier: found.kind == .regular && view == .live
                ? try await tier(of: found.inode).folder : nil,
            xattrs: xattrs
        )
    }
}
