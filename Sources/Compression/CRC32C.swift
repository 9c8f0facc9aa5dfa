/// CRC-32C (Castagnoli, RFC 3720 appendix B.4): finds accidents, not attackers.
///
/// Slicing by eight: eight bytes a step from eight tables, about 2 GB/s; headers, which it guards
/// here, have a few hundred bytes.
package enum CRC32C {
    /// The checksum of `bytes`, or of what `previous` covers followed by `bytes`.
    package static func checksum(
        _ bytes: UnsafeRawBufferPointer,
        continuing previous: UInt32 = 0
    ) -> UInt32 {
        tables.withUnsafeBufferPointer { tables in
            var crc = ~previous
            var position = 0
            while bytes.count - position >= 8 {
                let word = UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                )
                let low = crc ^ UInt32(truncatingIfNeeded: word)
                let high = UInt32(truncatingIfNeeded: word >> 32)
                crc =
                    tables[7 << 8 | Int(low & 0xFF)] ^ tables[6 << 8 | Int(low >> 8 & 0xFF)]
                    ^ tables[5 << 8 | Int(low >> 16 & 0xFF)] ^ tables[4 << 8 | Int(low >> 24)]
                crc ^=
                    tables[3 << 8 | Int(high & 0xFF)] ^ tables[2 << 8 | Int(high >> 8 & 0xFF)]
                    ^ tables[1 << 8 | Int(high >> 16 & 0xFF)] ^ tables[Int(high >> 24)]
                position += 8
            }
            while position < bytes.count {
                crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[position])) & 0xFF)]
                position += 1
            }
            return ~crc
        }
    }

    package static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes { checksum($0) }
    }

    /// Eight tables of 256: the k-th holds each byte's remainder followed by k zero bytes.
    private static let tables: [UInt32] = {
        /// The Castagnoli polynomial 0x1EDC6F41 with its bits reversed.
        let polynomial: UInt32 = 0x82F6_3B78
        var tables = [UInt32](repeating: 0, count: 8 << 8)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 {
                crc = crc & 1 == 1 ? crc >> 1 ^ polynomial : crc >> 1
            }
            tables[byte] = crc
        }
        for index in 256..<(8 << 8) {
            let before = tables[index - 256]
            tables[index] = before >> 8 ^ tables[Int(before & 0xFF)]
        }
        return tables
    }()
}
