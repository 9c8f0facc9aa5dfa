package import VarveModel

/// The time after a start in which clients take back what they had, and nobody else gets it (RFC 8881 §8.4.2).
///
/// It ends when its time is over or as soon as everyone who may reclaim has said that it is done. Where nobody may, there is none.
package struct GracePeriod: Sendable {
    private var reclaimers: Set<ClientName>
    private var until: Timestamp

    /// - Parameters:
    ///   - reclaimers: Clients that held state when the server stopped.
    ///   - until: When it ends at the latest.
    package init(reclaimers: Set<ClientName> = [], until: Timestamp = .epoch) {
        self.reclaimers = reclaimers
        self.until = until
    }

    /// Whether it lasts.
    package func isActive(at now: Timestamp) -> Bool {
        !reclaimers.isEmpty && now < until
    }

    /// Whether a client may take back what it had.
    package func mayReclaim(_ client: ClientName, at now: Timestamp) -> Bool {
        isActive(at: now) && reclaimers.contains(client)
    }

    /// Notes that a client has taken back all it wants.
    mutating func complete(_ client: ClientName) {
        reclaimers.remove(client)
    }

    /// Ends it when its time is over; answers those who have not come.
    mutating func endIfOver(at now: Timestamp) -> Set<ClientName> {
        guard !reclaimers.isEmpty, now >= until else { return [] }
        defer { reclaimers = [] }
        return reclaimers
    }
}
