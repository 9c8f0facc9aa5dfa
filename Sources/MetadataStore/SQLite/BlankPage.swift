import VarveModel

/// Page 1 of an empty database, as SQLite's file format lays it out (sqlite.org/fileformat2.html §1.3).
///
/// Written by us, a new database is one file that appears whole by a rename; SQLite would switch to
/// its log through a rollback journal.
enum BlankPage {
    /// Bytes that SQLite reads before it knows the page size.
    static let headerBytes = 100

    /// The header's constants: what every page 1 of ours begins with, before counts and versions.
    static func page(applicationID: UInt32) -> [UInt8] {
        var page = [UInt8](repeating: 0, count: SealedLayout.pageBytes)
        func store(_ value: UInt32, at offset: Int) {
            for byte in 0..<4 {
                page[offset + byte] = UInt8(value >> (24 - 8 * UInt32(byte)) & 255)
            }
        }
        page.replaceSubrange(0..<16, with: Array("SQLite format 3\0".utf8))
        page[16] = 0x10  // Page size 4,096, big-endian.
        page[18] = 2  // Written and read through a log.
        page[19] = 2
        page[20] = UInt8(SealedLayout.reservedBytes)
        page[21] = 64
        page[22] = 32
        page[23] = 32
        store(1, at: 28)  // Pages.
        store(1, at: 52)  // The largest root page: not 0, so auto-vacuum is on,
        store(1, at: 64)  // and incremental.
        store(applicationID, at: 68)
        // An empty table leaf: its cells begin at the end of what SQLite may use.
        page[100] = 0x0D
        page[105] = UInt8(SealedLayout.plainBytes >> 8)
        page[106] = UInt8(SealedLayout.plainBytes & 255)
        return page
    }
}
