import VarveModel

/// Parts as they are found, before all directories are known: so many are held, the others counted.
struct FoundParts {
    /// What a path leads to.
    enum Place {
        /// A directory, or what no name leads to.
        case inode(InodeNumber)
        case name(FileName, in: InodeNumber)
    }

    var paths = DirectoryPaths()
    private(set) var count = 0
    private var held: [(place: Place, what: LostPart.What)] = []
    private let max: Int

    init(max: Int) {
        self.max = max
    }

    mutating func add(_ place: Place, _ lost: [LostPart.What], hasLostNames: Bool) {
        for what in lost + (hasLostNames ? [.names] : []) {
            count += 1
            if held.count < max { held.append((place, what)) }
        }
    }

    /// Those that are held, by path.
    var parts: [LostPart] {
        held.map { place, what in
            switch place {
            case .inode(let inode): LostPart(path: paths.path(of: inode), what: what)
            case .name(let name, let parent):
                LostPart(path: paths.path(of: name, in: parent), what: what)
            }
        }
        .sorted { $0.path.lexicographicallyPrecedes($1.path) }
    }
}

/// The directories of a point, by which paths are told.
struct DirectoryPaths {
    private var directories: [InodeNumber: (parent: InodeNumber, name: FileName)] = [:]

    mutating func add(_ directory: InodeNumber, named name: FileName, in parent: InodeNumber) {
        directories[directory] = (parent, name)
    }

    func path(of name: FileName, in parent: InodeNumber) -> [UInt8] {
        let above = path(of: parent)
        return (above == [UInt8(ascii: "/")] ? [] : above) + [UInt8(ascii: "/")] + name.bytes
    }

    /// A directory's path; one that no name leads to is told by its number.
    func path(of directory: InodeNumber) -> [UInt8] {
        var names: [FileName] = []
        var current = directory
        var seen: Set<InodeNumber> = []
        while current != .root, let up = directories[current], seen.insert(current).inserted {
            names.append(up.name)
            current = up.parent
        }
        var path: [UInt8] =
            current == .root ? [] : Array("<inode \(current.rawValue)>".utf8)
        for name in names.reversed() { path += [UInt8(ascii: "/")] + name.bytes }
        return path.isEmpty ? [UInt8(ascii: "/")] : path
    }
}
