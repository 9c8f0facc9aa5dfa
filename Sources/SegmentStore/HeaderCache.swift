import Synchronization
import VarveModel

/// A record's header with its bytes, which authenticate every block.
struct CachedHeader: Sendable {
    let header: RecordHeader
    let bytes: [UInt8]
}

/// Headers read last, so that a small read of a large record costs one pread.
///
/// Two generations: what is found in the old one moves to the young; a full young one becomes
/// the old. That bounds it at `headersMax` without a list to keep in order.
final class HeaderCache: Sendable {
    private struct Key: Hashable {
        let segment: SegmentID
        let offset: UInt64
    }

    private struct Generations {
        var young: [Key: CachedHeader] = [:]
        var old: [Key: CachedHeader] = [:]
    }

    private let generations = Mutex(Generations())
    private let generationMax: Int

    init(headersMax: Int) {
        generationMax = max(1, headersMax / 2)
    }

    func header(at address: RecordAddress) -> CachedHeader? {
        let key = Key(segment: address.segment, offset: address.offset)
        return generations.withLock { generations in
            if let found = generations.young[key] { return found }
            guard let found = generations.old[key] else { return nil }
            insert(found, key, &generations)
            return found
        }
    }

    func insert(_ header: CachedHeader) {
        let key = Key(segment: header.header.segment, offset: header.header.offset)
        generations.withLock { insert(header, key, &$0) }
    }

    /// Forgets a header whose blocks did not open: only they authenticate it.
    func remove(at address: RecordAddress) {
        let key = Key(segment: address.segment, offset: address.offset)
        generations.withLock { generations in
            generations.young[key] = nil
            generations.old[key] = nil
        }
    }

    private func insert(_ header: CachedHeader, _ key: Key, _ generations: inout Generations) {
        if generations.young.count >= generationMax {
            generations.old = generations.young
            generations.young = [:]
        }
        generations.young[key] = header
    }
}
