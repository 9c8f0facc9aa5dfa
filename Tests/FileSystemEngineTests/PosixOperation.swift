import TestKit
import VarveModel

@testable import FileSystemEngine

/// One call of POSIX that the engine and a Linux file system both understand.
///
/// Paths are components below the root; symlinks on the way are followed, one at the end is not.
struct PosixOperation: Sendable, CustomStringConvertible {
    enum Time: Sendable, Hashable {
        case now
        case exactly(Int64, UInt32)
    }

    enum Special: Sendable, Hashable {
        case fifo
        case socket
        case device
    }

    enum Action: Sendable, Hashable {
        case create([String], mode: UInt16)
        case makeDirectory([String], mode: UInt16)
        case symlink([String], target: String)
        case makeSpecial([String], Special, mode: UInt16)
        case link([String], as: [String])
        case unlink([String])
        case removeDirectory([String])
        case rename([String], to: [String])
        case changeMode([String], mode: UInt16)
        case changeOwner([String], uid: UInt32?, gid: UInt32?)
        case truncate([String], UInt64)
        case write([String], [UInt8], at: UInt64)
        case read([String])
        case list([String])
        case setAttribute([String], name: String, value: [UInt8], AttributeSetMode)
        case getAttribute([String], name: String)
        case removeAttribute([String], name: String)
        case setTimes([String], accessed: Time?, modified: Time?)
    }

    let caller: Credentials
    let action: Action

    /// The case's name, for the mix.
    var kind: String {
        let text = "\(action)"
        return String(text.prefix { $0 != "(" })
    }

    /// Whether the kernel may move access times where the engine keeps coarse ones.
    var readsData: Bool {
        switch action {
        case .read, .list: true
        default: false
        }
    }

    var description: String { "uid \(caller.uid): \(action)" }
}

/// What one call came to.
enum PosixOutcome: Sendable, Hashable {
    case done
    case bytes([UInt8])
    case names([String])
    case refused(FileSystemError.Code)
    /// Neither side may try: the host guards it by other means than POSIX's.
    case skipped

    var isRefusal: Bool {
        if case .refused = self { return true }
        return false
    }
}

/// The outcome of a call, and one line for each path that exists after it.
struct PosixObservation: Sendable {
    let outcome: PosixOutcome
    let lines: [String: String]
}

/// A random sequence, from few names and few callers, so that everything meets everything.
struct PosixGenerator {
    private var random: SeededGenerator

    static let alice = Credentials(uid: 1_001, gid: 1_001, groups: [2_000])
    static let bob = Credentials(uid: 1_002, gid: 1_002, groups: [2_000, 2_001])
    static let carol = Credentials(uid: 1_003, gid: 2_001)

    private static let callers = [Credentials.root, .root, alice, alice, bob, carol]
    private static let names = ["a", "b", "c", "d", "e", "f"]
    private static let openModes: [UInt16] = [0o777, 0o775, 0o770, 0o2777]
    /// A sticky directory that everybody may write is guarded by Linux sysctls too: none is made.
    private static let modes: [UInt16] = [
        0o000, 0o644, 0o600, 0o664, 0o666, 0o666, 0o755, 0o700, 0o775, 0o777, 0o777, 0o777, 0o711,
        0o070, 0o007, 0o444, 0o1770, 0o1775, 0o2755, 0o2775, 0o2777, 0o2777, 0o2644, 0o4755, 0o6777,
        0o6777, 0o3775, 0o4644, 0o2654, 0o2666,
    ]
    private static let targets = ["a", "b", "a/b", "../a", "..", ".", "/", "/a", "/b/c", "d/../a"]
    private static let attributes = [
        "user.a", "user.a", "user.a", "user.b", "trusted.t", "security.x",
    ]
    private static let owners: [UInt32] = [0, 1_001, 1_002]
    private static let groups: [UInt32] = [0, 1_001, 1_002, 2_000, 2_001]

    /// Paths that were asked for: some of them exist.
    private var known: [[String]] = []
    /// Paths and names of attributes that were asked for.
    private var attributed: [([String], String)] = []
    private var directories: [[String]] = [[], ["a"], ["b"], ["a", "c"]]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    mutating func next() -> PosixOperation {
        let caller = pick(Self.callers)
        return PosixOperation(caller: caller, action: action(of: caller))
    }

    /// Directories that anybody may use, so that there is something to work on.
    static let prelude: [PosixOperation] =
        [["a"], ["b"], ["a", "c"]].map {
            PosixOperation(caller: alice, action: .makeDirectory($0, mode: 0o777))
        } + [
            // Chance leads into a loop too seldom.
            PosixOperation(caller: alice, action: .symlink(["loop"], target: "loop")),
            PosixOperation(caller: alice, action: .read(["loop", "a"])),
        ]

    private mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
    }

    private mutating func chance(_ part: Double) -> Bool {
        Double.random(in: 0..<1, using: &random) < part
    }

    private mutating func path() -> [String] {
        if !known.isEmpty, chance(0.75) { return pick(known) }
        let depth = pick([1, 2, 2, 2, 3])
        return (0..<depth).map { _ in pick(Self.names) }
    }

    /// Where something may come to be.
    private mutating func newPath() -> [String] {
        let depth = pick([1, 2, 3])
        var path = (0..<depth).map { _ in pick(Self.names) }
        if chance(0.8) { path = pick(directories) + [pick(Self.names)] }
        known.append(path)
        if known.count > 12 { known.removeFirst() }
        return path
    }

    private mutating func newDirectory() -> [String] {
        let path = newPath()
        directories.append(path)
        if directories.count > 8 { directories.remove(at: 4) }
        return path
    }

    private mutating func action(of caller: Credentials) -> PosixOperation.Action {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<12: .create(newPath(), mode: pick(Self.modes))
        case 12..<22:
            .makeDirectory(
                newDirectory(),
                mode: pick(chance(0.6) ? Self.openModes : Self.modes) & 0o1777
            )
        case 22..<26: .symlink(newPath(), target: pick(Self.targets))
        case 26..<30:
            .makeSpecial(newPath(), pick([.fifo, .socket, .device]), mode: pick(Self.modes))
        case 30..<36: .link(path(), as: newPath())
        case 36..<41: .unlink(path())
        case 41..<45: .removeDirectory(path())
        case 45..<57: .rename(path(), to: newPath())
        case 57..<64: .changeMode(path(), mode: pick(Self.modes))
        case 64..<70: changeOwner()
        case 70..<74: .truncate(path(), pick([0, 1, 100, 3_000, 40_000]))
        case 74..<81: write()
        case 81..<84: .read(path())
        case 84..<86: .list(path())
        case 86..<92: setAttribute()
        case 92..<94:
            attributeAction { .getAttribute($0, name: $1) }
        case 94..<96:
            attributeAction { .removeAttribute($0, name: $1) }
        default: setTimes(caller)
        }
    }

    private mutating func setAttribute() -> PosixOperation.Action {
        let (path, name) = (path(), pick(Self.attributes))
        attributed.append((path, name))
        if attributed.count > 6 { attributed.removeFirst() }
        return .setAttribute(
            path,
            name: name,
            // Never twice the same: whether that moves the change time is nowhere said.
            value: random.bytes(pick([9, 60])),
            pick([.either, .either, .create, .replace])
        )
    }

    private mutating func attributeAction(
        _ make: ([String], String) -> PosixOperation.Action
    ) -> PosixOperation.Action {
        if attributed.isEmpty || chance(0.2) { return make(path(), pick(Self.attributes)) }
        let (path, name) = pick(attributed)
        return make(path, name)
    }

    private mutating func changeOwner() -> PosixOperation.Action {
        let uid: UInt32? = chance(0.5) ? pick(Self.owners) : nil
        let gid: UInt32? = uid == nil || chance(0.5) ? pick(Self.groups) : nil
        return .changeOwner(path(), uid: uid, gid: gid)
    }

    private mutating func write() -> PosixOperation.Action {
        let bytes = random.bytes(pick([1, 10, 500, 3_000]))
        return .write(path(), bytes, at: pick([0, 0, 5, 2_000, 20_000, 70_000]))
    }

    private mutating func setTimes(_ caller: Credentials) -> PosixOperation.Action {
        let given = PosixOperation.Time.exactly(
            Int64.random(in: -5..<1_000_000, using: &random),
            UInt32.random(in: 0..<1_000_000_000, using: &random)
        )
        // One time to now and the other left alone is the owner's right to POSIX, a writer's to NFS
        // (docs/decisions/0013): of others than root it is not asked.
        let choices: [(PosixOperation.Time?, PosixOperation.Time?)] = [
            (.now, .now), (.now, .now), (given, nil), (nil, given), (given, given), (.now, given),
        ]
        let (accessed, modified) = pick(caller.isRoot ? choices + [(.now, nil)] : choices)
        return .setTimes(path(), accessed: accessed, modified: modified)
    }
}
