/// Names that an unpacking was to make and did not: what stands under one of them is older, and gets no further names.
///
/// Bounded: whoever has too many of them takes every name for one.
struct UnmadeNames: Sendable {
    /// Whether it is damage.
    private var names: [[UInt8]: Bool] = [:]
    private var bytes = 0
    private var isOver = false

    /// 32 MiB: some 200,000 names.
    static let bytesMax = 32 << 20
    /// What a name costs beside its bytes.
    private static let overhead = 96

    mutating func insert(_ path: [UInt8], isDamage: Bool) {
        guard !isOver, names.updateValue(isDamage, forKey: path) == nil else { return }
        bytes += path.count + UnmadeNames.overhead
        guard bytes > UnmadeNames.bytesMax else { return }
        isOver = true
        names = [:]
    }

    /// Takes a name back that was made after all.
    mutating func remove(_ path: [UInt8]) {
        guard !names.isEmpty, names.removeValue(forKey: path) != nil else { return }
        bytes -= path.count + UnmadeNames.overhead
    }

    /// Whether a name is missing because of damage; `nil` when it is not missing.
    func damage(of path: [UInt8]) -> Bool? { isOver ? true : names[path] }
}
