import Foundation
import Glibc
import LocalAPI
import Synchronization
import TestKit
import Testing

/// Goal: kill -9 of the daemon at any step of a backup, of a deletion with its prune, and of a copy from vault to vault
/// loses no recovery point, and leaves nothing behind for ever.
///
/// Method: the work is run once to its end, to count the changes of the vault's folder that can be seen; then again
/// and again, and the daemon is killed at a seeded one of them. After each start the vaults verify, every point shows
/// its files byte for byte, and the same command succeeds; at the end all points but one go, and so must their space.
@Suite(.serialized) struct VaultKillTests {
    enum Work: String, CaseIterable { case backup, prune, copy }

    @Test(arguments: Work.allCases)
    func `recovery points survive kill -9 in the middle of work on their vault`(
        work: Work
    ) async throws {
        let life = try Life(seed: 470 + UInt64(work.rawValue.utf8.count))
        var steps = 1
        var kills: [Int] = []
        for round in 0...(TestSizes.current.vaultKills + 10)
        where kills.count < TestSizes.current.vaultKills {
            let command = try life.prepare(work)
            let step = round == 0 ? Int.max : Int.random(in: 1...steps, using: &life.generator)
            let outcome = await life.run(command.words, in: command.vault, killedAt: step)
            if outcome.isKilled {
                kills.append(step)
                try life.daemon.start()
            } else {
                steps = max(1, outcome.changes)
            }
            try life.expectAll(command, isDone: !outcome.isKilled)
            if outcome.isKilled { try life.again(command) }
            try life.expectAll(command, isDone: true)
        }
        print("\(work): killed at changes \(kills) of some \(steps)")
        #expect(kills.count == TestSizes.current.vaultKills)
        try life.expectNothingLeaks()
    }
}

/// A file system whose versions are known, its vault, and a second one for copies.
private final class Life {
    /// What is run and killed.
    struct Command {
        let words: [String]
        /// Whose folder is watched.
        let vault: String
        /// Points that are to go.
        var victims: Set<String> = []
        /// The version that is to be backed up.
        var version: Int?
    }

    let daemon: DaemonProcess
    var generator: SeededGenerator
    /// The large file of each version; another file names the version.
    private var versions: [Data] = []
    /// Points of `main` that were acknowledged, and the version that each shows.
    private var points: [String: Int] = [:]

    init(seed: UInt64) throws {
        daemon = try DaemonProcess()
        generator = SeededGenerator(seed: testSeed(default: seed))
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("vault", "create", "main")
        try daemon.done("vault", "create", "second")
        try change()
        try backUp()
    }

    private func change() throws {
        let bytes = Data(generator.bytes(1 << 20))
        try daemon.done("put", "-", "home:/large", input: bytes)
        try daemon.done("put", "-", "home:/version", input: Data("\(versions.count)".utf8))
        versions.append(bytes)
        try daemon.done("clock", "advance", "1m")
    }

    private func backUp() throws {
        let id = try daemon.done("backup", "run", "home", "--vault", "main").line
        points[id] = versions.count - 1
    }

    func prepare(_ work: VaultKillTests.Work) throws -> Command {
        try change()
        switch work {
        case .backup:
            return Command(
                words: ["backup", "run", "home", "--vault", "main"],
                vault: "main",
                version: versions.count - 1
            )
        case .prune:
            try backUp()
            try change()
            try backUp()
            let last = points.max { $0.value < $1.value }?.key
            let victims = points.keys.filter { $0 != last }.sorted()
            return Command(
                words: ["backup", "delete"] + victims + ["--vault", "main"],
                vault: "main",
                victims: Set(victims)
            )
        case .copy:
            try backUp()
            return Command(
                words: ["recovery-point", "copy", "--from", "main", "--to", "second", "--all"],
                vault: "second"
            )
        }
    }

    // MARK: The kill

    /// Runs a command, and kills the daemon once so many changes of a vault's folder were seen.
    ///
    /// - Returns: How many were seen, and whether the daemon was killed before the command had ended.
    func run(
        _ words: [String],
        in vault: String,
        killedAt step: Int
    ) async -> (changes: Int, isKilled: Bool) {
        let (socket, process) = (daemon.socket, daemon.processID)
        let folder = daemon.state + "/vaults/" + vault
        let before = Self.look(folder)
        let ended = Mutex<Bool>(false)
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) {
            // It is cut short on purpose: what it was told is nobody's promise.
            _ = try? DaemonProcess.run("varve", ["--socket", socket] + words)
            ended.withLock { $0 = true }
        }
        // On a thread of its own: tasks wait for those of other tests.
        let outcome = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var (last, changes) = (before, 0)
                while changes < step, !ended.withLock({ $0 }) {
                    let now = Self.look(folder)
                    if now != last { changes += 1 }
                    last = now
                }
                let isKilled = changes >= step && !ended.withLock { $0 }
                if isKilled, let process { kill(process, SIGKILL) }
                continuation.resume(returning: (changes, isKilled))
            }
        }
        if outcome.1 { daemon.kill() }
        await withCheckedContinuation { continuation in
            group.notify(queue: .global()) { continuation.resume() }
        }
        return outcome
    }

    /// Names and sizes of all files of a vault.
    private static func look(_ folder: String) -> [String: Int] {
        var seen: [String: Int] = [:]
        for part in ["packs", "manifests", "vouchers", "index", "generations", "leases"] {
            // A folder comes with what is in it.
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/" + part))
            for name in names ?? [] {
                let place = "\(folder)/\(part)/\(name)"
                // Harmless: one that went meanwhile is seen the next time.
                guard let found = try? FileManager.default.attributesOfItem(atPath: place),
                    let size = found[.size] as? Int
                else { continue }
                seen["\(part)/\(name)"] = size
            }
        }
        return seen
    }

    /// What was cut short is done.
    func again(_ command: Command) throws {
        var words = command.words
        if !command.victims.isEmpty {
            let left = try listed("main").filter { command.victims.contains($0) }
            // What went before the kill leaves its space to the next prune, which the end looks after.
            guard !left.isEmpty else { return }
            words = ["backup", "delete"] + left + ["--vault", "main"]
        }
        let ended = try DaemonProcess.run("varve", ["--socket", daemon.socket] + words)
        #expect(ended.status == 0, "\(words.prefix(2)): \(ended.errors)")
    }

    // MARK: What must be

    private func listed(_ vault: String) throws -> [String] {
        let list = try daemon.done("--json", "backup", "list", "--vault", vault)
        return try JSONDecoder().decode([RecoveryPointDescription].self, from: list).map(\.id)
    }

    /// The version that a point shows, every byte of it right.
    private func version(of point: String, in vault: String) throws -> Int {
        let name = try daemon.done("recovery-point", "cat", point + ":/version", "--vault", vault)
        let version = try #require(Int(String(decoding: name, as: UTF8.self)))
        let large = try daemon.done("recovery-point", "cat", point + ":/large", "--vault", vault)
        #expect(large == versions[version], "\(point) in \(vault): other bytes of /large")
        return version
    }

    /// All vaults verify, and every point shows what it should.
    ///
    /// - Parameters:
    ///   - command: What was run.
    ///   - isDone: Whether to its end: then what it should have done is done.
    /// - Throws: What a command that must succeed complained of.
    func expectAll(_ command: Command, isDone: Bool) throws {
        for vault in ["main", "second"] {
            let verified = try daemon.varve("vault", "verify", vault, "--read-data")
            #expect(verified.status == 0, "\(vault): \(verified.text) \(verified.errors)")
        }
        let main = try listed("main")
        for (point, version) in points {
            if main.contains(point) {
                #expect(try self.version(of: point, in: "main") == version, "\(point)")
            } else {
                #expect(command.victims.contains(point), "\(point) is gone")
            }
        }
        for point in main where points[point] == nil {
            // Nobody was told of it, or only now: it is whole all the same.
            let version = try self.version(of: point, in: "main")
            #expect(version == command.version, "\(point) came from nowhere")
            points[point] = version
        }
        var copies: [Int] = []
        for point in try listed("second") {
            copies.append(try version(of: point, in: "second"))
        }
        #expect(Set(copies).count == copies.count, "a point was copied twice: \(copies)")
        guard isDone else { return }
        if let version = command.version { #expect(points.values.contains(version)) }
        #expect(Set(main).isDisjoint(with: command.victims))
        for victim in command.victims { points[victim] = nil }
        if command.vault == "second" { #expect(Set(copies) == Set(points.values)) }
    }

    /// Deletes all points but the newest, and holds what is left against a vault that has that point alone.
    func expectNothingLeaks() throws {
        try daemon.done("vault", "create", "reference")
        for vault in ["main", "second"] {
            let points = try listed(vault)
            guard let newest = points.last else { continue }
            for _ in 0..<2 {
                // A prune that condemns, and one that finds nothing more to do.
                try change()
                let id = try daemon.done("backup", "run", "home", "--vault", vault).line
                try daemon.done("backup", "delete", id, "--vault", vault)
            }
            let old = Array(points.dropLast())
            if !old.isEmpty {
                let words = ["backup", "delete"] + old + ["--vault", vault]
                let ended = try DaemonProcess.run("varve", ["--socket", daemon.socket] + words)
                #expect(ended.status == 0, "\(ended.errors)")
            }
            #expect(try listed(vault) == [newest])
            try daemon.done(
                "recovery-point",
                "copy",
                newest,
                "--from",
                vault,
                "--to",
                "reference"
            )
            let left = Self.look(daemon.state + "/vaults/" + vault)
            let needed = Self.look(daemon.state + "/vaults/reference")
            let unfinished = left.keys.filter { name in
                [".open", ".new", ".writer"].contains { name.hasSuffix($0) }
            }
            #expect(unfinished.isEmpty, "\(vault): \(unfinished)")
            // Packs of which half is dead are written again, others stay.
            let (bytes, enough) = (Self.packBytes(left), Self.packBytes(needed))
            #expect(bytes <= 2 * enough + (256 << 10), "\(vault): \(bytes), and needs \(enough)")
            #expect(try daemon.varve("vault", "verify", vault, "--read-data").status == 0)
        }
        #expect(try daemon.varve("doctor").complaint == "")
    }

    private static func packBytes(_ files: [String: Int]) -> Int {
        files.filter { $0.key.hasPrefix("packs/") }.values.reduce(0, +)
    }
}
