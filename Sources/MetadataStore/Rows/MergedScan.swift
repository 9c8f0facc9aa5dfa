/// Merges a live table and its history, in key order, as of one instant.
///
/// History is skip-scanned: one probe a key, however many versions a key has.
struct MergedScan<Key: Comparable, Row> {
    /// A live row: absent at the instant when it was born later.
    struct Live {
        let key: Key
        let isBorn: Bool
        let row: Row
    }

    /// A key of the history and its version at the instant, if it had one.
    struct Past {
        let key: Key
        let row: Row?
    }

    /// Live rows after a key, at most so many, ascending.
    let live: (Key?, Int) throws(MetadataError) -> [Live]
    /// The first key of the history after a key.
    let past: (Key?) throws(MetadataError) -> Past?

    /// Up to `limit` rows with keys after `start`, ascending.
    func rows(after start: Key?, limit: Int) throws(MetadataError) -> [Row] {
        var found: [(key: Key, row: Row)] = []
        var cursor = start
        while found.count < limit {
            let page = try live(cursor, limit)
            let liveEnd = page.count < limit ? nil : page.last?.key
            let (old, oldEnd) = try history(after: cursor, through: liveEnd, limit: limit)
            let end = [liveEnd, oldEnd].compactMap { $0 }.min()
            var merged = page.filter(\.isBorn).map { (key: $0.key, row: $0.row) } + old
            if let end { merged.removeAll { $0.key > end } }
            merged.sort { $0.key < $1.key }
            found += merged
            guard let end else { break }
            cursor = end
        }
        return found.prefix(limit).map(\.row)
    }

    /// Versions of the history, and the last key looked at when there may be more.
    private func history(
        after start: Key?,
        through end: Key?,
        limit: Int
    ) throws(MetadataError) -> ([(key: Key, row: Row)], Key?) {
        var found: [(key: Key, row: Row)] = []
        var cursor = start
        for _ in 0..<max(limit, 64) {
            guard let next = try past(cursor) else { return (found, nil) }
            if let end, next.key > end { return (found, nil) }
            if let row = next.row { found.append((next.key, row)) }
            cursor = next.key
        }
        return (found, cursor)
    }
}
