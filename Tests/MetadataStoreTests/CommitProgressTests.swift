import Synchronization
import Testing

@testable import MetadataStore

/// Goal: whoever waits is told once, of the commit that they showed, and nobody waits for ever.
@Suite struct CommitProgressTests {
    /// What waiters were told, in order.
    private final class Told: Sendable {
        private let list = Mutex<[String]>([])

        var all: [String] { list.withLock { $0 } }

        func waiter(_ name: String) -> CommitProgress.Waiter {
            { isDurable in self.list.withLock { $0.append("\(name) \(isDurable)") } }
        }
    }

    @Test func `a waiter is told when its commit is durable, or at once`() {
        let (commits, told) = (CommitProgress(), Told())
        commits.whenDurable(0, told.waiter("zero"))
        #expect(told.all == ["zero true"])
        commits.begin()
        #expect(commits.begun == 1 && commits.visible == 0 && commits.durable == 0)
        commits.whenDurable(1, told.waiter("one"))
        #expect(commits.publish() == 1)
        commits.begin()
        commits.whenDurable(2, told.waiter("two"))
        commits.reach(1)
        #expect(told.all == ["zero true", "one true"])
        _ = commits.publish()
        commits.reach(2)
        commits.reach(1)
        #expect(told.all.last == "two true" && commits.durable == 2 && commits.waiting == 0)
    }

    @Test func `a commit that fails to begin keeps nobody waiting`() {
        let (commits, told) = (CommitProgress(), Told())
        commits.begin()
        _ = commits.publish()
        commits.begin()
        commits.whenDurable(2, told.waiter("two"))
        commits.abandon()
        // What it saw of commit 1 is not durable yet.
        #expect(told.all.isEmpty && commits.begun == 1)
        commits.whenDurable(2, told.waiter("late"))
        commits.reach(1)
        #expect(told.all == ["two true", "late true"])
    }

    @Test func `after a failed sync what is durable is told from what is not`() {
        let (commits, told) = (CommitProgress(), Told())
        commits.begin()
        _ = commits.publish()
        commits.reach(1)
        commits.begin()
        _ = commits.publish()
        commits.whenDurable(2, told.waiter("two"))
        commits.fail()
        commits.reach(2)
        commits.whenDurable(2, told.waiter("again"))
        commits.whenDurable(1, told.waiter("one"))
        #expect(told.all == ["two false", "again false", "one true"])
        #expect(commits.durable == 1)
    }
}
