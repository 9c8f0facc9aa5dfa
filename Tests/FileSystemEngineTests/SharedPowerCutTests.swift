import Disk
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: with many clients at once, whose commits overlap, what was answered to any of them survives a power cut after any
/// write, and so does what any of them was shown (I2, I3).
///
/// Method: each client makes file after file, whole, and removes the one before; watchers list the directory meanwhile. Answers
/// are marked on the recording disk, which is then rebuilt as it was after each write.
@Suite struct SharedPowerCutTests {
    private static let clients = 6
    private static let rounds = 12

    /// What was answered up to a cut.
    private struct Promised {
        /// Of each client, the greatest number that was made, or was shown.
        var made = [Int](repeating: -1, count: clients)
        /// Of each client, the greatest number that was removed.
        var removed = [Int](repeating: -1, count: clients)

        init(_ marks: [DiskMark]) {
            for mark in marks {
                let words = mark.label.split(separator: " ")
                guard words.count == 3, let client = Int(words[1]), let number = Int(words[2])
                else {
                    continue
                }
                if words[0] == "removed" {
                    removed[client] = max(removed[client], number)
                } else {
                    made[client] = max(made[client], number)
                }
            }
        }
    }

    private static func bytes(_ client: Int, _ number: Int) -> [UInt8] {
        var generator = SeededGenerator(seed: UInt64(client * 1_000 + number))
        return generator.bytes(Int.random(in: 1..<6_000, using: &generator))
    }

    private static func run(
        _ client: Int,
        _ fileSystem: FileSystem,
        _ disk: SimulatedDisk
    ) async throws {
        for number in 0..<rounds {
            try await fileSystem.makeWhole(try name("c\(client)-\(number)"), bytes(client, number))
            disk.mark("made \(client) \(number)")
            guard number > 0 else { continue }
            let old = try name("c\(client)-\(number - 1)")
            try await fileSystem.unlink(old, in: .root, as: .root)
            disk.mark("removed \(client) \(number - 1)")
        }
    }

    private static func watch(_ fileSystem: FileSystem, _ disk: SimulatedDisk) async throws {
        for _ in 0..<rounds * 2 {
            for (client, numbers) in try await listing(fileSystem) {
                disk.mark("shown \(client) \(numbers.max() ?? 0)")
            }
        }
    }

    private static func listing(_ fileSystem: FileSystem) async throws -> [Int: [Int]] {
        var found: [Int: [Int]] = [:]
        let page = try await fileSystem.readDirectory(.root, limit: 1_000, at: .live, as: .root)
        for entry in page.entries {
            let words = "\(entry.name)".dropFirst().split(separator: "-").compactMap { Int($0) }
            found[words[0], default: []].append(words[1])
        }
        return found
    }

    private static func record(
        _ disk: SimulatedDisk,
        _ configuration: FileSystemConfiguration
    ) async throws -> Int {
        let fileSystem = try await FileSystem.create(configuration)
        let created = disk.operations
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<clients {
                group.addTask { try await run(client, fileSystem, disk) }
            }
            for _ in 0..<2 { group.addTask { try await watch(fileSystem, disk) } }
            try await group.waitForAll()
        }
        await fileSystem.close()
        return created
    }

    /// Opens what a cut left; answers what of the promises it breaks.
    private static func broken(
        _ promised: Promised,
        in disk: SimulatedDisk,
        _ configuration: FileSystemConfiguration
    ) async throws -> String? {
        var configuration = configuration
        configuration.disk = disk
        let fileSystem = try await FileSystem.open(configuration)
        let found = try await listing(fileSystem)
        var words: String?
        for client in 0..<clients {
            let numbers = found[client] ?? []
            if numbers.max() ?? -1 < promised.made[client] {
                words = "client \(client) lost \(promised.made[client]): \(numbers)"
            }
            if numbers.contains(where: { $0 <= promised.removed[client] }) {
                words = "client \(client) has \(numbers), \(promised.removed[client]) was removed"
            }
            for number in numbers {
                let file = try name("c\(client)-\(number)")
                let inode = try await fileSystem.lookup(file, in: .root, as: .root).inode
                guard try await fileSystem.contents(inode) == bytes(client, number) else {
                    words = "\(file) has other bytes"
                    continue
                }
            }
        }
        if let finding = try await fileSystem.verify().first {
            words = "doctor: \(finding.message)"
        }
        await fileSystem.close()
        return words
    }

    @Test func `what any client was told or shown survives`() async throws {
        let disk = SimulatedDisk(recording: true)
        var limits = EngineWorld.smallLimits
        limits.readerLingerMilliseconds = 1
        let configuration = try EngineWorld.configuration(
            disk: disk,
            clock: SimulatedClock(EngineWorld.start),
            limits: limits
        )
        let created = try await Self.record(disk, configuration)
        var replay = disk.replay()
        var worlds = 0
        let stride = TestSizes.current.powerCutStride
        for cut in Swift.stride(from: created, through: disk.operations, by: stride) {
            replay.advance(to: cut)
            let promised = Promised(disk.marks(acknowledgedBy: cut))
            for fate in [.dropUnsynced, .tear(seed: UInt64(cut))] as [CutFate] {
                worlds += 1
                let words = try await Self.broken(promised, in: replay.image(fate), configuration)
                if let words {
                    Issue.record("cut after write \(cut), \(fate): \(words)")
                    return
                }
            }
        }
        let last = Promised(disk.marks)
        #expect(last.made.allSatisfy { $0 == Self.rounds - 1 })
        print(
            "power cut beside others: \(disk.operations - created) writes, \(worlds) worlds reopened"
        )
    }
}
