/// What of an archive is asked for: all of it, or what stands at and beneath some paths.
///
/// An answer costs the depth of a path, however many paths are asked for.
struct AskedPaths: Sendable {
    /// None is everything.
    private(set) var tops: Set<[UInt8]>

    var isEverything: Bool { tops.isEmpty }

    /// Takes relative paths, without a slash at either end; none at all, or the empty one, is everything.
    init(_ paths: [[UInt8]] = []) {
        tops = paths.contains([]) ? [] : Set(paths)
    }

    /// Asks for more: of everything, for these alone.
    mutating func add(_ paths: [[UInt8]]) {
        tops.formUnion(paths)
    }

    func contains(_ path: [UInt8]) -> Bool {
        isEverything || !reasons(for: path).isEmpty
    }

    /// The paths asked for that this one stands at or beneath.
    func reasons(for path: [UInt8]) -> [[UInt8]] {
        var found: [[UInt8]] = []
        for end in path.indices where path[end] == UInt8(ascii: "/") {
            let above = Array(path[..<end])
            if tops.contains(above) { found.append(above) }
        }
        if tops.contains(path) { found.append(path) }
        return found
    }
}
