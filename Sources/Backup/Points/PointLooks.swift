import VarveModel

/// Parts of the changed inodes that are being looked at, ahead of those whose content is being read: in order.
///
/// A part's tasks name what is to be read, and hold none of it.
struct PointLooks {
    /// 64 changed inodes are looked at by one child task.
    static let inodesMax = 64
    /// 4 parts: so many keep the readers supplied.
    static let partsMax = 4

    /// What the parts are found to need; `nil` while one is being looked at.
    private var found: [Int: [PointTask]?] = [:]
    private var first = 0
    private var next = 0
    /// How many parts there are.
    let parts: Int

    init(inodes: Int) {
        parts = (inodes + PointLooks.inodesMax - 1) / PointLooks.inodesMax
    }

    var isDone: Bool { first == parts }

    /// The places of the next part's inodes among all; `nil` when enough are ahead, or all have begun.
    mutating func begin(of inodes: Int) -> (number: Int, places: Range<Int>)? {
        guard next < parts, found.count < PointLooks.partsMax else { return nil }
        defer { next += 1 }
        found[next] = .some(nil)
        let start = next * PointLooks.inodesMax
        return (next, start..<min(inodes, start + PointLooks.inodesMax))
    }

    mutating func land(_ number: Int, _ tasks: [PointTask]) {
        found[number] = .some(tasks)
    }

    /// The tasks of the oldest part; `nil` while it is being looked at.
    mutating func popFirst() -> [PointTask]? {
        guard let tasks = found[first] ?? nil else { return nil }
        found[first] = nil
        first += 1
        return tasks
    }
}
