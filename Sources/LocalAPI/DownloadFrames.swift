/// How the bytes of a download travel: frames, each a length (u32, big-endian) and as many bytes.
///
/// A length of zero ends them; what follows it is a ``StreamLine`` as JSON, with the answer or the error. So a failure
/// half-way is told like any other, and a stream that just stops is known to be cut.
package enum DownloadFrames {
    /// What precedes `count` bytes.
    package static func head(_ count: Int) -> [UInt8] {
        precondition((0...Int(UInt32.max)).contains(count), "a frame's length is a u32")
        return (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) }
    }
}

/// Takes a download apart as its parts come in.
package struct DownloadReader: Sendable {
    /// What followed the last frame; `nil` while none has ended the bytes.
    package private(set) var ending: [UInt8]?
    private var head: [UInt8] = []
    /// Bytes of the present frame that are still to come.
    private var rest = 0

    package init() {}

    /// Hands the data among `part` on, in pieces of any size.
    package mutating func take(_ part: [UInt8], _ consume: ([UInt8]) throws -> Void) rethrows {
        var left = part[...]
        while !left.isEmpty {
            if ending != nil {
                ending?.append(contentsOf: left)
                return
            }
            if rest > 0 {
                let piece = left.prefix(rest)
                try consume(Array(piece))
                rest -= piece.count
                left = left.dropFirst(piece.count)
                continue
            }
            let piece = left.prefix(4 - head.count)
            head += piece
            left = left.dropFirst(piece.count)
            guard head.count == 4 else { return }
            rest = head.reduce(0) { $0 << 8 | Int($1) }
            head = []
            if rest == 0 { ending = [] }
        }
    }
}
