import BackupVault
package import VarveModel

/// A cold point as those who look into points see it: its entries' places stand for inodes.
///
/// An archive has neither times of change nor of creation: the time of modification stands for both.
extension ColdTree {
    /// What a path names has.
    ///
    /// - Throws: `.notFound`, `.invalid` for a way through what is no directory, `.corrupt`.
    package func attributes(at path: [FileName]) throws(BackupError) -> Attributes {
        do throws(TreeFailure) {
            return try pointEntry(try find(path)).attributes
        } catch {
            throw BackupError(rootFailure: error)
        }
    }

    func pointEntry(_ found: Found, cookie: UInt64 = 0) throws(TreeFailure) -> PointEntry {
        let node = try ColdSource(tree: self, path: []).node(of: found)
        let first = Place(page: Int(node.identity.device), index: Int(node.identity.inode))
        let isDirectory = node.kind == .directory
        let size = node.kind == .symlink ? UInt64(found.entry.link.count) : node.size
        let attributes = Attributes(
            inode: InodeNumber(rawValue: first.number),
            kind: node.kind,
            permissions: node.permissions,
            uid: node.uid,
            gid: node.gid,
            // Of a directory the archive does not tell how many are in it.
            links: isDirectory ? 2 : node.links,
            size: size,
            allocated: size,
            accessed: node.accessed,
            modified: node.modified,
            changed: node.modified,
            created: node.modified,
            change: 0,
            device: node.device
        )
        let last = found.entry.path.split(separator: UInt8(ascii: "/")).last
        return PointEntry(
            last.flatMap { FileName(bytes: Array($0)) } ?? FileName.root,
            cookie: cookie,
            attributes,
            target: node.kind == .symlink ? found.entry.link : []
        )
    }

    func pointEntry(of number: InodeNumber) throws(TreeFailure) -> PointEntry {
        try pointEntry(try found(number))
    }

    private func found(_ number: InodeNumber) throws(TreeFailure) -> Found {
        guard let place = Place(number: number.rawValue) else {
            throw TreeFailure(
                call: "look up",
                errno: SystemError.notFound,
                reason: "recovery point \(point.id) has no inode \(number.rawValue)"
            )
        }
        return try entry(at: place)
    }

    /// A page of a directory, in the order of the archive; a cookie is the place of a name.
    func pointPage(
        of directory: InodeNumber,
        after cookie: UInt64
    ) throws(TreeFailure) -> PointPage {
        let path = try found(directory).entry.path
        let after = Place(number: cookie)
        var page = PointPage()
        for number in pages(of: path) where number >= after?.page ?? 0 {
            let first = after.map { $0.page == number ? $0.index + 1 : 0 } ?? 0
            for found in try names(of: path, in: number, from: first) {
                guard page.entries.count < PointTree.pageNames else { return page }
                page.cookie = found.place.number
                page.entries.append(try pointEntry(found, cookie: found.place.number))
            }
        }
        page.isEnd = true
        return page
    }

    /// Bytes of a file that a listing or a look told of.
    func read(_ range: Range<UInt64>, of file: PointEntry) throws(TreeFailure) -> [UInt8] {
        try read(range, of: try found(file.attributes.inode))
    }
}
