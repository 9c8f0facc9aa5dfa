import MetadataStore
import TestKit
import VarveModel

extension RowsWorld {
    /// One random operation on the rows and on the model.
    func operate() throws {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<12: try makeFile()
        case 12..<14: try makeDirectory()
        case 14..<22: try unlink()
        case 22..<28: try rename()
        case 28..<32: try link()
        case 32..<38: try changeXattr()
        case 38..<43: try changeAttributes()
        case 43..<63: try write()
        case 63..<67: try share()
        case 67..<75: try cut()
        case 75..<78: try putInline()
        case 78..<81: try changeSnapshots()
        case 81..<84: try changeHolds()
        case 84..<87: try changeBookmarks()
        case 87..<92: try merge()
        case 92..<95: try move()
        default: try maintain()
        }
    }

    var files: [UInt64] {
        side.model.inodes.values.filter { $0.kind == .regular }.map(\.inode.rawValue).sorted()
    }

    private var directories: [UInt64] { side.model.names.keys.sorted() }

    private var allNames: [(directory: UInt64, name: FileName)] {
        side.model.names
            .flatMap { directory, names in names.keys.map { (directory, $0) } }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
    }

    private func freshName() -> FileName {
        let index = Int.random(in: 0..<40, using: &generator)
        return FileName("n\(index)") ?? preconditionName
    }

    private var preconditionName: FileName {
        guard let name = FileName("n") else { preconditionFailure("'n' is a name") }
        return name
    }

    /// Writes the model's row of an inode as its new version.
    func store(_ number: UInt64, _ change: (inout InodeRow) -> Void) throws {
        guard var row = side.model.inodes[number] else { return }
        change(&row)
        row.change = try writer.nextChange()
        row.changed = Timestamp(seconds: second, nanoseconds: 7)
        side.model.inodes[number] = row
        try writer.updateInode(row)
    }

    /// Runs what must be refused, and how.
    func refused(
        _ code: MetadataError.Code,
        _ otherwise: String,
        _ body: () throws(MetadataError) -> Void
    ) throws {
        do {
            try body()
        } catch {
            guard error.code == code else { throw error }
            return
        }
        throw Mismatch(otherwise)
    }

    private func makeFile() throws {
        guard let directory = pick(directories) else { return }
        let name = freshName()
        let number = InodeNumber(rawValue: directory)
        if let taken = side.model.names[directory]?[name] {
            try refused(.exists, "'\(name)' is there twice: \(taken)") { () throws(MetadataError) in
                _ = try writer.insertDirent(
                    directory: number,
                    name: name,
                    inode: .root,
                    kind: .regular
                )
            }
            count("name taken")
            return
        }
        let inode = try writer.nextInode()
        let hash = try writer.insertDirent(
            directory: number,
            name: name,
            inode: inode,
            kind: .regular
        )
        var row = InodeRow(inode: inode, kind: .regular, permissions: 0o644, links: 0)
        row.project = UInt32.random(in: 0..<3, using: &generator)
        row.modified = Timestamp(seconds: -5, nanoseconds: 999_999_999)
        row.device = DeviceNumber(major: 4_294_967_295, minor: 7)
        try writer.addName(&row, directory: number, hash: hash)
        try writer.insertInode(row)
        side.model.inodes[inode.rawValue] = row
        side.model.names[directory]?[name] = Named(
            hash: hash,
            inode: inode.rawValue,
            kind: .regular
        )
        count("create")
    }

    private func makeDirectory() throws {
        let name = freshName()
        guard directories.count < 6, side.model.names[1]?[name] == nil else { return }
        let inode = try writer.nextInode()
        let hash = try writer.insertDirent(
            directory: .root,
            name: name,
            inode: inode,
            kind: .directory
        )
        let row = InodeRow(
            inode: inode,
            kind: .directory,
            permissions: 0o755,
            links: 2,
            parent: .root,
            parentHash: hash
        )
        try writer.insertInode(row)
        side.model.inodes[inode.rawValue] = row
        side.model.names[inode.rawValue] = [:]
        side.model.names[1]?[name] = Named(hash: hash, inode: inode.rawValue, kind: .directory)
        count("make directory")
    }

    private func unlink() throws {
        guard let (directory, name) = pick(allNames),
            let named = side.model.names[directory]?[name]
        else { return }
        if named.kind == .directory {
            let inode = InodeNumber(rawValue: named.inode)
            let isEmpty = side.model.names[named.inode]?.isEmpty ?? true
            guard try writer.isEmpty(inode, at: .live) == isEmpty else {
                throw Mismatch("whether \(named.inode) is empty")
            }
            guard isEmpty else { return }
            side.model.names[named.inode] = nil
        }
        try writer.removeDirent(
            directory: InodeNumber(rawValue: directory),
            hash: named.hash
        )
        side.model.names[directory]?[name] = nil
        try dropName(named, of: directory)
        count("unlink")
    }

    /// What becomes of an inode when one of its names goes.
    private func dropName(_ named: Named, of directory: UInt64) throws {
        guard var row = side.model.inodes[named.inode] else { return }
        if named.kind != .directory {
            try writer.removeName(
                &row,
                directory: InodeNumber(rawValue: directory),
                hash: named.hash
            )
            side.model.inodes[named.inode] = row
            if row.links > 0 { return try store(named.inode) { _ in } }
        }
        try writer.removeInode(row.inode)
        side.model.inodes[named.inode] = nil
        side.model.xattrs[named.inode] = nil
        side.model.inline[named.inode] = nil
        side.model.content[named.inode] = nil
        count("remove inode")
    }

    private func rename() throws {
        guard let (from, old) = pick(allNames), let to = pick(directories),
            let moved = side.model.names[from]?[old], moved.kind != .directory || to == 1
        else { return }
        let name = freshName()
        let target = InodeNumber(rawValue: to)
        let replaced = side.model.names[to]?[name]
        guard replaced?.kind != .directory, replaced?.inode != moved.inode else { return }
        if moved.kind == .directory, replaced != nil { return }
        try writer.removeDirent(directory: InodeNumber(rawValue: from), hash: moved.hash)
        side.model.names[from]?[old] = nil
        var named = moved
        if let replaced {
            try writer.replaceDirent(
                directory: target,
                hash: replaced.hash,
                inode: InodeNumber(rawValue: moved.inode),
                kind: moved.kind
            )
            named.hash = replaced.hash
            try dropName(replaced, of: to)
            count("rename over")
        } else {
            named.hash = try writer.insertDirent(
                directory: target,
                name: name,
                inode: InodeNumber(rawValue: moved.inode),
                kind: moved.kind
            )
            count("rename")
        }
        side.model.names[to]?[name] = named
        guard var row = side.model.inodes[moved.inode] else { return }
        try writer.moveName(
            &row,
            from: DirentKey(directory: InodeNumber(rawValue: from), hash: moved.hash),
            to: DirentKey(directory: target, hash: named.hash)
        )
        side.model.inodes[moved.inode] = row
        try store(moved.inode) { _ in }
    }

    private func link() throws {
        guard let number = pick(files), let directory = pick(directories) else { return }
        let name = freshName()
        guard side.model.names[directory]?[name] == nil, var row = side.model.inodes[number]
        else { return }
        let parent = InodeNumber(rawValue: directory)
        let hash = try writer.insertDirent(
            directory: parent,
            name: name,
            inode: row.inode,
            kind: .regular
        )
        try writer.addName(&row, directory: parent, hash: hash)
        side.model.inodes[number] = row
        side.model.names[directory]?[name] = Named(hash: hash, inode: number, kind: .regular)
        try store(number) { _ in }
        count("link")
    }

    private func changeXattr() throws {
        guard let number = pick(side.model.inodes.keys.sorted()) else { return }
        let name = Array("user.\(Int.random(in: 0..<6, using: &generator))".utf8)
        let inode = InodeNumber(rawValue: number)
        if chance(3) {
            let wasThere = try writer.removeXattr(inode, name: name)
            let known = side.model.xattrs[number, default: [:]].removeValue(forKey: name) != nil
            guard wasThere == known else { throw Mismatch("whether an xattr was there") }
            count("remove xattr")
        } else {
            let value = generator.bytes(Int.random(in: 0..<20, using: &generator))
            try writer.setXattr(inode, name: name, value: value)
            side.model.xattrs[number, default: [:]][name] = value
            count("set xattr")
        }
    }

    private func changeAttributes() throws {
        guard let number = pick(side.model.inodes.keys.sorted()) else { return }
        let seconds = Int64.random(in: -1_000...1 << 40, using: &generator)
        let uid = UInt32.random(in: .min ... .max, using: &generator)
        let project = UInt32.random(in: 0..<3, using: &generator)
        try store(number) {
            $0.uid = uid
            $0.permissions = UInt16(uid & 0o7777)
            $0.accessed = Timestamp(seconds: seconds, nanoseconds: 1)
            $0.project = project
        }
        count("set attributes")
    }

    private func putInline() throws {
        guard let number = pick(files), side.model.content[number]?.isEmpty ?? true else { return }
        let bytes = generator.bytes(Int.random(in: 0..<30, using: &generator))
        try writer.putInline(InodeNumber(rawValue: number), bytes)
        side.model.inline[number] = bytes
        try store(number) { $0.size = UInt64(bytes.count) }
        count("put inline")
    }

    /// A new record on the books; nobody refers to it yet.
    func newRecord(
        _ bytes: [UInt64],
        _ home: RecordHome,
        in tier: Tier = .standard
    ) -> RecordPointer {
        let record = RecordPointer(
            segment: SegmentID(rawValue: UInt64(tier.rawValue) + 1),
            offset: side.nextRecord * 64,
            length: UInt64(bytes.count) + 40
        )
        side.nextRecord += 1
        side.records[record] = bytes
        side.homes[record] = home
        return record
    }

    private func write() throws {
        guard let number = pick(files) else { return }
        let inode = InodeNumber(rawValue: number)
        if side.model.inline[number] != nil {
            try writer.removeInline(inode)
            side.model.inline[number] = nil
        }
        let offset = UInt64.random(in: 0..<900, using: &generator)
        let end = offset + UInt64.random(in: 1..<(chance(4) ? 200 : 40), using: &generator)
        var tokens = side.model.content[number] ?? []
        while tokens.count < Int(end) { tokens.append(0) }
        var next = offset
        while next < end {
            let tile = next / Self.tileBytes
            let high = min(end, (tile + 1) * Self.tileBytes)
            let skip = chance(3) ? 5 : 0
            let bytes = (0..<UInt64(skip) + high - next).map { side.nextRecord << 16 | ($0 + 1) }
            let record = newRecord(bytes, RecordHome(inode: inode, tile: Int64(tile)))
            _ = try writer.insertSlice(
                inode,
                tile: Int64(tile),
                offset: next - tile * Self.tileBytes,
                length: high - next,
                sequence: try writer.nextSequence(),
                record: record,
                skip: UInt64(skip)
            )
            tokens.replaceSubrange(Int(next)..<Int(high), with: bytes[skip...])
            next = high
        }
        side.model.content[number] = tokens
        try store(number) { $0.size = UInt64(tokens.count) }
        count("write")
    }

    private func cut() throws {
        guard let number = pick(files), side.model.inline[number] == nil else { return }
        var tokens = side.model.content[number] ?? []
        let size = UInt64(tokens.count)
        let low = chance(4) ? 0 : UInt64.random(in: 0...size, using: &generator)
        let sequence = try writer.nextSequence()
        let inode = InodeNumber(rawValue: number)
        if chance(2) {
            _ = try writer.cut(inode, low..<UInt64.max, fileSize: size, sequence: sequence)
            tokens.removeSubrange(Int(low)...)
            count("truncate")
        } else {
            let high = low + UInt64.random(in: 1..<(chance(2) ? 800 : 60), using: &generator)
            _ = try writer.cut(inode, low..<high, fileSize: size, sequence: sequence)
            for index in Int(low)..<max(Int(low), min(Int(high), tokens.count)) {
                tokens[index] = 0
            }
            count("punch")
        }
        side.model.content[number] = tokens
        try store(number) { $0.size = UInt64(tokens.count) }
    }
}
