import Disk

/// Reads all that one open database has on its disk, and lets SQLite check its trees.
///
/// It all happens in one read transaction, so that the pages stand still: a checkpoint writes only pages that the
/// log has, up to what this reader sees, and a log whose frames are all in the base lets nobody write the base
/// while a reader is there (sqlite.org/walformat.html §2.3). Writers go on meanwhile; the log does not begin anew.
struct DatabaseCheck {
    private let files: SealedFiles
    private let connection: Connection
    private let seal: ConnectionSeal
    private var findings: [String] = []
    private var unlisted = 0

    /// More are counted, not listed: what is wrong shows in the first.
    static let findingsMax = 20
    /// 1 GiB: above it SQLite checks the trees and not whether indexes agree with tables, which sorts.
    private static let wholePagesMax: UInt32 = 1 << 18
    /// The page that holds byte 2^30, which SQLite never writes (sqlite.org/fileformat2.html §1.1, the lock-byte page).
    static let lockPage = UInt32((1 << 30) / SealedLayout.pageBytes) + 1

    init(_ files: SealedFiles, _ connection: Connection) {
        self.files = files
        self.connection = connection
        seal = ConnectionSeal(files: files)
    }

    /// Checks; what is wrong, in words that name file and page.
    mutating func run() -> [String] {
        checkHeaders()
        let pages = begin()
        checkPages(pages)
        checkTrees(pages)
        do throws(MetadataError) {
            if connection.isInTransaction { try connection.execute("COMMIT") }
        } catch {
            note(error.message)
        }
        if unlisted > 0 { findings.append("database '\(files.path)': \(unlisted) more like these") }
        return findings
    }

    private mutating func note(_ message: String) {
        // SQLite meets the same page again that was named already.
        guard !findings.contains(message) else { return }
        if findings.count < DatabaseCheck.findingsMax {
            findings.append(message)
        } else {
            unlisted += 1
        }
    }

    /// The heads of both files, which are read at the opening alone.
    private mutating func checkHeaders() {
        do throws(MetadataError) {
            let files = files
            try files.baseCopies.first(count: DatabaseHeader.bytes, at: 0, "the header") {
                (head) throws(MetadataError) in _ = try DatabaseHeader(head, path: files.path)
            }
            try files.logCopies.first(count: LogHeader.bytes, at: 0, "the head") {
                (head) throws(MetadataError) in
                try LogHeader.check(head, id: files.keys.id, path: files.logPath)
            }
        } catch {
            note(error.message)
        }
    }

    /// Begins the transaction; answers how many pages the database has in it.
    private mutating func begin() -> UInt32 {
        do throws(MetadataError) {
            try connection.execute("BEGIN")
            let counts = try connection.rows("PRAGMA page_count") {
                UInt32(truncatingIfNeeded: $0.int(0))
            }
            return counts.first ?? 0
        } catch {
            // The first page does not open: the others are looked at without a transaction.
            note(error.message)
            return files.committedPages
        }
    }

    /// Opens every frame and page that counts.
    ///
    /// A page of the base that the log has newer does not count: a checkpoint that a power cut tore leaves such
    /// pages, and the next one overwrites them.
    private mutating func checkPages(_ pages: UInt32) {
        let target = UnsafeMutableRawPointer.allocate(
            byteCount: SealedLayout.pageBytes,
            alignment: 64
        )
        // SAFETY: used within this call alone.
        defer { target.deallocate() }
        let newer = checkFrames(target)
        let base = SealedPagesFile(seal)
        guard pages > 0 else { return }
        for number in 1...pages where number != DatabaseCheck.lockPage && !newer.contains(number) {
            let offset = UInt64(number - 1) * UInt64(SealedLayout.pageBytes)
            do throws(MetadataError) {
                _ = try base.read(into: target, count: SealedLayout.pageBytes, at: offset)
            } catch {
                note(error.message)
            }
        }
    }

    /// Opens the log's durable frames; answers the pages that they hold.
    private mutating func checkFrames(_ target: UnsafeMutableRawPointer) -> Set<UInt32> {
        let log = SealedLogFile(seal)
        let position = files.durable
        guard position.generation == files.generation else { return [] }
        var held: Set<UInt32> = []
        for index in 0..<position.frames {
            let start = SealedLayout.logHeaderBytes + SealedLayout.frameHeaderBytes
            let offset = UInt64(start) + index * UInt64(SealedLayout.frameBytes)
            do throws(MetadataError) {
                _ = try log.read(into: target, count: SealedLayout.pageBytes, at: offset)
                if let page = seal.heldPage { held.insert(page) }
            } catch {
                // Begun anew meanwhile, since the base has all that this log held.
                guard files.generation == position.generation else { return [] }
                note(error.message)
            }
        }
        return files.generation == position.generation ? held : []
    }

    private mutating func checkTrees(_ pages: UInt32) {
        let check = pages > DatabaseCheck.wholePagesMax ? "quick_check" : "integrity_check"
        do throws(MetadataError) {
            let lines = try connection.rows("PRAGMA \(check)(\(DatabaseCheck.findingsMax))") {
                $0.text(0)
            }
            for line in lines where line != "ok" { note("database '\(files.path)': \(line)") }
        } catch {
            note(error.message)
        }
    }
}
