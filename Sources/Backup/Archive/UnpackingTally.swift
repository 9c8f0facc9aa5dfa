import Synchronization
import VarveModel

/// What an unpacking has made, and what it could not: told by several workers at once.
final class UnpackingTally: Sendable {
    private struct State {
        var report = TransferReport()
        var fatal: TreeFailure?
        var reported: (entries: Int, bytes: UInt64) = (0, 0)
        var headers: UInt64 = 0
        var unmade = UnmadeNames()
    }

    private let state = Mutex(State())
    private let progress: ProgressHandler?

    init(_ progress: ProgressHandler?) {
        self.progress = progress
    }

    var report: TransferReport { state.withLock { $0.report } }
    /// What ends it all.
    var fatal: TreeFailure? { state.withLock { $0.fatal } }
    /// Headers met in the stream.
    var headers: UInt64 { state.withLock { $0.headers } }

    func meet() {
        state.withLock { $0.headers += 1 }
    }

    /// Whether a name is missing because of damage; `nil` when it is not missing.
    func damage(ofUnmade path: [UInt8]) -> Bool? { state.withLock { $0.unmade.damage(of: path) } }

    func made(_ path: [UInt8]) {
        state.withLock { $0.unmade.remove(path) }
    }

    func unmade(_ path: [UInt8], isDamage: Bool) {
        state.withLock { $0.unmade.insert(path, isDamage: isDamage) }
    }

    /// Counts what was made, and tells how far it is now and then.
    func count(_ change: (inout TransferReport) -> Void) {
        let news = state.withLock { state -> TransferProgress? in
            change(&state.report)
            state.report.entries =
                state.report.files + state.report.directories + state.report.symlinks
                + state.report.specials + state.report.hardLinks
            let (entries, bytes) = (state.report.entries, state.report.bytes)
            guard
                entries >= state.reported.entries + 256 || bytes >= state.reported.bytes + 16 << 20
            else { return nil }
            state.reported = (entries, bytes)
            return TransferProgress(entries: entries, bytes: bytes)
        }
        if let news { progress?(news) }
    }

    func countUnlistedDamage(_ count: Int) {
        state.withLock { $0.report.addUnlistedDamage(count) }
    }

    /// Tells the end.
    func showEnd() {
        let report = report
        progress?(TransferProgress(entries: report.entries, bytes: report.bytes))
    }

    // MARK: What failed

    /// Tells of a failure, which may be the end of it all.
    func note(_ failure: TreeFailure, _ path: [UInt8]) {
        guard failure.fatal == nil else {
            return state.withLock { $0.fatal = $0.fatal ?? failure }
        }
        omit(failure.call, failure.errno, failure.reason, path, isDamage: failure.isDamage)
    }

    /// Tells of an entry that is damaged, and not made for it.
    func leaveOut(_ reason: String, _ path: [UInt8]) {
        unmade(path, isDamage: true)
        omit("read", SystemError.failed, reason, path, isDamage: true)
    }

    func omit(
        _ call: String,
        _ errno: Int32,
        _ reason: String,
        _ path: [UInt8],
        isDamage: Bool
    ) {
        let omission = TransferOmission(
            path: path,
            call: call,
            errno: errno,
            reason: reason,
            isDamage: isDamage
        )
        state.withLock { $0.report.add(omission) }
    }
}
