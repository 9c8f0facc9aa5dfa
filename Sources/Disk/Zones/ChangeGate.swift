private import Glibc

/// Lets changes through side by side, and nobody while somebody changes who takes part in them.
///
/// The kernel's readers-writer lock, which a waiting writer closes for readers to come (about 25 ns a pass).
/// A thread that is inside must not enter again.
final class ChangeGate: Sendable {
    // SAFETY: made in init, destroyed in deinit; between them only the lock's own calls touch it, which any thread may make.
    private nonisolated(unsafe) let lock: UnsafeMutablePointer<pthread_rwlock_t>

    init() {
        lock = .allocate(capacity: 1)
        var attributes = pthread_rwlockattr_t()
        pthread_rwlockattr_init(&attributes)
        pthread_rwlockattr_setkind_np(
            &attributes,
            Int32(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)
        )
        let result = pthread_rwlock_init(lock, &attributes)
        precondition(result == 0, "the system gave no lock: errno \(result)")
        pthread_rwlockattr_destroy(&attributes)
    }

    deinit {
        pthread_rwlock_destroy(lock)
        lock.deallocate()
    }

    /// One change of many.
    func shared<Result>(_ body: () throws(DiskError) -> Result) throws(DiskError) -> Result {
        pthread_rwlock_rdlock(lock)
        defer { pthread_rwlock_unlock(lock) }
        return try body()
    }

    /// Alone: every change that began has ended, and the next waits.
    func exclusive<Failure: Error, Result>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_rwlock_wrlock(lock)
        defer { pthread_rwlock_unlock(lock) }
        return try body()
    }
}
