/// Which moment a request reads: the present when nothing is given.
package struct Moment: Codable, Sendable, Hashable {
    package var at: TimeExpression?
    package var snapshot: String?
    package var recoveryPoint: String?
    /// The vault that holds the recovery point; `nil` asks all of them.
    package var vault: String?
    /// Of a recovery point in cold storage, its archive's file key in hex, where the vault's own key does not open it.
    package var fileKey: String?

    package init(
        at: TimeExpression? = nil,
        snapshot: String? = nil,
        recoveryPoint: String? = nil,
        vault: String? = nil
    ) {
        self.at = at
        self.snapshot = snapshot
        self.recoveryPoint = recoveryPoint
        self.vault = vault
    }
}
