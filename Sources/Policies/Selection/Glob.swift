/// A pattern over one name: `*` is any run of bytes, `?` any byte; `\` makes the next byte plain.
package struct Glob: Hashable, Sendable {
    private enum Part: Hashable {
        case byte(UInt8)
        case any
        case run
    }

    private let parts: [Part]

    package init(_ pattern: some Sequence<UInt8>) {
        var parts: [Part] = []
        var isEscaped = false
        for byte in pattern {
            if isEscaped {
                parts.append(.byte(byte))
                isEscaped = false
                continue
            }
            switch byte {
            case UInt8(ascii: "\\"): isEscaped = true
            case UInt8(ascii: "?"): parts.append(.any)
            case UInt8(ascii: "*"): if parts.last != .run { parts.append(.run) }
            default: parts.append(.byte(byte))
            }
        }
        if isEscaped { parts.append(.byte(UInt8(ascii: "\\"))) }
        self.parts = parts
    }

    /// Whether the whole of `name` fits; the cost is at most the product of the lengths.
    package func matches(_ name: [UInt8]) -> Bool {
        var part = 0
        var byte = 0
        // Where to go on when a later part does not fit: the last run takes one byte more.
        var retry: (part: Int, byte: Int)?
        while byte < name.count {
            if part < parts.count, parts[part] == .run {
                retry = (part + 1, byte)
                part += 1
            } else if part < parts.count, parts[part] == .any || parts[part] == .byte(name[byte]) {
                part += 1
                byte += 1
            } else if let again = retry {
                retry = (again.part, again.byte + 1)
                part = again.part
                byte = again.byte + 1
            } else {
                return false
            }
        }
        return parts[part...].allSatisfy { $0 == .run }
    }
}
