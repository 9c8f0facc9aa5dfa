package import NIOCore

// SAFETY: `base` points into the storage that `head` holds; nobody writes there while two hold it (see `enter`).
/// Reads values of RFC 4506 from a message in pieces, as the socket delivered them.
///
/// Nothing is gathered: a number that straddles two pieces is put together by itself, and a payload comes out as slices of
/// the pieces. Every length is checked against what is left and against a limit before anything is allocated, so a count of
/// 2^32 - 1 costs an error. The bytes that pad to four are skipped, whatever they are (RFC 4506 §3).
package struct XDRReader: @unchecked Sendable {
    /// The piece being read, whole: the source of slices, and what keeps `base` alive.
    private var head = ByteBuffer()
    /// The first byte of `head`, of which numbers are loaded without the cost of a `ByteBuffer` each (docs/decisions/0016).
    private var base: UnsafeRawPointer?
    /// Bytes read of `head`, and bytes that it has.
    private var position = 0
    private var headCount = 0
    private var rest: [ByteBuffer] = []
    private var next = 0
    /// Bytes read so far.
    package private(set) var offset = 0
    /// Bytes left of the message, or of the counted body being read.
    package private(set) var remaining: Int

    /// A reader at the first byte.
    package init(_ chain: ByteChain) {
        remaining = chain.count
        if chain.pieceCount <= 1 {
            chain.forEachPiece { enter($0) }
        } else {
            rest = chain.pieces
            enter(rest[0])
            next = 1
        }
    }

    package init(_ piece: ByteBuffer) {
        remaining = piece.readableBytes
        enter(piece)
    }

    /// Makes a piece the one being read.
    private mutating func enter(_ piece: ByteBuffer) {
        head = piece
        position = 0
        headCount = piece.readableBytes
        // SAFETY: NIO allows the pointer outside while the storage is held, which `head` does; `ByteBuffer` copies on write
        // where more than one holds the storage, and `head` is never written.
        base = head.withUnsafeReadableBytesWithStorageManagement { bytes, _ in bytes.baseAddress }
    }

    // MARK: Numbers (RFC 4506 §4.1 to §4.5)

    package mutating func uint32(_ field: String) throws(XDRError) -> UInt32 {
        try take(4, field)
        guard let base, position + 4 <= headCount else {
            return UInt32(truncatingIfNeeded: across(4))
        }
        let value = withExtendedLifetime(head) {
            base.loadUnaligned(fromByteOffset: position, as: UInt32.self)
        }
        position += 4
        return UInt32(bigEndian: value)
    }

    package mutating func uint64(_ field: String) throws(XDRError) -> UInt64 {
        try take(8, field)
        guard let base, position + 8 <= headCount else { return across(8) }
        let value = withExtendedLifetime(head) {
            base.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        }
        position += 8
        return UInt64(bigEndian: value)
    }

    package mutating func int32(_ field: String) throws(XDRError) -> Int32 {
        Int32(bitPattern: try uint32(field))
    }

    package mutating func int64(_ field: String) throws(XDRError) -> Int64 {
        Int64(bitPattern: try uint64(field))
    }

    /// 0 or 1; anything else is an error (RFC 8881 §15.1.1.1).
    package mutating func bool(_ field: String) throws(XDRError) -> Bool {
        switch try uint32(field) {
        case 0: return false
        case 1: return true
        default: throw XDRError(.badValue, field, at: offset - 4)
        }
    }

    // MARK: Opaque data (RFC 4506 §4.9 to §4.11)

    /// Bytes of variable length, copied: names, owners, handles.
    package mutating func opaque(_ field: String, max limit: Int) throws(XDRError) -> [UInt8] {
        let count = try length(field, max: limit)
        return try fixedOpaque(field, count: count)
    }

    /// As many bytes as both sides know, copied.
    package mutating func fixedOpaque(_ field: String, count: Int) throws(XDRError) -> [UInt8] {
        guard count > 0 else { return [] }
        try take(count, field)
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            while initialized < count {
                let source = nextBytes(count - initialized)
                withExtendedLifetime(head) {
                    UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(target)[initialized...]
                    )
                    .copyMemory(from: source)
                }
                initialized += source.count
            }
        }
        skipPadding(after: count)
        return bytes
    }

    /// Bytes of variable length as slices of the message, uncopied: the data of a WRITE.
    package mutating func payload(_ field: String, max limit: Int) throws(XDRError) -> ByteChain {
        let count = try length(field, max: limit)
        try take(count, field)
        let chain = slices(count)
        skipPadding(after: count)
        return chain
    }

    // MARK: Looking ahead

    /// The next number, left where it is; `nil` when too little is left.
    var upcoming: UInt32? {
        guard remaining >= 4 else { return nil }
        if let base, position + 4 <= headCount {
            return withExtendedLifetime(head) {
                UInt32(bigEndian: base.loadUnaligned(fromByteOffset: position, as: UInt32.self))
            }
        }
        var ahead = self
        return UInt32(truncatingIfNeeded: ahead.across(4))
    }

    /// Lends the next bytes, up to so many, piece by piece, and leaves them where they are.
    package func withUpcoming(_ limit: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
        var left = min(limit, remaining)
        let first = min(left, headCount - position)
        // SAFETY: the bytes lie within `head`, which lives until the call returns.
        withExtendedLifetime(head) {
            body(UnsafeRawBufferPointer(start: base?.advanced(by: position), count: first))
        }
        left -= first
        for piece in rest[next...] where left > 0 {
            piece.withUnsafeReadableBytes {
                body(UnsafeRawBufferPointer(rebasing: $0.prefix(left)))
            }
            left -= min(left, piece.readableBytes)
        }
    }

    // MARK: Lists

    /// A counted list (RFC 4506 §4.13); room is made only for what the bytes left can hold.
    package mutating func array<Element: XDRValue>(
        _ field: String,
        max limit: Int,
        of type: Element.Type = Element.self
    ) throws(XDRError) -> [Element] {
        let count = try self.count(field, max: limit, bytesEach: Element.bytesMin)
        var elements: [Element] = []
        elements.reserveCapacity(count)
        for _ in 0..<count {
            elements.append(try Element(from: &self))
        }
        return elements
    }

    /// A list of at most one, `<1>`, or optional data (RFC 4506 §4.19): both are 0 or 1, then the value.
    package mutating func optional<Value: XDRValue>(
        _ field: String,
        of type: Value.Type = Value.self
    ) throws(XDRError) -> Value? {
        switch try uint32(field) {
        case 0: return nil
        case 1: return try Value(from: &self)
        default: throw XDRError(.badValue, field, at: offset - 4)
        }
    }

    /// A list's count, which the limit and the bytes left allow.
    package mutating func count(
        _ field: String,
        max limit: Int,
        bytesEach: Int
    ) throws(XDRError) -> Int {
        let count = Int(try uint32(field))
        guard count <= limit else { throw XDRError(.tooLong, field, at: offset - 4) }
        guard count * bytesEach <= remaining else {
            throw XDRError(.truncated, field, at: offset - 4)
        }
        return count
    }

    // MARK: Counted bodies

    /// Reads a counted body, all of it and nothing beyond: an AUTH_SYS credential, the values of a fattr4.
    ///
    /// - Parameters:
    ///   - field: The body's name.
    ///   - limit: Bytes at most.
    ///   - isExact: Whether bytes that `read` leaves are an error; otherwise they are skipped.
    ///   - read: Sees only the body.
    /// - Returns: What `read` answers.
    /// - Throws: `XDRError`, of `read` or because the body is too long or not used up.
    package mutating func body<Value>(
        _ field: String,
        max limit: Int,
        isExact: Bool = true,
        _ read: (inout XDRReader) throws(XDRError) -> Value
    ) throws(XDRError) -> Value {
        let count = try length(field, max: limit)
        guard count <= remaining else {
            throw XDRError(.truncated, field, at: offset)
        }
        let outside = remaining - count
        remaining = count
        let value = try read(&self)
        if isExact, remaining > 0 { throw XDRError(.trailingBytes, field, at: offset) }
        skip(remaining)
        remaining = outside
        skipPadding(after: count)
        return value
    }

    /// Throws unless every byte was read.
    package func requireEnd(_ field: String) throws(XDRError) {
        guard remaining == 0 else { throw XDRError(.trailingBytes, field, at: offset) }
    }

    /// The bytes not yet read, as slices; the reader is then at the end.
    package mutating func takeRest() -> ByteChain {
        let chain = slices(remaining)
        offset += remaining
        remaining = 0
        return chain
    }

    /// Passes over what is left of the message, or of the counted body.
    package mutating func skipRest() {
        skip(remaining)
    }

    // MARK: Leaves

    private mutating func length(_ field: String, max limit: Int) throws(XDRError) -> Int {
        let count = Int(try uint32(field))
        guard count <= limit else { throw XDRError(.tooLong, field, at: offset - 4) }
        return count
    }

    /// Books `count` bytes as read, padding apart; throws when they are not there.
    private mutating func take(_ count: Int, _ field: String) throws(XDRError) {
        guard count <= remaining else { throw XDRError(.truncated, field, at: offset) }
        offset += count
        remaining -= count
    }

    /// A message may end without the padding of its last field: nothing reads past it.
    private mutating func skipPadding(after count: Int) {
        skip(min(Self.padded(count) - count, remaining))
    }

    private mutating func skip(_ count: Int) {
        offset += count
        remaining -= count
        var left = count
        while left > 0 {
            left -= nextBytes(left).count
        }
    }

    /// Moves on to the next piece when this one is used up.
    private mutating func refill() {
        while position == headCount {
            precondition(next < rest.count, "remaining bytes lie in pieces")
            enter(rest[next])
            next += 1
        }
    }

    /// Passes over bytes of one piece, as many as it has of `count`.
    // SAFETY: the pointer lies within `head` and is used up before the next piece is entered.
    private mutating func nextBytes(_ count: Int) -> UnsafeRawBufferPointer {
        refill()
        let part = min(count, headCount - position)
        let bytes = UnsafeRawBufferPointer(start: base?.advanced(by: position), count: part)
        position += part
        return bytes
    }

    /// Cuts bytes out of the pieces, uncopied.
    private mutating func slices(_ count: Int) -> ByteChain {
        var chain = ByteChain()
        var left = count
        while left > 0 {
            refill()
            let part = min(left, headCount - position)
            guard let slice = head.getSlice(at: head.readerIndex + position, length: part) else {
                preconditionFailure("a piece holds its readable bytes")
            }
            chain.append(slice)
            position += part
            left -= part
        }
        return chain
    }

    /// A number over the edge of pieces, most significant byte first.
    private mutating func across(_ count: Int) -> UInt64 {
        var value: UInt64 = 0
        for _ in 0..<count {
            value = value << 8 | UInt64(nextBytes(1)[0])
        }
        return value
    }

    static func padded(_ count: Int) -> Int {
        (count + 3) & ~3
    }
}
