import FileSystemEngine
import NFSWire
import VarveModel

/// READ_PLUS (RFC 7862 §15.10): what READ answers, with zeros left out.
extension CompoundRun {
    /// 4 KiB: fewer zeros cost less than a segment more.
    private static let holeBytesMin = 4_096

    func readPlus(_ arguments: ReadArguments) async throws(NFSStatus) -> OperationReply {
        // A reply of data alone takes 20 bytes more than READ's: the number of segments, the kind and the offset.
        room -= 20
        guard case .read(let plain) = try await read(arguments) else { throw .serverFault }
        return .readPlus(
            ReadPlusReply(
                isAtEnd: plain.isAtEnd,
                segments: Self.segments(of: plain.data.bytes, at: arguments.offset)
            )
        )
    }

    /// Data and holes in turn: a hole is whole blocks of zeros, whether or not they take space (RFC 7862 §6).
    static func segments(of bytes: [UInt8], at offset: UInt64) -> [ReadPlusSegment] {
        var segments: [ReadPlusSegment] = []
        var start = 0
        var next = 0
        func end(at end: Int, isHole: Bool) {
            guard start < end else { return }
            let place = offset + UInt64(start)
            if isHole {
                segments.append(.hole(ReadPlusHole(offset: place, length: UInt64(end - start))))
            } else {
                let data = ByteChain(copying: Array(bytes[start..<end]))
                segments.append(.data(ReadPlusData(offset: place, data: data)))
            }
            start = end
        }
        while next < bytes.count {
            var zeros = next
            while zeros + holeBytesMin <= bytes.count, isZero(bytes, zeros..<zeros + holeBytesMin) {
                zeros += holeBytesMin
            }
            // What is left behind a hole, at the end of what was read, goes with it.
            let rest = zeros..<bytes.count
            if zeros > next, rest.count < holeBytesMin, isZero(bytes, rest) { zeros = bytes.count }
            if zeros > next {
                end(at: next, isHole: false)
                end(at: zeros, isHole: true)
                next = zeros
            } else {
                next = min(next + holeBytesMin, bytes.count)
            }
        }
        end(at: bytes.count, isHole: false)
        return segments
    }

    private static func isZero(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        bytes.withUnsafeBytes { buffer in
            // SAFETY: the range lies within the array, which outlives the closure; the loads need no alignment.
            let words = range.lowerBound..<range.lowerBound + range.count / 8 * 8
            var any: UInt64 = 0
            for place in stride(from: words.lowerBound, to: words.upperBound, by: 8) {
                any |= buffer.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            }
            return any == 0 && buffer[words.upperBound..<range.upperBound].allSatisfy { $0 == 0 }
        }
    }
}
