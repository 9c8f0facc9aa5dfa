import ArgumentParser
import FoundationEssentials
import Glibc
import LocalAPI
import Synchronization

/// What goes to the terminal: results on standard output, everything else on standard error.
enum Output {
    /// Prints one JSON value, keys sorted.
    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try write(Array(encoder.encode(value)) + [UInt8(ascii: "\n")])
    }

    static func line(_ text: String) throws {
        try write(Array(text.utf8) + [UInt8(ascii: "\n")])
    }

    /// A name for people: its bytes as they are, or escaped on a terminal, which control bytes could upset.
    static func name(_ name: EscapedBytes) -> [UInt8] {
        isatty(1) == 1 ? Array(name.text.utf8) : name.bytes
    }

    /// Writes all of `bytes` to a descriptor.
    static func write(_ bytes: [UInt8], to descriptor: Int32 = 1) throws {
        let failure: Int32 = bytes.withUnsafeBytes { write($0, to: descriptor) }
        if failure == EPIPE, descriptor == 1 { endByBrokenPipe() }
        guard failure == 0 else {
            throw APIError(
                .failed,
                "write to \(descriptor == 1 ? "standard output" : "the file"): \(String(cString: strerror(failure)))"
            )
        }
    }

    /// Ends as a program ends whose reader has gone (`varve ls … | head -1`): by SIGPIPE, without a word.
    private static func endByBrokenPipe() -> Never {
        ProgressLine.end()
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
        Glibc.exit(ExitStatus.failed.rawValue)
    }

    /// Answers 0, or the errno of the write that failed.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(
                descriptor,
                UnsafeRawBufferPointer(rebasing: rest).baseAddress,
                rest.count
            )
            if count < 0 {
                if errno == EINTR { continue }
                return errno
            }
            rest = rest.dropFirst(count)
        }
        return 0
    }

    /// A table with columns as wide as they need; numbers' columns are named in `right`.
    static func table(_ header: [String], _ rows: [[String]], right: Set<Int> = []) throws {
        guard !rows.isEmpty else { return }
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        for row in all {
            var text = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                let isLast = column == row.count - 1
                text += right.contains(column) ? padding + cell : isLast ? cell : cell + padding
                if !isLast { text += "  " }
            }
            try line(text)
        }
    }

    /// Says on standard error what failed and what to do.
    static func complain(_ error: APIError) {
        note("varve: \(error.message)")
        if !error.remedy.isEmpty { note("       \(error.remedy)") }
    }

    static func note(_ text: String) {
        ProgressLine.end()
        let text = isatty(2) == 1 ? plain(text) : text
        // Standard error that takes nothing leaves nowhere to say so.
        try? write(Array((text + "\n").utf8), to: 2)
    }

    /// A text whose control characters a terminal shows and does not obey; names of files may be in it.
    private static func plain(_ text: String) -> String {
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar.properties.generalCategory == .control, scalar != "\n" {
                plain.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            } else {
                plain.append(scalar)
            }
        }
        return String(plain)
    }

    /// Ends a line of progress that is still standing.
    static func flush() {
        ProgressLine.end()
    }

    /// `1.5 MiB` of bytes.
    static func size(_ bytes: UInt64) -> String {
        SizeText.short(bytes)
    }

    /// Lists what could not be done, damage first, the first 200 in all; ends with the exit code that it deserves.
    ///
    /// - Parameters:
    ///   - left: What is known of it.
    ///   - count: How much there is.
    ///   - verdict: What became of it, if it is no damage.
    /// - Throws: Exit code 2 when damage is among it, 3 for anything else; nothing when nothing was left.
    static func end(left: [LeftOut], of count: UInt64, _ verdict: String = "not done") throws {
        let damaged = left.filter(\.isDamage)
        for item in (damaged + left.filter { !$0.isDamage }).prefix(200) {
            // The root of what was copied has no path of its own.
            let path = item.path.bytes.isEmpty ? "." : item.path.text
            note("varve: \(item.isDamage ? "damaged" : verdict): \(path): \(item.what)")
        }
        if count > 200 { note("varve: and \(count - 200) more") }
        guard !left.isEmpty else { return }
        let status: ExitStatus = damaged.isEmpty ? .partly : .found
        throw ExitCode(status.rawValue)
    }
}

/// A JSON array that is printed element by element, so that it may be longer than memory.
struct JSONArrayOutput {
    private var isEmpty = true
    private let encoder: JSONEncoder

    init() {
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    mutating func append(_ element: some Encodable) throws {
        let bytes = try encoder.encode(element)
        try Output.write(Array((isEmpty ? "[\n" : ",\n").utf8) + bytes)
        isEmpty = false
    }

    func end() throws {
        try Output.write(Array((isEmpty ? "[]\n" : "\n]\n").utf8))
    }
}
