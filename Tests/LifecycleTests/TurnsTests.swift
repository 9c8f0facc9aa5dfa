import Lifecycle
import Synchronization
import Testing

@Suite struct TurnsTests {
    /// The order in which turns came.
    private final class Order: Sendable {
        private let numbers = Mutex<[Int]>([])
        var all: [Int] { numbers.withLock { $0 } }
        func add(_ number: Int) { numbers.withLock { $0.append(number) } }
    }

    @Test func `turns come in the order in which they were asked for`() async {
        let turns = Turns()
        let order = Order()
        await turns.take()
        await withTaskGroup { group in
            for number in 0..<5 {
                group.addTask {
                    await turns.take()
                    order.add(number)
                    turns.leave()
                }
                // Until it waits, or, wrongly, has not waited.
                while turns.waiting <= number, order.all.isEmpty {
                    await Task.yield()
                }
            }
            #expect(order.all == [])
            #expect(!turns.takeIfFree())
            turns.leave()
        }
        #expect(order.all == [0, 1, 2, 3, 4])
        #expect(turns.takeIfFree())
        #expect(!turns.takeIfFree())
    }

    @Test func `who is cancelled waits no longer, and leaves the turn to the others`() async {
        let turns = Turns()
        await turns.take()
        let waited = await withTaskGroup(of: Bool.self) { group in
            group.addTask { await turns.takeUnlessCancelled() }
            while turns.waiting == 0 { await Task.yield() }
            group.cancelAll()
            // One that begins in a task that is cancelled already.
            group.addTask { await turns.takeUnlessCancelled() }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(waited == [false, false])
        #expect(turns.waiting == 0)
        turns.leave()
        #expect(await turns.takeUnlessCancelled())
        #expect(!turns.takeIfFree())
    }
}
