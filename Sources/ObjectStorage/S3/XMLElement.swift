/// One element of an XML answer of S3, with what is in it.
///
/// Five kinds of answers are read, flat and small, none with a document type. FoundationXML would bring libxml2 and
/// the whole of Foundation along for them, and would read more than an object store has any business sending.
struct XMLElement: Sendable, Hashable {
    /// Without a namespace.
    let name: String
    /// Its own text, its children's left out.
    var text = ""
    var children: [XMLElement] = []

    /// 8: the answers have 4 levels.
    private static let depthMax = 8

    init(_ name: String) {
        self.name = name
    }

    func first(_ name: String) -> XMLElement? { children.first { $0.name == name } }
    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }
    /// The text of a child; `nil` when there is none.
    func value(_ name: String) -> String? { first(name)?.text }

    /// Reads a document.
    ///
    /// - Returns: `nil` for anything but one whole element, and for a document type.
    init?(_ bytes: some Sequence<UInt8>) {
        var scanner = XMLScanner(Array(bytes))
        guard scanner.skipBeforeElement(), let root = scanner.element(depth: XMLElement.depthMax),
            scanner.skipBeforeElement(mayEnd: true)
        else { return nil }
        self = root
    }

    /// Text as it may stand between tags.
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }
}

/// Walks through the bytes of a document (XML 1.0).
private struct XMLScanner {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var isAtEnd: Bool { position >= bytes.count }

    private func stands(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count else { return false }
        return text.withUTF8Buffer { bytes[position..<position + count].elementsEqual($0) }
    }

    /// Moves behind the next `end`; false when there is none.
    private mutating func skip(behind end: StaticString) -> Bool {
        while !isAtEnd {
            if stands(end) {
                position += end.utf8CodeUnitCount
                return true
            }
            position += 1
        }
        return false
    }

    private mutating func skipSpace() {
        while !isAtEnd, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    /// Moves over space, declarations and comments.
    ///
    /// - Returns: Whether an element begins here, or, where it may, the document ends.
    mutating func skipBeforeElement(mayEnd: Bool = false) -> Bool {
        // A byte order mark.
        if position == 0, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        while true {
            skipSpace()
            if isAtEnd { return mayEnd }
            if stands("<?") {
                guard skip(behind: "?>") else { return false }
            } else if stands("<!--") {
                guard skip(behind: "-->") else { return false }
            } else {
                return !mayEnd && stands("<") && !stands("<!") && !stands("</")
            }
        }
    }

    /// Reads an element that begins here.
    mutating func element(depth: Int) -> XMLElement? {
        guard depth > 0, stands("<") else { return nil }
        position += 1
        guard let name = name(), let isEmpty = skipAttributes() else { return nil }
        var element = XMLElement(name)
        if isEmpty { return element }
        var text: [UInt8] = []
        while !isAtEnd {
            if stands("</") {
                position += 2
                guard self.name() == name else { return nil }
                skipSpace()
                guard stands(">"), let own = String(validating: text, as: UTF8.self) else {
                    return nil
                }
                position += 1
                element.text = own
                return element
            } else if stands("<!--") {
                guard skip(behind: "-->") else { return nil }
            } else if stands("<?") {
                guard skip(behind: "?>") else { return nil }
            } else if stands("<") {
                guard let child = self.element(depth: depth - 1) else { return nil }
                element.children.append(child)
            } else if stands("&") {
                guard let scalar = reference() else { return nil }
                text += Array(String(Character(scalar)).utf8)
            } else {
                text.append(bytes[position])
                position += 1
            }
        }
        return nil
    }

    /// A name without its namespace; it ends at space, `/` or `>`.
    private mutating func name() -> String? {
        let start = position
        while !isAtEnd, ![0x20, 0x09, 0x0A, 0x0D, 0x2F, 0x3E, 0x3C, 0x26].contains(bytes[position])
        {
            position += 1
        }
        guard position > start,
            let name = String(validating: bytes[start..<position], as: UTF8.self)
        else { return nil }
        return name.split(separator: ":").last.map(String.init)
    }

    /// Moves behind a start tag's attributes, which nothing here needs.
    ///
    /// - Returns: Whether the element ends with its start tag.
    private mutating func skipAttributes() -> Bool? {
        while !isAtEnd {
            switch bytes[position] {
            case UInt8(ascii: ">"):
                position += 1
                return false
            case UInt8(ascii: "/"):
                position += 1
                guard stands(">") else { return nil }
                position += 1
                return true
            case UInt8(ascii: "\""):
                position += 1
                guard skip(behind: "\"") else { return nil }
            case UInt8(ascii: "'"):
                position += 1
                guard skip(behind: "'") else { return nil }
            case UInt8(ascii: "<"): return nil
            default: position += 1
            }
        }
        return nil
    }

    /// A character reference or one of the five entities.
    private mutating func reference() -> Unicode.Scalar? {
        let rest = bytes[position...].prefix(12)
        guard let end = rest.firstIndex(of: UInt8(ascii: ";")),
            let text = String(validating: rest[(position + 1)..<end], as: UTF8.self)
        else { return nil }
        position = end + 1
        switch text {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            guard text.hasPrefix("#") else { return nil }
            let isHex = text.hasPrefix("#x")
            return UInt32(text.dropFirst(isHex ? 2 : 1), radix: isHex ? 16 : 10)
                .flatMap(Unicode.Scalar.init)
        }
    }
}
