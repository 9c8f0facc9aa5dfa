/// Names one inode of one file system, for ever: numbers are never reused.
///
/// `1` is the root directory; `0` is never issued, so a zeroed record cannot pass for an inode.
package struct InodeNumber: Hashable, Sendable, Comparable, RawRepresentable, Codable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The root directory of every file system.
    package static let root = InodeNumber(rawValue: 1)

    package static func < (left: InodeNumber, right: InodeNumber) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// Names one segment file of one family, for ever: numbers are never reused.
package struct SegmentID: Hashable, Sendable, Comparable, RawRepresentable, Codable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static func < (left: SegmentID, right: SegmentID) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// A numbered generation of one file system's metadata: `unix seconds << 20 | n`.
///
/// Epochs never run backwards. A row is visible at instant `S` when `born <= S < died`.
package struct Epoch: Hashable, Sendable, Comparable, RawRepresentable, Codable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The `n`th epoch of a second.
    ///
    /// - Parameters:
    ///   - second: Unix seconds; not negative, below 2^43.
    ///   - n: Below 2^20.
    package init(second: Int64, n: UInt64 = 0) {
        precondition(second >= 0 && second < 1 << 43, "a second is 43 bits, not negative")
        precondition(n < 1 << 20, "a second has 2^20 epochs")
        self.init(rawValue: UInt64(second) << 20 | n)
    }

    /// The last epoch of a second: the instant that the retention grid keeps for it.
    package static func end(ofSecond second: Int64) -> Epoch {
        Epoch(second: second, n: 0xFFFFF)
    }

    /// The `died` of a row that is alive: 2^63 - 1, the greatest that SQLite stores.
    package static let never = Epoch(rawValue: UInt64(Int64.max))

    package static let zero = Epoch(rawValue: 0)

    /// Unix seconds.
    package var second: Int64 {
        Int64(rawValue >> 20)
    }

    package var next: Epoch {
        Epoch(rawValue: rawValue + 1)
    }

    package static func < (left: Epoch, right: Epoch) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// 16 random bytes that name a file system, a family, a vault or a database for ever.
package struct UniqueID: Hashable, Sendable {
    /// 16 bytes.
    package let bytes: [UInt8]

    /// Takes exactly 16 bytes; `nil` for any other count.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// Makes a new one from the system's generator.
    package static func random() -> UniqueID {
        var generator = SystemRandomNumberGenerator()
        return random(using: &generator)
    }

    /// Makes a new one from `generator`, so that tests replay.
    package static func random(using generator: inout some RandomNumberGenerator) -> UniqueID {
        let bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return UniqueID(unchecked: bytes)
    }

    private init(unchecked bytes: [UInt8]) {
        self.bytes = bytes
    }
}

/// The identifier of a file system: `fs-` and 17 lower-case hex digits (AWS EFS).
package struct FileSystemID: Hashable, Sendable, Comparable, CustomStringConvertible, Codable {
    package let text: String

    /// Accepts `fs-` followed by 8 to 40 lower-case hex digits, as the EFS API model does.
    package init?(_ text: String) {
        guard text.hasPrefix("fs-") else { return nil }
        let digits = text.utf8.dropFirst(3)
        guard (8...40).contains(digits.count), digits.allSatisfy(Hex.isLowerCaseDigit) else {
            return nil
        }
        self.text = text
    }

    /// Makes a new one.
    package static func random() -> FileSystemID {
        FileSystemID(unchecked: "fs-" + Hex.randomDigits(17))
    }

    private init(unchecked text: String) {
        self.text = text
    }

    package var description: String { text }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let id = FileSystemID(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "'\(text)' is no fs- id")
            )
        }
        self = id
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    package static func < (left: FileSystemID, right: FileSystemID) -> Bool {
        left.text < right.text
    }
}
