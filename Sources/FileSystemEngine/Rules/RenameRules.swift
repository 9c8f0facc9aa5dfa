package import VarveModel

/// All that the rules of rename ask about, gathered under one transaction.
package struct RenameFacts: Sendable {
    package var entry: Attributes
    package var source: Attributes
    package var target: Attributes
    /// What the new name points at today.
    package var existing: Attributes?
    /// Whether `existing` is a directory with entries.
    package var isExistingFull = false
    /// Whether `entry` is the target directory or lies above it.
    package var isEntryAboveTarget = false
    /// Whether `existing` is the source directory or lies above it: it holds the entry then.
    package var isExistingAboveSource = false
    /// Whether old and new name are one and the same.
    package var isSameName = false
}

/// What a rename comes to.
package enum RenameVerdict: Sendable, Hashable {
    /// Both names are of one inode already: success, and nothing moves (POSIX rename(2)).
    case nothing
    /// The new name is free.
    case move
    /// What had the new name loses it.
    case replace
}

/// The rules of rename(2), in the order in which Linux tries them.
package enum RenameRules {
    /// Decides a rename.
    ///
    /// - Throws: `.invalid` (into itself), `.denied`, `.notPermitted` (sticky), `.notDirectory`,
    ///   `.isDirectory`, `.notEmpty`, `.tooManyLinks`.
    package static func decide(
        _ facts: RenameFacts,
        for caller: Credentials,
        linksMax: UInt32
    ) throws(FileSystemError) -> RenameVerdict {
        let entry = facts.entry
        if entry.kind == .directory, facts.isEntryAboveTarget {
            throw FileSystemError(
                .invalid,
                "rename: directory \(entry.inode.rawValue) into itself or below itself"
            )
        }
        if facts.isExistingAboveSource {
            throw FileSystemError(.notEmpty, "rename: the target directory holds what is renamed")
        }
        if facts.isSameName { return .nothing }
        if let existing = facts.existing, existing.inode == entry.inode { return .nothing }
        try Permission.requireRemoval(of: entry, from: facts.source, for: caller)
        try Permission.require([.write, .execute], of: facts.target, for: caller)
        if let existing = facts.existing {
            try Permission.requireRemoval(of: existing, from: facts.target, for: caller)
            try requireFit(of: existing, for: entry)
        }
        let changesParent = facts.source.inode != facts.target.inode
        if entry.kind == .directory, changesParent {
            // Its `..` is rewritten.
            try Permission.require(.write, of: entry, for: caller)
        }
        guard facts.existing != nil else {
            try requireRoom(for: entry, in: facts.target, changesParent, linksMax)
            return .move
        }
        guard !facts.isExistingFull else {
            throw FileSystemError(.notEmpty, "rename: the target directory holds entries")
        }
        return .replace
    }

    private static func requireRoom(
        for entry: Attributes,
        in target: Attributes,
        _ changesParent: Bool,
        _ linksMax: UInt32
    ) throws(FileSystemError) {
        guard entry.kind == .directory, changesParent, target.links >= linksMax else { return }
        throw FileSystemError(
            .tooManyLinks,
            "rename: directory \(target.inode.rawValue) holds \(target.links - 2) directories"
        )
    }

    private static func requireFit(
        of existing: Attributes,
        for entry: Attributes
    ) throws(FileSystemError) {
        switch (entry.kind == .directory, existing.kind == .directory) {
        case (true, false):
            throw FileSystemError(.notDirectory, "rename: a directory onto what is none")
        case (false, true):
            throw FileSystemError(.isDirectory, "rename: onto a directory, what is none")
        case (true, true), (false, false):
            return
        }
    }
}
