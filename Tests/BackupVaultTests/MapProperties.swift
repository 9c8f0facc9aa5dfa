import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: a map is an ordered dictionary, and its root depends on its content alone.
///
/// Method: random batches of edits on a map and on a plain dictionary; after each batch contents,
/// lookups, scans and differences agree, and building the same content from nothing gives the same
/// root. Values vary from nothing to more than a node, so that every way in which a node ends occurs.
@Suite struct MapProperties {
    /// Nodes in a dictionary: a map without a vault.
    final class NodeTable: MapNodeStore {
        var chunks: [ChunkID: [UInt8]] = [:]
        var written = 0
        var read = 0
        let key = DataKeyForTests.chunkIDs

        func node(_ reference: ChunkReference) throws(VaultError) -> MapNode {
            read += 1
            guard let bytes = chunks[reference.id], let node = MapNode(bytes) else {
                throw VaultError(.corrupt, "no node \(reference.id)")
            }
            return node
        }

        func storeNode(_ bytes: [UInt8]) throws(VaultError) -> ChunkReference {
            let id = key(bytes)
            if chunks[id] == nil { written += 1 }
            chunks[id] = bytes
            return ChunkReference(id: id, length: UInt32(bytes.count))
        }
    }

    static let boundaries = MapBoundaries(words: [1, 2])

    static func rewriter(_ table: NodeTable) -> MapRewriter<NodeTable> {
        MapRewriter(store: table, boundaries: boundaries)
    }

    static func build(_ model: [[UInt8]: MapValue], in table: NodeTable) throws -> MapRoot {
        try rewriter(table).apply(
            model.map { MapEdit($0.key, $0.value) }.sorted { $0.key.precedes($1.key) },
            to: nil
        )
    }

    static func all(_ map: MapRoot, in table: NodeTable) throws -> [MapEntry] {
        var scan = MapScan(map, from: [], in: table)
        return try scan.take(.max)
    }

    struct Case: Sendable, CustomStringConvertible {
        let keys: Int
        let batch: Int
        let valueBytesMax: Int
        let deletes: Double
        var description: String { "\(keys) keys, batches of \(batch), values ≤ \(valueBytesMax)" }
    }

    @Test(arguments: [
        Case(keys: 50, batch: 5, valueBytesMax: 20, deletes: 0.4),
        Case(keys: 2000, batch: 50, valueBytesMax: 200, deletes: 0.4),
        Case(keys: 3000, batch: 400, valueBytesMax: 60, deletes: 0.6),
        Case(keys: 300, batch: 20, valueBytesMax: 12_000, deletes: 0.5),
        Case(keys: 8000, batch: 1500, valueBytesMax: 40, deletes: 0.3),
    ])
    func `a map agrees with a dictionary and forgets its history`(_ mix: Case) throws {
        var generator = SeededGenerator(seed: testSeed(default: UInt64(mix.keys)))
        let table = NodeTable()
        var model: [[UInt8]: MapValue] = [:]
        var root = try Self.build([:], in: table)
        var levels: Set<UInt8> = []
        for round in 0..<25 {
            let before = (root, model)
            let edits = Self.edits(mix, round: round, model: model, using: &generator)
            for edit in edits { model[edit.key] = edit.value }
            root = try Self.rewriter(table).apply(edits, to: root)
            levels.insert(root.level)
            let sorted = model.map { MapEntry(key: $0.key, value: $0.value) }
                .sorted { $0.key.precedes($1.key) }
            #expect(try Self.all(root, in: table) == sorted)
            #expect(root.count == UInt64(model.count))
            #expect(try Self.build(model, in: NodeTable()) == root, "round \(round): canonical")
            try Self.checkLookups(root, model, in: table, using: &generator)
            try Self.checkDifference(before, (root, model), in: table)
        }
        #expect(mix.keys < 1000 || levels.contains { $0 > 0 }, "levels \(levels)")
    }

    /// A batch; every seventh deletes all or nearly all, so that maps also shrink.
    static func edits(
        _ mix: Case,
        round: Int,
        model: [[UInt8]: MapValue],
        using generator: inout SeededGenerator
    ) -> [MapEdit] {
        if round % 7 == 6 {
            let keep = Set(model.keys.sorted { $0.precedes($1) }.prefix(round % 3))
            return model.keys.filter { !keep.contains($0) }.sorted { $0.precedes($1) }
                .map { MapEdit($0, nil) }
        }
        var edits: [[UInt8]: MapValue?] = [:]
        for _ in 0..<mix.batch * (round % 7 == 0 ? 10 : 1) {
            let number = UInt32.random(in: 0..<UInt32(mix.keys), using: &generator)
            var writer = ByteWriter()
            writer.append(number.bigEndian)
            let key = number.isMultiple(of: 5) ? writer.bytes + [7] : writer.bytes
            if Double.random(in: 0..<1, using: &generator) < mix.deletes {
                edits[key] = .some(nil)
                continue
            }
            let size = Int.random(in: 0...mix.valueBytesMax, using: &generator)
            let chunks = (0..<Int.random(in: 0..<3, using: &generator)).map { _ in
                ChunkReference(
                    id: ChunkID(digest: generator.bytes(24)),
                    length: UInt32.random(in: 0..<9, using: &generator)
                )
            }
            edits[key] = .some(MapValue(generator.bytes(size), chunks: chunks))
        }
        return edits.map { MapEdit($0.key, $0.value) }.sorted { $0.key.precedes($1.key) }
    }

    static func checkLookups(
        _ root: MapRoot,
        _ model: [[UInt8]: MapValue],
        in table: NodeTable,
        using generator: inout SeededGenerator
    ) throws {
        let sorted = model.keys.sorted { $0.precedes($1) }
        for key in model.keys.shuffled(using: &generator).prefix(20) {
            #expect(try table.lookUp(key, in: root) == model[key])
        }
        for _ in 0..<20 {
            let key = generator.bytes(Int.random(in: 1...6, using: &generator))
            #expect(try table.lookUp(key, in: root) == model[key])
            var scan = MapScan(root, from: key, in: table)
            let expected = sorted.filter { !$0.precedes(key) }.prefix(5)
            #expect(try scan.take(5).map(\.key) == Array(expected))
        }
    }

    static func checkDifference(
        _ old: (root: MapRoot, model: [[UInt8]: MapValue]),
        _ new: (root: MapRoot, model: [[UInt8]: MapValue]),
        in table: NodeTable
    ) throws {
        var found: [MapDifference] = []
        var differences = MapDifferences(from: old.root, to: new.root, in: table)
        while let difference = try differences.next() { found.append(difference) }
        let keys = Set(old.model.keys).union(new.model.keys)
            .filter { old.model[$0] != new.model[$0] }.sorted { $0.precedes($1) }
        #expect(
            found
                == keys.map { MapDifference(key: $0, old: old.model[$0], new: new.model[$0]) }
        )
    }

    @Test func `no node outgrows its bound`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 3))
        let table = NodeTable()
        var model: [[UInt8]: MapValue] = [:]
        for index in 0..<20_000 {
            var writer = ByteWriter()
            writer.append(UInt64(index).bigEndian)
            model[writer.bytes] = MapValue(generator.bytes(Int(index % 90)))
        }
        let root = try Self.build(model, in: table)
        let sizes = table.chunks.values.map(\.count)
        #expect(sizes.allSatisfy { $0 < MapBoundaries.nodeBytesMax + 200 })
        let mean = sizes.reduce(0, +) / sizes.count
        #expect((6000...11_000).contains(mean), "mean node of \(mean) bytes")
        #expect(root.level <= 3)
    }

    /// Goal: an update costs O(edits · depth), whatever the size of the map.
    @Test func `a hundred edits write about as many nodes in a large map as in a small one`() throws
    {
        let small = try Self.cost(entries: 10_000, edits: 100, together: false)
        let large = try Self.cost(
            entries: TestSizes.current.costTreeFiles * 10,
            edits: 100,
            together: false
        )
        #expect(large.written <= 100 * Int(large.depth))
        #expect(large.read <= 3 * 100 * Int(large.depth))
        #expect(large.written <= small.written * 3, "small \(small), large \(large)")
        let smallRun = try Self.cost(entries: 1000, edits: 100, together: true)
        let largeRun = try Self.cost(
            entries: TestSizes.current.costTreeFiles,
            edits: 100,
            together: true
        )
        #expect(largeRun.written <= smallRun.written + 4, "small \(smallRun), large \(largeRun)")
    }

    static func cost(
        entries: Int,
        edits: Int,
        together: Bool
    ) throws -> (written: Int, read: Int, depth: UInt8) {
        let table = NodeTable()
        func key(_ index: Int) -> [UInt8] {
            var writer = ByteWriter()
            writer.append(UInt64(index).bigEndian)
            return writer.bytes
        }
        let value = MapValue([UInt8](repeating: 1, count: 100))
        let root = try rewriter(table).apply((0..<entries).map { MapEdit(key($0), value) }, to: nil)
        table.written = 0
        table.read = 0
        let step = together ? 1 : entries / edits
        let changed = (0..<edits).map { index in
            MapEdit(
                key(entries / 3 * (together ? 1 : 0) + index * step),
                MapValue([UInt8](repeating: 2, count: 100))
            )
        }
        let new = try rewriter(table).apply(changed, to: root)
        return (table.written, table.read, new.level + 1)
    }

    @Test func `a difference of a few edits reads few nodes`() throws {
        let table = NodeTable()
        func key(_ index: Int) -> [UInt8] {
            var writer = ByteWriter()
            writer.append(UInt64(index).bigEndian)
            return writer.bytes
        }
        let value = MapValue([UInt8](repeating: 1, count: 100))
        let old = try Self.rewriter(table).apply(
            (0..<20_000).map { MapEdit(key($0), value) },
            to: nil
        )
        let new = try Self.rewriter(table).apply(
            [
                MapEdit(key(77), nil), MapEdit(key(15_000), MapValue([])),
                MapEdit(key(99_999), value),
            ],
            to: old
        )
        table.read = 0
        var differences = MapDifferences(from: old, to: new, in: table)
        var keys: [[UInt8]] = []
        while let found = try differences.next() { keys.append(found.key) }
        #expect(keys == [key(77), key(15_000), key(99_999)])
        #expect(table.read <= 30, "\(table.read) nodes read")
    }

    @Test func `edits out of order or too large are refused`() throws {
        let table = NodeTable()
        func code(_ edits: [MapEdit]) -> VaultError.Code? {
            do throws(VaultError) {
                _ = try Self.rewriter(table).apply(edits, to: nil)
                return nil
            } catch {
                return error.code
            }
        }
        let value = MapValue([1])
        #expect(code([MapEdit([2], value), MapEdit([1], value)]) == .invalid)
        #expect(code([MapEdit([2], value), MapEdit([2], value)]) == .invalid)
        #expect(code([MapEdit([], value)]) == .invalid)
        #expect(code([MapEdit([UInt8](repeating: 0, count: 1025), value)]) == .invalid)
        #expect(
            code([MapEdit([1], MapValue([UInt8](repeating: 0, count: (1 << 20) + 1)))]) == .invalid
        )
        #expect(code([MapEdit([1], MapValue([UInt8](repeating: 0, count: 1 << 20)))]) == nil)
    }
}
