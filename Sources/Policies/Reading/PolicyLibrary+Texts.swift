/// Checks policy texts that lie somewhere else, as `varve job lint FILE` does.
extension PolicyLibrary {
    /// Takes these texts, and beside them the policies of the directories that they may name.
    ///
    /// A text stands in for a file of the same name in a directory.
    ///
    /// - Parameters:
    ///   - texts: Each file's path, for errors, and what it holds.
    ///   - directories: As ``load(directories:)``; what is wrong with them is not reported.
    /// - Returns: Every problem of the texts, by file and place.
    package mutating func load(
        texts: [(name: String, text: String)],
        beside directories: [String]
    ) -> [PolicyError] {
        func last(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }
        let names = Set(texts.map { last($0.name) })
        var files: [PolicyDirectory.File] = []
        for directory in directories {
            // One that cannot be read holds nothing to name.
            let found = (try? PolicyDirectory.files(of: directory)) ?? []
            files += found.filter { !names.contains(last($0.path)) }
        }
        files += texts.map {
            PolicyDirectory.File(path: $0.name, content: .success(Array($0.text.utf8)))
        }
        let meant = Set(texts.map(\.name))
        return update(files).filter { error in error.place.map { meant.contains($0.file) } ?? true }
    }
}
