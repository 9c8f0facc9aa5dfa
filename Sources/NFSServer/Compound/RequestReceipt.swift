import FileSystemEngine
import Keyring
import NFSWire
import VarveModel

/// What is kept of a request beside the changes that it made, for when it is sent again after a restart (RFC 8881 §2.10.6.5).
///
/// | Offset | Bytes | |
/// |---|---|---|
/// | 0 | 1 | format, 1 |
/// | 1 | 4 | sequence number in its slot |
/// | 5 | 4 | bytes that its reply may have |
/// | 9 | 8 | digest of the listener that it came to, of who sent it and of COMPOUND4args behind sa_highest_slotid |
/// | 17 | 41 each | changes, at most one an operation |
///
/// A change: 1 byte, which operation of the COMPOUND made it; 8 bytes, the inode that it made or 0; `change` before and after
/// of the source and of the target directory, 8 bytes each. Numbers are big-endian.
struct RequestReceipt: Sendable, Hashable {
    let sequence: UInt32
    let replyBytesMax: UInt32
    let digest: UInt64
    /// By the operation's place in the COMPOUND; SEQUENCE is 0.
    var changes: [Int: DoneChange] = [:]

    private static let format: UInt8 = 1
    private static let headBytes = 17
    private static let changeBytes = 41

    init(sequence: UInt32, replyBytesMax: UInt32, digest: UInt64) {
        self.sequence = sequence
        self.replyBytesMax = replyBytesMax
        self.digest = digest
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headBytes + changes.count * Self.changeBytes)
        bytes.append(Self.format)
        Self.append(sequence, to: &bytes)
        Self.append(replyBytesMax, to: &bytes)
        Self.append(digest, to: &bytes)
        for (place, change) in changes.sorted(by: { $0.key < $1.key }) {
            bytes.append(UInt8(truncatingIfNeeded: place))
            Self.append(change.inode.rawValue, to: &bytes)
            for info in [change.source, change.target] {
                Self.append(info.before, to: &bytes)
                Self.append(info.after, to: &bytes)
            }
        }
        return bytes
    }

    /// `nil` for bytes of another format.
    init?(bytes: [UInt8]) {
        guard bytes.first == Self.format, bytes.count >= Self.headBytes,
            (bytes.count - Self.headBytes).isMultiple(of: Self.changeBytes)
        else { return nil }
        sequence = UInt32(Self.number(bytes[1..<5]))
        replyBytesMax = UInt32(Self.number(bytes[5..<9]))
        digest = Self.number(bytes[9..<17])
        for start in stride(from: Self.headBytes, to: bytes.count, by: Self.changeBytes) {
            let numbers = (0..<5).map { field in
                Self.number(bytes[start + 1 + 8 * field..<start + 9 + 8 * field])
            }
            changes[Int(bytes[start])] = DoneChange(numbers: numbers)
        }
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// How a change was answered.
struct DoneChange: Sendable, Hashable {
    /// What it made; 0 for nothing.
    let inode: InodeNumber
    let source: ChangeInfo
    /// Of the directory that it changed; of an extended attribute the inode's.
    let target: ChangeInfo

    init(inode: InodeNumber, source: ChangeInfo, target: ChangeInfo) {
        self.inode = inode
        self.source = source
        self.target = target
    }

    init(_ change: DirectoryChange) {
        let info = ChangeInfo(change)
        self.init(inode: InodeNumber(rawValue: 0), source: info, target: info)
    }

    init(_ change: RenameChange) {
        self.init(
            inode: InodeNumber(rawValue: 0),
            source: ChangeInfo(change.source),
            target: ChangeInfo(change.target)
        )
    }

    init(_ made: NamedInode) {
        let info = ChangeInfo(made.directory)
        self.init(inode: made.attributes.inode, source: info, target: info)
    }

    init(_ change: InodeChange) {
        let info = ChangeInfo(change)
        self.init(inode: InodeNumber(rawValue: 0), source: info, target: info)
    }

    /// Every change of a directory is atomic here.
    fileprivate init(numbers: [UInt64]) {
        self.init(
            inode: InodeNumber(rawValue: numbers[0]),
            source: ChangeInfo(isAtomic: true, before: numbers[1], after: numbers[2]),
            target: ChangeInfo(isAtomic: true, before: numbers[3], after: numbers[4])
        )
    }
}

extension CompoundRequest {
    /// What it is known again by at another start of the server: of all that is sent again, who sent it, and to whom.
    ///
    /// Without a secret, as it is no defence: a client only deceives itself.
    ///
    /// - Parameter identity: Names the listener for ever: what it answered is worth nothing at another.
    /// - Returns: Equal for what is equal in all of these.
    func digest(for identity: [UInt8]) -> UInt64 {
        let rest = repeated
        var bytes = identity
        bytes.reserveCapacity(identity.count + 4 + rest.remaining)
        switch Principal(credential) {
        case .system(let uid): withUnsafeBytes(of: uid.bigEndian) { bytes.append(contentsOf: $0) }
        case .some(.none), nil: break
        }
        rest.withUpcoming(rest.remaining) { bytes.append(contentsOf: $0) }
        return SipHash(key0: 0, key1: 0).hash(bytes)
    }
}

extension ReceiptKey {
    /// A slot of a session.
    init(_ session: SessionID, slot: UInt32) {
        self.init(high: session.high, low: session.low, number: slot)
    }
}
