import MetadataStore
import SegmentStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: of a small file that grows out of its row, only what its new bytes leave is sealed, and both past and present read right.
///
/// Method: what comes covers all of the old bytes, their start, their end, their middle or none of them, as a write of either
/// stability or as a clone; records are counted.
@Suite struct OutgrownFileTests {
    enum Growth: CaseIterable { case stable, unstable, clone }

    /// Where the new bytes lie, over 2,000 old ones, and how many records the old ones need then.
    static let places: [(range: Range<Int>, sealed: Int)] = [
        (0..<20_000, 0), (0..<5_000, 0), (1_500..<9_000, 1), (0..<2_000, 0), (0..<1_999, 1),
        (700..<1_300, 1), (30_000..<36_000, 1),
    ]

    @Test(arguments: Growth.allCases)
    func `only what stays visible is sealed`(growth: Growth) async throws {
        for place in Self.places {
            // Less than the row may hold stays in the row when it is written, and is a record when it is cloned.
            guard growth == .clone || place.range.upperBound > 4_096 else { continue }
            try await Self.grow(growth, place.range, sealed: place.sealed)
        }
    }

    /// Goal: no row of content is left over, an empty one neither, of a file that was emptied before it outgrew it.
    @Test(arguments: Growth.allCases)
    func `a file that was emptied leaves no row of content`(growth: Growth) async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 62))
        let (old, new) = (generator.bytes(2_000), generator.bytes(5_000))
        let file = try await fileSystem.makeFile("file", old)
        let source = try await fileSystem.makeFile("source", new)
        let then = try await fileSystem.createSnapshot("then").epoch
        _ = try await fileSystem.setAttributes(file, AttributeChanges(size: 0), as: .root)
        try await Self.change(fileSystem, file, new, at: 0, growth, source)
        try await fileSystem.flush()
        let left = try await fileSystem.committer.run { try $0.writer.inline(file, at: .live) }
        #expect(left == nil)
        #expect(try await fileSystem.contents(file) == new)
        #expect(try await fileSystem.contents(file, at: .past(then)) == old)
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    /// A row without bytes that an earlier version left is no damage.
    @Test func `an empty row of content beside slices is no damage, and one with bytes is`()
        async throws
    {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("file", [UInt8](repeating: 1, count: 9_000))
        for (bytes, findings) in [([UInt8](), 0), ([1], 1)] {
            try await fileSystem.committer.run { try $0.writer.putInline(file, bytes) }
            #expect(try await fileSystem.verify().count == findings)
        }
        await fileSystem.close()
    }

    @inline(never)  // Inlined into the loop, Swift 6.3.1 in release crashes on it.
    private static func grow(_ growth: Growth, _ range: Range<Int>, sealed: Int) async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 61))
        let (old, new) = (generator.bytes(2_000), generator.bytes(range.count))
        let file = try await fileSystem.makeFile("file", old)
        let then = try await fileSystem.createSnapshot("then").epoch
        let source = try await fileSystem.makeFile("source", generator.bytes(40_000))
        _ = try await fileSystem.write(source, new, at: 0, stability: .stable, as: .root)
        let before = fileSystem.core.segments.counters.appends
        try await change(fileSystem, file, new, at: range.lowerBound, growth, source)
        try await fileSystem.flush()
        let records = fileSystem.core.segments.counters.appends - before
        let tiles = (range.upperBound - 1) / 16_384 - range.lowerBound / 16_384 + 1
        let own = growth == .clone ? 0 : tiles
        #expect(Int(records) == own + sealed, "\(growth) of \(range)")
        var wanted = old
        let zeros = max(0, range.upperBound - old.count)
        wanted.append(contentsOf: repeatElement(0, count: zeros))
        wanted.replaceSubrange(range, with: new)
        #expect(try await fileSystem.contents(file) == wanted, "\(growth) of \(range)")
        #expect(try await fileSystem.contents(file, at: .past(then)) == old)
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    private static func change(
        _ fileSystem: FileSystem,
        _ file: InodeNumber,
        _ bytes: [UInt8],
        at offset: Int,
        _ growth: Growth,
        _ source: InodeNumber
    ) async throws {
        guard growth == .clone else {
            let stability: Stability = growth == .stable ? .stable : .unstable
            _ = try await fileSystem.write(
                file,
                bytes,
                at: UInt64(offset),
                stability: stability,
                as: .root
            )
            return
        }
        _ = try await fileSystem.clone(
            CloneRequest(
                source: source,
                offset: 0,
                count: UInt64(bytes.count),
                target: file,
                targetOffset: UInt64(offset),
                as: .root
            )
        )
    }
}
