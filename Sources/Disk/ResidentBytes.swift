/// A file's bytes as the page cache holds them, lent without a copy.
///
/// The kernel may give up a page between the question and the reading, and storage may then fail: a
/// plain access would end the process. Only what is ready for that may read these bytes
/// (`Sealer.openRun`).
package struct ResidentBytes {
    private let bytes: UnsafeRawBufferPointer
    private let owner: AnyObject

    /// - Parameters:
    ///   - bytes: Stay where they are as long as `owner` lives.
    ///   - owner: Kept alive by this value.
    init(_ bytes: UnsafeRawBufferPointer, of owner: AnyObject) {
        self.bytes = bytes
        self.owner = owner
    }

    /// Lends the bytes to `body`, and no longer.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withExtendedLifetime(owner) { body(bytes) }
    }
}
