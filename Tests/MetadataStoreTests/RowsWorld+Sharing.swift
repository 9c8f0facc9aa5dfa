import MetadataStore
import TestKit
import VarveModel

extension RowsWorld {
    /// Shows a range of a file, of now or of a retained instant, in a file, as the engine's clone does.
    func share() throws {
        let view = try chance(3) ? pastView() : .live
        let then = if case .past(let epoch) = view { side.state(at: epoch) } else { side.model }
        let sources = then.content.filter { !$0.value.isEmpty && then.inodes[$0.key] != nil }
        guard let source = pick(sources.keys.sorted()),
            let target = chance(5) ? source : pick(files), side.model.inodes[target] != nil,
            side.model.inline[target] == nil, let tokens = then.content[source]
        else { return }
        let low = Int.random(in: 0..<tokens.count, using: &generator)
        let high = Int.random(in: low + 1...tokens.count, using: &generator)
        let start = Int.random(in: 0..<700, using: &generator)
        if source == target, view == .live {
            guard !(low..<high).overlaps(start..<start + high - low) else { return }
            count("share within a file")
        }
        try lay(
            try extents(source, UInt64(low)..<UInt64(high), at: view),
            in: target,
            start..<start + high - low,
            from: UInt64(low)
        )
        var now = side.model.content[target] ?? []
        while now.count < start + high - low { now.append(0) }
        now.replaceSubrange(start..<start + high - low, with: tokens[low..<high])
        side.model.content[target] = now
        try store(target) { $0.size = UInt64(now.count) }
        count(view == .live ? "share" : "share of the past")
    }

    private func pastView() throws -> View {
        let wanted = Epoch(second: Int64.random(in: 1_000...max(1_000, second), using: &generator))
        guard let instant = writer.retention().last(atOrBefore: wanted) else { return .live }
        return .past(instant)
    }

    /// What a range of a file shows, each piece with its first byte.
    private func extents(
        _ number: UInt64,
        _ range: Range<UInt64>,
        at view: View
    ) throws -> [(start: UInt64, source: SharedExtent)] {
        let inode = InodeNumber(rawValue: number)
        var found: [(start: UInt64, source: SharedExtent)] = []
        for tile in try writer.tiles(inode, limit: .max, at: view) {
            let base = UInt64(tile) * Self.tileBytes
            for var extent in try writer.extents(inode, tile: tile, at: view) {
                let low = max(base + extent.offset, range.lowerBound)
                let high = min(base + extent.end, range.upperBound)
                guard low < high else { continue }
                extent.skip += low - (base + extent.offset)
                extent.offset = low - base
                extent.length = high - low
                found.append((low, SharedExtent(inode: inode, tile: tile, extent)))
            }
        }
        return found
    }

    private func lay(
        _ pieces: [(start: UInt64, source: SharedExtent)],
        in target: UInt64,
        _ range: Range<Int>,
        from low: UInt64
    ) throws {
        let inode = InodeNumber(rawValue: target)
        _ = try writer.cut(
            inode,
            UInt64(range.lowerBound)..<UInt64(range.upperBound),
            fileSize: UInt64(side.model.content[target]?.count ?? 0),
            sequence: try writer.nextSequence()
        )
        for piece in pieces {
            let start = UInt64(range.lowerBound) + piece.start - low
            let end = start + piece.source.extent.length
            var next = start
            while next < end {
                let tile = next / Self.tileBytes
                let high = min(end, (tile + 1) * Self.tileBytes)
                var extent = piece.source.extent
                extent.skip += next - start
                extent.length = high - next
                _ = try writer.shareSlice(
                    inode,
                    tile: Int64(tile),
                    offset: next - tile * Self.tileBytes,
                    sequence: try writer.nextSequence(),
                    SharedExtent(
                        inode: piece.source.place.inode,
                        tile: piece.source.place.tile,
                        extent
                    )
                )
                next = high
            }
        }
    }
}
