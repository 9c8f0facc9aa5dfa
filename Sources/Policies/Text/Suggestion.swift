/// "Did you mean …?": the nearest of the known names.
enum Suggestion {
    /// The known name at the least edit distance from `word`, when it is near enough to be meant.
    ///
    /// Case does not count. Near enough is a third of the word's length, at least 2.
    static func nearest(to word: String, among known: [String]) -> String? {
        let wanted = fold(word)
        guard wanted.count <= 64 else { return nil }
        let limit = max(2, wanted.count / 3)
        let ranked = known.map { (name: $0, distance: distance(wanted, fold($0))) }
            .filter { $0.distance <= limit }
        return ranked.min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
    }

    /// `Did you mean 'X'?`, or `otherwise` when nothing is near.
    static func remedy(for word: String, among known: [String], otherwise: String) -> String {
        nearest(to: word, among: known).map { "Did you mean '\($0)'?" } ?? otherwise
    }

    private static func fold(_ word: String) -> [Character] {
        word.lowercased().filter { $0 != "-" && $0 != "_" && $0 != " " }.map { $0 }
    }

    /// Levenshtein's distance, in two rows.
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var previous = Array(0...right.count)
        for (row, a) in left.enumerated() {
            var current = [row + 1]
            for (column, b) in right.enumerated() {
                let replaced = previous[column] + (a == b ? 0 : 1)
                current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[right.count]
    }
}
