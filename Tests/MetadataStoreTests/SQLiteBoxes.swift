import Synchronization

/// A flag that threads of a test share.
final class FlagBox: Sendable {
    private let flag = Atomic<Bool>(false)
    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}

/// What went wrong on the threads of a test.
final class ProblemBox: Sendable {
    private let problems = Mutex<[String]>([])
    var all: [String] { problems.withLock { $0 } }
    func add(_ problem: String) { problems.withLock { $0.append(problem) } }
}
