import VarveModel

/// One file of counts: a base, a part of one, or what has changed since the file before.
///
/// Counts are a chain of files, each of which names the one before by its object id. What the chain comes to is a
/// function of the points that it names, so that an older chain is as right as the newest, and only further away.
struct CountsFile: Sendable, Hashable {
    /// A point and its roots, in the order of the maps' names.
    struct Point: Sendable, Hashable {
        let id: RecoveryPointID
        let roots: [MapRoot]
    }

    let name: CountsFileName
    /// The file that this one goes on from; `nil` of a base's first.
    let previous: UniqueID?
    /// Whether the chain up to here is whole; parts of a base but the last, and of what has changed, are not.
    let isWhole: Bool
    /// How many prunes have changed the counts since every map was walked.
    let updates: UInt32
    let gone: [RecoveryPointID]
    let come: [Point]
    /// Ascending by id.
    let entries: [CountTable.Entry]

    /// 16 MiB a file: more entries go into several, so that reading one takes no more memory.
    static let entriesMax = 1 << 19
    private static let entryBytes = ChunkID.byteCount + 8
    private static let rootBytes = ChunkReference.byteCount + 9

    /// number u64, previous 16 (zero: none), whole u8, updates u32, points gone, points come, entries
    /// (docs/formats/vault.md).
    func encoded() -> [UInt8] {
        var bytes = ByteWriter(capacity: 64 + entries.count * CountsFile.entryBytes)
        bytes.append(name.number)
        bytes.append(bytes: previous?.bytes ?? [UInt8](repeating: 0, count: 16))
        bytes.append(UInt8(isWhole ? 1 : 0))
        bytes.append(updates)
        bytes.append(UInt32(gone.count))
        for id in gone { bytes.append(bytes: id.unique.bytes) }
        bytes.append(UInt32(come.count))
        for point in come {
            bytes.append(bytes: point.id.unique.bytes)
            bytes.append(UInt32(point.roots.count))
            for root in point.roots { root.append(to: &bytes) }
        }
        bytes.append(UInt32(entries.count))
        for entry in entries {
            entry.id.append(to: &bytes)
            bytes.append(entry.references.asNode)
            bytes.append(entry.references.asContent)
        }
        return bytes.bytes
    }

    init(
        name: CountsFileName,
        previous: UniqueID?,
        isWhole: Bool,
        updates: UInt32,
        gone: [RecoveryPointID],
        come: [Point],
        entries: [CountTable.Entry]
    ) {
        self.name = name
        self.previous = previous
        self.isWhole = isWhole
        self.updates = updates
        self.gone = gone
        self.come = come
        self.entries = entries
    }

    /// `nil` for anything that no prune could have written under this name.
    init?(decoding body: [UInt8], name: CountsFileName) {
        var reader = ByteReader(body)
        guard reader.read(UInt64.self) == name.number, let previous = reader.read(count: 16),
            let whole = reader.read(UInt8.self), whole <= 1,
            let updates = reader.read(UInt32.self),
            let gone = CountsFile.items(&reader, bytesMin: 16, CountsFile.point),
            let come = CountsFile.items(&reader, bytesMin: 20, CountsFile.pointWithRoots),
            let entries = CountsFile.items(
                &reader,
                bytesMin: CountsFile.entryBytes,
                CountsFile.entry
            ),
            reader.remaining == 0,
            zip(entries, entries.dropFirst()).allSatisfy({ $0.id < $1.id })
        else { return nil }
        self.init(
            name: name,
            previous: previous.contains { $0 != 0 } ? UniqueID(bytes: previous) : nil,
            isWhole: whole == 1,
            updates: updates,
            gone: gone,
            come: come,
            entries: entries
        )
    }

    private static func items<Item>(
        _ reader: inout ByteReader,
        bytesMin: Int,
        _ read: (inout ByteReader) -> Item?
    ) -> [Item]? {
        guard let count = reader.read(UInt32.self), Int(count) <= reader.remaining / bytesMin
        else { return nil }
        var items: [Item] = []
        items.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let item = read(&reader) else { return nil }
            items.append(item)
        }
        return items
    }

    private static func point(_ reader: inout ByteReader) -> RecoveryPointID? {
        reader.read(count: 16).flatMap(UniqueID.init).map { RecoveryPointID($0) }
    }

    private static func pointWithRoots(_ reader: inout ByteReader) -> Point? {
        guard let id = point(&reader),
            let roots = items(&reader, bytesMin: rootBytes, { MapRoot(from: &$0) })
        else { return nil }
        return Point(id: id, roots: roots)
    }

    private static func entry(_ reader: inout ByteReader) -> CountTable.Entry? {
        guard let id = ChunkID(from: &reader), let asNode = reader.read(Int32.self),
            let asContent = reader.read(Int32.self), asNode != 0 || asContent != 0
        else { return nil }
        return CountTable.Entry(
            id: id,
            references: References(asNode: asNode, asContent: asContent)
        )
    }
}

/// `<number>-<object>.counts`: the number grows with each file, and no name comes twice.
struct CountsFileName: Sendable, Hashable, Comparable {
    let number: UInt64
    let object: UniqueID

    static let ending = ".counts"
    /// No prune comes so far; one above is not of a prune.
    private static let numberMax: UInt64 = 1 << 48

    var text: String {
        Generation.stem(number) + "-" + Hex.encode(object.bytes) + CountsFileName.ending
    }

    init(number: UInt64, object: UniqueID = .random()) {
        self.number = number
        self.object = object
    }

    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].hasSuffix(CountsFileName.ending),
            let number = Generation.number(ofStem: String(parts[0])),
            number <= CountsFileName.numberMax,
            let object = Hex.decode(String(parts[1].dropLast(CountsFileName.ending.count)))
                .flatMap(UniqueID.init)
        else { return nil }
        self.init(number: number, object: object)
        guard self.text == text else { return nil }
    }

    /// Above which the next file's number is: this one's, but for a name that no prune came to.
    static func numberBeforeNext(_ last: CountsFileName) -> UInt64 {
        last.number < numberMax / 2 ? last.number : 0
    }

    static func < (left: CountsFileName, right: CountsFileName) -> Bool {
        left.number != right.number
            ? left.number < right.number : left.object.bytes.precedes(right.object.bytes)
    }
}
