import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: what was answered survives a power cut after any write (I2), what was not is there whole or
/// not at all (I3), no row outlives its bytes (I1), snapshots read back (I4).
///
/// Method: one run on a recording disk marks what it was answered; then the disk is rebuilt as it was
/// after each write, with what was not synced kept, dropped or torn, and opened again.
@Suite struct PowerCutTests {
    /// What a client knows at one point: of each path its bytes.
    typealias Tree = [String: [UInt8]]

    /// A recorded run: the trees before and after each operation, by the mark that followed it.
    struct Recording {
        let disk: SimulatedDisk
        let configuration: FileSystemConfiguration
        let clock: SimulatedClock
        /// Trees after operation 0, 1, ….
        var states: [Tree] = [[:]]
        /// How many trees each snapshot's name stands for: its index in `states`.
        var snapshots: [(name: String, state: Int)] = []
        var recordsCompacted = 0
        var clones = 0
    }

    static func record(seed: UInt64, operations: Int) async throws -> Recording {
        var generator = SeededGenerator(seed: seed)
        let disk = SimulatedDisk(recording: true)
        let clock = SimulatedClock(EngineWorld.start)
        var limits = EngineWorld.smallLimits
        limits.segmentBytes = 64 << 10
        limits.readers = 1
        let configuration = try EngineWorld.configuration(disk: disk, clock: clock, limits: limits)
        var fileSystem = try await FileSystem.create(configuration)
        var recording = Recording(disk: disk, configuration: configuration, clock: clock)
        disk.mark("0")
        for step in 0..<operations {
            if step == operations / 2 {
                await fileSystem.close()
                fileSystem = try await FileSystem.open(configuration)
            }
            try await once(step, fileSystem, &recording, &generator)
            disk.mark("\(recording.states.count - 1)")
        }
        await fileSystem.close()
        return recording
    }

    private static func once(
        _ step: Int,
        _ fileSystem: FileSystem,
        _ recording: inout Recording,
        _ generator: inout SeededGenerator
    ) async throws {
        var tree = recording.states[recording.states.count - 1]
        let text = "f\(Int.random(in: 0..<12, using: &generator))"
        let file = try name(text)
        switch Int.random(in: 0..<22, using: &generator) {
        case 0..<9:
            let count = Int.random(in: 1..<9_000, using: &generator)
            let bytes = generator.bytes(count)
            if tree[text] == nil, count.isMultiple(of: 2) {
                // Whole or not at all: there is no empty file between.
                try await fileSystem.makeWhole(file, bytes)
                tree[text] = bytes
                break
            }
            if tree[text] == nil {
                let new = NewInode(.regular, permissions: 0o600)
                _ = try await fileSystem.create(file, in: .root, new, as: .root)
                tree[text] = []
                recording.states.append(tree)
                recording.disk.mark("\(recording.states.count - 1)")
            }
            let inode = try await fileSystem.lookup(file, in: .root, as: .root).inode
            _ = try await fileSystem.write(inode, bytes, at: 0, stability: .stable, as: .root)
            tree[text] = bytes + (tree[text] ?? []).dropFirst(count)
        case 9..<12 where tree[text] != nil:
            let target = "g\(Int.random(in: 0..<4, using: &generator))"
            try await fileSystem.rename(file, in: .root, to: try name(target), in: .root, as: .root)
            tree[target] = tree.removeValue(forKey: text)
        case 12..<14 where tree[text] != nil:
            try await fileSystem.unlink(file, in: .root, as: .root)
            tree[text] = nil
        case 14:
            let snapshot = "s\(step)"
            _ = try await fileSystem.createSnapshot(snapshot)
            recording.snapshots.append((snapshot, recording.states.count - 1))
        case 15 where tree[text] != nil:
            let inode = try await fileSystem.lookup(file, in: .root, as: .root).inode
            _ = try await fileSystem.move(inode, to: .infrequentAccess)
        case 16:
            recording.clock.advance(seconds: 50)
            _ = try await fileSystem.collectGarbage()
        case 17: _ = try await fileSystem.reap()
        case 18: try await fileSystem.checkpoint()
        case 19:
            recording.recordsCompacted += try await fileSystem.compactAll().recordsCompacted
        case 20, 21:
            let others = tree.keys.filter { $0 != text }.sorted()
            guard let bytes = tree[text], let other = others.randomElement(using: &generator) else {
                break
            }
            let source = try await fileSystem.lookup(file, in: .root, as: .root).inode
            let target = try await fileSystem.lookup(try name(other), in: .root, as: .root).inode
            _ = try await fileSystem.clone(
                CloneRequest(
                    source: source,
                    offset: 0,
                    count: nil,
                    target: target,
                    targetOffset: 0,
                    as: .root
                )
            )
            tree[other] = bytes + (tree[other] ?? []).dropFirst(bytes.count)
            recording.clones += 1
        default: try await fileSystem.flush()
        }
        recording.states.append(tree)
    }

    static func tree(of fileSystem: FileSystem, at view: View = .live) async throws -> Tree {
        var tree: Tree = [:]
        let page = try await fileSystem.readDirectory(.root, limit: 1_000, at: view, as: .root)
        for entry in page.entries {
            tree["\(entry.name)"] = try await fileSystem.contents(entry.attributes.inode, at: view)
        }
        return tree
    }

    /// Opens what a cut left; answers what is wrong with it.
    static func damage(
        in disk: SimulatedDisk,
        of recording: Recording,
        acknowledged: Int
    ) async -> String? {
        var configuration = recording.configuration
        configuration.disk = disk
        do {
            let fileSystem = try await FileSystem.open(configuration)
            let found = try await tree(of: fileSystem)
            // The operation in flight may be there or not; one step may have two operations.
            let allowed = recording.states[acknowledged...].prefix(2)
            var words: String? = allowed.contains(found) ? nil : "the tree is none of those allowed"
            let kept = Set(try await fileSystem.snapshots().map(\.name))
            for (text, state) in recording.snapshots where state < acknowledged {
                guard kept.contains(text) else {
                    words = "snapshot \(text) is lost"
                    continue
                }
                let epoch = try await fileSystem.snapshots().first { $0.name == text }?.epoch
                let past = try await tree(of: fileSystem, at: .past(epoch ?? .zero))
                if past != recording.states[state] { words = "snapshot \(text) reads otherwise" }
            }
            try await fileSystem.maintainAll()
            if try await tree(of: fileSystem) != found { words = "maintenance changed the tree" }
            let findings = try await fileSystem.verify()
            if let first = findings.first { words = "doctor: \(first.message)" }
            _ = try await fileSystem.makeFile("after", [1, 2, 3])
            await fileSystem.close()
            return words
        } catch {
            return "\(error)"
        }
    }

    @Test func `acknowledged operations survive a power cut after every write`() async throws {
        let recording = try await Self.record(seed: testSeed(default: 7), operations: 150)
        let created = recording.disk.marks[0].position
        print(
            "power cut: \(recording.disk.operations) writes, \(recording.snapshots.count) snapshots"
        )
        #expect(recording.disk.operations >= 500)
        #expect(!recording.snapshots.isEmpty)
        #expect(recording.recordsCompacted > 0)
        #expect(recording.clones > 0)
        var replay = recording.disk.replay()
        var cuts = 0
        let stride = TestSizes.current.powerCutStride
        for cut in Swift.stride(from: created, through: recording.disk.operations, by: stride) {
            replay.advance(to: cut)
            let marks = recording.disk.marks(acknowledgedBy: cut)
            let acknowledged = marks.last.flatMap { Int($0.label) } ?? 0
            for fate in [.keepUnsynced, .dropUnsynced, .tear(seed: UInt64(cut))] as [CutFate] {
                let words = await Self.damage(
                    in: replay.image(fate),
                    of: recording,
                    acknowledged: acknowledged
                )
                cuts += 1
                if let words {
                    Issue.record("cut after write \(cut), \(fate): \(words)")
                    return
                }
            }
        }
        print("power cut: \(cuts) worlds reopened")
    }
}
