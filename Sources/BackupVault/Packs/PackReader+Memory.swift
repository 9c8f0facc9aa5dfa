import VarveModel

/// A pack whose bytes are in memory.
extension PackReader {
    /// Whether bytes are a pack as its writer sealed it: the header's key opens its list and every chunk, and they are all of it.
    static func isAuthentic(_ bytes: [UInt8], _ pack: UniqueID, keys: VaultKeys) -> Bool {
        do throws(VaultError) {
            let reader = try PackReader(pack, of: BytesInMemory(bytes), keys: keys)
            for (number, entry) in try reader.entries().entries.enumerated() {
                _ = try reader.payload(of: entry, number: number)
            }
            return true
        } catch {
            return false
        }
    }
}

/// Bytes that read as a file.
private final class BytesInMemory: StoredFile {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) throws(VaultError) -> Int {
        let start = min(bytes.count, Int(clamping: offset))
        let count = min(buffer.count, bytes.count - start)
        bytes.withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: source[start..<start + count])
            )
        }
        return count
    }

    func size() throws(VaultError) -> UInt64 { UInt64(bytes.count) }
    func close() {}
}
