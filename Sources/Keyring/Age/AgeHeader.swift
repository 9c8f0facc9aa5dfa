/// The header of an age file (C2SP age.md, "Header"): who may open it, and a MAC under the file key.
package struct AgeHeader: Sendable, Hashable {
    let stanzas: [AgeStanza]
    private let mac: [UInt8]
    /// Its bytes up to and including `---`, which the MAC covers.
    private let authenticated: [UInt8]

    /// 128 KiB: a stanza for one X25519 recipient takes 98 bytes.
    package static let bytesMax = 128 << 10
    /// Each costs whoever opens it one X25519.
    package static let stanzasMax = 1_000
    /// What every version of the format begins with.
    package static let beginning = Array("age-encryption.org/".utf8)
    private static let firstLine = Array("age-encryption.org/v1".utf8)
    private static let mark = Array("---".utf8)

    /// Its bytes in all: the payload begins behind them.
    package var byteCount: Int { authenticated.count + 1 + RawBase64.encode(mac).count + 1 }

    /// The header as it stands in a file.
    package var bytes: [UInt8] {
        authenticated + [UInt8(ascii: " ")] + RawBase64.encode(mac) + [UInt8(ascii: "\n")]
    }

    init(_ stanzas: [AgeStanza], for fileKey: AgeFileKey) {
        self.stanzas = stanzas
        authenticated =
            AgeHeader.firstLine + [UInt8(ascii: "\n")] + stanzas.flatMap(\.bytes)
            + AgeHeader.mark
        mac = fileKey.mac(of: authenticated)
    }

    /// Reads a header.
    ///
    /// - Parameter bytes: The beginning of a file: all of it, or at least ``bytesMax``.
    /// - Throws: `.malformed` for anything that is no header of age's, or too large; `.unsupported` for another version.
    package init(_ bytes: [UInt8]) throws(KeyringError) {
        var lines = HeaderLines(bytes.prefix(AgeHeader.bytesMax))
        guard let first = lines.next() else {
            throw AgeHeader.malformed("does not begin as an age file")
        }
        guard first.elementsEqual(AgeHeader.firstLine) else {
            guard first.starts(with: AgeHeader.beginning) else {
                throw AgeHeader.malformed("does not begin as an age file")
            }
            throw KeyringError(
                .unsupported,
                "the age header is of version '\(String(decoding: first.prefix(40), as: UTF8.self))'; this Varve reads v1",
                remedy: "Use a newer Varve, or age itself."
            )
        }
        var stanzas: [AgeStanza] = []
        while let line = lines.next() {
            guard line.starts(with: AgeHeader.mark) else {
                stanzas.append(try AgeHeader.stanza(line, &lines))
                guard stanzas.count <= AgeHeader.stanzasMax else {
                    throw AgeHeader.malformed("has over \(AgeHeader.stanzasMax) recipients")
                }
                continue
            }
            guard line.count == 47, line.dropFirst(3).first == UInt8(ascii: " "),
                let mac = RawBase64.decode(line.dropFirst(4)), !stanzas.isEmpty
            else { throw AgeHeader.malformed("ends in no MAC of 32 bytes, or names nobody") }
            self.stanzas = stanzas
            self.mac = mac
            authenticated = Array(bytes[..<(line.startIndex + 3)])
            return
        }
        throw AgeHeader.malformed("is cut short, or longer than \(AgeHeader.bytesMax) bytes")
    }

    private static func stanza(
        _ line: ArraySlice<UInt8>,
        _ lines: inout HeaderLines
    ) throws(KeyringError) -> AgeStanza {
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard words.count >= 2, words[0].elementsEqual(Array("->".utf8)),
            words.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (0x21...0x7E).contains($0) } })
        else { throw malformed("has a line that is no recipient") }
        var body: [UInt8] = []
        while let line = lines.next() {
            guard line.count <= AgeStanza.columns else {
                throw malformed("has a line of over \(AgeStanza.columns) columns")
            }
            body += line
            guard line.count < AgeStanza.columns else { continue }
            guard let decoded = RawBase64.decode(body) else {
                throw malformed("has a recipient whose body is not canonical base64")
            }
            let arguments = words.dropFirst().map { String(decoding: $0, as: UTF8.self) }
            return AgeStanza(arguments: arguments, body: decoded)
        }
        throw malformed("is cut short")
    }

    static func malformed(_ what: String) -> KeyringError {
        KeyringError(
            .malformed,
            "the age header \(what)",
            remedy: "Take another copy of the file."
        )
    }

    /// Whether it opens with a passphrase, and with nothing else.
    package var needsPassphrase: Bool { stanzas.contains { $0.kind == AgePassphrase.kind } }
    /// How many may open it.
    package var recipientCount: Int { stanzas.count }

    /// The file key, if the header is what was written under it.
    @discardableResult
    package func verified(_ fileKey: AgeFileKey) throws(KeyringError) -> AgeFileKey {
        guard Digest.areEqual(fileKey.mac(of: authenticated), mac) else {
            throw KeyringError(
                .notAuthentic,
                "the age header was changed: its MAC does not fit",
                remedy: "Take another copy of the file."
            )
        }
        return fileKey
    }
}

/// One way to the file key (C2SP age.md, "Recipient stanza").
struct AgeStanza: Sendable, Hashable {
    let arguments: [String]
    let body: [UInt8]

    static let columns = 64

    var kind: String { arguments.first ?? "" }

    /// Base64 wrapped at 64 columns, the last line shorter, if need be empty.
    var bytes: [UInt8] {
        var text = Array("-> \(arguments.joined(separator: " "))\n".utf8)
        let encoded = RawBase64.encode(body)
        for start in stride(from: 0, through: encoded.count, by: AgeStanza.columns) {
            text += encoded[start..<min(start + AgeStanza.columns, encoded.count)]
            text.append(UInt8(ascii: "\n"))
        }
        return text
    }
}

/// Lines of a header; one without a line feed is none.
private struct HeaderLines {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    mutating func next() -> ArraySlice<UInt8>? {
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        defer { rest = rest[(end + 1)...] }
        return rest[..<end]
    }
}
