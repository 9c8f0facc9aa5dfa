import MetadataStore
import VarveModel

/// A name as the plain model keeps it.
struct Named: Hashable {
    var hash: UInt64
    var inode: UInt64
    var kind: FileKind
}

/// A whole file system at one moment, in plain dictionaries: what the rows must read back as.
struct ModelState: Equatable {
    /// Without `born` and `space`.
    var inodes: [UInt64: InodeRow] = [:]
    var names: [UInt64: [FileName: Named]] = [:]
    var xattrs: [UInt64: [[UInt8]: [UInt8]]] = [:]
    var inline: [UInt64: [UInt8]] = [:]
    /// One token a byte of the file: which byte of which record it is; 0 for a hole.
    var content: [UInt64: [UInt64]] = [:]

    func links(of inode: UInt64) -> [DirentKey] {
        names.flatMap { directory, names in
            names.values.filter { $0.inode == inode }.map {
                DirentKey(directory: InodeNumber(rawValue: directory), hash: $0.hash)
            }
        }
        .sorted()
    }
}

/// Reads a view whole and says where it differs from the model.
struct ModelComparison {
    let reader: RowReader
    /// What each record's plain bytes are.
    let records: [RecordPointer: [UInt64]]
    let homes: [RecordPointer: RecordHome]

    func difference(_ model: ModelState, at view: View) throws -> String? {
        try inodes(model, view) ?? names(model, view) ?? attributes(model, view)
            ?? content(model, view)
    }

    private func inodes(_ model: ModelState, _ view: View) throws -> String? {
        var rows: [InodeRow] = []
        while true {
            let page = try reader.inodes(after: rows.last?.inode, limit: 7, at: view)
            rows += page
            if page.count < 7 { break }
        }
        let read = rows.map(plain)
        let wanted = model.inodes.values.sorted { $0.inode < $1.inode }
        guard read == wanted else { return "inodes: \(read) instead of \(wanted)" }
        for (number, row) in model.inodes {
            let single = try reader.inode(InodeNumber(rawValue: number), at: view).map(plain)
            guard single == row else { return "inode \(number): \(String(describing: single))" }
        }
        let absent = try reader.inode(InodeNumber(rawValue: 1 << 40), at: view)
        return absent == nil ? nil : "an inode that never was"
    }

    private func plain(_ row: InodeRow) -> InodeRow {
        var row = row
        row.born = .zero
        row.space = 0
        return row
    }

    private func names(_ model: ModelState, _ view: View) throws -> String? {
        var everywhere: [DirentRow] = []
        while true {
            let last = everywhere.last.map {
                DirentKey(directory: $0.directory, hash: $0.hash)
            }
            let page = try reader.dirents(after: last, limit: 5, at: view)
            everywhere += page
            if page.count < 5 { break }
        }
        let all = everywhere.map { DirentKey(directory: $0.directory, hash: $0.hash) }
        guard all == all.sorted(), Set(all).count == all.count else {
            return "all names come out of order"
        }
        guard all.count == model.names.values.reduce(0, { $0 + $1.count }) else {
            return "\(all.count) names in all"
        }
        for (directory, names) in model.names {
            let number = InodeNumber(rawValue: directory)
            var listed: [DirentRow] = []
            while true {
                let page = try reader.list(
                    number,
                    after: listed.last?.hash ?? 0,
                    limit: 3,
                    at: view
                )
                listed += page
                if page.count < 3 { break }
            }
            let read = Dictionary(uniqueKeysWithValues: listed.map { ($0.name, named($0)) })
            guard read == names, listed.count == names.count else {
                return "directory \(directory) lists \(read) instead of \(names)"
            }
            guard listed.map(\.hash) == listed.map(\.hash).sorted() else { return "out of order" }
            let entries = try reader.listWithInodes(number, after: 0, limit: 1_000, at: view)
            guard entries.map(\.dirent) == listed else { return "entries with inodes differ" }
            for (name, wanted) in names {
                let found = try reader.lookup(name, in: number, at: view)
                guard found.map(named) == wanted else { return "'\(name)' in \(directory)" }
                let row = try reader.dirent(directory: number, hash: wanted.hash, at: view)
                guard row.map(named) == wanted else { return "hash \(wanted.hash)" }
            }
            for index in stride(from: 0, to: 40, by: 3) {
                guard let name = FileName("n\(index)"), names[name] == nil else { continue }
                guard try reader.lookup(name, in: number, at: view) == nil else {
                    return "'\(name)' in \(directory) should not be there"
                }
            }
        }
        return nil
    }

    private func named(_ row: DirentRow) -> Named {
        Named(hash: row.hash, inode: row.inode.rawValue, kind: row.kind)
    }

    private func attributes(_ model: ModelState, _ view: View) throws -> String? {
        for (number, row) in model.inodes {
            let inode = InodeNumber(rawValue: number)
            let xattrs = try reader.xattrs(of: inode, at: view)
            let read = Dictionary(uniqueKeysWithValues: xattrs.map { ($0.name, $0.value) })
            guard read == model.xattrs[number] ?? [:] else { return "xattrs of \(number)" }
            for (name, value) in read {
                guard try reader.xattr(inode, name: name, at: view) == value else {
                    return "xattr \(name) of \(number)"
                }
            }
            guard try reader.inline(inode, at: view) == model.inline[number] else {
                return "inline content of \(number)"
            }
            guard row.kind != .directory else { continue }
            let links = try reader.links(of: inode, at: view).map {
                DirentKey(directory: $0.directory, hash: $0.hash)
            }
            let wanted = model.links(of: number)
            if row.links > 1 {
                guard links == wanted else { return "links of \(number): \(links), \(wanted)" }
            } else {
                let own = DirentKey(directory: row.parent, hash: row.parentHash)
                guard links.isEmpty, [own] == wanted else { return "the one name of \(number)" }
            }
        }
        return nil
    }

    private func content(_ model: ModelState, _ view: View) throws -> String? {
        for (number, row) in model.inodes where row.kind == .regular {
            let inode = InodeNumber(rawValue: number)
            let wanted = model.content[number] ?? []
            var read = [UInt64](repeating: 0, count: wanted.count)
            for tile in try reader.tiles(inode, limit: .max, at: view) {
                for extent in try reader.extents(inode, tile: tile, at: view) {
                    guard let bytes = records[extent.record] else {
                        return "file \(number) shows a record that was freed: \(extent)"
                    }
                    guard homes[extent.record] == extent.home else {
                        return "file \(number) takes a record for another's: \(extent)"
                    }
                    let base = UInt64(tile) * reader.tileBytes + extent.offset
                    guard base + extent.length <= UInt64(wanted.count) else {
                        return "file \(number) shows data past its end: \(extent)"
                    }
                    for index in 0..<extent.length {
                        read[Int(base + index)] = bytes[Int(extent.skip + index)]
                    }
                }
            }
            guard read == wanted else { return "content of \(number) at \(view)" }
            let runs = try reader.dataRanges(inode, at: view)
            guard runs == dataRuns(wanted) else { return "data runs of \(number): \(runs)" }
        }
        return nil
    }

    private func dataRuns(_ tokens: [UInt64]) -> [Range<UInt64>] {
        var runs: [Range<UInt64>] = []
        for (index, token) in tokens.enumerated() where token != 0 {
            let byte = UInt64(index)
            if let last = runs.last, last.upperBound == byte {
                runs[runs.count - 1] = last.lowerBound..<byte + 1
            } else {
                runs.append(byte..<byte + 1)
            }
        }
        return runs
    }
}
