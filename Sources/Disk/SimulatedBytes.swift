/// The bytes of a simulated file: pages that copies share until one of them writes.
///
/// A page is absent (a hole), empty (reserved: space without content) or 4,096 bytes.
struct SimulatedBytes: Sendable {
    static let pageBytes = 4096
    /// What storage writes whole or not at all.
    static let sectorBytes = 512

    private var pages: [[UInt8]?] = []
    private(set) var size: UInt64 = 0
    /// Pages that take space.
    private(set) var pagesHeld = 0

    var allocated: UInt64 { UInt64(pagesHeld * SimulatedBytes.pageBytes) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
        guard offset < size else { return 0 }
        let count = Int(min(UInt64(buffer.count), size - offset))
        var done = 0
        while done < count {
            let at = Int(offset) + done
            let start = at % SimulatedBytes.pageBytes
            let length = min(SimulatedBytes.pageBytes - start, count - done)
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + length])
            let page = page(at / SimulatedBytes.pageBytes)
            if let page, !page.isEmpty {
                page.withUnsafeBytes {
                    target.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: $0[start..<start + length])
                    )
                }
            } else {
                target.initializeMemory(as: UInt8.self, repeating: 0)
            }
            done += length
        }
        return count
    }

    /// Pages that a write of `range` would newly hold.
    func pagesNeeded(for range: Range<UInt64>) -> Int {
        guard !range.isEmpty else { return 0 }
        return pageIndexes(range).count { page($0) == nil }
    }

    mutating func write(_ bytes: ArraySlice<UInt8>, at offset: UInt64) {
        guard !bytes.isEmpty else { return }
        let end = offset + UInt64(bytes.count)
        grow(to: end)
        var done = 0
        while done < bytes.count {
            let at = Int(offset) + done
            let start = at % SimulatedBytes.pageBytes
            let length = min(SimulatedBytes.pageBytes - start, bytes.count - done)
            let first = bytes.startIndex + done
            withPage(at / SimulatedBytes.pageBytes) { page in
                page.replaceSubrange(start..<start + length, with: bytes[first..<first + length])
            }
            done += length
        }
    }

    mutating func truncate(to newSize: UInt64) {
        guard newSize < size else { return grow(to: newSize) }
        let keep = Int(
            (newSize + UInt64(SimulatedBytes.pageBytes) - 1) / UInt64(SimulatedBytes.pageBytes)
        )
        if keep < pages.count {
            pagesHeld -= pages[keep...].count { $0 != nil }
            pages.removeSubrange(keep...)
        }
        zero(newSize..<UInt64(keep * SimulatedBytes.pageBytes))
        size = newSize
    }

    mutating func preallocate(_ range: Range<UInt64>) {
        guard !range.isEmpty else { return }
        grow(to: range.upperBound)
        for index in pageIndexes(range) where pages[index] == nil {
            pages[index] = []
            pagesHeld += 1
        }
    }

    mutating func punch(_ range: Range<UInt64>) {
        let range = range.clamped(to: 0..<max(size, range.lowerBound))
        guard !range.isEmpty else { return }
        for index in pageIndexes(range) where page(index) != nil {
            let start = UInt64(index * SimulatedBytes.pageBytes)
            let whole = start..<start + UInt64(SimulatedBytes.pageBytes)
            if range.lowerBound <= start, range.upperBound >= min(whole.upperBound, size) {
                pages[index] = nil
                pagesHeld -= 1
            } else {
                zero(range.clamped(to: whole))
            }
        }
    }

    mutating func flip(at offset: UInt64, mask: UInt8) {
        guard offset < size else { return }
        withPage(Int(offset) / SimulatedBytes.pageBytes) {
            $0[Int(offset) % SimulatedBytes.pageBytes] ^= mask
        }
    }

    private func page(_ index: Int) -> [UInt8]? {
        index < pages.count ? pages[index] : nil
    }

    private func pageIndexes(_ range: Range<UInt64>) -> Range<Int> {
        let bytes = UInt64(SimulatedBytes.pageBytes)
        return Int(range.lowerBound / bytes)..<Int((range.upperBound + bytes - 1) / bytes)
    }

    private mutating func grow(to newSize: UInt64) {
        size = max(size, newSize)
        let count = pageIndexes(0..<size).count
        if pages.count < count {
            pages.append(contentsOf: repeatElement(nil, count: count - pages.count))
        }
    }

    private mutating func withPage(_ index: Int, _ body: (inout [UInt8]) -> Void) {
        // Taken out and put back, so that a page that no copy shares is changed in place.
        var page = pages[index] ?? []
        if pages[index] == nil { pagesHeld += 1 }
        pages[index] = []
        if page.isEmpty { page = [UInt8](repeating: 0, count: SimulatedBytes.pageBytes) }
        body(&page)
        pages[index] = page
    }

    private mutating func zero(_ range: Range<UInt64>) {
        guard !range.isEmpty else { return }
        for index in pageIndexes(range) {
            guard let page = page(index), !page.isEmpty else { continue }
            let start = UInt64(index * SimulatedBytes.pageBytes)
            let part = range.clamped(to: start..<start + UInt64(SimulatedBytes.pageBytes))
            withPage(index) { page in
                for at in part { page[Int(at - start)] = 0 }
            }
        }
    }
}
