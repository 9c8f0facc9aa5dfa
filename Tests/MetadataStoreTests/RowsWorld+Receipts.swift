import MetadataStore
import TestKit
import VarveModel

/// Receipts among the other rows: kept with an operation, gone with it, whether they were written meanwhile or not.
extension RowsWorld {
    /// On both sides of zero as SQLite counts.
    private static let receiptKeys: [ReceiptKey] = [0, 1, 1 << 63, .max].flatMap { high in
        [0, 1 << 63].flatMap { low in
            (UInt32(0)..<3).map { ReceiptKey(high: high, low: low, number: $0) }
        }
    }

    /// Mostly keeps one; sometimes asks for one, which has those that wait written, or forgets old ones.
    func changeReceipts() throws {
        let key = Self.receiptKeys.randomElement(using: &receiptGenerator) ?? Self.receiptKeys[0]
        switch Int.random(in: 0..<24, using: &receiptGenerator) {
        case 0:
            try checkReceipt(key, writer)
            count("receipt read in its transaction")
        case 1: try forgetReceipts()
        case 2..<18:
            let value = receiptGenerator.bytes(Int.random(in: 0..<70, using: &receiptGenerator))
            writer.putReceipt(key, value)
            let isOver = side.receipts.updateValue((writer.epoch.second, value), forKey: key) != nil
            count(isOver ? "receipt replaced" : "receipt")
        default: break
        }
    }

    private func forgetReceipts() throws {
        let limit = writer.epoch.second - Int64.random(in: 0..<20, using: &receiptGenerator)
        var last: ReceiptKey?
        repeat {
            last = try writer.dropReceipts(keptBefore: limit, after: last, limit: 5)
        } while last != nil
        let old = side.receipts.filter { $0.value.second < limit }
        for key in old.keys { side.receipts[key] = nil }
        mix["receipt forgotten", default: 0] += old.count
    }

    /// Compares each with the model's.
    func checkReceipts(_ reader: RowReader) throws {
        for key in Self.receiptKeys { try checkReceipt(key, reader) }
    }

    private func checkReceipt(_ key: ReceiptKey, _ reader: RowReader) throws {
        let (read, wanted) = (try reader.receipt(key), side.receipts[key]?.value)
        guard read == wanted else {
            throw Mismatch(
                "receipt \(key): \(String(describing: read)), not \(String(describing: wanted))"
            )
        }
    }
}
