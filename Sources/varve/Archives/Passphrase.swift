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
