/// Appends little-endian fields, as every format of ours lays them out.
package struct ByteWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    package mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func append(bytes more: some Sequence<UInt8>) {
        bytes.append(contentsOf: more)
    }

    /// A 32-bit length, then the bytes.
    package mutating func append(counted more: [UInt8]) {
        append(UInt32(more.count))
        bytes.append(contentsOf: more)
    }
}

/// Reads what ``ByteWriter`` wrote; past the end it answers `nil`, never a trap.
package struct ByteReader: Sendable {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    package init(_ bytes: some Collection<UInt8>) {
        self.bytes = ArraySlice(bytes)
        position = self.bytes.startIndex
    }

    package var remaining: Int { bytes.endIndex - position }

    package mutating func read<Value: FixedWidthInteger>(_ type: Value.Type) -> Value? {
        let size = MemoryLayout<Value>.size
        guard remaining >= size else { return nil }
        var value: Value = 0
        withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: bytes[position..<position + size]) }
        position += size
        return Value(littleEndian: value)
    }

    package mutating func read(count: Int) -> [UInt8]? {
        guard count >= 0, remaining >= count else { return nil }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    /// Bytes behind a 32-bit length; `nil` when longer than `max` or than what is left.
    package mutating func readCounted(max: Int) -> [UInt8]? {
        guard let count = read(UInt32.self), count <= max else { return nil }
        return read(count: Int(count))
    }
}
