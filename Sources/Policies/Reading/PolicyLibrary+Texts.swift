/// Checks policy texts that lie somewhere else, as `varve job lint FILE` does.
extension PolicyLibrary {
    /// Takes these texts as all that there is.
    ///
    /// - Parameter texts: Each file's path, for errors, and what it holds.
    /// - Returns: Every problem, by file and place.
    package mutating func load(texts: [(name: String, text: String)]) -> [PolicyError] {
        update(
            texts.map {
                PolicyDirectory.File(path: $0.name, content: .success(Array($0.text.utf8)))
            }
        )
    }
}
