package import Disk
import Keyring

/// Where an archive's bytes stand: any part of it can be read at any time.
package protocol ArchiveBytes: Sendable {
    /// What it is called in errors.
    var name: String { get }
    var byteCount: UInt64 { get }
    /// Exactly these bytes.
    func read(_ range: Range<UInt64>) throws(BackupError) -> [UInt8]
}

/// An archive in a file of a disk.
package struct ArchiveFile: ArchiveBytes {
    package let name: String
    package let byteCount: UInt64
    private let file: any DiskFile

    package init(_ path: String, on disk: some Disk) throws(BackupError) {
        do throws(DiskError) {
            guard try disk.status(of: path)?.kind != .directory else {
                throw DiskError(.failed, "'\(path)' is a directory")
            }
            file = try disk.open(path, .read)
            byteCount = try file.size()
        } catch {
            throw BackupError(error)
        }
        name = path
    }

    package func read(_ range: Range<UInt64>) throws(BackupError) -> [UInt8] {
        let bytes: [UInt8]
        do throws(DiskError) {
            bytes = try file.read(count: range.count, at: range.lowerBound)
        } catch {
            throw ArchiveFile.failure(error, name, range)
        }
        guard bytes.count == range.count else {
            throw .damaged(name, "it was cut short while it was read")
        }
        return bytes
    }
}

extension ArchiveFile {
    /// What a medium does not give back is damage, and costs what stands there; anything else ends the reading.
    static func failure(_ error: DiskError, _ name: String, _ range: Range<UInt64>) -> BackupError {
        guard SystemError.isUnreadable(error.errno) else { return BackupError(error) }
        return .damaged(
            name,
            "bytes \(range.lowerBound) to \(range.upperBound) cannot be read: \(error.message)"
        )
    }
}

/// Plain bytes of an age file at any place; opens only the chunks that it must.
final class AgeReader {
    let byteCount: UInt64
    /// Chunks that were opened, each time counted.
    private(set) var chunksOpened = 0

    private let source: any ArchiveBytes
    private let payload: AgePayload
    /// Where the first chunk begins.
    private let start: UInt64
    private let chunks: UInt64
    /// The chunks opened last, the latest at the end.
    private var held: [(index: UInt64, bytes: [UInt8])] = []

    /// Neighbouring reads share a chunk; a frame takes 17 at most.
    private static let heldMax = 4

    /// Opens the last chunk first: without it what was cut off would not be missed (C2SP age.md, "Payload").
    init(
        _ source: any ArchiveBytes,
        unlocking: (AgeHeader) throws(KeyringError) -> AgeFileKey
    ) throws(BackupError) {
        self.source = source
        let head = try source.read(0..<min(source.byteCount, UInt64(AgeHeader.bytesMax)))
        guard head.starts(with: AgeHeader.beginning) else {
            throw BackupError(
                .invalid,
                "'\(source.name)' is no age file, or its first bytes were changed",
                remedy: "Name an archive that 'varve archive export' wrote, in age's binary form."
            )
        }
        let fileKey: AgeFileKey
        do throws(KeyringError) {
            let header = try AgeHeader(head)
            fileKey = try unlocking(header)
            start = UInt64(header.byteCount + AgePayload.nonceBytes)
        } catch {
            throw BackupError(error, archive: source.name)
        }
        guard source.byteCount >= start,
            let plain = AgePayload.plainBytes(ofSealed: source.byteCount - start)
        else { throw .damaged(source.name, "it is cut short") }
        byteCount = plain
        let sealed = UInt64(AgePayload.sealedBytes)
        chunks = (source.byteCount - start + sealed - 1) / sealed
        let nonce = try source.read(start - UInt64(AgePayload.nonceBytes)..<start)
        payload = AgePayload(fileKey, nonce: nonce)
        _ = try chunk(chunks - 1)
    }

    /// Exactly these plain bytes.
    func read(_ range: Range<UInt64>) throws(BackupError) -> [UInt8] {
        precondition(range.upperBound <= byteCount, "reads end with the payload")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        var at = range.lowerBound
        while at < range.upperBound {
            let (index, skip) = at.quotientAndRemainder(dividingBy: UInt64(AgePayload.chunkBytes))
            let chunk = try chunk(index)
            let end = min(UInt64(chunk.count), skip + range.upperBound - at)
            bytes += chunk[Int(skip)..<Int(end)]
            at += end - skip
        }
        return bytes
    }

    private func chunk(_ index: UInt64) throws(BackupError) -> [UInt8] {
        if let known = held.first(where: { $0.index == index }) { return known.bytes }
        let sealedBytes = UInt64(AgePayload.sealedBytes)
        let from = start + index * sealedBytes
        let isLast = index == chunks - 1
        let sealed = try source.read(from..<min(source.byteCount, from + sealedBytes))
        chunksOpened += 1
        guard let bytes = payload.open(sealed, index: index, isLast: isLast) else {
            let place =
                "chunk \(index + 1) of \(chunks) (bytes \(from) to \(from + UInt64(sealed.count)))"
            if isLast, payload.open(sealed, index: index, isLast: false) != nil {
                throw .damaged(source.name, "it is cut short: \(place) is not its last")
            }
            let more = isLast ? ": it was changed, or the archive is cut short" : ": it was changed"
            throw .damaged(source.name, "\(place) does not open\(more)")
        }
        if held.count == AgeReader.heldMax { held.removeFirst() }
        held.append((index, bytes))
        return bytes
    }
}

extension BackupError {
    /// What a key says of an archive.
    init(_ error: KeyringError, archive: String) {
        let code: Code =
            switch error.code {
            case .malformed, .notAuthentic: .corrupt
            case .unsupported: .unsupported
            case .wrongKey: .wrongKey
            }
        self.init(code, "archive '\(archive)': \(error.message)", remedy: error.remedy)
    }
}
