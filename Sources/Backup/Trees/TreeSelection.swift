package import Policies
package import VarveModel

/// Which names of a tree are meant: those that fit a pattern, and those that are listed.
///
/// Whatever is beneath a directory that is meant is meant with it. Patterns and paths count from the tree's root.
package struct TreeSelection: Sendable {
    package var patterns: [PathGlob]
    package var items: [[FileName]]

    package init(patterns: [PathGlob], items: [[FileName]]) {
        self.patterns = patterns
        self.items = items
    }
}

/// The names that a selection found, as a tree of their own.
struct SelectedNames: Sendable {
    /// Whether all beneath is meant.
    private(set) var isWhole = false
    private var below: [FileName: SelectedNames] = [:]

    static let whole: SelectedNames = {
        var whole = SelectedNames()
        whole.isWhole = true
        return whole
    }()

    var isEmpty: Bool { !isWhole && below.isEmpty }

    /// Takes in all that a path names.
    mutating func insert(_ path: some Collection<FileName>) {
        guard let first = path.first else {
            isWhole = true
            below = [:]
            return
        }
        guard !isWhole else { return }
        below[first, default: SelectedNames()].insert(path.dropFirst())
    }

    /// What is meant beneath a name; `nil` when nothing is.
    func below(_ name: FileName) -> SelectedNames? {
        isWhole ? self : below[name]
    }
}

/// What a selection found in a tree.
struct SelectionOutcome: Sendable {
    var names = SelectedNames()
    /// Listed paths that are not there.
    var missing: [[FileName]] = []
    /// Directories that could not be looked into.
    var failures: [(path: [FileName], failure: TreeFailure)] = []

    /// What of the selection cannot be copied, for the report.
    var omissions: [TransferOmission] {
        failures.map { TransferOmission($0.failure, at: $0.path) }
            + missing.map { path in
                let failure = TreeFailure(
                    call: "select",
                    errno: SystemError.notFound,
                    reason: "it is not there"
                )
                return TransferOmission(failure, at: path)
            }
    }
}

extension TreeSource {
    /// Finds what a selection means; goes only where something may be.
    ///
    /// - Throws: When the root cannot be read, or is no directory.
    func find(_ selection: TreeSelection) async throws(TreeFailure) -> SelectionOutcome {
        let (entry, directory) = try await root()
        guard entry.node.kind == .directory else {
            throw TreeFailure(
                call: "select",
                errno: SystemError.notDirectory,
                reason: "a selection is of a directory; this is one file"
            )
        }
        var search = SelectionSearch(selection)
        var outcome = SelectionOutcome()
        if search.isItem([]) { outcome.names.insert([]) }
        var pending: [(path: [FileName], directory: Directory)] = [([], directory)]
        while let (path, directory) = pending.popLast() {
            do throws(TreeFailure) {
                let listing = try await list(directory)
                while let part = try await listing.next() {
                    for (name, failure) in part.failures {
                        outcome.failures.append((path + [name], failure))
                    }
                    for entry in part.entries {
                        let own = path + [entry.name]
                        if search.takes(own) {
                            outcome.names.insert(own)
                        } else if entry.node.kind == .directory, search.mayBeBeneath(own) {
                            pending.append((own, try await open(entry, in: directory)))
                        }
                    }
                }
            } catch {
                if error.fatal != nil { throw error }
                outcome.failures.append((path, error))
            }
            rest(directory)
        }
        outcome.missing = search.missing
        return outcome
    }
}

/// Decides name by name what a selection takes.
private struct SelectionSearch {
    private let patterns: [PathGlob]
    private var items: Set<[FileName]>
    private let above: Set<[FileName]>

    init(_ selection: TreeSelection) {
        patterns = selection.patterns
        items = Set(selection.items)
        above = Set(selection.items.flatMap { item in item.indices.map { Array(item[..<$0]) } })
        order = selection.items
    }

    private let order: [[FileName]]
    private var found: Set<[FileName]> = []

    /// Listed paths that were not met, in the order in which they were listed.
    ///
    /// One beneath a directory that was taken whole was not looked for.
    var missing: [[FileName]] {
        order.filter { item in
            !found.contains(item) && !item.indices.contains { found.contains(Array(item[..<$0])) }
        }
    }

    mutating func isItem(_ path: [FileName]) -> Bool {
        guard items.contains(path) else { return false }
        found.insert(path)
        return true
    }

    mutating func takes(_ path: [FileName]) -> Bool {
        let isItem = isItem(path)
        guard !isItem else { return true }
        let bytes = path.map(\.bytes)
        guard patterns.contains(where: { $0.matches(bytes) }) else { return false }
        found.insert(path)
        return true
    }

    func mayBeBeneath(_ path: [FileName]) -> Bool {
        if above.contains(path) { return true }
        let bytes = path.map(\.bytes)
        return patterns.contains { $0.mayMatch(beneath: bytes) }
    }
}

/// Those names of a tree that were selected, and the directories on the way to them.
struct SelectedSource<Base: TreeSource>: TreeSource {
    struct Directory: Sendable {
        let base: Base.Directory
        let names: SelectedNames
    }

    let base: Base
    let names: SelectedNames

    var isListingCostly: Bool { base.isListingCostly }
    var isPartial: Bool { !names.isWhole }

    func root() async throws(TreeFailure) -> (entry: TreeEntry, directory: Directory) {
        let (entry, directory) = try await base.root()
        return (entry, Directory(base: directory, names: names))
    }

    func open(_ entry: TreeEntry, in parent: Directory) async throws(TreeFailure) -> Directory {
        Directory(
            base: try await base.open(entry, in: parent.base),
            names: parent.names.below(entry.name) ?? SelectedNames()
        )
    }

    func list(_ directory: Directory) async throws(TreeFailure) -> SelectedListing<Base.Listing> {
        SelectedListing(base: try await base.list(directory.base), names: directory.names)
    }

    func details(
        of entry: TreeEntry?,
        in directory: Directory
    ) async throws(TreeFailure) -> TreeDetails {
        try await base.details(of: entry, in: directory.base)
    }

    func openFile(_ entry: TreeEntry, in directory: Directory) async throws(TreeFailure)
        -> Base.File
    {
        try await base.openFile(entry, in: directory.base)
    }

    func rest(_ directory: Directory) { base.rest(directory.base) }

    func isWhole(_ directory: Directory) -> Bool { directory.names.isWhole }
}

/// A listing without what was not selected.
struct SelectedListing<Base: TreeListing>: TreeListing {
    let base: Base
    let names: SelectedNames

    func next() async throws(TreeFailure) -> TreePart? {
        guard var part = try await base.next() else { return nil }
        part.entries = part.entries.filter { names.below($0.name) != nil }
        part.failures = part.failures.filter { names.below($0.name) != nil }
        return part
    }
}
