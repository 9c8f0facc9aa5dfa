package import NIOCore

/// Cuts a connection's bytes into RPC records (RFC 5531 §11), without moving those of whole pieces.
///
/// A record is a run of fragments; each begins with four bytes, the top bit of which says that it is the last one, the other
/// 31 how long it is. Bytes go in as the socket delivered them; records come out as chains of slices.
///
/// What a slow or hostile sender can hold is bounded: by `recordBytesMax`, by the number of fragments, and by copying a
/// leftover that fills little of its buffer, since else a byte at a time would hold a receive buffer each.
package struct RecordAssembler: Sendable {
    /// Why the connection must end: its bytes have no meaning any more.
    package enum Failure: Error, Sendable, Hashable {
        /// A record longer than its limit; it would have had at least so many bytes.
        case recordTooLong(Int)
        /// More fragments than any client sends.
        case tooManyFragments
    }

    /// Fragments in a record; clients send one.
    package static let fragmentsMax = 1_024
    /// A leftover is copied when its buffer is more than four times as large.
    static let wasteMax = 4
    /// Room in a piece that copied leftovers share: 64 KiB, so that a record of 1 MiB has few pieces however it arrives.
    static let sharedPieceBytes = 65_536

    /// Bytes of a record at most, fragment headers apart.
    package let recordBytesMax: Int

    /// What arrived and was not looked at.
    private var arrived: ByteBuffer?
    private var record = ByteChain()
    /// Bytes of the fragment still to come; `nil` inside a header.
    private var fragmentLeft: Int?
    private var isLastFragment = false
    private var fragments = 0
    private var header: UInt32 = 0
    private var headerBytes = 0
    /// Whether the record's last piece is a copy that may grow.
    private var isSharing = false

    package init(recordBytesMax: Int) {
        self.recordBytesMax = recordBytesMax
    }

    /// Bytes held of a record that is not complete.
    package var heldBytes: Int { record.count }

    /// Takes what the socket delivered; `next` must have answered `nil` before.
    package mutating func receive(_ bytes: ByteBuffer) {
        precondition(arrived == nil, "records are taken out before more bytes go in")
        arrived = bytes.readableBytes > 0 ? bytes : nil
    }

    /// The next complete record; `nil` until more bytes arrive.
    package mutating func next() throws(Failure) -> ByteChain? {
        while var bytes = arrived {
            arrived = nil
            if fragmentLeft == nil {
                try readHeader(from: &bytes)
            }
            if let left = fragmentLeft {
                takeFragment(from: &bytes, left: left)
            }
            if bytes.readableBytes > 0 { arrived = bytes }
            if fragmentLeft == 0 {
                fragmentLeft = nil
                if isLastFragment { return finishRecord() }
            }
        }
        return nil
    }

    private mutating func readHeader(from bytes: inout ByteBuffer) throws(Failure) {
        while headerBytes < 4, let byte = bytes.readInteger(as: UInt8.self) {
            header = header << 8 | UInt32(byte)
            headerBytes += 1
        }
        guard headerBytes == 4 else { return }
        let length = Int(header & 0x7FFF_FFFF)
        isLastFragment = header >> 31 == 1
        headerBytes = 0
        header = 0
        fragments += 1
        guard fragments <= Self.fragmentsMax else { throw .tooManyFragments }
        guard record.count + length <= recordBytesMax else {
            throw .recordTooLong(record.count + length)
        }
        fragmentLeft = length
    }

    private mutating func takeFragment(from bytes: inout ByteBuffer, left: Int) {
        let count = min(left, bytes.readableBytes)
        let capacity = bytes.capacity
        guard count > 0, let slice = bytes.readSlice(length: count) else { return }
        fragmentLeft = left - count
        let isComplete = left == count && isLastFragment
        if isComplete || capacity <= count * Self.wasteMax {
            record.append(slice)
            isSharing = false
        } else if !isSharing || !record.appendCopying(slice, capacity: Self.sharedPieceBytes) {
            var copy = ByteBufferAllocator().buffer(capacity: count)
            copy.writeImmutableBuffer(slice)
            record.append(copy)
            isSharing = true
        }
    }

    private mutating func finishRecord() -> ByteChain {
        let finished = record
        record = ByteChain()
        fragments = 0
        isSharing = false
        return finished
    }
}

extension XDRWriter {
    /// Begins a record of one fragment; `finishRecord` fills its header in.
    package static func record(capacity: Int = 512) -> XDRWriter {
        var writer = XDRWriter(capacity: capacity)
        writer.write(UInt32(0))
        return writer
    }

    /// The record begun by `record`, in the pieces that it goes out in.
    package consuming func finishRecord() -> ByteChain {
        let length = count - 4
        precondition(length <= 0x7FFF_FFFF, "a fragment's length has 31 bits (RFC 5531 §11)")
        patch(UInt32(length) | 0x8000_0000, at: XDRWriter.start)
        return finish()
    }
}
