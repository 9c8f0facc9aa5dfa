import VarveModel

/// The root of a Merkle ordered map: byte keys → values.
///
/// Maps with equal content have equal roots, whatever the history of their edits.
package struct MapRoot: Hashable, Sendable {
    /// The chunk that holds the topmost node.
    package let node: ChunkReference
    /// 0 when the topmost node is a leaf.
    package let level: UInt8
    /// Entries in the whole map.
    package let count: UInt64

    package init(node: ChunkReference, level: UInt8, count: UInt64) {
        self.node = node
        self.level = level
        self.count = count
    }

    init?(from reader: inout ByteReader) {
        guard let node = ChunkReference(from: &reader), let level = reader.read(UInt8.self),
            let count = reader.read(UInt64.self)
        else { return nil }
        self.init(node: node, level: level, count: count)
    }

    func append(to writer: inout ByteWriter) {
        node.append(to: &writer)
        writer.append(level)
        writer.append(count)
    }
}

/// What stands under a key: bytes that only the caller understands, and the chunks they need.
///
/// Prune and verify follow `chunks`; `bytes` refer to them by their position.
package struct MapValue: Hashable, Sendable {
    package var bytes: [UInt8]
    package var chunks: [ChunkReference]

    package init(_ bytes: [UInt8], chunks: [ChunkReference] = []) {
        self.bytes = bytes
        self.chunks = chunks
    }
}

/// A key and its value.
package struct MapEntry: Hashable, Sendable {
    /// 1 to 1,024 bytes; keys are ordered byte by byte.
    package let key: [UInt8]
    package let value: MapValue

    package init(key: [UInt8], value: MapValue) {
        self.key = key
        self.value = value
    }
}

/// A put or, without a value, a delete.
package struct MapEdit: Sendable {
    package let key: [UInt8]
    package let value: MapValue?

    package init(_ key: [UInt8], _ value: MapValue?) {
        self.key = key
        self.value = value
    }
}

/// A key whose value is not the same in two maps.
package struct MapDifference: Hashable, Sendable {
    package let key: [UInt8]
    package let old: MapValue?
    package let new: MapValue?
}

/// Bounds of what a map takes.
package enum MapLimits {
    package static let keyBytesMax = 1024
    /// 1 MiB.
    package static let valueBytesMax = 1 << 20
    package static let chunksMax = 4096
}

extension [UInt8] {
    /// Byte order; a prefix comes first.
    @inline(__always)
    func precedes(_ other: [UInt8]) -> Bool {
        compare(other) < 0
    }

    /// Negative, zero or positive, as memcmp.
    func compare(_ other: [UInt8]) -> Int {
        withUnsafeBufferPointer { left in
            other.withUnsafeBufferPointer { right in
                let shared = Swift.min(left.count, right.count)
                for index in 0..<shared where left[index] != right[index] {
                    return left[index] < right[index] ? -1 : 1
                }
                return left.count - right.count
            }
        }
    }
}
