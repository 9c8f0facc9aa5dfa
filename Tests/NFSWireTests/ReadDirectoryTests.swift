import NFSWire
import TestKit
import Testing

/// READDIR's reply, entry by entry under the client's budgets (RFC 8881 §18.23.3).
@Suite struct ReadDirectoryTests {
    private let names = (0..<50).map { Array("file-\($0)".utf8) }

    /// Writes what fits; answers the bytes and the entries written.
    private func list(maxcount: Int, dircount: UInt32) -> (bytes: [UInt8], entries: Int) {
        var writer = XDRWriter()
        var budget = DirectoryBudget(bytesMax: maxcount, directoryBytesMax: dircount)
        writer.beginDirectory(verifier: Verifier(rawValue: 5))
        for (index, name) in names.enumerated() {
            let fits = writer.appendEntry(
                cookie: UInt64(index) + 3,
                name: name,
                attributes: [Attribute.fileID.rawValue, Attribute.mode.rawValue, 100],
                budget: &budget
            ) { attribute, body in
                let value: AttributeValue =
                    attribute == .fileID ? .fileID(UInt64(index)) : .mode(0o600)
                value.encode(to: &body)
                return true
            }
            guard fits else { break }
        }
        writer.endDirectory(isAtEnd: budget.entries == names.count)
        return (writer.finish().bytes, budget.entries)
    }

    @Test func `every budget is kept, and the next entry would break it`() throws {
        let whole = list(maxcount: 1 << 20, dircount: 0)
        #expect(whole.entries == names.count)
        for maxcount in 0...whole.bytes.count {
            let page = list(maxcount: maxcount, dircount: 0)
            #expect(page.bytes.count <= max(maxcount, 16))
            var reader = reader(page.bytes)
            let read = try ReadDirectoryReply(from: &reader)
            #expect(reader.remaining == 0 && read.entries.count == page.entries)
            #expect(read.isAtEnd == (maxcount == whole.bytes.count))
            #expect(read.entries.map(\.name) == Array(names.prefix(page.entries)))
        }
        let full = list(maxcount: whole.bytes.count, dircount: 0)
        #expect(full.bytes == whole.bytes)
    }

    @Test func `the hint on names and cookies holds after the first entry`() {
        // A cookie of 8, a count of 4 and a name of 6 to 7, padded to 8: 20 bytes an entry.
        #expect(list(maxcount: 1 << 20, dircount: 1).entries == 1)
        #expect(list(maxcount: 1 << 20, dircount: 39).entries == 1)
        #expect(list(maxcount: 1 << 20, dircount: 40).entries == 2)
        #expect(list(maxcount: 1 << 20, dircount: 200).entries == 10)
    }

    @Test func `no more entries fit than the budget says, and as many with short names do`() {
        for maxcount in stride(from: 0, to: 4_096, by: 4) {
            for dircount in [UInt32(0), 1, 16, 100, 333] {
                let budget = DirectoryBudget(bytesMax: maxcount, directoryBytesMax: dircount)
                // A bitmap of two words, their count, and a body of one number with its length.
                let most = budget.entriesMax(attributeBytes: 20)
                var writer = XDRWriter()
                var rest = budget
                var count = 0
                while writer.appendEntry(
                    cookie: UInt64(count) + 3,
                    name: [0x61, 0x62, 0x63, 0x64],
                    attributes: [Attribute.mode.rawValue],
                    budget: &rest,
                    write: { _, body in
                        AttributeValue.mode(0o600).encode(to: &body)
                        return true
                    }
                ) { count += 1 }
                #expect(count == most, "maxcount \(maxcount), dircount \(dircount)")
            }
        }
    }

    @Test func `a page is what the list of its entries is`() throws {
        let page = list(maxcount: 700, dircount: 0)
        var reader = reader(page.bytes)
        #expect(encoded(try ReadDirectoryReply(from: &reader)) == page.bytes)
    }
}
