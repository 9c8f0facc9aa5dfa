import Foundation
import Keyring
import TestKit

/// Two file systems and a vault of each on one state directory, and ways to damage a copy of it.
///
/// Every damage begins from the same good state, so that each test says what one damage does.
final class DamagedWorld {
    /// What is done to a file.
    enum Damage {
        /// One bit of one byte.
        case flip(Int)
        /// One bit in each 4,096 bytes from here on.
        case flipAll(from: Int)
        case cut(to: Int)
        case remove
        /// A greater format number there, and the digest over what precedes it written anew.
        case newer(at: Int, digest: Range<Int>?)
        case replace(String, with: String)
    }

    let daemon: DaemonProcess
    let first: String
    let second: String
    let point: String
    private let good: String

    /// The daemon is stopped; everything is durable and checkpointed but for the last write.
    init() throws {
        daemon = try DaemonProcess()
        good = daemon.work + "/good"
        try daemon.start()
        var ids: [String] = []
        for name in ["first", "second"] {
            ids.append(try daemon.done("fs", "create", name).line)
            try daemon.done("put", "-", "\(name):/small", input: Self.small)
            try daemon.done("put", "-", "\(name):/large", input: Self.large)
        }
        (first, second) = (ids[0], ids[1])
        try daemon.done("vault", "create", "main")
        try daemon.done("vault", "create", "other")
        point = try daemon.done("backup", "run", "first", "--vault", "main").line
        try daemon.done("backup", "run", "second", "--vault", "other")
        // A checkpoint, and a write after it: the pages of the base count from then on.
        try daemon.done("clock", "advance", "1m")
        for name in ["first", "second"] { try daemon.done("mkdir", "\(name):/later") }
        guard daemon.stop() == 0 else { throw Stuck(description: "the daemon did not stop") }
        try DaemonProcess.system("cp", "-a", daemon.state, good)
    }

    struct Stuck: Error, CustomStringConvertible {
        let description: String
    }

    static let small = Data("a few bytes".utf8)
    /// Past 2 KiB content lives in segments.
    static let large = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })

    /// Puts the good state back.
    func heal() throws {
        try DaemonProcess.system("rm", "-rf", daemon.state)
        try DaemonProcess.system("cp", "-a", good, daemon.state)
    }

    /// The one file of a pattern beneath the state directory: a `*` stands for the last name.
    func path(_ pattern: String) throws -> String {
        guard pattern.hasSuffix("*") else { return daemon.state + "/" + pattern }
        let folder = daemon.state + "/" + pattern.dropLast(2)
        guard let name = try FileManager.default.contentsOfDirectory(atPath: folder).min() else {
            throw Stuck(description: "nothing in \(folder)")
        }
        return folder + "/" + name
    }

    /// Damages files beneath a good state directory.
    func damage(_ pattern: String, _ damage: Damage) throws {
        let path = try path(pattern)
        let url = URL(fileURLWithPath: path)
        guard case var bytes = try Data(contentsOf: url), !bytes.isEmpty else {
            throw Stuck(description: "'\(path)' is empty")
        }
        switch damage {
        case .flip(let offset): bytes[offset] ^= 1
        case .flipAll(let start):
            for offset in stride(from: start, to: bytes.count, by: 4_096) { bytes[offset] ^= 1 }
        case .cut(let count): bytes = bytes.prefix(count)
        case .remove: return try FileManager.default.removeItem(at: url)
        case .newer(let offset, let digest):
            bytes[offset] += 1
            if let digest {
                bytes.replaceSubrange(
                    digest,
                    with: Digest.sha256(Array(bytes.prefix(digest.lowerBound)))
                )
            }
        case .replace(let old, let new):
            let text = String(decoding: bytes, as: UTF8.self)
            guard text.contains(old) else { throw Stuck(description: "'\(old)' is not there") }
            bytes = Data(text.replacing(old, with: new).utf8)
        }
        // Over the file itself: its owner and mode are not what is tested.
        let handle = try FileHandle(forWritingTo: url)
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: bytes)
        try handle.close()
    }

    /// Whether both files of a file system read as they were written.
    func reads(_ name: String) throws -> Bool {
        let small = try daemon.varve("cat", "\(name):/small")
        let large = try daemon.varve("cat", "\(name):/large")
        return small.status == 0 && small.output == Self.small && large.status == 0
            && large.output == Self.large
    }
}

extension Data {
    /// A command's answer of one line.
    var line: String {
        String(decoding: self, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
