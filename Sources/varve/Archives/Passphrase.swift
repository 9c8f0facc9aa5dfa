import Glibc
import LocalAPI

/// Passphrases: from a file or the terminal, never from the command line, which every user of the machine may read.
enum Passphrase {
    /// The first line of a file, without its line feed.
    static func read(from path: String) throws -> [UInt8] {
        let line = Array(try SmallFile.bytes(path).prefix { $0 != UInt8(ascii: "\n") })
        guard !line.isEmpty else {
            throw APIError(.usage, "'\(path)' begins with an empty line, and no passphrase")
        }
        return line
    }

    /// Asks on the terminal, which does not show what is typed; for a new one twice, since a typing error would lock everybody out.
    static func ask(isNew: Bool) throws -> [UInt8] {
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
        guard terminal >= 0 else {
            throw APIError(
                .usage,
                "there is no terminal to ask for the passphrase on",
                remedy: "Give it in a file: --passphrase-file FILE."
            )
        }
        defer { close(terminal) }
        let first = try line("Passphrase: ", terminal)
        guard !first.isEmpty else { throw APIError(.usage, "an empty passphrase") }
        if isNew, try line("Once more: ", terminal) != first {
            throw APIError(.usage, "the two passphrases differ", remedy: "Begin again.")
        }
        return first
    }

    private static func line(_ prompt: String, _ terminal: Int32) throws -> [UInt8] {
        var settings = termios()
        let isKnown = tcgetattr(terminal, &settings) == 0
        let before = settings
        if isKnown {
            settings.c_lflag &= ~tcflag_t(ECHO)
            _ = tcsetattr(terminal, TCSAFLUSH, &settings)
        }
        defer {
            var restored = before
            if isKnown { _ = tcsetattr(terminal, TCSAFLUSH, &restored) }
        }
        try Output.write(Array(prompt.utf8), to: terminal)
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while Glibc.read(terminal, &byte, 1) == 1, byte != UInt8(ascii: "\n"), bytes.count < 4_096 {
            bytes.append(byte)
        }
        try Output.write([UInt8(ascii: "\n")], to: terminal)
        return bytes
    }
}

/// Key and recipient files.
enum SmallFile {
    /// 1 MiB: keys and recipients are lines of some 70 bytes.
    private static let bytesMax = 1 << 20

    static func bytes(_ path: String) throws -> [UInt8] {
        let descriptor = open(HostFile.path(ArgumentBytes.bytes(path)), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw HostFile.failure("read '\(path)'") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw HostFile.failure("read '\(path)'") }
            if count == 0 { return bytes }
            bytes += piece.prefix(count)
            guard bytes.count <= bytesMax else {
                throw APIError(.tooLarge, "'\(path)' is no file of keys: it has over 1 MiB")
            }
        }
    }

    /// Lines that say something: neither empty nor a comment.
    static func lines(_ path: String) throws -> [String] {
        try bytes(path).split(separator: UInt8(ascii: "\n"))
            .map { line in
                String(decoding: line.filter { $0 != 13 && $0 != 32 && $0 != 9 }, as: UTF8.self)
            }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
    }
}
