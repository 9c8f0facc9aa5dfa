import Synchronization
import VarveModel

/// What whoever unpacks a tar stream knows beside it: what an index says of each entry, what tar cannot hold, and what
/// does not verify.
///
/// It comes from whoever sends an archive, and is bounded: what is refused ends the unpacking.
final class UnpackingGuide: Sendable {
    /// Entries of which nothing came.
    struct Lost: Sendable {
        /// The first of them, with the reason.
        var listed: [(path: [UInt8], reason: String)] = []
        var count = 0
    }

    fileprivate struct State {
        var asked = AskedPaths()
        /// What comes next, from `first` on.
        var next: [ColdArchiveNext] = []
        var first = 0
        var sockets: [ColdArchiveEntry] = []
        var damaged: [[UInt8]: String] = [:]
        var lost = Lost()
        var lostNames = UnmadeNames()
        /// Bytes of all that, in memory.
        var held = 0
        var entries: UInt64?
    }

    private let state = Mutex(State())

    /// 64 MiB: of the stream at most 4 MiB wait, whose names are smaller; the rest is for some 200,000 sockets.
    static let heldMax = 64 << 20
    /// What a thing costs beside its bytes.
    private static let overhead = 128

    static let unfit = "the archive's index and its tar stream do not fit together"

    // MARK: What is told

    /// Says that nothing else is wanted than what stands at or beneath some paths; before all else.
    func ask(_ paths: [[UInt8]]) throws(BackupError) {
        let held = paths.reduce(0) { $0 + $1.count + UnpackingGuide.overhead }
        try hold(held) { $0.asked.add(paths) }
    }

    func add(sockets: [ColdArchiveEntry]) throws(BackupError) {
        let held = sockets.reduce(0) { $0 + $1.heldBytes }
        try hold(held) { $0.sockets += sockets }
    }

    /// Says what the stream has next; before its bytes.
    func expect(_ next: ColdArchiveNext) throws(BackupError) {
        try hold(next.heldBytes) { $0.next.append(next) }
    }

    /// Says that an entry does not verify; before the zeros that stand for its bytes.
    func damage(_ path: [UInt8], _ reason: String, hasBegun: Bool) throws(BackupError) {
        guard hasBegun else { return lose(path, reason) }
        try hold(path.count + reason.utf8.count + UnpackingGuide.overhead) { state in
            state.damaged[path] = reason
        }
    }

    private func lose(_ path: [UInt8], _ reason: String) {
        state.withLock { state in
            state.lost.count += 1
            state.lostNames.insert(path, isDamage: true)
            let held = path.count + reason.utf8.count + UnpackingGuide.overhead
            guard state.lost.listed.count < TransferReport.omissionsMax,
                state.held + held <= UnpackingGuide.heldMax
            else { return }
            state.held += held
            state.lost.listed.append((path, reason))
        }
    }

    private func hold(_ bytes: Int, _ change: (inout State) -> Void) throws(BackupError) {
        let isHeld = state.withLock { state in
            guard state.held + bytes <= UnpackingGuide.heldMax else { return false }
            state.held += bytes
            change(&state)
            return true
        }
        guard isHeld else {
            throw BackupError(
                .unsupported,
                "the archive has more beside its tar stream than is held at a time, \(UnpackingGuide.heldMax >> 20) MiB: paths asked for, sockets, or damage",
                remedy: "Bring it in path by path, or open it with age, zstd and tar."
            )
        }
    }

    /// Says how many entries the stream has in all.
    func expect(entries: UInt64) {
        state.withLock { $0.entries = entries }
    }

    // MARK: What is asked

    /// Entries that the tar stream should have had; `nil` when it ended before that was told.
    var expected: UInt64? { state.withLock { $0.entries } }

    /// The entry of a header as it shall be: under its name here, with its exact times; `nil` when the index has another
    /// one there, or one that was not asked for.
    func fitting(_ header: ArchiveEntry) -> ArchiveEntry? {
        let (next, asked) = state.withLock { ($0.takeNext(), $0.asked) }
        guard let next, next.isOf(header), asked.contains(next.entry.path) else { return nil }
        var entry = header
        entry.path = next.entry.path
        if next.entry.isFurtherName { entry.hardLink = next.entry.link }
        entry.node = header.node.with(next.entry.accessed, next.entry.modified)
        return entry
    }

    func isAsked(_ path: [UInt8]) -> Bool { state.withLock { $0.asked }.contains(path) }

    /// Why an entry's bytes are not its own; `nil` when they are.
    ///
    /// Asked once of each entry, when all of it has come.
    func takeDamage(of path: [UInt8]) -> String? {
        state.withLock { state in
            guard let reason = state.damaged.removeValue(forKey: path) else { return nil }
            state.held -= path.count + reason.utf8.count + UnpackingGuide.overhead
            return reason
        }
    }

    /// Sockets, first names before further ones.
    var sockets: [ColdArchiveEntry] {
        let (sockets, asked) = state.withLock { ($0.sockets, $0.asked) }
        let all = sockets.filter { asked.contains($0.path) }
        return all.filter { !$0.isFurtherName } + all.filter(\.isFurtherName)
    }

    var lost: Lost { state.withLock { $0.lost } }

    /// `true` of an entry of which nothing came.
    func damage(ofLost path: [UInt8]) -> Bool? { state.withLock { $0.lostNames.damage(of: path) } }
}

extension UnpackingGuide.State {
    fileprivate mutating func takeNext() -> ColdArchiveNext? {
        guard first < next.count else { return nil }
        let taken = next[first]
        held -= taken.heldBytes
        first += 1
        if first == next.count || first >= 1_024 {
            next.removeFirst(first)
            first = 0
        }
        return taken
    }
}

extension ColdArchiveEntry {
    /// What it takes in memory.
    var heldBytes: Int {
        path.count + link.count + 192
            + attributes.reduce(0) { $0 + $1.name.count + $1.value.count + 96 }
    }
}

extension ColdArchiveNext {
    /// What it takes in memory; both paths are mostly the entry's own.
    fileprivate var heldBytes: Int { entry.heldBytes + tarPath.count + tarLink.count }
}

extension TreeNode {
    fileprivate func with(_ accessed: Timestamp, _ modified: Timestamp) -> TreeNode {
        TreeNode(
            identity: identity,
            kind: kind,
            permissions: permissions,
            uid: uid,
            gid: gid,
            links: links,
            size: size,
            accessed: accessed,
            modified: modified,
            device: device
        )
    }
}

extension ArchiveEntry {
    /// A socket, or a further name of one, out of an index.
    init(_ entry: ColdArchiveEntry) {
        self.init(
            path: entry.path,
            hardLink: entry.isFurtherName ? entry.link : nil,
            node: TreeNode(
                identity: TreeNode.Identity(device: 0, inode: 0),
                kind: entry.kind,
                permissions: entry.permissions,
                uid: entry.uid,
                gid: entry.gid,
                links: 1,
                size: entry.size,
                accessed: entry.accessed,
                modified: entry.modified,
                device: .none
            ),
            details: TreeDetails(
                attributes: entry.attributes.map {
                    TreeDetails.Attribute(name: $0.name, value: $0.value)
                }
            )
        )
    }
}
