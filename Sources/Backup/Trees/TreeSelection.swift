package import Policies
package import VarveModel

/// Which names of a tree are meant: those that fit a pattern, and those that are listed.
///
/// Whatever is beneath a directory that is meant is meant with it. Patterns and paths count from the tree's root.
package struct TreeSelection: Sendable {
    package var patterns: [PathGlob]
    package var items: [[FileName]]

    /// 4,096: of a pattern or path, as Linux's PATH_MAX.
    package static let pathBytesMax = 4_096
    package static let patternsMax = 1_000
    /// 1,000,000: all names of all paths together.
    package static let itemNamesMax = SelectedNames.countMax

    package init(patterns: [PathGlob], items: [[FileName]]) {
        self.patterns = patterns
        self.items = items
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
    /// - Throws: When the root cannot be read or is no directory, when too many names are meant, on cancellation.
    func find(_ selection: TreeSelection) async throws(TreeFailure) -> SelectionOutcome {
        let (entry, directory) = try await root()
        guard entry.node.kind == .directory else {
            throw TreeFailure(
                call: "select",
                errno: SystemError.notDirectory,
                reason: "a selection is of a directory; this is one file"
            )
        }
        let search = SelectionSearch(selection)
        var outcome = SelectionOutcome()
        var pending = [SelectionStep(path: [], directory: directory, items: search.items)]
        if search.items.isWhole { outcome.names.insert([]) }
        while !outcome.names.isWhole, let step = pending.popLast() {
            do throws(TreeFailure) {
                let listing = try await list(step.directory)
                while let part = try await listing.next() {
                    try TreeFailure.checkCancellation()
                    for entry in search.takeMeant(of: part, at: step.path, step.items, &outcome) {
                        pending.append(
                            SelectionStep(
                                path: step.path + [entry.name],
                                directory: try await open(entry, in: step.directory),
                                items: step.items?.below(entry.name)
                            )
                        )
                    }
                    try outcome.checkCount()
                }
            } catch {
                if error.fatal != nil { throw error }
                outcome.failures.append((step.path, error))
            }
            rest(step.directory)
        }
        outcome.missing = selection.items.filter { !outcome.names.contains($0) }
        return outcome
    }
}

/// A directory in which a selection may mean something.
private struct SelectionStep<Directory: Sendable> {
    let path: [FileName]
    let directory: Directory
    /// What is listed beneath it.
    let items: SelectedNames?
}

/// Decides name by name what a selection takes.
private struct SelectionSearch {
    private let patterns: [PathGlob]
    /// The listed paths.
    let items: SelectedNames

    init(_ selection: TreeSelection) {
        patterns = selection.patterns
        var items = SelectedNames()
        for item in selection.items { items.insert(item) }
        self.items = items
    }

    /// Notes what of a part is meant.
    ///
    /// - Returns: The directories beneath which something may be.
    func takeMeant(
        of part: TreePart,
        at path: [FileName],
        _ items: SelectedNames?,
        _ outcome: inout SelectionOutcome
    ) -> [TreeEntry] {
        for (name, failure) in part.failures { outcome.failures.append((path + [name], failure)) }
        var entered: [TreeEntry] = []
        for entry in part.entries {
            let own = path + [entry.name]
            let listed = items?.below(entry.name)
            if listed?.isWhole == true || fits(own) {
                outcome.names.insert(own)
            } else if entry.node.kind == .directory, listed != nil || mayFit(beneath: own) {
                entered.append(entry)
            }
        }
        return entered
    }

    private func fits(_ path: [FileName]) -> Bool {
        guard !patterns.isEmpty else { return false }
        let bytes = path.map(\.bytes)
        return patterns.contains { $0.matches(bytes) }
    }

    private func mayFit(beneath path: [FileName]) -> Bool {
        guard !patterns.isEmpty else { return false }
        let bytes = path.map(\.bytes)
        return patterns.contains { $0.mayMatch(beneath: bytes) }
    }
}

extension SelectionOutcome {
    /// Refuses more names than memory is meant to hold.
    fileprivate func checkCount() throws(TreeFailure) {
        guard names.count > SelectedNames.countMax else { return }
        let reason =
            "more than \(SelectedNames.countMax) names are selected; name directories instead"
        throw TreeFailure(call: "select", errno: SystemError.invalid, reason: reason)
            .fatal(BackupError(.invalid, reason))
    }
}

extension TreeFailure {
    /// Ends what nobody waits for any more.
    static func checkCancellation() throws(TreeFailure) {
        guard Task.isCancelled else { return }
        let reason = "the caller gave up"
        throw TreeFailure(call: "walk", errno: SystemError.cancelled, reason: reason)
            .fatal(BackupError(.cancelled, reason))
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
