import Dispatch
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Many inodes in one visit: what they are, what they may take, and whom they let pass.
@Suite struct BulkInodesTests {
    private func attributes(_ world: EngineWorld, at hold: Hold) async throws -> [Attributes] {
        try await world.fileSystem.inodes(
            after: InodeNumber(rawValue: 0),
            limit: 1_000,
            at: hold.epoch
        )
    }

    @Test func `inodes come whole, as they were at the instant, in the order asked`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 31))
        var contents: [InodeNumber: [UInt8]] = [:]
        // Of no bytes, in a row, in one tile (16 KiB), in several.
        for (number, length) in [0, 100, 9_000, 40_000, 16_384].enumerated() {
            let bytes = generator.bytes(length)
            contents[try await fileSystem.makeFile("f\(number)", bytes)] = bytes
        }
        let hold = try await fileSystem.hold()
        let asked = try await attributes(world, at: hold).reversed()
        for inode in contents.keys {
            _ = try await fileSystem.write(inode, [1, 2], at: 5, stability: .stable, as: .root)
        }
        let found = try await fileSystem.bulkInodes(
            asked.map { .init($0, isWhole: true) },
            detailBytesMax: 1_000,
            runsMax: 16,
            at: hold.epoch
        )
        #expect(found.map(\.details.attributes) == Array(asked))
        for one in found where one.details.attributes.kind == .regular {
            let bytes = try #require(contents[one.details.attributes.inode])
            #expect(one.bytes == bytes)
            #expect(one.runs == (bytes.isEmpty ? [] : [0..<UInt64(bytes.count)]))
        }
        let heads = try await fileSystem.bulkInodes(
            asked.map { .init($0, isWhole: false) },
            detailBytesMax: 1_000,
            runsMax: 16,
            at: hold.epoch
        )
        #expect(heads.count == found.count && heads.allSatisfy { $0.bytes.isEmpty })
        try await fileSystem.release(hold)
        await fileSystem.close()
    }

    @Test func `extended attributes beyond the bound are not taken`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        for number in 0..<6 {
            let inode = try await fileSystem.makeFile("f\(number)")
            for attribute in 0..<4 {
                _ = try await fileSystem.setExtendedAttribute(
                    Array("user.a\(attribute)".utf8),
                    [UInt8](repeating: UInt8(number), count: 993),
                    of: inode,
                    as: .root
                )
            }
        }
        let hold = try await fileSystem.hold()
        let files = try await attributes(world, at: hold).filter { $0.kind == .regular }
        for (bytesMax, count) in [(0, 0), (3_999, 0), (4_000, 1), (11_999, 2), (24_000, 6)] {
            let found = try await fileSystem.bulkInodes(
                files.map { .init($0, isWhole: true) },
                detailBytesMax: bytesMax,
                runsMax: 16,
                at: hold.epoch
            )
            #expect(found.count == count, "\(bytesMax)")
            #expect(found.allSatisfy { $0.details.byteCount == 4_000 })
        }
        await fileSystem.close()
    }

    /// Goal: what is laid by hand, row by row, is what a plain read gives.
    ///
    /// Method: a file of more runs than may be told, one in its row that was extended, one that was cut within a run.
    @Test func `holes, ends and too many runs are as a plain read has them`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 33))
        let scattered = try await fileSystem.makeFile("scattered")
        for offset in [2_500, 5_000, 8_000, 12_000] as [UInt64] {
            let bytes = generator.bytes(700)
            _ = try await fileSystem.write(
                scattered,
                bytes,
                at: offset,
                stability: .stable,
                as: .root
            )
        }
        let extended = try await fileSystem.makeFile("extended", generator.bytes(100))
        _ = try await fileSystem.setAttributes(extended, .init(size: 5_000), as: .root)
        let cut = try await fileSystem.makeFile("cut", generator.bytes(9_000))
        _ = try await fileSystem.setAttributes(cut, .init(size: 5_001), as: .root)
        let hold = try await fileSystem.hold()
        let asked = try await attributes(world, at: hold).filter { $0.kind == .regular }
        for runsMax in [2, 16] {
            let found = try await fileSystem.bulkInodes(
                asked.map { .init($0, isWhole: true) },
                detailBytesMax: 0,
                runsMax: runsMax,
                at: hold.epoch
            )
            #expect(found.count == 3)
            for one in found {
                let inode = one.details.attributes.inode
                var plain: [UInt8] = []
                for run in one.runs {
                    plain += try await fileSystem.bulkRead(inode, run, at: .past(hold.epoch)).bytes
                }
                #expect(one.bytes == plain, "inode \(inode.rawValue)")
                let data = try await fileSystem.dataRanges(inode, at: .past(hold.epoch))
                let (first, last) = try (#require(data.first), #require(data.last))
                let isOver = data.count > runsMax
                #expect(one.runs == (isOver ? [first.lowerBound..<last.upperBound] : data))
                #expect(isOver == (inode == scattered && runsMax == 2))
                if inode == cut { #expect(data == [0..<5_001]) }
            }
        }
        await fileSystem.close()
    }

    @Test func `of several readers one always stays for what is short`() {
        #expect(ReadContext.longReadsMax(readers: 1) == 1)
        for readers in 2...64 {
            let most = ReadContext.longReadsMax(readers: readers)
            #expect(most >= 1 && most < readers && most <= ReadContext.processors)
        }
    }

    /// Goal: a backup of many small files keeps no client waiting.
    ///
    /// Method: all long reads that may run at one time do, and wait; at least one reader is left. Clients are answered a thousand
    /// times, and what a backup asked for meanwhile is not, until long reads end.
    @Test func `what clients ask for passes by what a backup reads`() async throws {
        var limits = EngineWorld.smallLimits
        limits.readers = FileSystemLimits().readers
        let world = try await EngineWorld.make(limits: limits)
        let fileSystem = world.fileSystem
        _ = try await fileSystem.makeFile("small", [1, 2, 3])
        let hold = try await fileSystem.hold()
        let asked = try await attributes(world, at: hold).map {
            FileSystem.BulkRequest($0, isWhole: true)
        }
        let go = DispatchSemaphore(value: 0)
        for _ in 0..<fileSystem.longReadsMax {
            _ = fileSystem.readers.push(isLong: true) { _ in go.wait() }
        }
        let epoch = hold.epoch
        let order = Order()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // An error leaves nothing found, which fails the test.
                let found = try? await fileSystem.bulkInodes(
                    asked,
                    detailBytesMax: 100,
                    runsMax: 16,
                    at: epoch
                )
                order.note("bulk \(found?.count ?? 0)")
            }
            for _ in 0..<1_000 {
                // It reads nothing, so nothing of it can fail.
                try? await fileSystem.readers.run { _ in }
            }
            order.note("clients")
            for _ in 0..<fileSystem.longReadsMax { go.signal() }
        }
        #expect(order.words == ["clients", "bulk \(asked.count)"])
        await fileSystem.close()
    }

    /// What has been answered, in order.
    private final class Order: Sendable {
        private let state = Mutex<[String]>([])

        var words: [String] { state.withLock { $0 } }

        func note(_ word: String) {
            state.withLock { $0.append(word) }
        }
    }
}
