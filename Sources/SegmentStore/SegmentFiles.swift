import Synchronization
import VarveModel

/// The segments whose files are open: those being written, and the closed ones read last.
final class SegmentFiles: Sendable {
    private struct Entry {
        let file: SegmentFile
        /// Being written: never dropped.
        var isPinned: Bool
        var lastUse: UInt64
    }

    private struct State {
        var entries: [SegmentID: Entry] = [:]
        var uses: UInt64 = 0
    }

    private let state = Mutex(State())
    private let configuration: SegmentStoreConfiguration

    init(_ configuration: SegmentStoreConfiguration) {
        self.configuration = configuration
    }

    /// The open segment, opened now when it was not.
    func file(_ segment: SegmentID, tier: Tier) throws(SegmentError) -> SegmentFile {
        if let cached = openFile(segment) { return cached }
        let file = try SegmentFile.open(segment, tier: tier, in: configuration)
        keep(file, pinned: false)
        return file
    }

    /// The segment if it is open.
    func openFile(_ segment: SegmentID) -> SegmentFile? {
        state.withLock { state in
            state.uses += 1
            state.entries[segment]?.lastUse = state.uses
            return state.entries[segment]?.file
        }
    }

    /// Takes an open segment in.
    func keep(_ file: SegmentFile, pinned: Bool) {
        state.withLock { state in
            state.uses += 1
            state.entries[file.segment] = Entry(
                file: file,
                isPinned: pinned,
                lastUse: state.uses
            )
            guard state.entries.count > configuration.openFilesMax else { return }
            let oldest = state.entries.filter { !$0.value.isPinned }
                .min { $0.value.lastUse < $1.value.lastUse }
            if let oldest { state.entries[oldest.key] = nil }
        }
    }

    /// The segment is written no more, and may be dropped.
    func unpin(_ segment: SegmentID) {
        state.withLock { $0.entries[segment]?.isPinned = false }
    }

    /// The segment is gone; whoever still reads it keeps its own reference.
    func drop(_ segment: SegmentID) {
        state.withLock { $0.entries[segment] = nil }
    }

    /// Lets go of every file; whoever still reads one keeps its own reference.
    func dropAll() {
        state.withLock { $0.entries = [:] }
    }
}
