package import VarveModel

/// What keeps a recovery point from expiry and deletion, as a legal hold does.
///
/// A point may have several, each for a reason of its own; it goes when the last one is gone.
package struct PointHold: Hashable, Sendable {
    /// Names it among the point's holds.
    package let name: String
    package let reason: String
    /// Who placed it, in the caller's words.
    package let placedBy: String
    package let placed: Timestamp

    package init(name: String, reason: String, placedBy: String, placed: Timestamp) {
        self.name = name
        self.reason = reason
        self.placedBy = placedBy
        self.placed = placed
    }

    /// Of a name, which stands in tables and messages.
    package static let nameBytesMax = 64
    package static let reasonBytesMax = 1_024
    /// Of one point.
    package static let countMax = 1_000

    /// The order of holds: that of their names' bytes.
    static func precede(_ left: PointHold, _ right: PointHold) -> Bool {
        Array(left.name.utf8).precedes(Array(right.name.utf8))
    }
}

/// The body of a file of holds: all that one point has, by name (docs/formats/vault.md).
enum HoldList {
    static let ending = ".holds"

    static func fileName(_ point: RecoveryPointID) -> String { point.description + ending }

    /// Whose file of holds bears a name.
    static func point(_ name: String) -> RecoveryPointID? {
        name.hasSuffix(ending) ? RecoveryPointID(String(name.dropLast(ending.count))) : nil
    }

    static func encode(_ holds: [PointHold]) -> [UInt8] {
        var bytes = ByteWriter()
        bytes.append(UInt32(holds.count))
        for hold in holds.sorted(by: PointHold.precede) {
            bytes.append(counted: Array(hold.name.utf8))
            bytes.append(counted: Array(hold.reason.utf8))
            bytes.append(counted: Array(hold.placedBy.utf8))
            bytes.append(hold.placed.seconds)
            bytes.append(hold.placed.nanoseconds)
        }
        return bytes.bytes
    }

    /// `nil` for anything that nobody could have written.
    static func decode(_ body: [UInt8]) -> [PointHold]? {
        var reader = ByteReader(body)
        guard let count = reader.read(UInt32.self), (1...PointHold.countMax).contains(Int(count))
        else { return nil }
        var holds: [PointHold] = []
        for _ in 0..<count {
            guard let name = text(&reader), let reason = text(&reader), let who = text(&reader),
                let seconds = reader.read(Int64.self), let nanoseconds = reader.read(UInt32.self),
                nanoseconds < 1_000_000_000,
                holds.last.map({ Array($0.name.utf8).precedes(Array(name.utf8)) }) ?? true
            else { return nil }
            holds.append(
                PointHold(
                    name: name,
                    reason: reason,
                    placedBy: who,
                    placed: Timestamp(seconds: seconds, nanoseconds: nanoseconds)
                )
            )
        }
        return reader.remaining == 0 ? holds : nil
    }

    private static func text(_ reader: inout ByteReader) -> String? {
        reader.readCounted(max: PointHold.reasonBytesMax)
            .flatMap { String(validating: $0, as: UTF8.self) }
    }
}

/// The files of holds of one vault, one a point that has any.
///
/// They are the only files that change: their parity goes before a change and comes again after it, so that none is ever that of
/// other holds. Parity without its file says that holds were lost.
struct HoldFiles: Sendable {
    let files: VaultFiles
    let keys: VaultKeys
    let parity: ParityFiles

    /// The points that have a file of holds, or have lost it.
    func ids() throws(VaultError) -> [RecoveryPointID] {
        let present = try files.changes.list(.holds).compactMap(HoldList.point)
        let lost = try parity.lost(.holds)
        return present + lost.compactMap(\.point)
    }

    /// What holds a point; empty without a file.
    ///
    /// - Throws: `.corrupt` when the file does not read, or is lost; `.newerFormat`, `.failed`.
    func read(_ point: RecoveryPointID) throws(VaultError) -> [PointHold] {
        let label = "holds/" + HoldList.fileName(point)
        let bytes: [UInt8]
        do throws(VaultError) {
            bytes = try files.changes.contents(label)
        } catch {
            guard error.code == .notFound else { throw error }
            let subject = ParityFiles.Subject.holds(point)
            guard try parity.isLost(subject) else { return [] }
            throw VaultError.lost(subject)
        }
        let opened = try SealedObject.open(
            bytes,
            as: .holds,
            object: point.unique,
            name: label,
            keys: keys
        )
        guard let holds = HoldList.decode(opened.body) else {
            throw VaultError.damaged(label, "holds what nobody wrote")
        }
        return holds
    }

    /// Writes what holds a point durably; the file goes with the last hold.
    ///
    /// Only while nobody else can.
    func write(_ holds: [PointHold], of point: RecoveryPointID) throws(VaultError) {
        let subject = ParityFiles.Subject.holds(point)
        try parity.remove([subject])
        guard !holds.isEmpty else { return try files.changes.remove(subject.path) }
        let bytes = SealedObject.seal(
            HoldList.encode(holds),
            as: .holds,
            object: point.unique,
            keys: keys
        )
        try files.changes.replace(subject.path, with: bytes)
        // The holds stand, whatever comes of their parity: the next prune makes it.
        if let policy = try? parity.policy() { _ = try? parity.write(subject, policy) }
    }
}
