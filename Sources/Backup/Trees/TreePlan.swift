package import VarveModel

/// What a copy of a tree would do to its target, name by name.
package struct TreePlan: Sendable {
    package enum Sign: String, Sendable, CaseIterable {
        /// It would be made.
        case created = "+"
        /// It would be replaced, or a directory made of it.
        case overwritten = "M"
        /// The target has it, the source has not: it would stay.
        case left = "="
        /// The same, but it would go.
        case removed = "-"
    }

    package struct Entry: Sendable, Hashable {
        package let sign: Sign
        /// Below the root of the tree; empty for the root itself.
        package let path: [FileName]
        package let kind: FileKind
    }

    /// By path.
    package internal(set) var entries: [Entry] = []
    /// Whether there were more than it holds.
    package internal(set) var isCut = false
    /// What could not be looked at.
    package internal(set) var omissions: [TransferOmission] = []

    /// 100,000: more are counted as cut.
    package static let entriesMax = 100_000

    mutating func add(_ sign: Sign, _ path: [FileName], _ kind: FileKind) {
        guard entries.count < TreePlan.entriesMax else {
            isCut = true
            return
        }
        entries.append(Entry(sign: sign, path: path, kind: kind))
    }

    mutating func add(_ failure: TreeFailure, at path: [FileName]) {
        guard omissions.count < TransferReport.omissionsMax else { return }
        omissions.append(TransferOmission(failure, at: path))
    }
}

/// Compares a tree with what stands where it would go; changes nothing.
struct TreePlanner<Source: TreeSource, Target: TreeSource> {
    let source: Source
    /// What is there now; `nil` when nothing is.
    let target: Target?
    let isMirror: Bool
    private(set) var plan = TreePlan()
    private var pending: [(path: [FileName], from: Source.Directory, to: Target.Directory?)] = []

    init(from source: Source, to target: Target?, isMirror: Bool) {
        self.source = source
        self.target = target
        self.isMirror = isMirror
    }

    /// Compares everything.
    ///
    /// - Throws: When the root of the source cannot be read, and on cancellation.
    mutating func run() async throws(TreeFailure) -> TreePlan {
        let (entry, directory) = try await source.root()
        let standing = try await standingRoot()
        guard entry.node.kind == .directory else {
            plan.add(standing == nil ? .created : .overwritten, [], entry.node.kind)
            return plan
        }
        if let standing, standing.entry.node.kind == .directory {
            pending.append(([], directory, standing.directory))
        } else {
            plan.add(standing == nil ? .created : .overwritten, [], .directory)
            pending.append(([], directory, nil))
        }
        while let (path, from, to) = pending.popLast(), !plan.isCut {
            do throws(TreeFailure) {
                try await compare(path, from, to)
            } catch {
                if error.fatal != nil { throw error }
                plan.add(error, at: path)
            }
            source.rest(from)
            if let to { target?.rest(to) }
        }
        plan.entries.sort { $0.path.lexicographicallyPrecedes($1.path) }
        return plan
    }

    private func standingRoot() async throws(TreeFailure) -> (
        entry: TreeEntry, directory: Target.Directory
    )? {
        guard let target else { return nil }
        do throws(TreeFailure) {
            return try await target.root()
        } catch {
            guard error.errno == SystemError.notFound else { throw error }
            return nil
        }
    }

    private mutating func compare(
        _ path: [FileName],
        _ from: Source.Directory,
        _ to: Target.Directory?
    ) async throws(TreeFailure) {
        var standing = try await names(in: to)
        let listing = try await source.list(from)
        while let part = try await listing.next() {
            try TreeFailure.checkCancellation()
            for (name, failure) in part.failures {
                standing[name] = nil
                plan.add(failure, at: path + [name])
            }
            for entry in part.entries {
                let there = standing.removeValue(forKey: entry.name)
                try await judge(entry, path + [entry.name], from, there, to)
            }
        }
        guard source.isWhole(from) else { return }
        for (name, entry) in standing {
            plan.add(isMirror ? .removed : .left, path + [name], entry.node.kind)
        }
    }

    private mutating func judge(
        _ entry: TreeEntry,
        _ path: [FileName],
        _ from: Source.Directory,
        _ standing: TreeEntry?,
        _ to: Target.Directory?
    ) async throws(TreeFailure) {
        let isDirectory = entry.node.kind == .directory
        if isDirectory, let standing, standing.node.kind == .directory, let target, let to {
            let below = try await target.open(standing, in: to)
            pending.append((path, try await source.open(entry, in: from), below))
            return
        }
        plan.add(standing == nil ? .created : .overwritten, path, entry.node.kind)
        if isDirectory { pending.append((path, try await source.open(entry, in: from), nil)) }
    }

    private func names(
        in directory: Target.Directory?
    ) async throws(TreeFailure) -> [FileName: TreeEntry] {
        guard let target, let directory else { return [:] }
        var names: [FileName: TreeEntry] = [:]
        let listing = try await target.list(directory)
        while let part = try await listing.next() {
            try TreeFailure.checkCancellation()
            for entry in part.entries { names[entry.name] = entry }
        }
        return names
    }
}
