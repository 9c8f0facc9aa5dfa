import Compression
package import Keyring
import VarveModel

/// An archive that is open: its index, and its tar stream at any place.
///
/// It believes nothing that it has not checked: whoever has a recipient's public key can make an archive.
package final class ColdArchiveReader {
    package let info: ColdArchiveInfo

    private let age: AgeReader
    let name: String
    private let table: SeekTable
    private let root: ColdArchiveRoot
    private let decompressor = ZstdDecompressor()
    /// The frames opened last, the latest at the end.
    private var held: [(index: Int, bytes: [UInt8])] = []
    private let framesHeldMax: Int

    /// Chunks of age's that were opened so far.
    package var chunksOpened: Int { age.chunksOpened }

    /// Opens an archive by identities.
    ///
    /// - Throws: `.wrongKey` when it was written to none of them; `.corrupt` for a damaged or cut one; `.invalid` for a
    ///   file that is no archive; `.unsupported` for a newer format.
    package convenience init(
        _ source: any ArchiveBytes,
        identities: [AgeIdentity]
    ) throws(BackupError) {
        try self.init(
            source,
            unlocking: { header throws(KeyringError) in try header.fileKey(identities) }
        )
    }

    /// Opens an archive with what unlocks its header.
    ///
    /// - Parameters:
    ///   - source: Its bytes.
    ///   - framesHeldMax: So many frames of some 1 MiB are held: more than one for who goes to and fro.
    ///   - unlocking: Finds its file key.
    /// - Throws: As by identities, and what `unlocking` throws.
    package init(
        _ source: any ArchiveBytes,
        framesHeldMax: Int = 1,
        unlocking: (AgeHeader) throws(KeyringError) -> AgeFileKey
    ) throws(BackupError) {
        name = source.name
        self.framesHeldMax = framesHeldMax
        age = try AgeReader(source, unlocking: unlocking)
        table = try ColdArchiveReader.seekTable(age, name)
        guard let last = table.frames.indices.last, table.frames[last].plainBytes == 0,
            table.frames[last].compressedBytes <= ColdArchiveFormat.rootBytesMax
        else { throw .damaged(name, "its seek table names no index") }
        let content = try ColdArchiveReader.skippable(last, table, age, name)
        root = try ColdArchiveRoot(content, of: name)
        info = root.info
        try requireConsistency(last)
    }

    private static func seekTable(
        _ age: AgeReader,
        _ name: String
    ) throws(BackupError) -> SeekTable {
        let footerBytes = UInt64(SeekTable.footerBytes)
        guard age.byteCount >= footerBytes else {
            throw .damaged(name, "it holds \(age.byteCount) bytes, and no seek table")
        }
        let footer = try age.read(age.byteCount - footerBytes..<age.byteCount)
        let count = try checked(name) { () throws(CompressionError) in
            try SeekTable.byteCount(footer: footer)
        }
        guard count <= age.byteCount else {
            throw .damaged(name, "its seek table would have \(count) of its \(age.byteCount) bytes")
        }
        let start = age.byteCount - count
        let bytes = try age.read(start..<age.byteCount)
        return try checked(name) { () throws(CompressionError) in
            try SeekTable(bytes, endingAt: start)
        }
    }

    /// Says of which archive it is.
    private static func checked<Value>(
        _ name: String,
        _ body: () throws(CompressionError) -> Value
    ) throws(BackupError) -> Value {
        do throws(CompressionError) {
            return try body()
        } catch {
            throw .damaged(name, error.message)
        }
    }

    /// The root's own entry is checked by the root's length; it vouches for all before it.
    private func requireConsistency(_ last: Int) throws(BackupError) {
        let firstPage = last - root.pages.count
        guard firstPage >= 0,
            ColdArchiveWriter.checksum(table.frames[..<last]) == root.seekChecksum,
            table.frames[last].checksum == 0,
            table.frames[..<firstPage].allSatisfy({ $0.plainBytes > 0 }),
            table.frames[firstPage..<last].allSatisfy({ $0.plainBytes == 0 })
        else { throw .damaged(name, "its seek table and its index do not fit together") }
        guard table.plainBytes == info.tarBytes else {
            throw .damaged(
                name,
                "its index is of \(info.tarBytes) bytes of tar; \(table.plainBytes) are there"
            )
        }
    }

    // MARK: Entries

    var pageCount: Int { root.pages.count }

    /// One page of entries, in the order of the archive.
    func page(_ number: Int) throws(BackupError) -> [ColdArchiveEntry] {
        let page = root.pages[number]
        let index = table.frames.count - 1 - root.pages.count + number
        guard page.plainBytes <= ColdArchiveFormat.pageBytesMax,
            table.frames[index].compressedBytes <= ColdArchiveFormat.pageBytesMax
        else { throw .damaged(name, "page \(number + 1) of its index is too large") }
        let content = try ColdArchiveReader.skippable(index, table, age, name)
        let plain: [UInt8]
        do throws(CompressionError) {
            plain = try decompressor.decompress(content, limit: Int(page.plainBytes))
        } catch {
            throw .damaged(name, "page \(number + 1) of its index: \(error.message)")
        }
        guard CRC32C.checksum(plain) == page.checksum,
            let entries = ColdArchiveEntry.decode(plain), entries.count == page.entries,
            entries.allSatisfy({ $0.place.upperBound <= info.tarBytes })
        else { throw .damaged(name, "page \(number + 1) of its index does not add up") }
        return entries
    }

    /// Tells of all entries at and beneath some paths, page by page; no paths means all.
    package func entries(
        beneath paths: [[UInt8]],
        _ body: ([ColdArchiveEntry]) throws -> Void
    ) throws {
        let asked = AskedPaths(paths)
        for number in 0..<pageCount {
            let found = try page(number).filter { asked.contains($0.path) }
            if !found.isEmpty { try body(found) }
        }
    }

    // MARK: Bytes

    /// Bytes of the tar stream.
    func tar(_ range: Range<UInt64>) throws(BackupError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        for index in table.frames(of: range) {
            let frame = try frame(index)
            let start = table.plainStarts[index]
            let part = range.clamped(to: start..<start + UInt64(frame.count))
            bytes += frame[Int(part.lowerBound - start)..<Int(part.upperBound - start)]
        }
        return bytes
    }

    private func frame(_ index: Int) throws(BackupError) -> [UInt8] {
        if let known = held.last(where: { $0.index == index }) { return known.bytes }
        let frame = table.frames[index]
        guard frame.plainBytes <= ColdArchiveFormat.frameBytesMax,
            frame.compressedBytes <= ZstdCompressor.bound(ColdArchiveFormat.frameBytesMax)
        else { throw .damaged(name, "frame \(index + 1) is too large") }
        let bytes = try age.read(table.starts[index]..<table.starts[index + 1])
        do throws(CompressionError) {
            let plain = try decompressor.decompress(bytes, limit: Int(frame.plainBytes))
            // What a frame ends in was compared with its bytes just now.
            guard bytes.count >= 8,
                SeekTable.Frame(frame: bytes, plainBytes: plain.count) == frame
            else {
                throw CompressionError(.malformed, "it is not what the seek table says")
            }
            if held.count >= framesHeldMax { held.removeFirst() }
            held.append((index, plain))
            return plain
        } catch {
            throw .damaged(
                name,
                "frame \(index + 1) of \(table.frames.count) (tar bytes from \(table.plainStarts[index])): \(error.message)"
            )
        }
    }

    private static func skippable(
        _ index: Int,
        _ table: SeekTable,
        _ age: AgeReader,
        _ name: String
    ) throws(BackupError) -> [UInt8] {
        let bytes = try age.read(table.starts[index]..<table.starts[index + 1])
        return try checked(name) { () throws(CompressionError) in
            try SkippableFrame.decode(bytes, kind: ColdArchiveFormat.skippableKind)
        }
    }
}
