import NFSWire
import VarveModel

/// An open of a file by one open owner (RFC 8881 §9.7).
struct OpenState: Sendable {
    let key: StateKey
    let client: ClientID
    let owner: [UInt8]
    let file: FileKey
    var sequence: UInt32 = 1
    var access: ShareAccess
    var deny: ShareDeny
    /// Bit `n` says that access, or denial, `n` was opened: what OPEN_DOWNGRADE may go back to (RFC 8881 §18.18.3).
    private var accessHistory: UInt8
    private var denyHistory: UInt8
    /// Of the engine that serves the file.
    var held: HeldFile
    /// Lock state ids made from it.
    var locks: Set<StateKey> = []
    /// OPENs of it that are about to cut the file off: writes, whatever it is opened for.
    var truncations = 0

    init(
        key: StateKey,
        client: ClientID,
        owner: [UInt8],
        file: FileKey,
        access: ShareAccess,
        deny: ShareDeny,
        held: HeldFile
    ) {
        self.key = key
        self.client = client
        self.owner = owner
        self.file = file
        self.access = access
        self.deny = deny
        self.held = held
        accessHistory = 1 << UInt8(access.rawValue)
        denyHistory = 1 << UInt8(deny.rawValue)
    }

    var stateID: StateID { key.stateID(sequence: sequence) }

    var index: OpenIndex { OpenIndex(client: client, owner: owner, file: file) }

    /// Adds what one more OPEN of the owner asks for.
    mutating func upgrade(access more: ShareAccess, deny moreDeny: ShareDeny) {
        access.formUnion(more)
        deny.formUnion(moreDeny)
        accessHistory |= 1 << UInt8(more.rawValue)
        denyHistory |= 1 << UInt8(moreDeny.rawValue)
        sequence = sequence.nextSequence
    }

    /// Goes back to how it was before an upgrade that failed; the locks taken since stay.
    mutating func goBack(to earlier: OpenState) {
        (access, deny, sequence) = (earlier.access, earlier.deny, earlier.sequence)
        (accessHistory, denyHistory) = (earlier.accessHistory, earlier.denyHistory)
    }

    /// Goes back to a union of what was opened; answers `false`, NFS4ERR_INVAL, for anything else.
    mutating func downgrade(access less: ShareAccess, deny lessDeny: ShareDeny) -> Bool {
        guard less.isSubset(of: access), lessDeny.isSubset(of: deny),
            Self.isUnion(less.rawValue, of: accessHistory),
            Self.isUnion(lessDeny.rawValue, of: denyHistory)
        else { return false }
        access = less
        deny = lessDeny
        // What lay outside is closed, and cannot be gone back to.
        accessHistory = Self.within(less.rawValue, accessHistory)
        denyHistory = Self.within(lessDeny.rawValue, denyHistory)
        sequence = sequence.nextSequence
        return true
    }

    private static func isUnion(_ value: UInt32, of history: UInt8) -> Bool {
        var union: UInt32 = 0
        for bits in UInt32(0)..<4 where history >> bits & 1 == 1 && bits & ~value == 0 {
            union |= bits
        }
        return union == value
    }

    private static func within(_ value: UInt32, _ history: UInt8) -> UInt8 {
        var left: UInt8 = 0
        for bits in UInt32(0)..<4 where history >> bits & 1 == 1 && bits & ~value == 0 {
            left |= 1 << bits
        }
        return left
    }

    /// Whether it lets its client read or write; `.success(false)` where permission must be asked as for anybody.
    func verdict(on wanted: ShareAccess) -> Result<Bool, NFSStatus> {
        if access.contains(wanted) { return .success(true) }
        // A client that writes parts of pages reads them first (RFC 8881 §18.22.3 lets a server allow it); permission is asked.
        return wanted == .read ? .success(false) : .failure(.openMode)
    }

    /// Whether this open stands in the way of another (RFC 8881 §9.7).
    func conflicts(access other: ShareAccess, deny otherDeny: ShareDeny) -> Bool {
        access.rawValue & otherDeny.rawValue != 0 || deny.rawValue & other.rawValue != 0
    }
}

/// What a state id names (RFC 8881 §8.2.4).
protocol IdentifiedState {
    var client: ClientID { get }
    var file: FileKey { get }
    var sequence: UInt32 { get }
}

extension IdentifiedState {
    /// Whether a state id with its number is good: of its client, on its file (`nil` where none matters), and its newest.
    ///
    /// - Returns: `.ok`, `.badStateID`, `.oldStateID`.
    func status(of stateID: StateID, of client: ClientID, on file: FileKey?) -> NFSStatus {
        guard self.client == client, file == nil || file == self.file else { return .badStateID }
        guard stateID.sequence == 0 || stateID.sequence == sequence else {
            // Numbers wrap: within half of their range behind is old, all else was never given.
            return sequence &- stateID.sequence < 1 << 31 ? .oldStateID : .badStateID
        }
        return .ok
    }
}

extension OpenState: IdentifiedState {}
extension LockState: IdentifiedState {}

extension Dictionary {
    /// Lends a value where it lies: a copy would retain each thing that it refers to.
    ///
    /// - Returns: What `body` answers; `nil` where there is no such value.
    mutating func lend<Answer>(_ key: Key, _ body: (inout Value) -> Answer) -> Answer? {
        guard let index = index(forKey: key) else { return nil }
        return body(&values[index])
    }
}

/// The locks of one lock owner on one file (RFC 8881 §9.1).
struct LockState: Sendable {
    let key: StateKey
    let client: ClientID
    let owner: [UInt8]
    let file: FileKey
    /// The open that it was first made from.
    let open: StateKey
    var sequence: UInt32 = 0

    var stateID: StateID { key.stateID(sequence: sequence) }
    var index: OpenIndex { OpenIndex(client: client, owner: owner, file: file) }
}

/// Finds the state of an owner on a file.
struct OpenIndex: Hashable, Sendable {
    let client: ClientID
    let owner: [UInt8]
    let file: FileKey
}

/// What is open and locked of a file.
struct FileState: Sendable {
    var opens: Set<StateKey> = []
    var ranges = ByteLocks()

    var isIdle: Bool { opens.isEmpty && ranges.isEmpty }
}
