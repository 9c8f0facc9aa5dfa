/// The only copy of a file, for those who go through all of them; it can be read, and mended from nowhere.
private struct LoneCopy: DiskCopy {
    let zone: String
    let file: any DiskFile

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) throws(DiskError) -> Int {
        try file.read(into: buffer, at: offset)
    }

    func size() throws(DiskError) -> UInt64 { try file.size() }

    func mend(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        throw DiskError(.failed, "mend a file in zone '\(zone)': there is no other copy of it")
    }
}

extension DiskFile {
    /// Every copy in reading order, never none.
    ///
    /// - Parameter zone: What the only copy of a file that has but one is called.
    /// - Returns: The copies.
    package func everyCopy(zone: String) -> [any DiskCopy] {
        let copies = copies
        return copies.isEmpty ? [LoneCopy(zone: zone, file: self)] : copies
    }

    /// The size of the longest copy: one that was cut short elsewhere hides no bytes.
    package func longestSize() throws(DiskError) -> UInt64 {
        let copies = copies
        guard copies.count > 1 else { return try size() }
        var longest: UInt64?
        var failure: DiskError?
        for copy in copies {
            do throws(DiskError) {
                longest = max(longest ?? 0, try copy.size())
            } catch {
                failure = failure ?? error
            }
        }
        if let longest { return longest }
        throw failure ?? DiskError(.failed, "no copy of a file tells its size")
    }
}

/// Bytes of one copy that were put right.
package struct MendedCopy: Sendable, Hashable {
    package let zone: String
    package let bytes: Int
    /// Names the file, where in it, and what was wrong.
    package let message: String

    package init(zone: String, bytes: Int, message: String) {
        self.zone = zone
        self.bytes = bytes
        self.message = message
    }
}
