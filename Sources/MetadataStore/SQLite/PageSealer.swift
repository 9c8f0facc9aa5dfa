import Keyring
import VarveModel

/// Seals and opens pages and small records for one connection: one thread at a time.
///
/// Everything sealed ends in a tag (16), the start salt (8) and the counter (8), little-endian.
final class PageSealer {
    /// Tag, salt and counter.
    static let overheadBytes = 32
    /// Starts whose ciphers are kept ready; a database restarted oftener derives some keys again.
    private static let sealersMax = 256

    private let keys: PageKeys
    private let own: Sealer
    private var others: [UInt64: Sealer] = [:]
    /// The database's id, then what a record is and where it belongs.
    private var header: [UInt8]

    init(_ keys: PageKeys) {
        self.keys = keys
        own = Sealer(keys.key(salt: keys.startSalt))
        header = keys.id.bytes + [UInt8](repeating: 0, count: 48)
    }

    /// Seals 4,064 bytes as page `number` into 4,096.
    func seal(
        page plain: UnsafeRawPointer,
        number: UInt32,
        into sealed: UnsafeMutableRawPointer
    ) {
        header.withUnsafeMutableBytes {
            $0.storeBytes(of: number.littleEndian, toByteOffset: 16, as: UInt32.self)
        }
        seal(
            UnsafeRawBufferPointer(start: plain, count: SealedLayout.plainBytes),
            into: sealed,
            authenticated: 20
        )
    }

    /// Opens page `number` into 4,096 bytes, the last 32 of which become zeros.
    ///
    /// SQLite's checksums cover those 32 bytes: it must always see the same ones.
    func open(
        page sealed: UnsafeRawPointer,
        number: UInt32,
        into plain: UnsafeMutableRawPointer
    ) -> Bool {
        header.withUnsafeMutableBytes {
            $0.storeBytes(of: number.littleEndian, toByteOffset: 16, as: UInt32.self)
        }
        let target = UnsafeMutableRawBufferPointer(start: plain, count: SealedLayout.plainBytes)
        let isAuthentic = open(sealed, into: target, authenticated: 20)
        memset(plain + SealedLayout.plainBytes, SealedLayout.reservedBytes)
        return isAuthentic
    }

    /// Seals a small record into `plain.count + 32` bytes.
    ///
    /// - Parameters:
    ///   - plain: The record.
    ///   - sealed: Room for 32 bytes more.
    ///   - place: Words that say what it is and where it stands, at most 6.
    func seal(
        record plain: UnsafeRawBufferPointer,
        into sealed: UnsafeMutableRawPointer,
        place: RecordPlace
    ) {
        seal(plain, into: sealed, authenticated: place.write(to: &header))
    }

    /// Opens a small record.
    func open(
        record sealed: UnsafeRawPointer,
        into plain: UnsafeMutableRawBufferPointer,
        place: RecordPlace
    ) -> Bool {
        open(sealed, into: plain, authenticated: place.write(to: &header))
    }

    // SAFETY of both: the pointers are the callers' buffers of the sizes named above, and neither
    // libcrypto nor this object keeps them.
    private func seal(
        _ plain: UnsafeRawBufferPointer,
        into sealed: UnsafeMutableRawPointer,
        authenticated: Int
    ) {
        let number = keys.takeNumber()
        let end = plain.count + SealedLayout.tagBytes
        header.withUnsafeBytes { header in
            own.seal(
                plain,
                into: UnsafeMutableRawBufferPointer(start: sealed, count: end),
                nonce: Nonce(number: number),
                authenticating: UnsafeRawBufferPointer(rebasing: header[0..<authenticated])
            )
        }
        (sealed + end).storeBytes(of: keys.startSalt.littleEndian, as: UInt64.self)
        (sealed + end + 8).storeBytes(of: number.littleEndian, as: UInt64.self)
    }

    private func open(
        _ sealed: UnsafeRawPointer,
        into plain: UnsafeMutableRawBufferPointer,
        authenticated: Int
    ) -> Bool {
        let end = plain.count + SealedLayout.tagBytes
        let salt = UInt64(littleEndian: (sealed + end).loadUnaligned(as: UInt64.self))
        let number = UInt64(littleEndian: (sealed + end + 8).loadUnaligned(as: UInt64.self))
        guard salt != 0 else {
            plain.initializeMemory(as: UInt8.self, repeating: 0)
            return false
        }
        let sealer = sealer(salt: salt)
        return header.withUnsafeBytes { header in
            sealer.open(
                UnsafeRawBufferPointer(start: sealed, count: end),
                into: plain,
                nonce: Nonce(number: number),
                authenticating: UnsafeRawBufferPointer(rebasing: header[0..<authenticated])
            )
        }
    }

    private func sealer(salt: UInt64) -> Sealer {
        if salt == keys.startSalt { return own }
        if let sealer = others[salt] { return sealer }
        if others.count >= PageSealer.sealersMax { others.removeAll() }
        let sealer = Sealer(keys.key(salt: salt))
        others[salt] = sealer
        return sealer
    }

    private func memset(_ start: UnsafeMutableRawPointer, _ count: Int) {
        UnsafeMutableRawBufferPointer(start: start, count: count)
            .initializeMemory(as: UInt8.self, repeating: 0)
    }
}

/// What a small record is and where it stands: authenticated with it, so that it cannot be moved.
enum RecordPlace {
    /// A frame's header: the log's generation, the frame's index, the tag of its page.
    case frame(generation: UInt64, index: UInt64, pageTag: (UInt64, UInt64))
    case logHeader
    case note

    /// Writes itself after the database's id; answers the bytes that are authenticated.
    fileprivate func write(to header: inout [UInt8]) -> Int {
        header.withUnsafeMutableBytes { header in
            func store(_ word: UInt64, _ offset: Int) {
                header.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
            }
            switch self {
            case .logHeader:
                store(1, 16)
                return 24
            case .note:
                store(2, 16)
                return 24
            case .frame(let generation, let index, let tag):
                store(3, 16)
                store(generation, 24)
                store(index, 32)
                store(tag.0, 40)
                store(tag.1, 48)
                return 56
            }
        }
    }
}
