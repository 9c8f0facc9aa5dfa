/// Names the receipt of a change: whose request it was, and which of that one's.
///
/// A front-end chooses the numbers; the newest receipt under a key takes the place of the one before.
package struct ReceiptKey: Hashable, Sendable {
    /// 128 bits that no other requester ever had.
    package let high: UInt64
    package let low: UInt64
    package let number: UInt32

    package init(high: UInt64, low: UInt64, number: UInt32) {
        self.high = high
        self.low = low
        self.number = number
    }
}
