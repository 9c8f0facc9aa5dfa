import MetadataStore
import TestKit
import Testing
import VarveModel

@Suite struct RowsGridTests {
    @Test func `a new grid keeps every second from its first on`() {
        let grid = RetentionGrid(from: 100)
        #expect(grid.last(atOrBefore: 99) == nil)
        #expect(grid.last(atOrBefore: 100) == 100)
        #expect(grid.first(atOrAfter: 0) == 100)
        #expect(grid.contains(12_345))
    }

    @Test func `a grid answers as a plain set of seconds does, however it was thinned`() {
        var generator = SeededGenerator(seed: testSeed(default: 11))
        let ladder = RetentionLadder(rungs: [
            .init(step: 1, seconds: 20), .init(step: 5, seconds: 60), .init(step: 20, seconds: 200),
        ])
        for _ in 0..<5 {
            var grid = RetentionGrid(from: Int64.random(in: 0..<50, using: &generator))
            var model = Set((0..<600).map(Int64.init).filter { grid.contains($0) })
            var now: Int64 = 50
            while now < 550 {
                now += Int64.random(in: 1..<60, using: &generator)
                let changed = grid.coarsen(to: ladder, now: now)
                let thinned = Set((0..<600).map(Int64.init).filter { grid.contains($0) })
                let dropped = model.subtracting(thinned)
                #expect(thinned.isSubset(of: model), "a grid only ever coarsens")
                #expect(dropped.allSatisfy { changed?.contains($0) ?? false })
                for second in max(0, now - 20)..<600 where model.contains(second) {
                    #expect(thinned.contains(second), "the finest rung keeps \(second) at \(now)")
                }
                model = thinned
                for second in Int64(0)..<600 {
                    let last = model.filter { $0 <= second }.max()
                    #expect(grid.last(atOrBefore: second) == last)
                }
                for second in Int64(0)..<500 {
                    #expect(grid.first(atOrAfter: second) == model.filter { $0 >= second }.min())
                }
            }
        }
    }

    @Test
    func `a grid that is thinned for bytes coarsens from the old end and keeps the running cell`() {
        let ladder = RetentionLadder(rungs: [
            .init(step: 1, seconds: 100), .init(step: 10, seconds: 400),
            .init(step: 60, seconds: 1_000),
        ])
        let now: Int64 = 1_234
        var grid = RetentionGrid(from: 7)
        _ = grid.coarsen(to: ladder, now: now)
        var steps = 0
        while let changed = grid.thin(ladder, now: now), steps < 1_000 {
            steps += 1
            #expect(changed.upperBound < now)
        }
        #expect(steps > 10 && steps < 1_000)
        // 1,234 lies in the cell of 60 that began at 1,200: its tens stay, and its last seconds.
        let kept = (Int64(0)..<now).filter { grid.contains($0) }
        #expect(kept == [1_209, 1_219, 1_229, 1_230, 1_231, 1_232, 1_233])
    }

    @Test func `each step of thinning for bytes only takes instants away`() {
        var generator = SeededGenerator(seed: testSeed(default: 29))
        let ladder = RetentionLadder(rungs: [
            .init(step: 1, seconds: 30), .init(step: 5, seconds: 60), .init(step: 20, seconds: 200),
        ])
        for _ in 0..<50 {
            var grid = RetentionGrid(from: Int64.random(in: 0..<40, using: &generator))
            var now: Int64 = 50
            for _ in 0..<60 {
                now += Int64.random(in: 0..<9, using: &generator)
                let before = (0..<now).filter { grid.contains($0) }
                let changed =
                    Bool.random(using: &generator)
                    ? grid.thin(ladder, now: now) : grid.coarsen(to: ladder, now: now)
                let after = (0..<now).filter { grid.contains($0) }
                let gone = Set(before).subtracting(after)
                #expect(Set(after).isSubset(of: before))
                #expect(gone.allSatisfy { changed?.contains($0) == true })
                #expect(zip(grid.spans, grid.spans.dropFirst()).allSatisfy { $0.from < $1.from })
            }
        }
    }

    @Test func `retained instants answer as a plain sorted list does`() {
        var generator = SeededGenerator(seed: testSeed(default: 12))
        for _ in 0..<30 {
            let pins = (0..<6).map { _ in
                Epoch(
                    second: Int64.random(in: 10..<40, using: &generator),
                    n: UInt64.random(in: 0..<3, using: &generator)
                )
            }
            let open = Epoch(second: 30, n: 1)
            let grid = RetentionGrid(spans: [.init(from: 12, step: 4), .init(from: 24, step: 1)])
            let retained = RetainedInstants(grid: grid, pins: pins, open: open)
            let plain = Set(
                pins
                    + (0..<60).map(Int64.init).filter { grid.contains($0) }
                    .map { Epoch.end(ofSecond: $0) }
            ).filter { $0 < open }.sorted()
            for _ in 0..<200 {
                let probe = Epoch(
                    second: Int64.random(in: 8..<34, using: &generator),
                    n: [0, 1, 2, 0xFFFFF].randomElement(using: &generator) ?? 0
                )
                #expect(retained.last(atOrBefore: probe) == plain.last { $0 <= probe })
                #expect(retained.last(before: probe) == plain.last { $0 < probe })
                #expect(retained.first(after: probe) == plain.first { $0 > probe })
                #expect(retained.contains(probe) == plain.contains(probe))
            }
            #expect(retained.oldest == plain.first)
        }
    }
}

@Suite struct RowsEpochTests {
    @Test func `an epoch never runs backwards and a snapshot opens the next`() {
        var clock = EpochClock(last: Epoch(second: 100))
        #expect(clock.open(second: 99) == Epoch(second: 100))
        #expect(clock.open(second: 100) == Epoch(second: 100))
        #expect(clock.close() == Epoch(second: 100))
        #expect(clock.open(second: 100) == Epoch(second: 100, n: 1))
        #expect(clock.open(second: 101) == Epoch(second: 101))
    }
}

@Suite struct RowsNameHasherTests {
    @Test func `the candidates of a name are its hash and every collision number`() {
        let hasher = NameHasher(key: (0..<16).map { UInt8($0) }, bits: 55)
        let range = hasher.candidates(Array("name".utf8))
        #expect(range.lowerBound & 0xFF == 0)
        #expect(range.count == 256)
        #expect(range.upperBound < 1 << 63)
    }

    @Test func `cookies 0 to 2 are never issued, whatever the hash`() {
        let hasher = NameHasher(key: [UInt8](repeating: 7, count: 16), bits: 1)
        for index in 0..<64 {
            let range = hasher.candidates(Array("name\(index)".utf8))
            #expect(range.lowerBound >= 3)
            #expect(range.upperBound <= 511)
        }
    }
}

@Suite struct RowsTileMapTests {
    private static func row(
        _ sequence: UInt64,
        _ range: Range<UInt64>,
        isHole: Bool = false
    ) -> SliceRow {
        SliceRow(
            inode: .root,
            tile: 0,
            sequence: sequence,
            born: Epoch(second: 1),
            died: .never,
            offset: range.lowerBound,
            length: UInt64(range.count),
            record: isHole
                ? nil
                : RecordPointer(
                    segment: SegmentID(rawValue: 1),
                    offset: sequence * 64,
                    length: UInt64(range.count)
                ),
            skip: 0
        )
    }

    /// Method: paint the same slices on a plain array of bytes; what shows must agree byte for byte.
    @Test func `a tile map shows what painting the slices in order shows`() {
        var generator = SeededGenerator(seed: testSeed(default: 13))
        for _ in 0..<200 {
            var map = TileMap()
            var plain = [UInt64?](repeating: nil, count: 64)
            var isData = [UInt64: Bool]()
            for sequence in 1...UInt64.random(in: 1...30, using: &generator) {
                let low = UInt64.random(in: 0..<64, using: &generator)
                let high = UInt64.random(in: low + 1...64, using: &generator)
                let isHole = Bool.random(using: &generator)
                isData[sequence] = !isHole
                let shownBefore = Set(plain.compactMap { $0 })
                let effect = map.insert(Self.row(sequence, low..<high, isHole: isHole))
                for byte in low..<high { plain[Int(byte)] = sequence }
                let gone = shownBefore.subtracting(plain.compactMap { $0 })
                #expect(Set(effect.hidden.map(\.sequence)) == gone)
            }
            #expect(Set(map.sequences) == Set(plain.compactMap { $0 }))
            var shown = [UInt64?](repeating: nil, count: 64)
            for extent in map.extents {
                for byte in extent.offset..<extent.end {
                    shown[Int(byte)] = extent.sequence
                    let start = extent.record.offset / 64
                    #expect(start == extent.sequence)
                }
            }
            let wanted = plain.map { $0.flatMap { isData[$0] == true ? $0 : nil } }
            #expect(shown == wanted)
            #expect(map.dataBytes == UInt64(wanted.count { $0 != nil }))
        }
    }
}
