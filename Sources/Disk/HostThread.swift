private import CLinux
private import Glibc

/// Threads of the host for what waits for storage, which the pool of tasks must not.
package enum HostThread {
    /// Runs `body` on a thread of its own, which ends with it.
    ///
    /// What `body` refers to lives until then.
    package static func start(_ body: @escaping @Sendable () -> Void) {
        let context = Unmanaged.passRetained(ThreadBody(body)).toOpaque()
        var thread = pthread_t()
        // SAFETY: the thread takes over the reference that was retained for it.
        let result = pthread_create(
            &thread,
            nil,
            { context in
                if let context {
                    Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
                }
                return nil
            },
            context
        )
        precondition(result == 0, "the system gave no thread: errno \(result)")
        pthread_detach(thread)
    }

    /// Has the calling thread run behind those that wake while it runs, for its share of the processor all the same.
    ///
    /// Linux lets whoever wakes preempt a thread whose slices are longer than its own (since 6.12; before, nothing changes).
    /// No lock is held for longer: it is no lower priority.
    package static func takeLongSlices() {
        varve_take_slices(100_000_000)
    }

    /// Has the calling thread run as soon as what it waits for has come, before those that compute.
    ///
    /// For who mostly waits: its share of the processor is as any other's, in shorter pieces (Linux 6.12).
    package static func takeShortSlices() {
        varve_take_slices(200_000)
    }
}

/// What a thread does.
private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) {
        self.run = run
    }
}
