import Disk
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: with writes running a zone goes and comes back, and nothing that was acknowledged is lost, nothing wrong read (I2, I5, I7).
///
/// Method: four writers write a block durably, read it back, and go on, from before the loss until after the return.
@Suite struct ZoneDrillTests {
    enum Drill: CaseIterable {
        case gone
        case readOnly
        case full
        case failing
        case unreadable
        case flips
    }

    /// What the writers were answered, and who waits for more of it.
    private final class Written: Sendable {
        private struct State {
            var blocks: [Int: [Int: UInt8]] = [:]
            var count = 0
            var isOver = false
            var waiting: [(goal: Int, waiter: CheckedContinuation<Void, Never>)] = []
        }

        private let state = Mutex(State())

        var isOver: Bool { state.withLock { $0.isOver } }

        var blocks: [Int: [Int: UInt8]] { state.withLock { $0.blocks } }

        func note(_ writer: Int, _ block: Int, _ value: UInt8) {
            let due = state.withLock { state in
                state.blocks[writer, default: [:]][block] = value
                state.count += 1
                let due = state.waiting.filter { $0.goal <= state.count }
                state.waiting.removeAll { $0.goal <= state.count }
                return due
            }
            for each in due { each.waiter.resume() }
        }

        /// Returns once so many more were answered, or it is over.
        func more(_ count: Int) async {
            await withCheckedContinuation { waiter in
                let isOver = state.withLock { state in
                    if !state.isOver { state.waiting.append((state.count + count, waiter)) }
                    return state.isOver
                }
                if isOver { waiter.resume() }
            }
        }

        func end() {
            let waiting = state.withLock { state in
                state.isOver = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for each in waiting { each.waiter.resume() }
        }
    }

    private static let blockBytes = 4_096

    @Test(arguments: Drill.allCases, [0, 2])
    func `a zone goes and comes back while writers go on`(drill: Drill, zone: Int) async throws {
        var generator = SeededGenerator(seed: testSeed(default: 495))
        let zones = try ZoneWorld()
        let world = try await zones.makeFileSystem()
        let fileSystem = world.fileSystem
        var files: [InodeNumber] = []
        for writer in 0..<4 { files.append(try await fileSystem.makeFile("w\(writer)", [0])) }
        let written = Written()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (writer, file) in files.enumerated() {
                // Writers that go on beside the drill are what it is about; the group waits for all of them.
                group.addTask {
                    defer { written.end() }
                    try await Self.write(fileSystem, file, as: writer, written)
                }
            }
            await written.more(40)
            try Self.hit(zones, zone, drill, &generator)
            await written.more(80)
            Self.expectTold(zones.zoned.standing, zone, drill)
            if drill == .flips { #expect(try await fileSystem.scrub().losses == []) }
            zones.disks[zone].clearFaults()
            zones.disks[zone].setCapacity(1 << 40)
            try zones.zoned.look()
            #expect(!zones.zoned.standing.isDegraded, "\(zones.zoned.standing)")
            #expect(!written.isOver, "no writer failed")
            await written.more(40)
            written.end()
            try await group.waitForAll()
        }
        try await Self.expect(written.blocks, of: files, in: fileSystem)
        await fileSystem.close()
        guard drill != .flips else { return }
        for copy in 0..<3 {
            let alone = try await zones.alone(copy, world)
            try await Self.expect(written.blocks, of: files, in: alone)
            await alone.close()
        }
    }

    private static func write(
        _ fileSystem: FileSystem,
        _ file: InodeNumber,
        as writer: Int,
        _ written: Written
    ) async throws {
        var number = writer
        while !written.isOver {
            let (block, value) = (number % 24, UInt8(number % 251))
            let bytes = [UInt8](repeating: value, count: blockBytes)
            let offset = UInt64(block * blockBytes)
            _ = try await fileSystem.write(file, bytes, at: offset, stability: .stable, as: .root)
            written.note(writer, block, value)
            let range = offset..<offset + UInt64(blockBytes)
            let read = try await fileSystem.read(file, range, as: .root).bytes
            #expect(read == bytes, "writer \(writer), \(number)")
            number += 1
        }
    }

    private static func hit(
        _ zones: ZoneWorld,
        _ zone: Int,
        _ drill: Drill,
        _ generator: inout SeededGenerator
    ) throws {
        let disk = zones.disks[zone]
        switch drill {
        case .gone: disk.vanish()
        case .readOnly: disk.fail(after: 0, with: .denied, lasting: true)
        case .full: disk.failAfter(bytes: 8_192)
        case .failing: disk.fail(after: 0, lasting: true)
        case .unreadable: disk.failReads { _ in true }
        case .flips: try zones.flip(40, in: zone, &generator)
        }
    }

    /// What an operator sees meanwhile.
    private static func expectTold(_ standing: ZonedStanding, _ zone: Int, _ drill: Drill) {
        #expect(standing.mayWrite)
        let found = standing.zones[zone]
        switch drill {
        case .flips: #expect(!standing.isDegraded)
        case .unreadable:
            #expect(!standing.isDegraded)
            // The others are asked where the first does not read.
            if zone == 0 { #expect(found.failedReads > 0 && found.lastFailedRead != nil) }
        case .gone, .readOnly, .full, .failing:
            #expect(standing.zones.filter { $0.state == .inSync }.count == 2)
            guard case .out(let reason, _) = found.state else {
                Issue.record("zone \(zone) is \(found.state)")
                return
            }
            #expect((reason == .full) == (drill == .full), "\(reason)")
            #expect(found.missedBytes > 0)
        }
    }

    private static func expect(
        _ blocks: [Int: [Int: UInt8]],
        of files: [InodeNumber],
        in fileSystem: FileSystem
    ) async throws {
        for (writer, file) in files.enumerated() {
            for (block, value) in blocks[writer] ?? [:] {
                let start = UInt64(block * blockBytes)
                let range = start..<start + UInt64(blockBytes)
                let read = try await fileSystem.read(file, range, as: .root).bytes
                let isRight = read.count == blockBytes && read.allSatisfy { $0 == value }
                #expect(isRight, "writer \(writer), block \(block)")
            }
        }
    }
}
