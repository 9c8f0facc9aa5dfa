import TestKit
import Testing
import VarveModel

@testable import MetadataStore

/// Goal: memory never shows what the database does not, and stays bounded.
@Suite struct LiveRowCacheTests {
    private static func inode(_ number: UInt64, size: UInt64 = 0) -> LiveRowCache.Inode {
        LiveRowCache.Inode(
            row: InodeRow(
                inode: InodeNumber(rawValue: number),
                kind: .regular,
                permissions: 0o644,
                size: size
            ),
            accessed: nil
        )
    }

    private static func touched(_ numbers: UInt64...) -> TouchedRows {
        var touched = TouchedRows()
        for number in numbers { touched.touch(InodeNumber(rawValue: number)) }
        return touched
    }

    @Test func `a commit takes out what it changes, and nothing old comes back`() {
        let commits = CommitProgress()
        let cache = LiveRowCache(commits: commits)
        cache.keep(Self.inode(7), commit: 0)
        cache.keep(Self.inode(8), commit: 0)
        #expect(cache.inode(InodeNumber(rawValue: 7)) != nil)
        cache.beginCommit(Self.touched(7))
        #expect(cache.inode(InodeNumber(rawValue: 7)) == nil)
        #expect(cache.inode(InodeNumber(rawValue: 8)) != nil)
        // A transaction from before the commit, and one that may see it or not.
        cache.keep(Self.inode(7), commit: 0)
        cache.keep(Self.inode(7), commit: 1)
        #expect(cache.inode(InodeNumber(rawValue: 7)) == nil)
        cache.endCommit(isVisible: true)
        cache.keep(Self.inode(7), commit: 0)
        #expect(cache.inode(InodeNumber(rawValue: 7)) == nil)
        cache.keep(Self.inode(7, size: 1), commit: 1)
        // Visible, and not durable yet: it is shown to nobody.
        #expect(cache.inode(InodeNumber(rawValue: 7)) == nil)
        commits.reach(1)
        #expect(cache.inode(InodeNumber(rawValue: 7))?.row.size == 1)
    }

    @Test func `a commit that fails leaves the version as it was`() {
        let cache = LiveRowCache(commits: CommitProgress())
        let before = cache.version
        cache.beginCommit(Self.touched(7))
        #expect(cache.version != before)
        cache.endCommit(isVisible: false)
        #expect(cache.version == before)
        cache.keep(Self.inode(7), commit: 0)
        #expect(cache.inode(InodeNumber(rawValue: 7)) != nil)
    }

    @Test func `a closed one answers nothing and takes nothing`() throws {
        let cache = LiveRowCache(commits: CommitProgress())
        cache.keep(Self.inode(7), commit: 0)
        cache.close()
        cache.keep(Self.inode(7), commit: 0)
        cache.keep(Self.inode(7), commit: .max / 2)
        #expect(cache.inode(InodeNumber(rawValue: 7)) == nil)
        #expect(cache.lookup(try #require(FileName("a")), in: .root) == nil)
    }

    @Test func `a name is answered with both its ends at one version`() throws {
        let cache = LiveRowCache(commits: CommitProgress())
        let name = try #require(FileName("a"))
        let key = LiveRowCache.Name(directory: .root, name: name)
        cache.keep(key, leadsTo: InodeNumber(rawValue: 7), commit: 0)
        #expect(cache.lookup(name, in: .root) == nil)
        cache.keep(Self.inode(1), commit: 0)
        #expect(cache.lookup(name, in: .root) == nil)
        cache.keep(Self.inode(7), commit: 0)
        let found = try #require(cache.lookup(name, in: .root))
        #expect(found.inode?.row.inode.rawValue == 7 && found.version == cache.version)
        cache.keep(key, leadsTo: nil, commit: 0)
        let absent = try #require(cache.lookup(name, in: .root))
        #expect(absent.inode == nil)
    }

    private static func extents(_ count: Int, from start: UInt64 = 0) -> [TileExtent] {
        (0..<UInt64(count)).map { index in
            TileExtent(
                offset: start + index,
                length: 1,
                record: RecordPointer(
                    segment: SegmentID(rawValue: 1),
                    offset: 4_096,
                    length: 200
                ),
                skip: 0,
                sequence: index,
                born: .zero,
                home: RecordHome(inode: InodeNumber(rawValue: 7), tile: 0)
            )
        }
    }

    private static func slice(_ tile: Int64, died: Epoch = .never) -> SliceRow {
        SliceRow(
            inode: InodeNumber(rawValue: 7),
            tile: tile,
            sequence: 1,
            born: .zero,
            died: died,
            offset: 0,
            length: 1,
            record: nil,
            skip: 0
        )
    }

    @Test func `a file's tiles are answered together, at the version asked for`() {
        let cache = LiveRowCache(commits: CommitProgress())
        let file = InodeNumber(rawValue: 7)
        for tile in Int64(0)..<4 {
            cache.keep(Self.extents(Int(tile)), file, tile: tile, commit: 0)
        }
        let first = cache.version
        #expect(cache.tiles(1...2, of: file, atVersion: first)?.map(\.count) == [1, 2])
        #expect(cache.tiles(3...4, of: file, atVersion: first) == nil)
        var touched = TouchedRows()
        touched.touch(Self.slice(2))
        touched.touch(Self.slice(1, died: Epoch(second: 5)))
        cache.beginCommit(touched)
        #expect(cache.tiles(0...0, of: file, atVersion: first) == nil)
        cache.endCommit(isVisible: true)
        #expect(cache.tiles(1...1, of: file, atVersion: first) == nil)
        #expect(cache.tiles(1...1, of: file, atVersion: cache.version)?.count == 1)
        #expect(cache.tiles(2...2, of: file, atVersion: cache.version) == nil)
        cache.keep(Self.extents(2), file, tile: 2, commit: 0)
        #expect(cache.tiles(2...2, of: file, atVersion: cache.version) == nil)
        touched = TouchedRows()
        touched.touch(Self.slice(SliceRow.rangeTile))
        cache.beginCommit(touched)
        cache.endCommit(isVisible: true)
        for tile in Int64(0)..<4 {
            #expect(cache.tiles(tile...tile, of: file, atVersion: cache.version) == nil)
        }
    }

    @Test func `tiles are bounded by their extents, and agree with a plain table`() {
        var generator = SeededGenerator(seed: testSeed(default: 6))
        var tiles = RememberedTiles(extentsMax: 256)
        var plain: [RecordHome: [TileExtent]] = [:]
        var found = 0
        for step in 0..<20_000 {
            let home = RecordHome(
                inode: InodeNumber(rawValue: UInt64.random(in: 1...8, using: &generator)),
                tile: Int64.random(in: 0..<8, using: &generator)
            )
            switch Int.random(in: 0..<8, using: &generator) {
            case 0:
                tiles.remove(home.inode, tile: home.tile)
                plain[home] = nil
            case 1 where step.isMultiple(of: 7):
                tiles.remove(home.inode, tile: SliceRow.rangeTile)
                plain = plain.filter { $0.key.inode != home.inode }
            case 2, 3:
                let count = Int.random(in: 0..<80, using: &generator)
                let extents = Self.extents(count, from: UInt64(step))
                tiles.keep(extents, home.inode, tile: home.tile)
                plain[home] = extents
                // Over half of a half is not kept.
                let isKept = tiles.extents(home.inode, tile: home.tile) == extents
                #expect(isKept == (count + 1 <= 64))
            default:
                guard let extents = tiles.extents(home.inode, tile: home.tile) else { continue }
                found += 1
                #expect(extents == plain[home])
            }
            #expect(tiles.weight <= 256)
        }
        #expect(found > 500)
    }

    @Test func `what was asked for lately stays, and the rest is bounded`() {
        var generator = SeededGenerator(seed: testSeed(default: 5))
        var recent = RecentlyUsed<Int, Int>(countMax: 64)
        var plain: [Int: Int] = [:]
        for step in 0..<20_000 {
            let key = Int.random(in: 0..<200, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                recent[key] = nil
                plain[key] = nil
            case 1:
                recent[key] = step
                plain[key] = step
                #expect(recent[key] == step)
            default:
                if let value = recent[key] { #expect(value == plain[key]) }
            }
            #expect(recent.count <= 64)
        }
        for key in 0..<64 {
            recent[-1] = recent[-1] ?? 5
            recent[1_000 + key] = key
        }
        #expect(recent[-1] == 5)
    }
}
