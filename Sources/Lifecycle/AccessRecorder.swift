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
        /// Being written down by a flush.
        var writing: [InodeNumber: Int64] = [:]
        /// Written down already for `day`: further uses on that day are no news.
        var recorded: Set<InodeNumber> = []
        var day: Int64 = .min
        /// Its file system is deleted.
        var isRetired = false
    }

    private let state = Mutex(State())
    /// Of flushes.
    private let turns = Turns()
    private let filesMax: Int

    /// Rows of one transaction.
    private static let batch = 4_096

    /// One that was told of nothing yet.
    ///
    /// - Parameter filesMax: So many files, 1,000,000 take some 40 MB; further ones are left out until the next flush.
    package init(filesMax: Int = 1_000_000) {
        self.filesMax = filesMax
    }

    package func accessed(_ inode: InodeNumber, day: Int64) {
        state.withLock { state in
            guard !state.isRetired else { return }
            // A day that comes again, by a clock that was put right, is a new one, too.
            if day != state.day {
                state.day = day
                state.recorded = []
            }
            guard !state.recorded.contains(inode) else { return }
            let known = state.pending[inode]
            guard known != nil || state.pending.count < filesMax else { return }
            state.pending[inode] = max(known ?? day, day)
        }
    }

    /// The day of a use that is not written down yet.
    package func unwritten(_ inode: InodeNumber) -> Int64? {
        state.withLock { state in
            [state.pending[inode], state.writing[inode]].compactMap { $0 }.max()
        }
    }

    /// Writes down what was gathered.
    ///
    /// Flushes come one after the other: what was gathered before the call is written down when it returns, also where
    /// another flush had begun with it.
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
        await turns.take()
        defer { turns.leave() }
        let taken = state.withLock { state in
            state.writing = state.pending
            state.pending = [:]
            return state.writing
        }
        let accesses = taken.sorted { $0.key < $1.key }.map { (inode: $0.key, day: $0.value) }
        do throws(MetadataError) {
            for start in stride(from: 0, to: accesses.count, by: AccessRecorder.batch) {
                let part = accesses[start..<min(start + AccessRecorder.batch, accesses.count)]
                try await journal.recordAccesses(fileSystem.text, Array(part))
            }
        } catch {
            state.withLock { state in
                state.pending.merge(taken) { max($0, $1) }
                state.writing = [:]
            }
            throw LifecycleError(error)
        }
        state.withLock { state in
            state.writing = [:]
            for (inode, day) in taken where day == state.day { state.recorded.insert(inode) }
            if state.recorded.count > filesMax { state.recorded = [] }
        }
        return accesses.count
    }

    /// Forgets what was gathered, for good: when it returns no flush writes anything of it any more.
    package func retire() async {
        await turns.take()
        defer { turns.leave() }
        state.withLock { state in
            state.isRetired = true
            state.pending = [:]
        }
    }
}
