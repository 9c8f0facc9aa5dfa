import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Numbers that a client may send and no honest one does: each gets an answer, none ends the daemon.
@Suite struct HostileInputTests {
    private static var limits: FileSystemLimits {
        var limits = FileSystemLimits()
        limits.readers = 2
        limits.flushSeconds = nil
        return limits
    }

    private static let edges: [UInt64] = [
        0, 1, 1 << 31, 1 << 32, (1 << 53) - 1, 1 << 53, (1 << 53) + 1, (1 << 63) - 1, 1 << 63,
        .max - 1, .max,
    ]

    @Test func `offsets and sizes at every edge are refused or kept exactly`() async throws {
        let world = try await EngineWorld.make(limits: Self.limits)
        let fileSystem = world.fileSystem
        for edge in Self.edges {
            let file = try await fileSystem.makeFile("f\(edge)", [1, 2, 3])
            let isFitting = edge < 1 << 53
            let result = await Self.code {
                _ = try await fileSystem.write(file, [9], at: edge, stability: .stable, as: .root)
            }
            #expect(result == (isFitting ? nil : .fileTooBig), "write at \(edge)")
            let found = try await fileSystem.attributes(of: file)
            #expect(found.size == (isFitting ? max(3, edge + 1) : 3))
            let resized = await Self.code {
                let changes = AttributeChanges(size: edge)
                _ = try await fileSystem.setAttributes(file, changes, as: .root)
            }
            #expect(resized == (edge <= 1 << 53 ? nil : .fileTooBig), "size \(edge)")
            try await fileSystem.punch(file, edge..<UInt64.max, as: .root)
            try await fileSystem.punch(file, 0..<edge, as: .root)
            #expect(try await fileSystem.dataRanges(file).allSatisfy { $0.count <= 3 })
        }
        while try await fileSystem.collectGarbage().isMoreDue {}
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    @Test func `a read of everything of a huge hole brings little into memory`() async throws {
        let world = try await EngineWorld.make(limits: Self.limits)
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("sparse", [1])
        let changes = AttributeChanges(size: 1 << 53)
        _ = try await fileSystem.setAttributes(file, changes, as: .root)
        let read = try await fileSystem.read(file, 0..<UInt64.max, as: .root)
        #expect(read.bytes.count == Int(PlannedRead.bytesMax) && !read.isAtEnd)
        #expect(read.bytes[0] == 1 && read.bytes.dropFirst().allSatisfy { $0 == 0 })
        let last = try await fileSystem.read(file, (1 << 53) - 2..<UInt64.max, as: .root)
        #expect(last.bytes == [0, 0] && last.isAtEnd)
        let beyond = try await fileSystem.read(file, UInt64.max - 1..<UInt64.max, as: .root)
        #expect(beyond.bytes.isEmpty && beyond.isAtEnd)
        await fileSystem.close()
    }

    @Test func `tiny unstable writes without a commit do not pile up in memory`() async throws {
        let world = try await EngineWorld.make(limits: Self.limits)
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", [UInt8](repeating: 0, count: 4_096))
        var most = 0
        for index in 0..<2_500 {
            _ = try await fileSystem.write(
                file,
                [7],
                at: UInt64(index),
                stability: .unstable,
                as: .root
            )
            most = max(most, fileSystem.core.pending.view(of: file)?.slices.count ?? 0)
        }
        #expect(most > 0 && most <= PendingWrites.slicesMax)
        #expect(try await fileSystem.contents(file).prefix(2_500).allSatisfy { $0 == 7 })
        await fileSystem.close()
    }

    @Test func `numbers of inodes, cookies and instants that never were are answered`() async throws
    {
        let world = try await EngineWorld.make(limits: Self.limits)
        let fileSystem = world.fileSystem
        let snapshot = try await fileSystem.createSnapshot("s")
        _ = try await fileSystem.makeFile("f", [1])
        for edge in Self.edges where edge != 1 {
            let inode = InodeNumber(rawValue: edge)
            for view in [View.live, .past(snapshot.epoch)] where inode.rawValue != 2 {
                #expect(
                    await Self.code { _ = try await fileSystem.attributes(of: inode, at: view) }
                        == .stale
                )
                #expect(
                    await Self.code {
                        _ = try await fileSystem.read(inode, 0..<10, at: view, as: .root)
                    } == .stale
                )
            }
            #expect(await Self.code { _ = try await fileSystem.open(inode) } == .stale)
            #expect(
                await Self.code {
                    _ = try await fileSystem.create(
                        try name("x"),
                        in: inode,
                        NewInode(.regular, permissions: 0o600),
                        as: .root
                    )
                } == .stale
            )
            let instant = Epoch(rawValue: edge)
            if instant != snapshot.epoch {
                #expect(
                    await Self.code {
                        _ = try await fileSystem.attributes(of: .root, at: .past(instant))
                    } == .stale
                )
                #expect(await Self.code { _ = try await fileSystem.hold(instant) } == .stale)
            }
            for view in [View.live, .past(snapshot.epoch)] {
                _ = try await fileSystem.readDirectory(
                    .root,
                    after: edge,
                    limit: .max,
                    at: view,
                    as: .root
                )
            }
        }
        await fileSystem.close()
    }

    @Test func `limits and times at every edge are answered`() async throws {
        let world = try await EngineWorld.make(limits: Self.limits)
        let fileSystem = world.fileSystem
        let snapshot = try await fileSystem.createSnapshot("s")
        let file = try await fileSystem.makeFile("f", [1])
        for limit in [Int.min, -1, 0, 1, Int.max / 4, .max] {
            let page = try await fileSystem.readDirectory(.root, limit: limit, as: .root)
            #expect(page.entries.count == 1)
            let changes = try await fileSystem.changes(
                after: snapshot.epoch,
                through: .never,
                limit: limit
            )
            #expect(!changes.changes.isEmpty)
        }
        for seconds in [Int64.min, -1, 0, 1 << 43, 1 << 44, .max] {
            let time = Timestamp(seconds: seconds, nanoseconds: 999_999_999)
            _ = try await fileSystem.setAttributes(
                file,
                AttributeChanges(accessed: .exactly(time), modified: .exactly(time)),
                as: .root
            )
            #expect(try await fileSystem.attributes(of: file).modified == time)
            let found = await Self.code { _ = try await fileSystem.instant(atOrBefore: time) }
            #expect(found == (seconds > 1 ? nil : .notFound), "\(seconds)")
            try await fileSystem.setBookmark("b", at: snapshot.epoch, expires: time)
        }
        _ = try await fileSystem.collectGarbage()
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    private static func code(_ body: () async throws -> Void) async -> FileSystemError.Code? {
        do {
            try await body()
            return nil
        } catch let error as FileSystemError {
            return error.code
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }
}
