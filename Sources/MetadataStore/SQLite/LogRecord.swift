import Disk
import VarveModel

/// SQLite's header of the log and our generation, sealed in the log's first block.
struct LogRecord: Equatable {
    /// 32 bytes; zeros before the first transaction.
    let header: [UInt8]
    /// How often the log was begun anew.
    let generation: UInt64

    private static let plainBytes = 48
    static let bytes = plainBytes + PageSealer.overheadBytes

    static let blank = LogRecord(
        header: [UInt8](repeating: 0, count: SealedLayout.logHeaderBytes),
        generation: 0
    )

    func sealed(by sealer: PageSealer) -> [UInt8] {
        var writer = ByteWriter(capacity: LogRecord.plainBytes)
        writer.append(bytes: header)
        writer.append(generation)
        writer.append(UInt64(0))
        return sealer.seal(writer.bytes, place: .logHeader)
    }

    /// Reads the record of a log that nobody writes; all zeros are none yet.
    static func read(
        from file: any DiskFile,
        path: String,
        with sealer: PageSealer
    ) throws(MetadataError) -> LogRecord {
        let sealed: [UInt8]
        do throws(DiskError) {
            sealed = try file.read(count: bytes, at: SealedLayout.logRecordOffset)
        } catch {
            throw MetadataError(error, database: path)
        }
        if sealed.count == bytes, sealed.allSatisfy({ $0 == 0 }) { return blank }
        guard sealed.count == bytes, let plain = sealer.open(sealed, place: .logHeader) else {
            throw MetadataError(
                .corrupt,
                "log '\(path)': its header at byte \(SealedLayout.logRecordOffset) does not open",
                remedy: MetadataError.damageRemedy
            )
        }
        var reader = ByteReader(plain)
        let header = reader.read(count: SealedLayout.logHeaderBytes) ?? []
        return LogRecord(header: header, generation: reader.read(UInt64.self) ?? 0)
    }
}

/// How far the log was durable when it was written, in the base's first block.
///
/// It is written after each sync of the log and not synced itself: found, it is true; missing, it
/// claims nothing. A log that ends before it is damaged, not torn.
struct DurableNote {
    private static let plainBytes = 16
    private static let bytes = plainBytes + PageSealer.overheadBytes

    let position: WALPosition

    init(_ position: WALPosition) {
        self.position = position
    }

    func sealed(by sealer: PageSealer) -> [UInt8] {
        var writer = ByteWriter(capacity: DurableNote.plainBytes)
        writer.append(position.generation)
        writer.append(position.frames)
        return sealer.seal(writer.bytes, place: .note)
    }

    /// The greatest position that the base's slots hold.
    static func greatest(
        in file: any DiskFile,
        path: String,
        with sealer: PageSealer
    ) throws(MetadataError) -> WALPosition {
        var greatest = WALPosition.none
        for offset in SealedLayout.noteOffsets {
            let sealed: [UInt8]
            do throws(DiskError) {
                sealed = try file.read(count: bytes, at: offset)
            } catch {
                throw MetadataError(error, database: path)
            }
            guard sealed.count == bytes, let plain = sealer.open(sealed, place: .note) else {
                continue
            }
            var reader = ByteReader(plain)
            guard let generation = reader.read(UInt64.self), let frames = reader.read(UInt64.self)
            else { continue }
            greatest = max(greatest, WALPosition(generation: generation, frames: frames))
        }
        return greatest
    }
}

extension PageSealer {
    /// Seals a small record; for what is not hot.
    func seal(_ plain: [UInt8], place: RecordPlace) -> [UInt8] {
        let count = plain.count + PageSealer.overheadBytes
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            // SAFETY: the buffer has `count` bytes, all of which are written.
            if let base = buffer.baseAddress {
                plain.withUnsafeBytes { seal(record: $0, into: base, place: place) }
            }
            initialized = count
        }
    }

    /// Opens a small record; `nil` when it does not.
    func open(_ sealed: [UInt8], place: RecordPlace) -> [UInt8]? {
        let count = sealed.count - PageSealer.overheadBytes
        guard count > 0 else { return nil }
        var isAuthentic = false
        let plain = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            // SAFETY: `sealed` has 32 bytes more than the buffer.
            sealed.withUnsafeBytes { sealed in
                if let start = sealed.baseAddress {
                    let target = UnsafeMutableRawBufferPointer(
                        start: buffer.baseAddress,
                        count: count
                    )
                    isAuthentic = open(record: start, into: target, place: place)
                }
            }
            initialized = count
        }
        return isAuthentic ? plain : nil
    }
}
