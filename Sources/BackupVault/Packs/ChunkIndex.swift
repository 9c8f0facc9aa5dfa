import Keyring
import VarveModel

/// Where a chunk lies.
struct ChunkPlace: Sendable, Hashable {
    /// The pack's place in ``ChunkIndex/packs``.
    let pack: UInt32
    /// The chunk's place in the pack's list: its nonce.
    let number: UInt32
    let offset: UInt32
    let stored: UInt32
    let length: UInt32
    let codec: ChunkCodec
}

/// A finished pack, as the index knows it.
struct IndexedPack: Sendable, Hashable {
    let id: UniqueID
    let kind: PackKind
    let writer: UniqueID
    let generation: UInt64
    /// Bytes of the file.
    let fileBytes: UInt64
    let chunks: UInt32

    /// Sealed bytes of the chunks: the file without header, list and trailer.
    var chunkBytes: UInt64 {
        let rest =
            PackHeader.byteCount + PackFormat.trailerBytes + Sealer.tagBytes + 4
            + Int(chunks) * PackEntry.byteCount
        return fileBytes > UInt64(rest) ? fileBytes - UInt64(rest) : 0
    }

    init(header: PackHeader, fileBytes: UInt64, chunks: Int) {
        id = header.pack
        kind = header.kind
        writer = header.writer
        generation = header.generation
        self.fileBytes = fileBytes
        self.chunks = UInt32(chunks)
    }

    init?(from reader: inout ByteReader) {
        guard let id = reader.read(count: 16).flatMap(UniqueID.init),
            let kind = reader.read(UInt8.self).flatMap(PackKind.init),
            let writer = reader.read(count: 16).flatMap(UniqueID.init),
            let generation = reader.read(UInt64.self), let fileBytes = reader.read(UInt64.self),
            let chunks = reader.read(UInt32.self)
        else { return nil }
        self.id = id
        self.kind = kind
        self.writer = writer
        self.generation = generation
        self.fileBytes = fileBytes
        self.chunks = chunks
    }

    func append(to bytes: inout ByteWriter) {
        bytes.append(bytes: id.bytes)
        bytes.append(kind.rawValue)
        bytes.append(bytes: writer.bytes)
        bytes.append(generation)
        bytes.append(fileBytes)
        bytes.append(chunks)
    }
}

/// A chunk of a pack whose bytes were found damaged.
struct DamagedPlace: Hashable, Sendable {
    let pack: UniqueID
    let chunk: ChunkID
}

/// Every chunk of every readable pack, in memory; a value that can always be built again.
struct ChunkIndex: Sendable {
    /// Never shrinks while the index lives: places point into it.
    private(set) var packs: [IndexedPack] = []
    private(set) var chunks: [ChunkID: ChunkPlace] = [:]
    /// Further places of the few chunks that stand in several packs: what two writers at once, or a crash
    /// between copying and condemning, have left.
    private(set) var copies: [ChunkID: [ChunkPlace]] = [:]
    private var ordinals: [UniqueID: UInt32] = [:]
    /// Packs that a prune will delete: readable, but nothing new may refer to them.
    private(set) var condemned: Set<UInt32> = []
    /// The same by name; packs that are gone already may stand there too.
    let condemnedIDs: Set<UniqueID>
    /// What reading has found damaged since the vault was opened: nothing new refers to it.
    private(set) var damaged: Set<DamagedPlace>

    init(condemned: Set<UniqueID>, damaged: Set<DamagedPlace> = []) {
        condemnedIDs = condemned
        self.damaged = damaged
    }

    var packIDs: Set<UniqueID> { Set(ordinals.keys) }

    func holds(_ pack: UniqueID) -> Bool { ordinals[pack] != nil }

    func pack(of place: ChunkPlace) -> IndexedPack { packs[Int(place.pack)] }

    func isCondemned(_ place: ChunkPlace) -> Bool { condemned.contains(place.pack) }

    /// Every place of a chunk, the best first.
    func places(of id: ChunkID) -> [ChunkPlace] {
        guard let best = chunks[id] else { return [] }
        return [best] + (copies[id] ?? [])
    }

    /// Lists of some packs as they were taken in; looks at all chunks, once for all of these packs.
    func entries(of packs: Set<UniqueID>) -> [UniqueID: [PackEntry]] {
        var found: [UInt32: [(number: UInt32, entry: PackEntry)]] = [:]
        for pack in packs {
            if let ordinal = ordinals[pack] { found[ordinal] = [] }
        }
        guard !found.isEmpty else { return [:] }
        for id in chunks.keys {
            for place in places(of: id) {
                found[place.pack]?.append((place.number, PackEntry(id: id, place: place)))
            }
        }
        var lists: [UniqueID: [PackEntry]] = [:]
        for (ordinal, entries) in found {
            let sorted = entries.sorted { $0.number < $1.number }
            // A chunk's number is its nonce, so nothing behind a gap is of use.
            lists[self.packs[Int(ordinal)].id] = sorted.enumerated()
                .prefix { $0.offset == Int($0.element.number) }.map(\.element.entry)
        }
        return lists
    }

    /// Packs that did not give back a chunk.
    var damagedPacks: Set<UniqueID> { Set(damaged.map(\.pack)) }

    /// Whether a place did not give back its chunk.
    func isDamaged(_ place: ChunkPlace, of id: ChunkID) -> Bool {
        worth(place, of: id) == .damaged
    }

    /// Whether new references may rely on a chunk.
    func canDeduplicate(_ id: ChunkID) -> Bool {
        chunks[id].map { worth($0, of: id) == .good } ?? false
    }

    /// Takes in a pack; a chunk that stands in several is found where it may stay.
    mutating func add(_ pack: IndexedPack, entries: [PackEntry]) {
        guard ordinals[pack.id] == nil else { return }
        let ordinal = UInt32(packs.count)
        packs.append(pack)
        ordinals[pack.id] = ordinal
        if condemnedIDs.contains(pack.id) { condemned.insert(ordinal) }
        for (number, entry) in entries.enumerated() {
            let place = ChunkPlace(
                pack: ordinal,
                number: UInt32(number),
                offset: entry.offset,
                stored: entry.stored,
                length: entry.length,
                codec: entry.codec
            )
            take(place, of: entry.id)
        }
    }

    /// Remembers that a place does not give back its chunk; another one comes first from now on.
    mutating func noteDamaged(_ place: ChunkPlace, of id: ChunkID) {
        damaged.insert(DamagedPlace(pack: pack(of: place).id, chunk: id))
        let all = places(of: id)
        guard let best = all.max(by: { worth($0, of: id) < worth($1, of: id) }) else { return }
        chunks[id] = best
        copies[id] = all.count > 1 ? all.filter { $0 != best } : nil
    }

    private mutating func take(_ place: ChunkPlace, of id: ChunkID) {
        guard let known = chunks[id] else {
            chunks[id] = place
            return
        }
        let isBetter = worth(known, of: id) < worth(place, of: id)
        if isBetter { chunks[id] = place }
        copies[id, default: []].append(isBetter ? known : place)
    }

    private enum Worth: Comparable {
        case damaged, condemned, good
    }

    private func worth(_ place: ChunkPlace, of id: ChunkID) -> Worth {
        let isDamaged =
            !damaged.isEmpty
            && damaged.contains(DamagedPlace(pack: pack(of: place).id, chunk: id))
        if isDamaged { return .damaged }
        return condemned.contains(place.pack) ? .condemned : .good
    }
}

/// A chunk's entry in its pack, as the index tells it.
extension PackEntry {
    init(id: ChunkID, place: ChunkPlace) {
        self.init(
            id: id,
            offset: place.offset,
            stored: place.stored,
            length: place.length,
            codec: place.codec
        )
    }
}

/// The body of an index file: packs with their chunks, as their footers list them.
enum IndexFile {
    static let ending = ".index"
    /// Chunks that a file lists at the most, but for those of its last pack.
    ///
    /// 20 MB: any file is read in one piece.
    static let chunksMax = 1 << 19

    /// Packs as files list them.
    static func groups(
        _ packs: [(pack: IndexedPack, entries: [PackEntry])],
        chunksMax: Int
    ) -> [[(pack: IndexedPack, entries: [PackEntry])]] {
        var groups: [[(pack: IndexedPack, entries: [PackEntry])]] = []
        var chunks = chunksMax
        for pack in packs {
            if chunks >= chunksMax {
                groups.append([])
                chunks = 0
            }
            groups[groups.count - 1].append(pack)
            chunks += pack.entries.count
        }
        return groups
    }

    static func encode(_ packs: [(pack: IndexedPack, entries: [PackEntry])]) -> [UInt8] {
        let count = packs.reduce(0) { $0 + $1.entries.count }
        var bytes = ByteWriter(capacity: 64 * packs.count + count * PackEntry.byteCount + 8)
        bytes.append(UInt32(packs.count))
        for (pack, entries) in packs {
            pack.append(to: &bytes)
            PackEntry.append(entries, to: &bytes)
        }
        return bytes.bytes
    }

    /// `nil` for anything that no writer could have written.
    static func decode(_ body: [UInt8]) -> [(pack: IndexedPack, entries: [PackEntry])]? {
        var reader = ByteReader(body)
        guard let count = reader.read(UInt32.self), Int(count) <= reader.remaining / 57 else {
            return nil
        }
        var packs: [(pack: IndexedPack, entries: [PackEntry])] = []
        for _ in 0..<count {
            guard let pack = IndexedPack(from: &reader),
                let entries = PackEntry.readList(&reader), entries.count == Int(pack.chunks)
            else { return nil }
            packs.append((pack, entries))
        }
        return reader.remaining == 0 ? packs : nil
    }
}

/// What one index file lists.
struct IndexList: Sendable {
    let packs: Set<UniqueID>
    let chunks: Int

    init(_ packs: [(pack: IndexedPack, entries: [PackEntry])]) {
        self.packs = Set(packs.map(\.pack.id))
        chunks = packs.reduce(0) { $0 + $1.entries.count }
    }

    /// Whether a file is to be joined with others: it is far from full, or most of what it lists is gone.
    ///
    /// - Parameters:
    ///   - present: Of each pack that there is, its chunks.
    ///   - chunksMax: Of a full file.
    /// - Returns: `false` for one that stays as it is.
    func isSmall(beside present: [UniqueID: Int], chunksMax: Int) -> Bool {
        chunks < chunksMax / 2
            || packs.reduce(0) { $0 + (present[$1] ?? 0) } < chunks / 2
    }
}
