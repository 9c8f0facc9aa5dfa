import Disk
import Keyring
import Synchronization
import VarveModel

/// One segment's open files, a replica in each zone, with the cipher of its key.
final class SegmentFile: Sendable {
    /// The segment as one zone has it.
    struct Replica: Sendable {
        let zone: String
        let path: String
        let file: any DiskFile
        /// Copies whose header an opening found wrong.
        var headers = DueHeaders()

        /// Every copy of it in reading order; one where the disk beneath has no more.
        var copies: [any DiskCopy] { file.everyCopy(zone: zone) }
    }

    let header: SegmentHeader
    let replicas: [Replica]
    /// Under this segment's key.
    let sealer: Sealer

    var segment: SegmentID { header.segment }
    var tier: Tier { header.tier }

    init(header: SegmentHeader, replicas: [Replica], dataKey: DataKey) {
        precondition(!replicas.isEmpty, "a segment stands in at least one zone")
        self.header = header
        self.replicas = replicas
        sealer = Sealer(header.key(dataKey))
    }

    /// Writes to every zone.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SegmentError) {
        for replica in replicas {
            do throws(DiskError) {
                try replica.file.write(bytes, at: offset)
            } catch {
                throw SegmentError(error, "write \(place(replica)) at \(offset)")
            }
        }
    }

    /// Writes an array to every zone.
    func write(_ bytes: [UInt8], at offset: UInt64) throws(SegmentError) {
        for replica in replicas {
            do throws(DiskError) {
                try replica.file.write(bytes, at: offset)
            } catch {
                throw SegmentError(error, "write \(place(replica)) at \(offset)")
            }
        }
    }

    /// Makes everything written so far durable in every zone.
    func sync() throws(SegmentError) {
        try each("sync") { (file) throws(DiskError) in try file.sync() }
    }

    func truncate(to size: UInt64) throws(SegmentError) {
        try each("truncate") { (file) throws(DiskError) in try file.truncate(to: size) }
    }

    func preallocate(_ range: Range<UInt64>) throws(SegmentError) {
        try each("preallocate") { (file) throws(DiskError) in try file.preallocate(range) }
    }

    func punch(_ range: Range<UInt64>) throws(SegmentError) {
        try each("punch") { (file) throws(DiskError) in try file.punch(range) }
    }

    private func each(
        _ doing: String,
        _ body: (any DiskFile) throws(DiskError) -> Void
    ) throws(SegmentError) {
        for replica in replicas {
            do throws(DiskError) {
                try body(replica.file)
            } catch {
                throw SegmentError(error, "\(doing) \(place(replica))")
            }
        }
    }

    /// The segment in messages.
    func place(_ replica: Replica) -> String { place(zone: replica.zone) }

    func place(zone: String) -> String {
        "segment \(segment.rawValue) (\(tier.word), zone '\(zone)')"
    }
}

extension SegmentFile {
    /// Opens an existing segment in every zone where its header verifies.
    ///
    /// - Parameters:
    ///   - segment: The number that the header must bear.
    ///   - tier: The tier that the header must bear.
    ///   - store: Where to look, and the key.
    /// - Returns: The open segment.
    /// - Throws: The first zone's error when no zone verifies.
    static func open(
        _ segment: SegmentID,
        tier: Tier,
        in store: SegmentStoreConfiguration
    ) throws(SegmentError) -> SegmentFile {
        var replicas: [Replica] = []
        var header: SegmentHeader?
        var failure: SegmentError?
        for zone in store.zones {
            do throws(SegmentError) {
                let found = try open(segment, tier: tier, in: zone, of: store)
                if let header, header != found.header { continue }
                header = found.header
                replicas.append(found.replica)
            } catch {
                store.report(error.description)
                failure = failure ?? error
            }
        }
        guard let header else {
            throw failure
                ?? SegmentError(.missing, "segment \(segment.rawValue) has no zone to be read from")
        }
        return SegmentFile(header: header, replicas: replicas, dataKey: store.key)
    }

    private static func open(
        _ segment: SegmentID,
        tier: Tier,
        in zone: SegmentZone,
        of store: SegmentStoreConfiguration
    ) throws(SegmentError) -> (header: SegmentHeader, replica: Replica) {
        let path = zone.path(of: segment, tier: tier)
        let file: any DiskFile
        do throws(DiskError) {
            file = try store.disk.open(path, .readWrite)
        } catch {
            let place = "segment \(segment.rawValue) (\(tier.word), zone '\(zone.name)')"
            throw SegmentError(error, "open \(place)")
        }
        var replica = Replica(zone: zone.name, path: path, file: file)
        var bad: [any DiskCopy] = []
        var failure: SegmentError?
        for copy in replica.copies {
            do throws(SegmentError) {
                let (header, page) = try header(of: segment, tier: tier, in: copy, of: store)
                replica.headers = DueHeaders(page, in: bad)
                if let failure { store.report(failure.description) }
                return (header, replica)
            } catch {
                bad.append(copy)
                failure = failure ?? error
            }
        }
        throw failure
            ?? SegmentError(.missing, "segment \(segment.rawValue) has no copy to be read")
    }

    /// The header that one copy has, if it is this segment's.
    static func header(
        of segment: SegmentID,
        tier: Tier,
        in copy: any DiskCopy,
        of store: SegmentStoreConfiguration
    ) throws(SegmentError) -> (header: SegmentHeader, page: [UInt8]) {
        let place = "segment \(segment.rawValue) (\(tier.word), zone '\(copy.zone)')"
        let bytes: [UInt8]
        do throws(DiskError) {
            bytes = try copy.read(count: Int(SegmentFormat.headerBytes), at: 0)
        } catch {
            throw SegmentError(error, "open \(place)")
        }
        let header = try SegmentHeader(bytes, key: store.key, place: place)
        guard header.segment == segment, header.family == store.family, header.tier == tier else {
            throw SegmentError(
                .corrupt,
                "\(place) holds segment \(header.segment.rawValue) of tier \(header.tier.word)",
                remedy: "A file was moved or renamed by hand; put it back under its own name."
            )
        }
        return (header, bytes)
    }
}

/// A header that was found in one copy of a segment and not in others, until somebody puts it there.
final class DueHeaders: Sendable {
    let page: [UInt8]
    private let copies: Mutex<[any DiskCopy]>
    private let isSome: Atomic<Bool>

    init(_ page: [UInt8] = [], in copies: [any DiskCopy] = []) {
        self.page = page
        self.copies = Mutex(copies)
        isSome = Atomic(!copies.isEmpty)
    }

    var isDue: Bool { isSome.load(ordering: .relaxed) }

    /// The copies that lack it; the caller sees to them.
    func take() -> [any DiskCopy] {
        isSome.store(false, ordering: .relaxed)
        return copies.withLock { copies in
            defer { copies = [] }
            return copies
        }
    }
}
