import VarveModel

/// The names that a selection found or lists, as a tree of their own.
///
/// Names are held once each, in one table: what a path costs is its own length, however deep it is.
struct SelectedNames: Sendable {
    private struct Step: Hashable {
        let above: Int
        let name: FileName
    }

    private var below: [Step: Int] = [:]
    private var wholes: Set<Int> = []
    /// Where in the tree this stands; the top is 0.
    private var place = 0
    private var isBeneathWhole = false

    /// 1,000,000 names, some 100 bytes each.
    static let countMax = 1_000_000

    /// Names held, those on the way counted too.
    var count: Int { below.count }
    var isEmpty: Bool { below.isEmpty && wholes.isEmpty }
    /// Whether all beneath is meant.
    var isWhole: Bool { isBeneathWhole || wholes.contains(place) }

    /// Takes in all that a path names.
    mutating func insert(_ path: some Sequence<FileName>) {
        var next = place
        for name in path {
            guard !wholes.contains(next) else { return }
            let step = Step(above: next, name: name)
            next = below[step] ?? below.count + 1
            below[step] = next
        }
        wholes.insert(next)
    }

    /// What is meant beneath a name; `nil` when nothing is.
    func below(_ name: FileName) -> SelectedNames? {
        if isWhole {
            var whole = self
            whole.isBeneathWhole = true
            return whole
        }
        guard let next = below[Step(above: place, name: name)] else { return nil }
        var inner = self
        inner.place = next
        return inner
    }

    /// Whether a path, or a directory above it, was taken in.
    func contains(_ path: some Sequence<FileName>) -> Bool {
        var current = self
        for name in path {
            if current.isWhole { return true }
            guard let next = current.below(name) else { return false }
            current = next
        }
        return current.isWhole
    }
}
