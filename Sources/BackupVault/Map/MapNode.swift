import Keyring
import VarveModel

/// What stands in a node: an entry in a leaf, a child in a branch.
protocol MapItem: Sendable {
    /// An entry's key; a child's last key.
    var key: [UInt8] { get }
    /// Entries beneath.
    var entryCount: UInt64 { get }
    /// Bytes in the encoded node.
    var encodedBytes: Int { get }
    func append(to writer: inout ByteWriter)
    init?(from reader: inout ByteReader)
    /// Whether a map with `new` in place of `self` is the same.
    func isSame(as new: Self) -> Bool
    static func items(of node: MapNode) -> [Self]?
}

/// A branch's knowledge of one node beneath it.
struct MapChild: MapItem, Hashable {
    /// The last key of the node.
    let key: [UInt8]
    let node: ChunkReference
    let entryCount: UInt64

    var encodedBytes: Int { 2 + key.count + ChunkReference.byteCount + 8 }

    init(key: [UInt8], node: ChunkReference, entryCount: UInt64) {
        self.key = key
        self.node = node
        self.entryCount = entryCount
    }

    /// key length u16, key, chunk id 24, length u32, entries u64.
    init?(from reader: inout ByteReader) {
        guard let size = reader.read(UInt16.self), let key = reader.read(count: Int(size)),
            let node = ChunkReference(from: &reader), let count = reader.read(UInt64.self),
            count > 0
        else { return nil }
        self.init(key: key, node: node, entryCount: count)
    }

    func append(to writer: inout ByteWriter) {
        writer.append(UInt16(key.count))
        writer.append(bytes: key)
        node.append(to: &writer)
        writer.append(entryCount)
    }

    func isSame(as new: MapChild) -> Bool { node == new.node }

    static func items(of node: MapNode) -> [MapChild]? {
        guard case .branch(let children) = node.items else { return nil }
        return children
    }
}

extension MapEntry: MapItem {
    var entryCount: UInt64 { 1 }

    var encodedBytes: Int {
        2 + key.count + 4 + value.bytes.count + 2 + value.chunks.count * ChunkReference.byteCount
    }

    /// key length u16, key, value length u32, value, chunk count u16, chunks.
    init?(from reader: inout ByteReader) {
        guard let size = reader.read(UInt16.self), let key = reader.read(count: Int(size)),
            let bytes = reader.readCounted(max: MapLimits.valueBytesMax),
            let count = reader.read(UInt16.self), count <= MapLimits.chunksMax
        else { return nil }
        var chunks: [ChunkReference] = []
        chunks.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let chunk = ChunkReference(from: &reader) else { return nil }
            chunks.append(chunk)
        }
        self.init(key: key, value: MapValue(bytes, chunks: chunks))
    }

    func append(to writer: inout ByteWriter) {
        writer.append(UInt16(key.count))
        writer.append(bytes: key)
        writer.append(counted: value.bytes)
        writer.append(UInt16(value.chunks.count))
        for chunk in value.chunks { chunk.append(to: &writer) }
    }

    func isSame(as new: MapEntry) -> Bool { value == new.value }

    static func items(of node: MapNode) -> [MapEntry]? {
        guard case .leaf(let entries) = node.items else { return nil }
        return entries
    }
}

/// A node of a map, decoded.
final class MapNode: Sendable {
    enum Items: Sendable {
        case leaf([MapEntry])
        case branch([MapChild])
    }

    let level: UInt8
    let items: Items
    /// Bytes of the encoded node: what a cache counts.
    let byteCount: Int

    /// Levels at most: far above what 2^64 entries need.
    static let levelMax: UInt8 = 40
    private static let format: UInt8 = 1
    private static let headerBytes = 6

    /// Takes a node's bytes: format u8, level u8, count u32, items; keys strictly ascending.
    ///
    /// `nil` for anything that no writer could have stored.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard reader.read(UInt8.self) == MapNode.format, let level = reader.read(UInt8.self),
            level <= MapNode.levelMax, let count = reader.read(UInt32.self),
            Int(count) <= reader.remaining / 8
        else { return nil }
        if level == 0 {
            guard let entries: [MapEntry] = MapNode.readItems(&reader, count: Int(count)) else {
                return nil
            }
            items = .leaf(entries)
        } else {
            guard let children: [MapChild] = MapNode.readItems(&reader, count: Int(count)),
                !children.isEmpty
            else { return nil }
            items = .branch(children)
        }
        guard reader.remaining == 0 else { return nil }
        self.level = level
        byteCount = bytes.count
    }

    private static func readItems<Item: MapItem>(
        _ reader: inout ByteReader,
        count: Int
    ) -> [Item]? {
        var items: [Item] = []
        items.reserveCapacity(count)
        for _ in 0..<count {
            guard let item = Item(from: &reader),
                (1...MapLimits.keyBytesMax).contains(item.key.count)
            else { return nil }
            if let last = items.last, !last.key.precedes(item.key) { return nil }
            items.append(item)
        }
        return items
    }

    /// The one encoding of a node.
    static func encode<Item: MapItem>(_ items: [Item], level: UInt8) -> [UInt8] {
        let size = items.reduce(headerBytes) { $0 + $1.encodedBytes }
        var writer = ByteWriter(capacity: size)
        writer.append(format)
        writer.append(level)
        writer.append(UInt32(items.count))
        for item in items { item.append(to: &writer) }
        return writer.bytes
    }
}

/// Where nodes end: a pure function of what stands in them, so equal content gives equal nodes.
///
/// An item ends its node when the keyed hash of its key falls below a threshold in proportion to
/// the item's size, which gives nodes of 8 KiB in the mean, or when the node has reached 32 KiB.
/// Both look only at what stands before the end of the node, never behind it.
struct MapBoundaries: Sendable {
    /// 8 KiB: an edit rewrites a node on each level, and small nodes compress badly.
    static let nodeBytesMean = 8 << 10
    /// 32 KiB: of nodes without a chosen end, exp(-4) = 1.8 % grow so long.
    static let nodeBytesMax = 32 << 10

    private let key0: UInt64
    private let key1: UInt64

    /// Takes two secret words.
    init(words: [UInt64]) {
        precondition(words.count >= 2, "a SipHash key is two words")
        key0 = words[0]
        key1 = words[1]
    }

    /// Whether an item of this size is the chosen end of its node on this level.
    func isEnd(_ key: [UInt8], bytes: Int, level: UInt8) -> Bool {
        guard bytes < MapBoundaries.nodeBytesMean else { return true }
        let hash = SipHash(key0: key0 ^ UInt64(level), key1: key1).hash(key)
        let threshold = UInt64.max / UInt64(MapBoundaries.nodeBytesMean) * UInt64(bytes)
        return hash < threshold
    }
}
