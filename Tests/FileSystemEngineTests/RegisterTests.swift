import Disk
import MetadataStore
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: readers see each file as a register: no write that was answered is missing, none is torn, and
/// none is seen before it began; an instant holds what stood when it was taken.
///
/// Method: one writer a file counts up, by writes of both kinds, by rename over the name, and by a
/// write that crosses tiles; readers note what was acknowledged before and begun after each read.
@Suite struct RegisterTests {
    private static let files = 4
    private static let rounds = 120
    /// Crosses a tile of 16 KiB.
    private static let bytes = 20_000

    /// What the writer of each file has begun, and what was acknowledged.
    private final class Oracle: Sendable {
        private let state = Mutex(
            [(begun: Int, acknowledged: Int)](repeating: (0, 0), count: RegisterTests.files)
        )

        func begin(_ file: Int, _ value: Int) { state.withLock { $0[file].begun = value } }
        func acknowledge(_ file: Int, _ value: Int) {
            state.withLock { $0[file].acknowledged = value }
        }
        func acknowledged(_ file: Int) -> Int { state.withLock { $0[file].acknowledged } }
        func begun(_ file: Int) -> Int { state.withLock { $0[file].begun } }
        var isDone: Bool {
            state.withLock { $0.allSatisfy { $0.acknowledged == RegisterTests.rounds } }
        }
    }

    private static func content(_ value: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(value), count: bytes)
    }

    @Test func `every file is a register, live and at every instant`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        for file in 0..<Self.files {
            _ = try await fileSystem.makeFile("r\(file)", Self.content(0))
        }
        let oracle = Oracle()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for file in 0..<Self.files {
                group.addTask { try await Self.write(fileSystem, file, oracle) }
            }
            for reader in 0..<3 {
                group.addTask { try await Self.read(fileSystem, reader, oracle) }
            }
            group.addTask { try await Self.look(fileSystem, world.clock, oracle) }
            try await group.waitForAll()
        }
        while try await fileSystem.reap().isMoreDue {}
        while try await fileSystem.collectGarbage().isMoreDue {}
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    private static func write(
        _ fileSystem: FileSystem,
        _ file: Int,
        _ oracle: Oracle
    ) async throws {
        let text = "r\(file)"
        for value in 1...rounds {
            oracle.begin(file, value)
            if value % 4 == 0 {
                _ = try await fileSystem.makeFile("new\(file)", content(value))
                try await fileSystem.rename(
                    try name("new\(file)"),
                    in: .root,
                    to: try name(text),
                    in: .root,
                    as: .root
                )
            } else {
                let found = try await fileSystem.lookup(try name(text), in: .root, as: .root)
                _ = try await fileSystem.write(
                    found.inode,
                    content(value),
                    at: 0,
                    stability: value % 2 == 0 ? .stable : .unstable,
                    as: .root
                )
            }
            oracle.acknowledge(file, value)
        }
    }

    /// A file's bytes where they can be read without waiting.
    private static func resident(_ fileSystem: FileSystem, _ inode: InodeNumber) -> [UInt8]? {
        var found: FileSystem.ResidentRead?
        let read = [UInt8](unsafeUninitializedCapacity: bytes) { buffer, count in
            buffer.initialize(repeating: 0)
            found = fileSystem.readResident(
                inode,
                0..<UInt64(bytes),
                as: .root,
                into: UnsafeMutableRawBufferPointer(buffer)
            )
            count = found?.count ?? 0
        }
        return found == nil ? nil : read
    }

    /// The value that a file holds; `nil` when it was replaced between lookup and read.
    private static func value(
        _ fileSystem: FileSystem,
        _ file: Int,
        _ view: View
    ) async throws -> Int? {
        let found = try await fileSystem.lookup(
            try name("r\(file)"),
            in: .root,
            at: view,
            as: .root
        )
        do {
            let read =
                if view == .live, let read = resident(fileSystem, found.inode) {
                    read
                } else {
                    try await fileSystem.read(
                        found.inode,
                        0..<UInt64(bytes),
                        at: view,
                        as: .root
                    ).bytes
                }
            guard let first = read.first, read.count == bytes,
                read.allSatisfy({ $0 == first })
            else {
                Issue.record("file \(file) is torn: \(Set(read)), \(read.count) bytes")
                return nil
            }
            return Int(first)
        } catch {
            guard error.code == .stale, view == .live else { throw error }
            return nil
        }
    }

    private static func read(
        _ fileSystem: FileSystem,
        _ reader: Int,
        _ oracle: Oracle
    ) async throws {
        var generator = SeededGenerator(seed: UInt64(reader))
        var latest = [Int](repeating: 0, count: files)
        while !oracle.isDone {
            let file = Int.random(in: 0..<files, using: &generator)
            let low = max(latest[file], oracle.acknowledged(file))
            guard let value = try await value(fileSystem, file, .live) else { continue }
            let high = oracle.begun(file)
            #expect((low...high).contains(value), "file \(file): \(value), not in \(low)...\(high)")
            latest[file] = value
        }
    }

    /// Takes instants, and reads each at once and again after what followed.
    private static func look(
        _ fileSystem: FileSystem,
        _ clock: SimulatedClock,
        _ oracle: Oracle
    ) async throws {
        var held: [(hold: Hold, values: [Int])] = []
        while !oracle.isDone {
            clock.advance(seconds: 1)
            let low = (0..<files).map { oracle.acknowledged($0) }
            let hold = try await fileSystem.hold()
            let high = (0..<files).map { oracle.begun($0) }
            var values: [Int] = []
            for file in 0..<files {
                let value = try await value(fileSystem, file, .past(hold.epoch))
                let found = try #require(value)
                #expect((low[file]...high[file]).contains(found), "file \(file) at \(hold.epoch)")
                values.append(found)
            }
            held.append((hold, values))
            _ = try await fileSystem.collectGarbage()
            _ = try await fileSystem.reap()
            guard held.count > 6 else { continue }
            let old = held.removeFirst()
            for file in 0..<files {
                let again = try await value(fileSystem, file, .past(old.hold.epoch))
                #expect(again == old.values[file], "file \(file) at \(old.hold.epoch)")
            }
            try await fileSystem.release(old.hold)
        }
        for old in held { try await fileSystem.release(old.hold) }
    }
}
