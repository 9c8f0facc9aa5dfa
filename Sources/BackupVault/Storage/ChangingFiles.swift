import Synchronization
import VarveModel

/// The files of a vault that change: `vault.json`, `key`, `secret`, `lock`, `lock.copy` and holds.
///
/// In a directory another file takes the place of one. Where changes arrive late each change has a name of its own, in which
/// a revision stands, and is authenticated; the greatest revision counts, so that a change that comes late brings nothing
/// back (docs/decisions/0053). A file under its plain name is one from before: it counts least.
final class ChangingFiles: Sendable {
    private let storage: any VaultStorage

    private struct State {
        var keys: VaultKeys?
        /// Whether changes have names of their own.
        var isNamed: Bool
        /// What this object's changes bear; nobody else's do.
        var epoch: UInt32?
        /// Changes begun in the epoch, those that failed too.
        var count: UInt32 = 0
        /// What was read under each name, which never changes.
        var known: [String: [UInt8]] = [:]
    }

    private let state: Mutex<State>

    init(_ storage: any VaultStorage) {
        self.storage = storage
        state = Mutex(State(isNamed: storage.arrivesLate))
    }

    /// Takes the keys that changes are authenticated by.
    func unlock(_ keys: VaultKeys) { state.withLock { $0.keys = keys } }

    /// Reads everything anew: what was read may have been damaged since.
    func forget() { state.withLock { $0.known = [:] } }

    var isNamed: Bool { state.withLock { $0.isNamed } }

    /// Has changes bear names from now on: the description says that they do.
    func beginNaming() { state.withLock { $0.isNamed = true } }

    // MARK: Names

    /// One change, by its name.
    struct Change: Hashable, Comparable {
        /// Where it lies.
        let path: String
        let revision: UInt64

        var epoch: UInt32 { UInt32(revision >> 32) }

        /// `nil` for what is no change of the file.
        init?(_ name: String, in folder: String, of base: String) {
            guard name.hasPrefix(base + ".") else { return nil }
            let parts = name.dropFirst(base.count + 1).split(
                separator: "-",
                omittingEmptySubsequences: false
            )
            guard parts.count == 2, parts[0].utf8.count == 16, parts[1].utf8.count == 32,
                let revision = UInt64(parts[0], radix: 16),
                Hex.decode(String(parts[1])) != nil
            else { return nil }
            path = "\(folder)/\(name)"
            self.revision = revision
        }

        static func < (left: Change, right: Change) -> Bool {
            (left.revision, left.path) < (right.revision, right.path)
        }
    }

    /// The name of no file: its changes are empty, and only say that an epoch was begun.
    static let epochName = "epoch"

    /// The files that lie in no folder.
    static let topNames =
        [
            VaultDescription.fileName, VaultDescription.keyFileName,
            VaultDescription.secretFileName,
        ] + LockFiles.names

    /// In which folder the changes of a file lie, and what their names begin with.
    private static func place(of name: String) -> (folder: String, base: String) {
        let parts = name.split(separator: "/", maxSplits: 1).map(String.init)
        return parts.count == 2 ? (parts[0], parts[1]) : (VaultFiles.Folder.changes.rawValue, name)
    }

    /// The file whose change bears a name; `nil` for any other name.
    static func base(ofChange name: String) -> String? {
        guard let dot = name.lastIndex(of: ".") else { return nil }
        let base = String(name[..<dot])
        return Change(name, in: "", of: base) == nil ? nil : base
    }

    /// The changes of a file, the newest first.
    private func changes(of name: String) throws(VaultError) -> [Change] {
        let (folder, base) = ChangingFiles.place(of: name)
        return try storage.list(folder).compactMap { Change($0, in: folder, of: base) }
            .sorted(by: >)
    }

    // MARK: Reading

    /// What a file holds now.
    ///
    /// - Throws: `.notFound`; `.corrupt` where the newest change of holds or of a lock is damaged: an older one might let
    ///   go what the newest keeps. Of the others the newest that is whole counts.
    func contents(_ name: String, limit: Int = ChangingFiles.bytesMax) throws(VaultError) -> [UInt8]
    {
        guard isNamed else { return try storage.contents(name, limit: limit) }
        // Between listing and reading a newer one may have come, and the older ones gone.
        for _ in 0..<8 {
            switch try newest(name, limit) {
            case .bytes(let bytes) where bytes.isEmpty: throw missing(name)
            case .bytes(let bytes): return bytes
            case .none: return try storage.contents(name, limit: limit)
            case .changed: continue
            }
        }
        throw VaultError(
            .unavailable,
            "'\(name)' of \(storage.place) changes faster than it is read"
        )
    }

    private enum Newest {
        /// None where it was removed.
        case bytes([UInt8])
        case none, changed
    }

    private func newest(_ name: String, _ limit: Int) throws(VaultError) -> Newest {
        for change in try changes(of: name) {
            do throws(VaultError) {
                return .bytes(try read(change, of: name, limit))
            } catch {
                switch error.code {
                case .notFound: return .changed
                case .corrupt where !ChangingFiles.keeps(name): continue
                default: throw error
                }
            }
        }
        return .none
    }

    /// Whether an older change may let go what a newer one keeps.
    private static func keeps(_ name: String) -> Bool {
        name.contains("/") || LockFiles.names.contains(name)
    }

    private func read(
        _ change: Change,
        of name: String,
        _ limit: Int
    ) throws(VaultError) -> [UInt8] {
        let (known, keys) = state.withLock { ($0.known[change.path], $0.keys) }
        if let known { return known }
        let all = try whole(change.path, limit: limit + ChangeTrailer.byteCount)
        guard let keys, let body = ChangeTrailer.body(of: all, change.revision, name, keys) else {
            throw VaultError.damaged(change.path, "does not authenticate")
        }
        state.withLock { state in
            if state.known.count >= ChangingFiles.knownMax { state.known = [:] }
            state.known[change.path] = body
        }
        return body
    }

    /// All of a file; one of more bytes than any that was ever written is damaged, whatever it is.
    private func whole(_ path: String, limit: Int) throws(VaultError) -> [UInt8] {
        do throws(VaultError) {
            return try storage.contents(path, limit: limit)
        } catch {
            guard error.code == .failed, let size = try storage.size(of: path),
                size > UInt64(limit)
            else { throw error }
            throw VaultError.damaged(path, "has \(size) bytes, at most \(limit) expected")
        }
    }

    /// Changes above the newest one that is authentic, in the form of one: another vault's, or forged.
    func strangers(above name: String) throws(VaultError) -> [(path: String, body: [UInt8])] {
        guard isNamed else { return [] }
        var found: [(path: String, body: [UInt8])] = []
        for change in try changes(of: name) {
            if try isWhole(change, of: name) { break }
            do throws(VaultError) {
                let all = try whole(change.path, limit: ChangingFiles.bytesMax)
                if let body = ChangeTrailer.unproved(all) { found.append((change.path, body)) }
            } catch {
                guard error.code == .notFound || error.code == .corrupt else { throw error }
            }
        }
        return found
    }

    /// 4 MiB: a thousand holds with long reasons.
    static let bytesMax = 4 << 20

    /// 10,000 changes that are remembered; more are forgotten together, and read again.
    private static let knownMax = 10_000

    /// Where the newest change of a file lies; `nil` where there is none.
    func newestPath(_ name: String) throws(VaultError) -> String? {
        isNamed ? try changes(of: name).first?.path : nil
    }

    /// What a file may hold, the likeliest first, before anybody has the keys that tell which it is.
    func candidates(_ name: String, limit: Int) throws(VaultError) -> [[UInt8]] {
        var found: [[UInt8]] = []
        for change in isNamed ? try changes(of: name) : [] {
            do throws(VaultError) {
                let all = try whole(change.path, limit: limit)
                if let body = ChangeTrailer.unproved(all), !body.isEmpty { found.append(body) }
            } catch {
                guard error.code == .notFound || error.code == .corrupt else { throw error }
            }
        }
        do throws(VaultError) {
            found.append(try whole(name, limit: limit))
        } catch {
            let isPassed = error.code == .corrupt && !found.isEmpty
            guard error.code == .notFound || isPassed else { throw error }
        }
        return found
    }

    /// Whether a file is there; one that does not read is.
    func exists(_ name: String) throws(VaultError) -> Bool {
        guard isNamed else { return try storage.size(of: name) != nil }
        do throws(VaultError) {
            _ = try contents(name)
            return true
        } catch {
            switch error.code {
            case .notFound: return false
            case .corrupt, .newerFormat: return true
            default: throw error
            }
        }
    }

    /// The names of a folder's files, without those that were removed; one that does not read is there.
    func list(_ folder: VaultFiles.Folder) throws(VaultError) -> [String] {
        let names = try storage.list(folder.rawValue)
        guard isNamed else { return names }
        let changed = Dictionary(grouping: names) { ChangingFiles.base(ofChange: $0) }
        var found = (changed[nil] ?? []).filter { changed[$0] == nil }
        for case (let base?, let changes) in changed {
            let newest = changes.compactMap { Change($0, in: folder.rawValue, of: base) }.max()
            if let newest, try isGone(newest, of: "\(folder)/\(base)") { continue }
            found.append(base)
        }
        return found.sorted()
    }

    private func isGone(_ newest: Change, of name: String) throws(VaultError) -> Bool {
        do throws(VaultError) {
            return try read(newest, of: name, ChangingFiles.bytesMax).isEmpty
        } catch {
            switch error.code {
            case .corrupt: return false
            // Another one has come since it was listed.
            case .notFound: return try !exists(name)
            default: throw error
            }
        }
    }

    private func missing(_ name: String) -> VaultError {
        VaultError(.notFound, "'\(name)' is not in \(storage.place)")
    }

    // MARK: Changing

    /// Changes a file, durably; one at a time, and only while nobody else can.
    ///
    /// A change that fails may take effect later on, until the next one of the same file.
    func replace(_ name: String, with bytes: [UInt8]) throws(VaultError) {
        guard isNamed else { return try storage.replace(name, with: bytes) }
        try write(bytes, to: name)
    }

    /// Removes a file, durably; one that is not there is no error.
    func remove(_ name: String) throws(VaultError) {
        guard isNamed else {
            try storage.remove(name)
            return try storage.sync(ChangingFiles.place(of: name).folder)
        }
        try write([], to: name)
    }

    private func write(_ bytes: [UInt8], to name: String) throws(VaultError) {
        guard let keys = state.withLock({ $0.keys }) else {
            throw VaultError(.invalid, "'\(name)' cannot be changed before the vault is open")
        }
        let revision = try nextRevision(of: name)
        let (folder, base) = ChangingFiles.place(of: name)
        let path = "\(folder)/\(ChangingFiles.changeName(base, revision))"
        let all = bytes + ChangeTrailer.bytes(for: bytes, revision, name, keys)
        try storage.replace(path, with: all)
        state.withLock { $0.known[path] = bytes }
        // Harmless: the change stands, and counts before all older ones. Those go with this file's next change, or a prune, once what came
        // after them has stood for an hour.
        _ = try? clear(name, try changes(of: name), withPlain: false)
    }

    private static func changeName(_ base: String, _ revision: UInt64) -> String {
        "\(base).\(Generation.stem(revision))-\(Hex.encode(UniqueID.random().bytes))"
    }

    /// Greater than every revision that was ever sent by anybody.
    ///
    /// Whoever begins to change begins an epoch: an empty object with the next number, which stands before anything is sent that
    /// bears it. So whoever comes later sees it, and takes a greater one, though what was sent may still be on its way.
    private func nextRevision(of name: String) throws(VaultError) -> UInt64 {
        let folder = VaultFiles.Folder.changes.rawValue
        var seen = try storage.list(folder).compactMap { name in
            ChangingFiles.base(ofChange: name).flatMap { Change(name, in: folder, of: $0)?.epoch }
        }
        // Of holds too, though no copy of the bucket may have brought the empty objects along.
        if name.contains("/") { seen += try changes(of: name).map(\.epoch) }
        let greatest = seen.max() ?? 0
        let own: UInt64? = state.withLock { state in
            guard state.epoch == greatest, greatest > 0, state.count < .max else { return nil }
            state.count += 1
            return UInt64(greatest) << 32 | UInt64(state.count)
        }
        if let own { return own }
        guard greatest < .max else {
            throw VaultError(
                .corrupt,
                "'\(folder)' of \(storage.place) names a revision that no vault has",
                remedy: "Remove what begins with 'ffffffff' behind the last dot of its name."
            )
        }
        let epoch = greatest + 1
        let name = ChangingFiles.changeName(ChangingFiles.epochName, UInt64(epoch) << 32)
        try storage.replace("\(folder)/\(name)", with: [])
        return state.withLock { state in
            state.epoch = epoch
            state.count = 1
            return UInt64(epoch) << 32 | 1
        }
    }

    // MARK: Afterwards

    /// Drops changes that others came after an hour ago, by this process's clock: nothing older is on its way any more.
    ///
    /// - Returns: How many there were.
    func clear() throws(VaultError) -> Int {
        guard isNamed else { return 0 }
        var removed = 0
        for name in ChangingFiles.topNames + [ChangingFiles.epochName] {
            removed += try clear(name, try changes(of: name), withPlain: true)
        }
        // One list of the folder, however many points are held.
        let folder = VaultFiles.Folder.holds.rawValue
        let names = try storage.list(folder)
        for (base, names) in Dictionary(grouping: names, by: { ChangingFiles.base(ofChange: $0) }) {
            guard let base else { continue }
            let all = names.compactMap { Change($0, in: folder, of: base) }.sorted(by: >)
            removed += try clear("\(folder)/\(base)", all, withPlain: true)
        }
        return removed
    }

    /// Drops what others came after, at once: of a key that is not to open the vault any more, or for want of room.
    func dropOlder(_ name: String) throws(VaultError) {
        guard isNamed else { return }
        let all = try changes(of: name)
        guard let newest = all.first, try isWhole(newest, of: name) else { return }
        for change in all.dropFirst() { try drop(change.path) }
        try dropPlain(name)
    }

    private func clear(
        _ name: String,
        _ all: [Change],
        withPlain: Bool
    ) throws(VaultError) -> Int {
        // Each is asked about, so that its hour begins.
        let stood = all.filter {
            storage.hasStood($0.path, seconds: VoidedPoints.secondsKept)
        }
        guard let last = stood.first, try isWhole(last, of: name) else { return 0 }
        var removed = 0
        for change in all where change < last {
            // What another making in this place has put may be all that opens its vault.
            if ChangingFiles.opens(name), try !isWhole(change, of: name) { continue }
            try drop(change.path)
            removed += 1
        }
        if withPlain, name != ChangingFiles.epochName, try dropPlain(name) { removed += 1 }
        // What says that a file is gone goes last: after the plain one, and durably.
        guard all.first == last, name.contains("/"),
            try read(last, of: name, ChangingFiles.bytesMax).isEmpty
        else { return removed }
        if !withPlain, try dropPlain(name) { removed += 1 }
        try storage.sync(ChangingFiles.place(of: name).folder)
        try drop(last.path)
        return removed + 1
    }

    /// Whether a vault is opened by a file.
    private static func opens(_ name: String) -> Bool {
        topNames.contains(name) && !LockFiles.names.contains(name)
    }

    private func isWhole(_ change: Change, of name: String) throws(VaultError) -> Bool {
        if name == ChangingFiles.epochName { return true }
        do throws(VaultError) {
            _ = try read(change, of: name, ChangingFiles.bytesMax)
            return true
        } catch {
            guard error.code == .corrupt || error.code == .notFound else { throw error }
            return false
        }
    }

    private func drop(_ path: String) throws(VaultError) {
        do throws(VaultError) {
            try storage.remove(path)
        } catch {
            guard error.code == .notFound else { throw error }
        }
        state.withLock { _ = $0.known.removeValue(forKey: path) }
    }

    /// The file from before; but the description, which keeps away who does not know of changes.
    @discardableResult
    private func dropPlain(_ name: String) throws(VaultError) -> Bool {
        guard name != VaultDescription.fileName, try storage.size(of: name) != nil else {
            return false
        }
        try drop(name)
        return true
    }
}
