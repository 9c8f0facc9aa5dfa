/// The payload of an age file (C2SP age.md, "Payload"): chunks of 64 KiB, each sealed by itself.
///
/// Chunk i begins i · 65,552 bytes behind the nonce; the last one bears a mark in its own nonce, so that what is cut at
/// the end of a chunk is noticed too.
package struct AgePayload: Sendable {
    package static let chunkBytes = 64 << 10
    package static let tagBytes = 16
    package static let sealedBytes = chunkBytes + tagBytes
    /// Stands between header and chunks.
    package static let nonceBytes = 16

    private let key: SecretBytes

    package init(_ fileKey: AgeFileKey, nonce: [UInt8]) {
        let info = Array("payload".utf8)
        key = SecretBytes(Digest.hkdf(fileKey.bytes, salt: nonce, info: info))
    }

    package func seal(_ plain: UnsafeRawBufferPointer, index: UInt64, isLast: Bool) -> [UInt8] {
        precondition(plain.count <= AgePayload.chunkBytes, "a chunk has 64 KiB")
        return OpenSSL.chachaSeal(plain, key: key, nonce: nonce(index, isLast))
    }

    /// The chunk's bytes; `nil` when it is another's, changed, or not as last as it is said to be.
    package func open(_ sealed: [UInt8], index: UInt64, isLast: Bool) -> [UInt8]? {
        sealed.withUnsafeBytes { OpenSSL.chachaOpen($0, key: key, nonce: nonce(index, isLast)) }
    }

    /// 11 bytes of the number, big-endian, and 1 for the last.
    private func nonce(_ index: UInt64, _ isLast: Bool) -> [UInt8] {
        [0, 0, 0] + (0..<8).map { UInt8(truncatingIfNeeded: index >> (56 - 8 * UInt64($0))) }
            + [isLast ? 1 : 0]
    }

    /// Plain bytes of a payload of so many sealed ones, nonce left out; `nil` when none has that length.
    package static func plainBytes(ofSealed count: UInt64) -> UInt64? {
        let (whole, rest) = count.quotientAndRemainder(dividingBy: UInt64(sealedBytes))
        // An empty last chunk is allowed of an empty payload alone.
        guard rest == 0 ? whole > 0 : rest > UInt64(tagBytes) || count == UInt64(tagBytes) else {
            return nil
        }
        return whole * UInt64(chunkBytes) + (rest == 0 ? 0 : rest - UInt64(tagBytes))
    }
}

/// Seals an age file's payload as its bytes come.
package struct AgeWriter: Sendable {
    private let payload: AgePayload
    private var pending: [UInt8] = []
    private var index: UInt64 = 0
    /// What stands before the first chunk; given out with the first bytes.
    private var head: [UInt8]

    /// Begins a file: the header and a new nonce come first.
    package init(_ header: AgeHeader, _ fileKey: AgeFileKey) {
        let nonce = OpenSSL.random(AgePayload.nonceBytes)
        payload = AgePayload(fileKey, nonce: nonce)
        head = header.bytes + nonce
    }

    /// What is ready to be written once these bytes are added.
    package mutating func add(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        pending.append(contentsOf: bytes)
        // A full chunk waits for a byte behind it: it might be the last.
        let count = max(0, (pending.count - 1) / AgePayload.chunkBytes)
        return takeHead() + sealed(count)
    }

    /// The rest; nothing may be added after it.
    package mutating func finish() -> [UInt8] {
        let last = pending.withUnsafeBytes { payload.seal($0, index: index, isLast: true) }
        pending = []
        return takeHead() + last
    }

    private mutating func takeHead() -> [UInt8] {
        defer { head = [] }
        return head
    }

    private mutating func sealed(_ count: Int) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(count * AgePayload.sealedBytes)
        pending.withUnsafeBytes { pending in
            for number in 0..<count {
                let start = number * AgePayload.chunkBytes
                let chunk = UnsafeRawBufferPointer(
                    rebasing: pending[start..<start + AgePayload.chunkBytes]
                )
                output += payload.seal(chunk, index: index + UInt64(number), isLast: false)
            }
        }
        index += UInt64(count)
        pending.removeFirst(count * AgePayload.chunkBytes)
        return output
    }
}
