private import Glibc
private import Synchronization

/// A stream of bytes from somebody who sends to somebody who blocks.
///
/// At most 4 MiB wait unread; a sender waits without blocking a thread.
package final class ArchiveInput: @unchecked Sendable {
    // SAFETY: everything below is touched under `mutex` alone; the two pointers are set once in init and
    // freed in deinit, when nobody else can hold them.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var parts: [[UInt8]] = []
    private var unread = 0
    private var isEnded = false
    private var reason: String?
    private var senders: [CheckedContinuation<Void, Never>] = []

    /// 4 MiB.
    private static let unreadMax = 4 << 20

    package init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Hands bytes over, and waits while too many are unread; after the end they are dropped.
    package func send(_ bytes: [UInt8]) async {
        guard !bytes.isEmpty else { return }
        await withCheckedContinuation { sender in
            let mayGoOn = locked { () -> Bool in
                guard !isEnded else { return true }
                parts.append(bytes)
                unread += bytes.count
                pthread_cond_signal(condition)
                guard unread > ArchiveInput.unreadMax else { return true }
                senders.append(sender)
                return false
            }
            if mayGoOn { sender.resume() }
        }
    }

    /// Ends the stream well.
    package func finish() {
        end(nil)
    }

    /// Ends the stream because something failed; the reader fails too.
    package func fail(_ reason: String) {
        end(reason)
    }

    /// Whether nobody wants more.
    package var isStopped: Bool { locked { isEnded } }

    /// Why the stream failed, if it did.
    var failure: String? { locked { reason } }

    /// The next bytes, waiting for them; `nil` at the end.
    func next() -> [UInt8]? {
        let (bytes, woken) = locked {
            () -> ([UInt8]?, [CheckedContinuation<Void, Never>]) in
            while parts.isEmpty && !isEnded { pthread_cond_wait(condition, mutex) }
            guard !parts.isEmpty else { return (nil, []) }
            let bytes = parts.removeFirst()
            unread -= bytes.count
            guard unread <= ArchiveInput.unreadMax else { return (bytes, []) }
            defer { senders = [] }
            return (bytes, senders)
        }
        for sender in woken { sender.resume() }
        return bytes
    }

    /// The reader wants no more: senders go on and what they send is dropped.
    func stop() {
        end("the reader stopped")
    }

    private func end(_ reason: String?) {
        let woken = locked { () -> [CheckedContinuation<Void, Never>] in
            if !isEnded {
                isEnded = true
                self.reason = reason
            }
            pthread_cond_broadcast(condition)
            defer { senders = [] }
            return senders
        }
        for sender in woken { sender.resume() }
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
