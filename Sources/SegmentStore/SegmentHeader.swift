import Compression
import Keyring
import VarveModel

/// The first page of a segment: what it is, and the salt of its key.
struct SegmentHeader: Hashable, Sendable {
    private static let magic = Array("VRVSEGM\0".utf8)
    private static let saltBytes = 32

    /// Feature bits: an unknown compatible one may be ignored, an unknown incompatible one refuses.
    private static let incompatibleKnown: UInt64 = 0

    let family: UniqueID
    let segment: SegmentID
    let tier: Tier
    /// 256 random bits, drawn anew each time that a segment begins.
    let salt: [UInt8]
    /// The size at which the segment counts as full.
    let capacity: UInt64

    init(family: UniqueID, segment: SegmentID, tier: Tier, salt: [UInt8], capacity: UInt64) {
        precondition(salt.count == SegmentHeader.saltBytes, "a salt is 32 bytes")
        self.family = family
        self.segment = segment
        self.tier = tier
        self.salt = salt
        self.capacity = capacity
    }

    /// A header with a salt that no segment ever had.
    static func fresh(family: UniqueID, segment: SegmentID, tier: Tier, capacity: UInt64) -> Self {
        SegmentHeader(
            family: family,
            segment: segment,
            tier: tier,
            salt: SecureRandom.bytes(saltBytes),
            capacity: capacity
        )
    }

    /// The key of this segment's records: HKDF(data key, salt ‖ family ‖ segment).
    func key(_ dataKey: DataKey) -> DataKey {
        var info = ByteWriter()
        info.append(bytes: Array("varve segment 1".utf8))
        info.append(bytes: family.bytes)
        info.append(segment.rawValue)
        return dataKey.derive(salt: salt, info: info.bytes)
    }

    /// One page, authenticated under the segment's key.
    func encoded(_ dataKey: DataKey) -> [UInt8] {
        var writer = ByteWriter(capacity: Int(SegmentFormat.headerBytes))
        writer.append(bytes: SegmentHeader.magic)
        writer.append(SegmentFormat.version)
        writer.append(UInt32(SegmentFormat.headerBytes))
        for _ in 0..<3 { writer.append(UInt64(0)) }
        writer.append(bytes: family.bytes)
        writer.append(segment.rawValue)
        writer.append(UInt64(tier.rawValue))
        writer.append(bytes: salt)
        writer.append(capacity)
        let zeros = SegmentHeader.tagOffset - writer.bytes.count
        writer.append(bytes: repeatElement(0, count: zeros))
        let sealer = Sealer(key(dataKey))
        let nonce = Nonce(number: SegmentFormat.headerNumber)
        writer.append(bytes: sealer.seal([], nonce: nonce, authenticating: writer.bytes))
        writer.append(CRC32C.checksum(writer.bytes))
        return writer.bytes
    }

    private static let tagOffset = Int(SegmentFormat.headerBytes) - 4 - SegmentFormat.tagBytes

    /// Reads and authenticates a header.
    ///
    /// - Parameters:
    ///   - bytes: The first page of the file.
    ///   - dataKey: The family's.
    ///   - place: Names the file in messages.
    /// - Throws: `.newerFormat`, `.wrongKey`, and `.corrupt` for bytes that are no header or were
    ///   changed.
    init(_ bytes: [UInt8], key dataKey: DataKey, place: String) throws(SegmentError) {
        var reader = ByteReader(bytes)
        guard bytes.count == Int(SegmentFormat.headerBytes),
            reader.read(count: 8) == SegmentHeader.magic, let format = reader.read(UInt32.self)
        else { throw SegmentHeader.damaged(place, "does not begin as a segment") }
        guard format == SegmentFormat.version else {
            throw SegmentHeader.newer(place, "has format \(format); this Varve reads 1")
        }
        let checksum = CRC32C.checksum(Array(bytes.dropLast(4)))
        guard bytes.suffix(4).elementsEqual(withUnsafeBytes(of: checksum.littleEndian, Array.init))
        else { throw SegmentHeader.damaged(place, "has a damaged header") }
        guard reader.read(UInt32.self) == UInt32(SegmentFormat.headerBytes),
            reader.read(UInt64.self) != nil, reader.read(UInt64.self) != nil,
            let incompatible = reader.read(UInt64.self)
        else { throw SegmentHeader.damaged(place, "has a malformed header") }
        guard incompatible & ~SegmentHeader.incompatibleKnown == 0 else {
            throw SegmentHeader.newer(place, "needs features \(String(incompatible, radix: 16))")
        }
        guard let familyBytes = reader.read(count: 16), let family = UniqueID(bytes: familyBytes),
            let segment = reader.read(UInt64.self),
            let tierNumber = reader.read(UInt64.self),
            let tier = UInt8(exactly: tierNumber).flatMap(Tier.init(rawValue:)),
            let salt = reader.read(count: SegmentHeader.saltBytes),
            let capacity = reader.read(UInt64.self)
        else { throw SegmentHeader.damaged(place, "has a malformed header") }
        self.init(
            family: family,
            segment: SegmentID(rawValue: segment),
            tier: tier,
            salt: salt,
            capacity: capacity
        )
        guard isAuthentic(bytes, dataKey) else {
            throw SegmentError(
                .wrongKey,
                "\(place) does not open under this data key",
                remedy: "Put back the key file of this file system."
            )
        }
    }

    private func isAuthentic(_ bytes: [UInt8], _ dataKey: DataKey) -> Bool {
        let tag = Array(bytes[SegmentHeader.tagOffset..<bytes.count - 4])
        let body = Array(bytes[0..<SegmentHeader.tagOffset])
        let nonce = Nonce(number: SegmentFormat.headerNumber)
        // A seal of nothing that does not open has one meaning: not authentic.
        let opened = try? Sealer(key(dataKey)).open(tag, nonce: nonce, authenticating: body)
        return opened != nil
    }

    private static func damaged(_ place: String, _ what: String) -> SegmentError {
        SegmentError(.corrupt, "\(place) \(what)", remedy: SegmentError.damageRemedy)
    }

    private static func newer(_ place: String, _ what: String) -> SegmentError {
        SegmentError(
            .newerFormat,
            "\(place) \(what)",
            remedy: "Use the Varve that wrote it, or a newer one."
        )
    }
}
