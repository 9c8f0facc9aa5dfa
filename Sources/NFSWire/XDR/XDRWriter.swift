internal import NIOCore

/// Writes values of RFC 4506 into one buffer, and hangs payloads in between uncopied.
///
/// Numbers and names go into a buffer of its own; a payload of some size (the data of a READ) is only remembered with its
/// place. `finish` cuts the buffer at those places, so the pieces go out as they are in one vectored write. What was written
/// can be patched and taken back until then: counts, lengths, an entry that did not fit.
package struct XDRWriter: Sendable {
    private struct Insertion {
        /// Bytes of `buffer` before the payload.
        let position: Int
        let bytes: ByteChain
    }

    /// Payloads up to this size are copied: 1 KiB copies in less time than another piece costs the socket.
    static let copiedBytesMax = 1_024

    private var buffer: ByteBuffer
    private var insertions: [Insertion] = []
    private var insertedBytes = 0

    /// An empty writer.
    ///
    /// - Parameter capacity: Bytes that most messages of its kind need, payloads apart; more is made as needed.
    package init(capacity: Int = 512) {
        buffer = ByteBufferAllocator().buffer(capacity: capacity)
    }

    /// Bytes written, payloads included.
    package var count: Int { buffer.writerIndex + insertedBytes }

    // MARK: Numbers (RFC 4506 §4.1 to §4.5)

    package mutating func write(_ value: UInt32) {
        buffer.writeInteger(value)
    }

    package mutating func write(_ value: UInt64) {
        buffer.writeInteger(value)
    }

    package mutating func write(_ value: Int32) {
        buffer.writeInteger(value)
    }

    package mutating func write(_ value: Int64) {
        buffer.writeInteger(value)
    }

    package mutating func write(_ value: Bool) {
        buffer.writeInteger(value ? 1 : 0, as: UInt32.self)
    }

    // MARK: Opaque data (RFC 4506 §4.9 to §4.11)

    /// Bytes of variable length: their count, they, and zeros to a multiple of four.
    package mutating func write(opaque bytes: [UInt8]) {
        write(UInt32(bytes.count))
        write(fixedOpaque: bytes)
    }

    /// As many bytes as both sides know.
    package mutating func write(fixedOpaque bytes: [UInt8]) {
        buffer.writeBytes(bytes)
        pad(bytes.count)
    }

    /// Bytes of variable length, uncopied unless they are few.
    package mutating func write(payload bytes: ByteChain) {
        write(UInt32(bytes.count))
        if bytes.count <= Self.copiedBytesMax {
            bytes.forEachPiece { buffer.writeImmutableBuffer($0) }
        } else {
            insertions.append(Insertion(position: buffer.writerIndex, bytes: bytes))
            insertedBytes += bytes.count
        }
        pad(bytes.count)
    }

    private mutating func pad(_ count: Int) {
        let missing = -count & 3
        if missing > 0 { buffer.writeRepeatingByte(0, count: missing) }
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
            position: buffer.writerIndex,
            insertions: insertions.count,
            insertedBytes: insertedBytes
        )
    }

    /// Takes back what was written since.
    package mutating func rollBack(to mark: Mark) {
        precondition(mark.position <= buffer.writerIndex, "a mark is not ahead of the writer")
        buffer.moveWriterIndex(to: mark.position)
        insertions.removeLast(insertions.count - mark.insertions)
        insertedBytes = mark.insertedBytes
    }

    /// Replaces the number written at a mark.
    package mutating func patch(_ value: UInt32, at mark: Mark) {
        precondition(mark.position + 4 <= buffer.writerIndex, "only what was written is patched")
        buffer.setInteger(value, at: mark.position)
    }

    /// Replaces the first number of the message.
    mutating func patchFirst(_ value: UInt32) {
        buffer.setInteger(value, at: 0)
    }

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
        guard !insertions.isEmpty else { return ByteChain(buffer) }
        var chain = ByteChain()
        var position = 0
        for insertion in insertions {
            if let slice = buffer.getSlice(at: position, length: insertion.position - position) {
                chain.append(slice)
            }
            insertion.bytes.forEachPiece { chain.append($0) }
            position = insertion.position
        }
        if let slice = buffer.getSlice(at: position, length: buffer.writerIndex - position) {
            chain.append(slice)
        }
        return chain
    }
}
