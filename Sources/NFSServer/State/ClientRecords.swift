/// Remembers over restarts which clients held opens or locks, by what they name themselves and where (RFC 8881 §8.4.2.1).
///
/// A client that is remembered may take back what it had after a restart; nobody else may. So one is remembered before its first open
/// is answered, and forgotten before anybody gets what it has lost.
package protocol ClientRecords: Sendable {
    /// Durable when it returns.
    func remember(_ client: ClientName) async throws

    /// Durable when it returns; one that is not remembered is no error.
    func forget(_ client: ClientName) async throws
}

/// Of a server whose clients begin anew after a restart.
package struct NoClientRecords: ClientRecords {
    package init() {}

    package func remember(_ client: ClientName) async throws {}

    package func forget(_ client: ClientName) async throws {}
}

/// A change of the records that a change of the state asks for.
enum RecordNote: Sendable, Equatable {
    case remember(ClientName)
    case forget(ClientName)
}

/// Writes notes down in the order in which the state made them.
actor RecordWriter {
    private let records: any ClientRecords
    private let log: @Sendable (String) -> Void
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ records: any ClientRecords, log: @escaping @Sendable (String) -> Void) {
        self.records = records
        self.log = log
    }

    /// Returns when every note that was there at the call is durable.
    ///
    /// - Parameters:
    ///   - take: Answers notes that nobody has taken yet; asked again once those are durable, until there are none.
    ///   - failed: Told of a client that could not be remembered.
    func drain(
        _ take: @Sendable () -> [RecordNote],
        failed: @Sendable (ClientName) -> Void
    ) async {
        while isBusy {
            await withCheckedContinuation { waiting.append($0) }
        }
        isBusy = true
        var notes = take()
        while !notes.isEmpty {
            for note in notes {
                let isWritten = await write(note)
                if !isWritten, case .remember(let client) = note { failed(client) }
            }
            notes = take()
        }
        isBusy = false
        let resumed = waiting
        waiting = []
        for continuation in resumed { continuation.resume() }
    }

    private func write(_ note: RecordNote) async -> Bool {
        do {
            switch note {
            case .remember(let client): try await records.remember(client)
            case .forget(let client): try await records.forget(client)
            }
            return true
        } catch {
            // Who is to be remembered opens nothing; who is to be forgotten might, after a restart, take back what it had before others come.
            log("the records of NFS clients are not written: \(error)")
            return false
        }
    }
}
