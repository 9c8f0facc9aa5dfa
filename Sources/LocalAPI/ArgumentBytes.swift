/// Command-line arguments as text that loses no byte.
///
/// A host path need not be UTF-8, but argument parsers take `String`. A byte of no valid UTF-8 sequence
/// becomes U+10FF00 + byte, at the end of the last private plane; so do, byte by byte, real characters of
/// that range, so that every argument comes back exactly.
package enum ArgumentBytes {
    private static let base: UInt32 = 0x10FF00

    /// The text that stands for an argument's bytes.
    package static func text(_ bytes: [UInt8]) -> String {
        var scalars = String.UnicodeScalarView()
        var index = 0
        while index < bytes.count {
            let length = UTF8Sequence.length(at: index, in: bytes)
            let sequence = bytes[index..<index + max(1, length)]
            let scalar =
                length == 0 ? nil : String(decoding: sequence, as: UTF8.self).unicodeScalars.first
            if let scalar, scalar.value < base {
                scalars.append(scalar)
            } else {
                for byte in sequence { scalars.append(stand(for: byte)) }
            }
            index += sequence.count
        }
        return String(scalars)
    }

    /// The bytes that a text stands for.
    package static func bytes(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            if scalar.value >= base, scalar.value < base + 256 {
                bytes.append(UInt8(scalar.value - base))
            } else {
                bytes.append(contentsOf: String(scalar).utf8)
            }
        }
        return bytes
    }

    private static func stand(for byte: UInt8) -> Unicode.Scalar {
        guard let scalar = Unicode.Scalar(base + UInt32(byte)) else {
            preconditionFailure("U+10FF00 to U+10FFFF are scalars")
        }
        return scalar
    }

    /// Joins an option that takes a time with a value that begins with a dash: `--at -3h` is `--at=-3h`.
    ///
    /// - Parameters:
    ///   - arguments: As the shell gave them; nothing after `--` is touched.
    ///   - options: The long options that take a time.
    /// - Returns: The arguments, fewer where two were joined.
    package static func joiningTimes(_ arguments: [String], options: Set<String>) -> [String] {
        var joined: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" { return joined + [argument] + rest }
            if options.contains(argument), let value = rest.first, value.hasPrefix("-"),
                DurationText.seconds(String(value.dropFirst())) != nil
            {
                rest.removeFirst()
                joined.append("\(argument)=\(value)")
            } else {
                joined.append(argument)
            }
        }
        return joined
    }
}
