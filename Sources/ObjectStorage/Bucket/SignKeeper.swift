import BackupVault
import Dispatch
import Foundation
import Synchronization
import VarveModel

/// By what the living are told from the dead: durations of one clock each, never two clocks.
struct SignTimes: Sendable, Hashable {
    /// An owner writes its sign anew this often.
    let refresh: Int64
    /// An owner that could not, for so long, counts itself dead.
    let giveUp: Int64
    /// A watcher that sees a sign stand still for so long counts its owner dead.
    let dead: Int64

    /// 20 s, 180 s, 300 s: an owner gives up two minutes before anybody else gives it up, though their clocks run
    /// unequally fast by a third; a prune after a crash waits five minutes, once.
    static let standard = SignTimes(
        refresh: 20_000_000_000,
        giveUp: 180_000_000_000,
        dead: 300_000_000_000
    )
}

/// Keeps up the signs of this process: writes each anew, again and again.
final class SignKeeper: Sendable {
    let client: S3Client
    let times: SignTimes
    private let state = Mutex(State())
    private let isKeptByThread: Bool
    private let called = DispatchSemaphore(value: 0)

    private struct State {
        var signs: [String: BucketSign] = [:]
        var isRunning = false
        var isStopped = false
    }

    init(_ client: S3Client, _ times: SignTimes, isKeptByThread: Bool) {
        self.client = client
        self.times = times
        self.isKeptByThread = isKeptByThread
    }

    /// Puts a sign up and keeps it.
    func begin(_ key: String) throws(VaultError) -> BucketSign {
        let sign = BucketSign(key, keeper: self)
        try atStore { () throws(S3Error) in try sign.write(attempts: nil) }
        let mustStart = state.withLock { state in
            state.signs[key] = sign
            guard isKeptByThread, !state.isRunning, !state.isStopped else { return false }
            state.isRunning = true
            return true
        }
        if mustStart {
            let thread = Thread { [self] in work() }
            thread.name = "varve-signs"
            thread.start()
        }
        return sign
    }

    /// Whether a sign is one of this process.
    func isOwn(_ key: String) -> Bool { state.withLock { $0.signs[key] != nil } }

    func forget(_ key: String) { state.withLock { _ = $0.signs.removeValue(forKey: key) } }

    func stop() {
        state.withLock { $0.isStopped = true }
        called.signal()
    }

    /// Writes every sign anew, once.
    func refresh() {
        for sign in state.withLock({ Array($0.signs.values) }) { sign.refresh() }
    }

    /// The thread's work: it ends when nobody needs it.
    private func work() {
        while true {
            _ = called.wait(timeout: .now() + .nanoseconds(Int(times.refresh)))
            let ends = state.withLock { state in
                guard state.isStopped || state.signs.isEmpty else { return false }
                state.isRunning = false
                return true
            }
            if ends { return }
            refresh()
        }
    }
}

/// An object that its owner writes anew, so that others see that it lives.
final class BucketSign: SignOfLife {
    let key: String
    private let keeper: SignKeeper
    private let id = Hex.encode(UniqueID.random().bytes)
    private let state = Mutex(State())
    /// One request for it at a time, so that none comes after its removal.
    private let asking = Mutex(())

    private struct State {
        var count: UInt64 = 0
        /// When the last writing began that the store has answered.
        var written: Int64 = 0
        var isLost = false
        var isEnded = false
    }

    init(_ key: String, keeper: SignKeeper) {
        self.key = key
        self.keeper = keeper
    }

    /// Writes it, with another number than before.
    func write(attempts: Int?) throws(S3Error) {
        let count = state.withLock { state in
            state.count += 1
            return state.count
        }
        let began = keeper.client.clock.now()
        try keeper.client.put(key, Array("varve \(id) \(count)\n".utf8), attempts: attempts)
        // From before the first attempt on: nobody can have seen it stand still for longer.
        state.withLock { $0.written = began }
    }

    /// Writes it anew, unless it was given up.
    func refresh() {
        asking.withLock { _ in
            guard state.withLock({ !$0.isEnded }), !isOverdue() else { return }
            // The next time tries again; who relies on it looks at the time that has passed.
            try? write(attempts: 1)
        }
    }

    /// Once it was too late it stays too late: others may have gone by it.
    private func isOverdue() -> Bool {
        let now = keeper.client.clock.now()
        return state.withLock { state in
            if now - state.written > keeper.times.giveUp { state.isLost = true }
            return state.isLost
        }
    }

    func check(isSure: Bool) throws(VaultError) {
        guard !isOverdue() else { throw lost }
        guard isSure else { return }
        let size = try atStore { () throws(S3Error) in try keeper.client.size(of: key) }
        guard size != nil else {
            state.withLock { $0.isLost = true }
            throw lost
        }
        // Looking may have taken long.
        guard !isOverdue() else { throw lost }
    }

    private var lost: VaultError {
        VaultError(
            .unavailable,
            "'\(key)' of \(keeper.client.address.text) could not be kept up: this work may have been taken for dead, and stops",
            remedy: "Repeat it when the object store answers."
        )
    }

    func end() {
        asking.withLock { _ in
            leave()
            // A name that stays is found dead, and dropped, by whoever looks for it next.
            try? keeper.client.delete(key, attempts: 3)
        }
    }

    func leave() {
        state.withLock { $0.isEnded = true }
        keeper.forget(key)
    }
}
