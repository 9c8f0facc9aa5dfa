import Compression
package import Keyring
import VarveModel

/// What goes around a tree to make an archive of it.
package struct ColdArchiveCover: Sendable {
    package let header: AgeHeader
    package let fileKey: AgeFileKey
    /// zstd's, from 1 to 19.
    package let level: Int32
    package let info: ColdArchiveInfo

    package init(header: AgeHeader, fileKey: AgeFileKey, level: Int32, info: ColdArchiveInfo) {
        precondition((1...19).contains(level), "zstd levels of archives run from 1 to 19")
        self.header = header
        self.fileKey = fileKey
        self.level = level
        self.info = info
    }
}

// SAFETY: the closures of `ColdArchive.write` share it, and its one worker (`ArchiveSink.workersMax` is 1) awaits each before the next; `finish`
// comes when `ArchiveStream.write` has returned, and with it every task that could call them.
/// Turns a tar stream and its entries into an archive: frames of zstd, the index, a seek table, all of it sealed by age.
final class ColdArchiveWriter: @unchecked Sendable {
    private var age: AgeWriter
    private var table = SeekTable()
    private var pages = ColdArchivePages()
    private var tar: [UInt8] = []
    private var info: ColdArchiveInfo
    private let compressor: ZstdCompressor

    init(_ cover: ColdArchiveCover) {
        age = AgeWriter(cover.header, cover.fileKey)
        info = cover.info
        compressor = ZstdCompressor(level: cover.level, hasChecksum: true)
        tar.reserveCapacity(2 * ColdArchiveFormat.frameBytes)
    }

    /// The next bytes of the tar stream; answers what is ready to be stored.
    func add(_ bytes: [UInt8]) -> [UInt8] {
        tar += bytes
        info.tarBytes += UInt64(bytes.count)
        var output: [UInt8] = []
        var done = 0
        while tar.count - done >= ColdArchiveFormat.frameBytes {
            output += frame(Array(tar[done..<done + ColdArchiveFormat.frameBytes]))
            done += ColdArchiveFormat.frameBytes
        }
        tar.removeFirst(done)
        return output
    }

    func note(_ entry: ColdArchiveEntry) {
        info.entries += 1
        pages.add(entry)
    }

    /// The rest of the archive.
    func finish(dataBytes: UInt64) throws(BackupError) -> [UInt8] {
        var output = tar.isEmpty ? [] : frame(tar)
        tar = []
        pages.endPage()
        for page in pages.frames {
            table.append(SeekTable.Frame(skippable: page))
            output += age.add(page)
        }
        info.dataBytes = dataBytes
        let root = ColdArchiveRoot(
            info: info,
            seekChecksum: ColdArchiveWriter.checksum(table.frames),
            pages: pages.pages
        ).encoded()
        guard root.count <= ColdArchiveFormat.rootBytesMax,
            table.frames.count < SeekTable.framesMax
        else {
            throw BackupError(
                .unsupported,
                "the archive would have \(info.entries) names and \(info.tarBytes) bytes: too many for its index",
                remedy: "Archive a part of the tree at a time."
            )
        }
        let last = SkippableFrame.encode(root, kind: ColdArchiveFormat.skippableKind)
        table.append(SeekTable.Frame(skippable: last))
        output += age.add(last)
        output += age.add(table.encoded())
        return output + age.finish()
    }

    static func checksum(_ frames: some Sequence<SeekTable.Frame>) -> UInt32 {
        var bytes: [UInt8] = []
        for frame in frames { bytes += frame.bytes }
        return CRC32C.checksum(bytes)
    }

    private func frame(_ plain: [UInt8]) -> [UInt8] {
        let frame = compressor.compress(plain)
        table.append(SeekTable.Frame(frame: frame, plainBytes: plain.count))
        return age.add(frame)
    }
}

/// Trees as archives that stand alone: `age -d | zstd -dc | tar -x` opens them, and one file is read without the rest.
package enum ColdArchive {
    /// Writes a tree as an archive.
    ///
    /// - Parameters:
    ///   - place: What to read; whoever names a past instant holds it meanwhile.
    ///   - cover: Who may open it, and what it says of itself.
    ///   - progress: Told now and then.
    ///   - output: Takes the archive's bytes as they come; when it throws, the archive ends.
    /// - Returns: What was written, and what could not be read.
    /// - Throws: When the root cannot be read, a large file ends before its time, or the receiver is gone.
    package static func write(
        _ place: TreePlace,
        _ cover: ColdArchiveCover,
        progress: ProgressHandler? = nil,
        to output: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws(BackupError) -> TransferReport {
        try requireReadable(cover.info.labels)
        let writer = ColdArchiveWriter(cover)
        let report = try await ArchiveStream.write(
            place,
            progress: progress,
            noting: { entry, place in writer.note(ColdArchiveEntry(entry, at: place)) },
            to: { bytes in
                let ready = writer.add(bytes)
                if !ready.isEmpty { try await output(ready) }
            }
        )
        let rest = try writer.finish(dataBytes: report.bytes)
        do {
            try await output(rest)
        } catch {
            throw BackupError(.failed, "the receiver of the archive is gone: \(error)")
        }
        return report
    }

    /// A reader bounds labels.
    private static func requireReadable(_ labels: [String: String]) throws(BackupError) {
        let isFitting = labels.allSatisfy {
            $0.key.utf8.count <= ColdArchiveFormat.labelNameBytesMax
                && $0.value.utf8.count <= ColdArchiveFormat.labelBytesMax
        }
        guard isFitting, labels.count <= ColdArchiveFormat.labelsMax else {
            throw BackupError(
                .unsupported,
                "what the archive would say of itself is too long: its name or path has over \(ColdArchiveFormat.labelBytesMax) bytes",
                remedy: "Archive a directory further up."
            )
        }
    }
}
