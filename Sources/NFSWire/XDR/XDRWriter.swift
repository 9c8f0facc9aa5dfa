internal import NIOCore

/// Writes values of RFC 4506 into one buffer, and hangs payloads in between uncopied.
///
/// Numbers and names go into an array, which costs a fraction of a `ByteBuffer` a number (docs/decisions/0016); a payload of some size (the data of a READ) is only remembered with its
/// place. `finish` cuts the buffer at those places, so the pieces go out as they are in one vectored write. What was written
/// can be patched and taken back until then: counts, lengths, an entry that did not fit.
package struct XDRWriter: ~Copyable, Sendable {
    private struct Insertion {
        /// Bytes of `bytes` before the payload.
        let position: Int
        let payload: ByteChain
    }

    /// Payloads up to this size are copied: 1 KiB copies in less time than another piece costs the socket.
    static let copiedBytesMax = 1_024

    /// Zeros from `used` on.
    private var bytes: [UInt8]
    private var used = 0
    private var insertions: [Insertion] = []
    private var insertedBytes = 0

    /// An empty writer.
    ///
    /// - Parameter capacity: Bytes that most messages of its kind need, payloads apart; more is made as needed.
    package init(capacity: Int = 512) {
        bytes = [UInt8](repeating: 0, count: max(capacity, 64))
    }

    /// Bytes written, payloads included.
    package var count: Int { used + insertedBytes }

    // MARK: Numbers (RFC 4506 §4.1 to §4.5)

    package mutating func write(_ value: UInt32) {
        makeRoom(4)
        bytes.withUnsafeMutableBytes {
            $0.storeBytes(of: value.bigEndian, toByteOffset: used, as: UInt32.self)
        }
        used += 4
    }

    package mutating func write(_ value: UInt64) {
        makeRoom(8)
        bytes.withUnsafeMutableBytes {
            $0.storeBytes(of: value.bigEndian, toByteOffset: used, as: UInt64.self)
        }
        used += 8
    }

    package mutating func write(_ value: Int32) {
        write(UInt32(bitPattern: value))
    }

    package mutating func write(_ value: Int64) {
        write(UInt64(bitPattern: value))
    }

    package mutating func write(_ value: Bool) {
        write(UInt32(value ? 1 : 0))
    }

    // MARK: Opaque data (RFC 4506 §4.9 to §4.11)

    /// Bytes of variable length: their count, they, and zeros to a multiple of four.
    package mutating func write(opaque: [UInt8]) {
        write(UInt32(opaque.count))
        write(fixedOpaque: opaque)
    }

    /// Bytes of variable length, made where they stand.
    ///
    /// - Parameters:
    ///   - count: How many.
    ///   - fill: Is lent the memory of just these bytes, all zeros.
    package mutating func write(
        opaqueBytes count: Int,
        _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        write(UInt32(count))
        makeRoom(count)
        // SAFETY: the memory is lent for the call alone, and lies within what there is room for.
        bytes.withUnsafeMutableBytes { bytes in
            fill(UnsafeMutableRawBufferPointer(rebasing: bytes[used..<used + count]))
        }
        used += count
        pad(count)
    }

    /// As many bytes as both sides know.
    package mutating func write(fixedOpaque opaque: [UInt8]) {
        opaque.withUnsafeBytes { copy($0) }
        pad(opaque.count)
    }

    /// Bytes of variable length, uncopied unless they are few.
    package mutating func write(payload: ByteChain) {
        write(UInt32(payload.count))
        if payload.count <= Self.copiedBytesMax {
            for piece in payload.pieces {
                piece.withUnsafeReadableBytes { copy($0) }
            }
        } else {
            insertions.append(Insertion(position: used, payload: payload))
            insertedBytes += payload.count
        }
        pad(payload.count)
    }

    // SAFETY: `source` is read here alone, inside the call that lends it.
    private mutating func copy(_ source: UnsafeRawBufferPointer) {
        makeRoom(source.count)
        bytes.withUnsafeMutableBytes { target in
            target[used..<used + source.count].copyBytes(from: source)
        }
        used += source.count
    }

    /// Zeros to a multiple of four: they are there already.
    private mutating func pad(_ count: Int) {
        let missing = -count & 3
        makeRoom(missing)
        used += missing
    }

    private mutating func makeRoom(_ count: Int) {
        if used + count > bytes.count { grow(count) }
    }

    private mutating func grow(_ count: Int) {
        let size = max(2 * bytes.count, used + count)
        bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
    }

    // MARK: Lists

    /// A counted list (RFC 4506 §4.13).
    package mutating func write(_ elements: [some XDRValue]) {
        write(UInt32(elements.count))
        for element in elements {
            element.encode(to: &self)
        }
    }

    /// A list of at most one, or optional data (RFC 4506 §4.19).
    package mutating func write(optional value: (some XDRValue)?) {
        guard let value else {
            write(UInt32(0))
            return
        }
        write(UInt32(1))
        value.encode(to: &self)
    }

    // MARK: Going back

    /// A place to patch or to return to.
    package struct Mark: Sendable {
        fileprivate let position: Int
        fileprivate let insertions: Int
        fileprivate let insertedBytes: Int

        /// Bytes before it, payloads included.
        package var count: Int { position + insertedBytes }

        /// The place so many bytes on; no payload lies between.
        func advanced(by bytes: Int) -> Mark {
            Mark(
                position: position + bytes,
                insertions: insertions,
                insertedBytes: insertedBytes
            )
        }
    }

    /// Where the next value will stand.
    package var mark: Mark {
        Mark(
            position: used,
            insertions: insertions.count,
            insertedBytes: insertedBytes
        )
    }

    /// Takes back what was written since.
    package mutating func rollBack(to mark: Mark) {
        precondition(mark.position <= used, "a mark is not ahead of the writer")
        bytes.withUnsafeMutableBytes { bytes in
            _ = bytes[mark.position..<used].initializeMemory(as: UInt8.self, repeating: 0)
        }
        used = mark.position
        insertions.removeLast(insertions.count - mark.insertions)
        insertedBytes = mark.insertedBytes
    }

    /// Replaces the number written at a mark.
    package mutating func patch(_ value: UInt32, at mark: Mark) {
        precondition(mark.position + 4 <= used, "only what was written is patched")
        bytes.withUnsafeMutableBytes {
            $0.storeBytes(of: value.bigEndian, toByteOffset: mark.position, as: UInt32.self)
        }
    }

    /// Where the message begins.
    static var start: Mark { Mark(position: 0, insertions: 0, insertedBytes: 0) }

    /// Writes a body with its count before it.
    package mutating func writeBody(_ write: (inout XDRWriter) -> Void) {
        let start = mark
        self.write(UInt32(0))
        write(&self)
        let written = count - start.count - 4
        patch(UInt32(written), at: start)
        pad(written)
    }

    // MARK: The message

    /// The message, in the pieces that it goes out in.
    package consuming func finish() -> ByteChain {
        let buffer = ByteBuffer(bytes: bytes[..<used])
        guard !insertions.isEmpty else { return ByteChain(buffer) }
        var chain = ByteChain()
        var position = 0
        for insertion in insertions {
            if let slice = buffer.getSlice(at: position, length: insertion.position - position) {
                chain.append(slice)
            }
            insertion.payload.forEachPiece { chain.append($0) }
            position = insertion.position
        }
        if let slice = buffer.getSlice(at: position, length: used - position) {
            chain.append(slice)
        }
        return chain
    }
}
