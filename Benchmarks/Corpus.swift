import Foundation

/// Files to store, in memory.
struct Corpus: Sendable {
    let name: String
    let files: [[UInt8]]

    var bytes: Int { files.reduce(0) { $0 + $1.count } }

    /// Regular files of a tree of this machine's, evenly over all of it where they are more than `bytesMax`.
    ///
    /// Files of 2 KiB and less are left out: their bytes stay in the rows of their inodes, whatever the tier.
    ///
    /// - Parameters:
    ///   - root: The tree.
    ///   - bytesMax: Bytes in all, about; no file has more than an eighth of them.
    ///   - endings: Of names that are left out.
    /// - Returns: `nil` when nothing can be read there.
    static func tree(_ root: String, bytesMax: Int, without endings: [String] = []) -> Corpus? {
        guard let names = FileManager.default.enumerator(atPath: root) else { return nil }
        var found: [(path: String, bytes: Int)] = []
        for case let name as String in names where !endings.contains(where: name.hasSuffix) {
            let path = root + "/" + name
            var status = stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
                status.st_size > 2_048, status.st_size <= bytesMax / 8
            else { continue }
            found.append((path, Int(status.st_size)))
        }
        found.sort { $0.path < $1.path }
        let step = max(1, found.reduce(0) { $0 + $1.bytes } / bytesMax)
        var files: [[UInt8]] = []
        for index in stride(from: 0, to: found.count, by: step) {
            // Not for us to read, or gone since it was listed.
            guard let data = FileManager.default.contents(atPath: found[index].path),
                data.count > 2_048
            else { continue }
            files.append(Array(data))
        }
        return files.isEmpty ? nil : Corpus(name: root, files: files)
    }

    /// Log text in files of 1 MiB, the same in each run.
    static func logs(mebibytes: Int) -> Corpus {
        var lines = LogLines(seed: 20_000)
        return Corpus(
            name: "seeded log text",
            files: (0..<mebibytes).map { _ in lines.text(1 << 20) }
        )
    }
}

/// Lines as daemons write them: times that go on, few programs and forms, numbers that differ.
struct LogLines {
    private var state: UInt64
    private var milliseconds: UInt64 = 0

    init(seed: UInt64) {
        state = seed
    }

    /// So many bytes; the last line is cut.
    mutating func text(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 256)
        while bytes.count < count { bytes += line().utf8 }
        return Array(bytes.prefix(count))
    }

    private mutating func line() -> String {
        milliseconds += below(900)
        let second = milliseconds / 1_000
        let clock = [second / 3_600 % 24, second / 60 % 60, second % 60].map { two($0) }
        let time = "2026-03-\(two(second / 86_400 % 28 + 1))T\(clock.joined(separator: ":"))"
        return "\(time).\(milliseconds % 1_000) node-\(below(4)) \(message())\n"
    }

    private mutating func message() -> String {
        switch below(8) {
        case 0, 1, 2:
            "nginx[\(700 + below(4))]: \(address()) \"GET /api/v1/items/\(below(50_000)) HTTP/1.1\" "
                + "\(below(20) == 0 ? 404 : 200) \(below(60_000)) \(below(900))ms"
        case 3, 4:
            "app[\(2_000 + below(16))]: level=info request=\(String(next(), radix: 16)) "
                + "user=\(below(3_000)) took=\(below(2_000))us"
        case 5:
            "sshd[\(10_000 + below(20_000))]: Accepted publickey for user\(below(40)) "
                + "from \(address()) port \(1_024 + below(60_000)) ssh2"
        case 6:
            "systemd[1]: Started session-\(below(9_000)).scope - Session of User user\(below(40))."
        default:
            "kernel: [\(milliseconds / 1_000).\(below(999_999))] eth0: rx \(below(1 << 30)) tx "
                + "\(below(1 << 30)) dropped 0"
        }
    }

    private mutating func address() -> String { "10.\(below(4)).\(below(256)).\(below(256))" }

    private func two(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }

    /// SplitMix64.
    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
