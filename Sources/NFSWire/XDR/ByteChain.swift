package import NIOCore

/// A run of bytes in pieces, in order, never gathered: a request as the socket delivered it, or a payload cut out of one.
///
/// The pieces share the storage they were cut from: cutting and appending move no bytes. Two chains are equal when their bytes
/// are, wherever the cuts lie. A chain of one piece, which most are, allocates nothing.
package struct ByteChain: Sendable {
    /// Bytes in all pieces.
    package private(set) var count = 0
    private var first: ByteBuffer?
    private var rest: [ByteBuffer] = []

    package init() {}

    /// One piece.
    package init(_ piece: ByteBuffer) {
        append(piece)
    }

    package init(_ pieces: some Sequence<ByteBuffer>) {
        for piece in pieces {
            append(piece)
        }
    }

    /// Copies the bytes into one piece.
    package init(copying bytes: some Collection<UInt8>) {
        self.init(ByteBuffer(bytes: bytes))
    }

    package var isEmpty: Bool { count == 0 }

    /// Pieces that hold the bytes; none is empty.
    package var pieceCount: Int { first == nil ? 0 : 1 + rest.count }

    /// The pieces, as a socket's vectored write or the engine takes them.
    package var pieces: [ByteBuffer] {
        guard let first else { return [] }
        return [first] + rest
    }

    /// Adds the readable bytes of a buffer at the end, uncopied.
    package mutating func append(_ piece: ByteBuffer) {
        guard piece.readableBytes > 0 else { return }
        count += piece.readableBytes
        if first == nil {
            first = piece
        } else {
            rest.append(piece)
        }
    }

    /// Calls `body` with each piece in order.
    package func forEachPiece<Failure: Error>(
        _ body: (ByteBuffer) throws(Failure) -> Void
    ) throws(Failure) {
        guard let first else { return }
        try body(first)
        for piece in rest {
            try body(piece)
        }
    }

    /// All bytes in one array: a copy, for small chains and for tests.
    package var bytes: [UInt8] {
        var gathered: [UInt8] = []
        gathered.reserveCapacity(count)
        forEachPiece { gathered.append(contentsOf: $0.readableBytesView) }
        return gathered
    }

    /// The same bytes, copied into one piece where those that hold them have more storage than so much.
    package func kept(withinStorage bytesMax: Int) -> ByteChain {
        var storage = 0
        forEachPiece { storage += $0.storageCapacity }
        return storage > bytesMax ? ByteChain(copying: bytes) : self
    }

    /// Adds to the last piece by copying, where its storage has room and nobody else holds it; answers whether it did.
    mutating func appendCopying(_ piece: ByteBuffer, capacity: Int) -> Bool {
        guard let last = rest.last ?? first else { return false }
        guard last.readableBytes + piece.readableBytes <= capacity else { return false }
        // The local copy would be a second holder, and the write would copy the storage: take it out first.
        if rest.isEmpty {
            first = nil
        } else {
            rest.removeLast()
        }
        var grown = consume last
        grown.writeImmutableBuffer(piece)
        count += piece.readableBytes
        if first == nil {
            first = grown
        } else {
            rest.append(grown)
        }
        return true
    }
}

extension ByteChain: Equatable {
    package static func == (left: ByteChain, right: ByteChain) -> Bool {
        guard left.count == right.count else { return false }
        if left.rest.isEmpty, right.rest.isEmpty { return left.first == right.first }
        var leftPieces = left.pieces[...]
        var rightPieces = right.pieces[...]
        while var leftPiece = leftPieces.popFirst(), var rightPiece = rightPieces.popFirst() {
            let common = min(leftPiece.readableBytes, rightPiece.readableBytes)
            guard leftPiece.readSlice(length: common) == rightPiece.readSlice(length: common) else {
                return false
            }
            if leftPiece.readableBytes > 0 { leftPieces = [leftPiece] + leftPieces }
            if rightPiece.readableBytes > 0 { rightPieces = [rightPiece] + rightPieces }
        }
        return true
    }
}
