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

    /// Reads the record of a log that nobody writes, the newest that a copy has; all zeros are none yet.
    static func read(
        from log: SealedCopies,
        with sealer: PageSealer
    ) throws(MetadataError) -> LogRecord {
        var newest: (record: LogRecord, sealed: [UInt8])?
        var isBlank = false
        var failure: MetadataError?
        let copies = log.file.everyCopy(zone: "")
        for copy in copies {
            do throws(MetadataError) {
                let sealed = try log.bytes(of: copy, bytes, at: SealedLayout.logRecordOffset)
                if sealed.count == bytes, sealed.allSatisfy({ $0 == 0 }) {
                    isBlank = true
                } else if let record = open(sealed, with: sealer) {
                    guard record.generation > newest?.record.generation ?? 0 else { continue }
                    newest = (record, sealed)
                }
            } catch {
                failure = failure ?? error
            }
        }
        if let newest {
            let what = "the header"
            _ = log.mend(copies, newest.sealed, at: SealedLayout.logRecordOffset, what)
            return newest.record
        }
        if isBlank { return blank }
        throw failure
            ?? MetadataError(
                .corrupt,
                "\(log.name): its header at byte \(SealedLayout.logRecordOffset) does not open"
                    + log.everywhere,
                remedy: MetadataError.damageRemedy
            )
    }

    /// The record that sealed bytes are; `nil` when they do not open.
    static func open(_ sealed: [UInt8], with sealer: PageSealer) -> LogRecord? {
        guard sealed.count == bytes, let plain = sealer.open(sealed, place: .logHeader) else {
            return nil
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

    /// The greatest position that the base's slots hold, in whatever copy.
    ///
    /// - Throws: What a slot failed with that no copy could show: notes go to every copy.
    static func greatest(
        in base: SealedCopies,
        with sealer: PageSealer
    ) throws(MetadataError) -> WALPosition {
        var greatest = WALPosition.none
        let copies = base.file.everyCopy(zone: "")
        for offset in SealedLayout.noteOffsets {
            let slots = try base.readable(copies) { (copy) throws(MetadataError) in
                try base.bytes(of: copy, bytes, at: offset)
            }
            for sealed in slots {
                guard sealed.count == bytes, let position = position(of: sealed, sealer) else {
                    continue
                }
                greatest = max(greatest, position)
            }
        }
        return greatest
    }

    private static func position(of sealed: [UInt8], _ sealer: PageSealer) -> WALPosition? {
        guard let plain = sealer.open(sealed, place: .note) else { return nil }
        var reader = ByteReader(plain)
        guard let generation = reader.read(UInt64.self), let frames = reader.read(UInt64.self)
        else { return nil }
        return WALPosition(generation: generation, frames: frames)
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
