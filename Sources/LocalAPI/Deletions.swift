/// Names recovery points of one vault that are to be deleted together.
///
/// A route of its own: a daemon that does not know it deletes nothing, rather than the first alone.
package struct RecoveryPointNames: Codable, Sendable, Hashable {
    package var vault: String
    package var ids: [String]

    package init(vault: String, ids: [String]) {
        self.vault = vault
        self.ids = ids
    }
}

/// What became of points that were to be deleted together.
package struct DeletionReport: Codable, Sendable, Hashable {
    /// A point that is still there, or never was, and why.
    package struct Refusal: Codable, Sendable, Hashable {
        package var id: String
        package var error: APIError

        package init(id: String, error: APIError) {
            self.id = id
            self.error = error
        }
    }

    package var deleted: [String]
    package var refused: [Refusal]
    /// Why their space was not given back, which the next prune then does; absent when it was.
    package var spaceNotFreed: APIError?

    package init(
        deleted: [String] = [],
        refused: [Refusal] = [],
        spaceNotFreed: APIError? = nil
    ) {
        self.deleted = deleted
        self.refused = refused
        self.spaceNotFreed = spaceNotFreed
    }

    /// Everything that went wrong, in order.
    package var errors: [APIError] { refused.map(\.error) + [spaceNotFreed].compactMap { $0 } }
}
