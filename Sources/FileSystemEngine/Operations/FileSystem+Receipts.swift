import MetadataStore
package import VarveModel

/// What a front-end keeps of a change, durable exactly when the change is.
///
/// NFS keeps there how it answered a request, and tells the client that asks again after a restart (RFC 8881 §2.10.6.5).
package struct Receipt: Sendable, Hashable {
    package let key: ReceiptKey
    /// The front-end's own; in place of what the key had.
    package let value: [UInt8]

    package init(key: ReceiptKey, value: [UInt8]) {
        self.key = key
        self.value = value
    }
}

/// Makes the receipt of a change out of what the change answers; on the committer's thread, perhaps twice.
package typealias ReceiptMaker<Value> = @Sendable (Value) -> Receipt

extension FileSystem {
    /// What was kept under a key; `nil` for nothing, or for what was forgotten.
    package func receipt(_ key: ReceiptKey) async throws(FileSystemError) -> [UInt8]? {
        try await readers.run { context in
            try context.begin(.live)
            return try context.reader.receipt(key)
        }
    }

    /// Receipts looked at in one transaction: some ten milliseconds, should all of them go.
    private static let receiptsAtOnce = 1_024

    /// Forgets the receipts that were kept before a time.
    package func forgetReceipts(keptBefore time: Timestamp) async throws(FileSystemError) {
        var last: ReceiptKey?
        repeat {
            let start = last
            last = try await committer.run(room: .frees) { context in
                try context.writer.dropReceipts(
                    keptBefore: time.seconds,
                    after: start,
                    limit: Self.receiptsAtOnce
                )
            }
        } while last != nil
    }
}

extension WriteContext {
    /// Makes a change and keeps its receipt; one that is refused leaves none.
    func keeping<Value>(
        _ receipt: ReceiptMaker<Value>?,
        _ change: () throws -> Value
    ) throws -> Value {
        let value = try change()
        if let receipt {
            let receipt = receipt(value)
            writer.putReceipt(receipt.key, receipt.value)
        }
        return value
    }
}
