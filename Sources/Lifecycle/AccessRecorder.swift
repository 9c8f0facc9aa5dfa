import FileSystemEngine
package import MetadataStore
private import Synchronization
package import VarveModel

/// Gathers in memory on which day each file was last used, until a flush writes it down.
///
/// A crash loses what was gathered since the last flush: a file may then look idle since the day
/// before. It loses no data, only its place in Standard a little early.
package final class AccessRecorder: AccessObserver {
    private struct State {
        /// Not written down yet.
        var pending: [InodeNumber: Int64] = [:]
        /// Written down already for `day`: further uses on that day are no news.
        var recorded: Set<InodeNumber> = []
        var day: Int64 = .min
    }

    private let state = Mutex(State())

    /// 1,000,000 files, some 40 MB; further ones are left out until the next flush.
    private static let filesMax = 1_000_000
    /// Rows of one transaction.
    private static let batch = 4_096

    package init() {}

    package func accessed(_ inode: InodeNumber, day: Int64) {
        state.withLock { state in
            if day > state.day {
                state.day = day
                state.recorded = []
            }
            guard !state.recorded.contains(inode) || day < state.day else { return }
            let known = state.pending[inode]
            guard known != nil || state.pending.count < AccessRecorder.filesMax else { return }
            state.pending[inode] = max(known ?? day, day)
        }
    }

    /// Writes down what was gathered.
    ///
    /// - Parameters:
    ///   - journal: Where to.
    ///   - fileSystem: Whose files they are.
    /// - Returns: How many files were used.
    /// - Throws: `.noSpace`, `.failed`; what was gathered is kept for the next flush.
    @discardableResult
    package func flush(
        to journal: JournalStore,
        as fileSystem: FileSystemID
    ) async throws(LifecycleError) -> Int {
        let taken = state.withLock { state in
            defer { state.pending = [:] }
            return state.pending
        }
        let accesses = taken.sorted { $0.key < $1.key }.map { (inode: $0.key, day: $0.value) }
        do throws(MetadataError) {
            for start in stride(from: 0, to: accesses.count, by: AccessRecorder.batch) {
                let part = accesses[start..<min(start + AccessRecorder.batch, accesses.count)]
                try await journal.recordAccesses(fileSystem.text, Array(part))
            }
        } catch {
            state.withLock { $0.pending.merge(taken) { max($0, $1) } }
            throw LifecycleError(error)
        }
        state.withLock { state in
            for (inode, day) in taken where day == state.day { state.recorded.insert(inode) }
            if state.recorded.count > AccessRecorder.filesMax { state.recorded = [] }
        }
        return accesses.count
    }
}
