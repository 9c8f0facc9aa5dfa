import Synchronization
import VarveModel

/// Compressed blocks of which a part was read last, opened and decompressed: who reads a cold file in small pieces has
/// each block opened once, and not once a piece.
///
/// What is here has verified (I5). A key names the same bytes for ever: segments' numbers are never given twice, and a
/// segment is written once, so nothing here can grow old; what is dropped is dropped for its room.
///
/// Two generations, as of ``HeaderCache``, bounded in bytes.
final class BlockCache: Sendable {
    fileprivate struct Key: Hashable {
        let segment: SegmentID
        let offset: UInt64
        let block: Int
    }

    fileprivate struct State {
        var young: [Key: [UInt8]] = [:]
        var old: [Key: [UInt8]] = [:]
        var youngBytes = 0
    }

    private let state = Mutex(State())
    private let generationBytesMax: Int

    init(bytesMax: Int) {
        generationBytesMax = bytesMax / 2
    }

    /// The plain bytes of a block; `nil` when they are not here.
    func block(_ index: Int, of record: RecordAddress) -> [UInt8]? {
        let key = Key(segment: record.segment, offset: record.offset, block: index)
        return state.withLock { state in
            if let found = state.young[key] { return found }
            guard let found = state.old[key] else { return nil }
            insert(found, key, &state)
            return found
        }
    }

    /// Keeps the plain bytes of a block that has verified.
    func insert(_ bytes: [UInt8], block index: Int, of record: RecordAddress) {
        let key = Key(segment: record.segment, offset: record.offset, block: index)
        state.withLock { insert(bytes, key, &$0) }
    }

    /// The segment is gone.
    func drop(_ segment: SegmentID) {
        state.withLock { state in
            state.young = state.young.filter { $0.key.segment != segment }
            state.youngBytes = state.young.values.reduce(0) { $0 + $1.count }
            state.old = state.old.filter { $0.key.segment != segment }
        }
    }

    /// Lets go of what was not asked for since the last call of this.
    func age() {
        state.withLock { $0.age() }
    }

    private func insert(_ bytes: [UInt8], _ key: Key, _ state: inout State) {
        if state.youngBytes + bytes.count > generationBytesMax { state.age() }
        guard bytes.count <= generationBytesMax else { return }
        if state.young.updateValue(bytes, forKey: key) == nil { state.youngBytes += bytes.count }
    }
}

extension BlockCache.State {
    fileprivate mutating func age() {
        old = young
        young = [:]
        youngBytes = 0
    }
}
