import Glibc
import LocalAPI
import VarveModel

/// A program of the system that root runs: `mount` and `umount`.
struct SystemProgram: Sendable {
    /// Its name and its arguments, as bytes: paths need not be UTF-8.
    let words: [[UInt8]]

    /// As a shell takes it.
    var line: String { words.map(SystemProgram.quoted).joined(separator: " ") }

    /// Refuses to begin what only root may do.
    static func requireRoot(_ doing: String) throws(APIError) {
        guard geteuid() != 0 else { return }
        throw APIError(
            .denied,
            "\(doing) is for root; you are uid \(geteuid())",
            remedy: "Use sudo, or see the command with --dry-run."
        )
    }

    /// Runs it to its end with our terminal.
    ///
    /// - Throws: `.failed` when it cannot be started, or ends with anything but 0; it has said why.
    func run() throws(APIError) {
        var arguments = words.map { word in
            (word.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
                buffer.baseAddress.flatMap { strdup($0) }
            }
        }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        let name = String(decoding: words[0], as: UTF8.self)
        var child: pid_t = 0
        let result = posix_spawnp(&child, name, nil, nil, arguments, environ)
        guard result == 0 else {
            throw APIError(
                .failed,
                "start \(name): \(String(cString: strerror(result)))",
                remedy: "Install util-linux."
            )
        }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard status != 0 else { return }
        // waitpid(2): the low seven bits are the signal that ended it.
        let how = status & 0x7F == 0 ? "exit code \(status >> 8)" : "signal \(status & 0x7F)"
        throw APIError(.failed, "\(name) ended with \(how)", remedy: "Its words stand above.")
    }

    private static func quoted(_ word: [UInt8]) -> String {
        if !word.isEmpty, word.allSatisfy(isPlain) {
            return String(decoding: word, as: UTF8.self)
        }
        let text = EscapedBytes(word)
        // What a terminal would be moved by is shown escaped in $'…', which bash reads.
        guard text.text == String(decoding: word, as: UTF8.self) else {
            let escaped = word.map { byte in
                (0x20..<0x7F).contains(byte) && byte != UInt8(ascii: "'")
                    && byte != UInt8(ascii: "\\")
                    ? String(UnicodeScalar(byte)) : "\\x" + Hex.encode([byte])
            }
            return "$'" + escaped.joined() + "'"
        }
        return "'" + text.text.replacing("'", with: "'\\''") + "'"
    }

    /// A byte that no shell reads as anything but itself.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: Array("-_./:=,@[]%+".utf8).contains(byte)
        }
    }
}
