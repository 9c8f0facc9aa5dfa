import Synchronization
import VarveModel

/// The body of a manifest: one recovery point, its fields in a fixed order, names sorted.
enum Manifest {
    static let ending = ".manifest"
    private static let textBytesMax = 1 << 16
    private static let itemsMax: UInt32 = 1 << 16

    static func fileName(_ id: RecoveryPointID) -> String { id.description + ending }

    /// source, instant u64, three times, maps, statistics, labels (docs/formats/vault.md).
    static func encode(_ draft: RecoveryPointDraft) -> [UInt8] {
        var bytes = ByteWriter()
        bytes.append(counted: Array(draft.source.utf8))
        bytes.append(draft.instant)
        append(draft.instantTime, to: &bytes)
        append(draft.created, to: &bytes)
        bytes.append(UInt8(draft.expires == nil ? 0 : 1))
        append(draft.expires ?? .epoch, to: &bytes)
        appendSorted(draft.maps, to: &bytes) { $0.append(to: &$1) }
        appendSorted(draft.statistics, to: &bytes) { $1.append($0) }
        appendSorted(draft.labels, to: &bytes) { $1.append(counted: Array($0.utf8)) }
        return bytes.bytes
    }

    /// `nil` for anything that no writer could have written.
    static func decode(_ body: [UInt8]) -> RecoveryPointDraft? {
        var reader = ByteReader(body)
        guard let source = text(&reader), let instant = reader.read(UInt64.self),
            let instantTime = time(&reader), let created = time(&reader),
            let hasExpiry = reader.read(UInt8.self), hasExpiry <= 1, let expires = time(&reader),
            let maps = items(&reader, { MapRoot(from: &$0) }),
            let statistics = items(&reader, { $0.read(UInt64.self) }),
            let labels = items(&reader, { text(&$0) }), reader.remaining == 0
        else { return nil }
        return RecoveryPointDraft(
            source: source,
            instant: instant,
            instantTime: instantTime,
            created: created,
            expires: hasExpiry == 1 ? expires : nil,
            maps: maps,
            statistics: statistics,
            labels: labels
        )
    }

    private static func append(_ time: Timestamp, to bytes: inout ByteWriter) {
        bytes.append(time.seconds)
        bytes.append(time.nanoseconds)
    }

    private static func time(_ reader: inout ByteReader) -> Timestamp? {
        guard let seconds = reader.read(Int64.self), let nanoseconds = reader.read(UInt32.self),
            nanoseconds < 1_000_000_000
        else { return nil }
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }

    private static func text(_ reader: inout ByteReader) -> String? {
        reader.readCounted(max: textBytesMax).flatMap { String(validating: $0, as: UTF8.self) }
    }

    private static func appendSorted<Value>(
        _ items: [String: Value],
        to bytes: inout ByteWriter,
        _ append: (Value, inout ByteWriter) -> Void
    ) {
        bytes.append(UInt32(items.count))
        for (name, value) in items.sorted(by: { $0.key < $1.key }) {
            bytes.append(counted: Array(name.utf8))
            append(value, &bytes)
        }
    }

    private static func items<Value>(
        _ reader: inout ByteReader,
        _ read: (inout ByteReader) -> Value?
    ) -> [String: Value]? {
        guard let count = reader.read(UInt32.self), count <= itemsMax else { return nil }
        var items: [String: Value] = [:]
        for _ in 0..<count {
            guard let name = text(&reader), let value = read(&reader),
                items.updateValue(value, forKey: name) == nil
            else { return nil }
        }
        return items
    }
}

/// The manifests of one vault.
struct ManifestFiles: Sendable {
    let files: VaultFiles
    let keys: VaultKeys

    /// Points that were read whole, where each file costs a request.
    private let known = KnownPoints()

    init(files: VaultFiles, keys: VaultKeys) {
        self.files = files
        self.keys = keys
    }

    var voided: VoidedPoints { VoidedPoints(files: files) }

    func ids() throws(VaultError) -> [RecoveryPointID] {
        let ids = try files.list(.manifests, ending: Manifest.ending)
            .compactMap { RecoveryPointID($0) }
        // After the manifests: a mark comes before its point is taken away.
        let void = ids.isEmpty ? [] : try voided.ids()
        return void.isEmpty ? ids : ids.filter { !void.contains($0) }
    }

    func read(_ id: RecoveryPointID) throws(VaultError) -> RecoveryPoint {
        let name = Manifest.fileName(id)
        let bytes: [UInt8]
        do throws(VaultError) {
            bytes = try files.contents(.manifests, name)
        } catch {
            guard error.code == .notFound else { throw error }
            throw VaultError(.notFound, "the vault has no recovery point \(id)")
        }
        let label = "manifests/" + name
        let opened = try SealedObject.open(
            bytes,
            as: .manifest,
            object: id.unique,
            name: label,
            keys: keys
        )
        guard let draft = Manifest.decode(opened.body) else {
            throw VaultError.damaged(label, "holds what no writer wrote")
        }
        return RecoveryPoint(id: id, draft: draft)
    }

    /// Writes a point durably: from then on it is there, whole.
    func write(_ point: RecoveryPoint) throws(VaultError) {
        let bytes = SealedObject.seal(
            Manifest.encode(point.draft),
            as: .manifest,
            object: point.id.unique,
            keys: keys
        )
        try files.replace(.manifests, Manifest.fileName(point.id), with: bytes)
    }

    /// Removes a manifest that is there durably, a damaged one too; where changes arrive late the point is voided before.
    func remove(_ id: RecoveryPointID) throws(VaultError) {
        do throws(VaultError) {
            try files.remove(.manifests, Manifest.fileName(id))
        } catch {
            // The store keeps the file for a time of its own: by its mark the point is gone.
            guard error.code == .held, files.storage.arrivesLate else { throw error }
        }
        try files.sync(.manifests)
    }

    /// Every point that there is.
    ///
    /// - Parameter readsAll: Each manifest is read; otherwise one that was read whole before, and is still there,
    ///   counts as it was, in a store where each file costs a request: it never changes.
    /// - Returns: In order of creation.
    /// - Throws: `.denied`, `.unavailable`.
    func listing(readsAll: Bool = true) throws(VaultError) -> RecoveryPointListing {
        var points: [RecoveryPoint] = []
        var damaged: [RecoveryPointListing.DamagedManifest] = []
        let ids = try ids()
        let remembers = files.storage.arrivesLate
        let kept = remembers && !readsAll ? known.all(of: ids) : [:]
        for id in ids {
            if let point = kept[id] {
                points.append(point)
                continue
            }
            do throws(VaultError) {
                points.append(try read(id))
            } catch {
                switch error.code {
                case .notFound: continue  // Deleted since it was listed.
                case .corrupt, .newerFormat, .failed: damaged.append(.init(id: id, error: error))
                default: throw error
                }
            }
        }
        points.sort { ($0.created, $0.id) < ($1.created, $1.id) }
        if remembers { known.replace(with: points) }
        return RecoveryPointListing(points: points, damaged: damaged)
    }
}

/// Recovery points as their manifests were last read; a manifest never changes under its name.
private final class KnownPoints: Sendable {
    private let points = Mutex<[RecoveryPointID: RecoveryPoint]>([:])

    /// Those of some ids that are known.
    func all(of ids: [RecoveryPointID]) -> [RecoveryPointID: RecoveryPoint] {
        points.withLock { known in
            var found: [RecoveryPointID: RecoveryPoint] = [:]
            for id in ids { found[id] = known[id] }
            return found
        }
    }

    /// Forgets all others: what is gone is not asked for again.
    func replace(with points: [RecoveryPoint]) {
        self.points.withLock { known in
            known = Dictionary(points.map { ($0.id, $0) }) { $1 }
        }
    }
}
