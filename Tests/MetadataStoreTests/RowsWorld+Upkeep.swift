import MetadataStore
import TestKit
import VarveModel

extension RowsWorld {
    private var now: Timestamp { Timestamp(seconds: second) }

    func changeSnapshots() throws {
        if chance(2), let name = pick(side.snapshots.keys.sorted()) {
            try writer.deleteSnapshot(name: name)
            side.snapshots[name] = nil
            count("delete snapshot")
            return
        }
        guard side.snapshots.count < 8 else { return }
        side.nextName += 1
        let name = "s\(side.nextName)"
        let row = try writer.createSnapshot(name: name, created: now)
        side.snapshots[name] = row.epoch
        side.keep(row.epoch)
        guard writer.epoch == row.epoch.next else { throw Mismatch("the epoch after a snapshot") }
        count("snapshot")
    }

    func changeHolds() throws {
        if chance(2), let id = pick(side.holds.keys.sorted()) {
            try writer.releaseHold(id)
            side.holds[id] = nil
            count("release hold")
            return
        }
        guard side.holds.count < 5 else { return }
        let retained = writer.retention()
        let wanted = Epoch(second: Int64.random(in: 1_000...max(1_000, second), using: &generator))
        guard let instant = retained.last(atOrBefore: wanted) else { return }
        let row = try writer.hold(at: instant, created: now)
        side.holds[row.id] = instant
        count("hold")
        try refused(.notFound, "the open epoch was held") { () throws(MetadataError) in
            _ = try writer.hold(at: writer.epoch, created: now)
        }
        count("refused instant")
    }

    func changeBookmarks() throws {
        if chance(3), let name = pick(side.bookmarks.keys.sorted()) {
            try writer.removeBookmark(name: name)
            side.bookmarks[name] = nil
            count("remove bookmark")
            return
        }
        guard let instant = writer.retention().last(atOrBefore: writer.epoch) else { return }
        let name = "b\(Int.random(in: 0..<3, using: &generator))"
        try writer.setBookmark(name: name, at: instant)
        side.bookmarks[name] = instant
        count("bookmark")
    }

    /// Rewrites a tile as the engine would, from what it shows now.
    func merge() throws {
        let crowded = files.filter { !(side.model.content[$0] ?? []).isEmpty }
        guard let number = pick(crowded) else { return }
        let inode = InodeNumber(rawValue: number)
        guard let tile = pick(try writer.tiles(inode, limit: 20, at: .live)) else { return }
        let basis = try writer.tileBasis(inode, tile: tile)
        var runs: [(offset: UInt64, bytes: [UInt64])] = []
        for extent in try writer.extents(inode, tile: tile, at: .live) {
            let record = side.records[extent.record] ?? []
            let bytes = record[Int(extent.skip)..<Int(extent.skip + extent.length)]
            if let last = runs.last, last.offset + UInt64(last.bytes.count) == extent.offset {
                runs[runs.count - 1].bytes += bytes
            } else {
                runs.append((extent.offset, Array(bytes)))
            }
        }
        let home = RecordHome(inode: inode, tile: tile)
        let kept = side
        var merged: [MergedRun] = []
        if chance(2) {
            let record = newRecord(runs.flatMap(\.bytes), home)
            var skip: UInt64 = 0
            for run in runs {
                let length = UInt64(run.bytes.count)
                merged.append(
                    MergedRun(offset: run.offset, length: length, record: record, skip: skip)
                )
                skip += length
            }
        } else {
            merged = runs.map {
                MergedRun(
                    offset: $0.offset,
                    length: UInt64($0.bytes.count),
                    record: newRecord($0.bytes, home)
                )
            }
        }
        let isMerged = try writer.merge(inode, tile: tile, basis: basis, runs: merged)
        if !isMerged || merged.isEmpty { side = kept }
        count(isMerged ? "merge" : "merge refused")
        guard chance(4), !basis.sequences.isEmpty else { return }
        let stale = TileBasis(sequences: basis.sequences + [1 << 60])
        guard try !writer.merge(inode, tile: tile, basis: stale, runs: []) else {
            throw Mismatch("a stale merge was taken")
        }
    }

    /// Moves the records of a few slices, of any age, to another tier.
    func move() throws {
        guard let number = pick(files) else { return }
        let start = chance(2) ? nil : SliceKey(before: InodeNumber(rawValue: number))
        let rows = try writer.slices(after: start, limit: 6)
        var swaps: [RecordSwap] = []
        for row in rows {
            guard let record = row.record, let bytes = side.records[record] else { continue }
            let isStale = chance(8)
            let old =
                isStale
                ? RecordPointer(segment: record.segment, offset: 1 << 50, length: record.length)
                : record
            swaps.append(
                RecordSwap(
                    inode: row.inode,
                    tile: row.tile,
                    sequence: row.sequence,
                    died: chance(2) ? row.died : nil,
                    old: old,
                    new: newRecord(bytes, row.home, in: pick(Tier.allCases) ?? .archive)
                )
            )
        }
        for index in try writer.swapRecords(swaps) {
            side.records[swaps[index].new] = nil
            count("swap missed")
        }
        if !swaps.isEmpty { count("move") }
    }

    func maintain() throws {
        switch Int.random(in: 0..<6, using: &generator) {
        case 5:
            if chance(3), try thinForBytes(percent: 5) { count("thin for bytes") }
        case 0:
            if try writer.advanceRetention(second: second, ladder: Self.ladder) { count("thin") }
        case 1:
            let limit = Int.random(in: 1..<40, using: &generator)
            let report = try writer.collectGarbage(limit: limit)
            mix["version dropped", default: 0] += report.dropped
            mix["key trimmed", default: 0] += report.trimmed
        case 2:
            let report = try writer.reap(limit: Int.random(in: 1..<6, using: &generator))
            mix["slice reaped", default: 0] += report.slices
        case 3:
            let report = try writer.resolveRanges(limit: Int.random(in: 1..<9, using: &generator))
            mix["tile resolved", default: 0] += report.tiles
        default:
            if chance(3) { try rollBack() }
        }
    }

    /// Thins one stretch, once nobody holds an instant of the grid and the collector is done.
    private func thinForBytes(percent: UInt64) throws -> Bool {
        for id in side.holds.keys.sorted() { try writer.releaseHold(id) }
        side.holds = [:]
        while try writer.collectGarbage(limit: 100).hasMore {}
        let before = writer.retention().grid
        let isThinned = try writer.thinHistory(
            second: second,
            ladder: Self.ladder,
            budget: HistoryBudget(percentOfLive: percent, bytesMin: 0)
        )
        let after = writer.retention().grid
        for second in max(0, second - 300)..<second + 2 where after.contains(second) {
            guard before.contains(second) else { throw Mismatch("the grid got finer at \(second)") }
        }
        return isThinned
    }

    /// Makes everything as it was at a retained instant.
    private func rollBack() throws {
        let retained = writer.retention()
        let wanted = Epoch(second: Int64.random(in: 1_000...max(1_000, second), using: &generator))
        guard let instant = retained.last(atOrBefore: wanted) else { return }
        let stamp = RestoreStamp(change: try writer.nextChange(), changed: now)
        let keys = try writer.changedKeys(
            after: instant,
            through: writer.epoch
        )
        let past = side.state(at: instant)
        var model = past
        model.inodes = side.model.inodes
        for key in keys {
            try writer.restore(key, to: instant, stamp: stamp)
            guard case .inode(let inode) = key else { continue }
            var row = past.inodes[inode.rawValue]
            row?.change = stamp.change
            row?.changed = stamp.changed
            model.inodes[inode.rawValue] = row
        }
        side.model = model
        count("roll back")
    }

    /// Does all that is waiting, until nothing is.
    func settle() throws {
        try writer.begin(second: second)
        _ = try writer.advanceRetention(second: second, ladder: Self.ladder)
        while try writer.reap(limit: 3).hasMore {}
        while try writer.resolveRanges(limit: 3).hasMore {}
        while try writer.collectGarbage(limit: 25).hasMore {}
        try commit()
        let counts = try writer.audit()
        guard counts.unseen == 0 else { throw Mismatch("\(counts.unseen) versions leak") }
        try checkSpace()
        count("settle")
    }

    /// When nothing waits, every account of bytes is exact.
    private func checkSpace() throws {
        var projects: [UInt32: (files: UInt64, bytes: UInt64)] = [:]
        var inline: UInt64 = 0
        var tiers: [UInt64] = [0, 0, 0]
        for (number, row) in side.model.inodes {
            let data = (side.model.content[number] ?? []).count { $0 != 0 }
            let small = side.model.inline[number]?.count ?? 0
            let space = try writer.inode(row.inode, at: .live)?.space
            guard space == UInt64(data + small) else {
                throw Mismatch("space of \(number): \(space ?? 0), not \(data + small)")
            }
            inline += UInt64(small)
            projects[row.project, default: (0, 0)].files += 1
            projects[row.project, default: (0, 0)].bytes += UInt64(data + small)
            for tile in try writer.tiles(row.inode, limit: .max, at: .live) {
                for extent in try writer.extents(row.inode, tile: tile, at: .live) {
                    tiers[Int(extent.record.segment.rawValue) - 1] += extent.length
                }
            }
        }
        let counters = writer.counters()
        guard counters.space == tiers, counters.inlineBytes == inline else {
            throw Mismatch("space by tier: \(counters.space), not \(tiers)")
        }
        for project in UInt32(1)..<3 {
            let usage = try writer.usage(project: project)
            let wanted = projects[project] ?? (0, 0)
            guard usage.files == wanted.files, usage.bytes == wanted.bytes else {
                throw Mismatch("usage of project \(project): \(usage), not \(wanted)")
            }
        }
    }

    /// Lets go of everything: nothing may be left behind (I6).
    func empty() throws {
        try writer.begin(second: second)
        for name in side.snapshots.keys.sorted() { try writer.deleteSnapshot(name: name) }
        for id in side.holds.keys.sorted() { try writer.releaseHold(id) }
        for name in side.bookmarks.keys.sorted() { try writer.removeBookmark(name: name) }
        side.snapshots = [:]
        side.holds = [:]
        side.bookmarks = [:]
        for (directory, names) in side.model.names {
            for named in names.values {
                try writer.removeDirent(
                    directory: InodeNumber(rawValue: directory),
                    hash: named.hash
                )
            }
        }
        for number in side.model.inodes.keys.sorted() {
            try writer.removeInode(InodeNumber(rawValue: number))
        }
        side.model = ModelState()
        try commit()
        second += 10_000
        try settle()
        let counts = try writer.audit()
        guard counts.live == 0, counts.history == 0, counts.slices == 0, counts.referrers == 0,
            side.records.isEmpty
        else { throw Mismatch("left behind: \(counts), \(side.records.count) records") }
    }
}
