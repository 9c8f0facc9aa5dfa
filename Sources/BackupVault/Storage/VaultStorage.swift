package import Disk
package import VarveModel

/// Where a vault lies, and the little that a vault asks of it: whole files, ranges of them, names, and signs of life.
///
/// Names are relative to the vault, with at most one folder before them: `vault.json`, `packs/….pack`. What a call has
/// written is durable when it returns, and there whole or not at all, but for what ``sync(_:)`` says. Every call
/// blocks and may come from any thread. Every storage passes one contract (`StorageContract` in the tests).
package protocol VaultStorage: Sendable {
    /// For people: a directory's path, or `s3://bucket/prefix`.
    var place: String { get }

    /// Whether a change that was given up, or repeated, may still take effect later on; see docs/decisions/0042.
    ///
    /// A system call has ended when it returns. A request to a server may lie in a queue on the way.
    var arrivesLate: Bool { get }

    /// The disk that it lies on; `nil` where there is none, and only what is below goes.
    var diskBeneath: (any Disk)? { get }

    /// Asks whether the place answers, without the patience that work has: for who shows what there is.
    ///
    /// - Throws: `.denied`, `.unavailable`.
    func reach() throws(VaultError)

    // MARK: Files

    /// Opens a file for reading.
    ///
    /// - Throws: `.notFound`, `.denied`, `.failed`.
    func open(_ name: String) throws(VaultError) -> any StoredFile

    /// The whole of a file.
    ///
    /// - Throws: `.notFound`, `.denied`; `.failed`, also for more bytes than `limit`.
    func contents(_ name: String, limit: Int) throws(VaultError) -> [UInt8]

    /// Bytes of a file; `nil` when there is none.
    func size(of name: String) throws(VaultError) -> UInt64?

    /// Makes a file, or puts it in the place of another one, durably: a crash leaves the old one or the new one.
    ///
    /// - Throws: `.noSpace`, `.denied`, `.failed`.
    func replace(_ name: String, with bytes: [UInt8]) throws(VaultError)

    /// Begins a file that is written piece by piece and comes under its name at the end.
    ///
    /// - Parameters:
    ///   - name: Its own; nothing stands there.
    ///   - openName: What it may be seen under until then.
    ///   - isReadBack: Whether pieces are read again before the end.
    /// - Returns: The file, empty.
    /// - Throws: `.noSpace`, `.denied`, `.failed`.
    func begin(
        _ name: String,
        as openName: String,
        isReadBack: Bool
    ) throws(VaultError) -> any NewStoredFile

    /// Removes a file; `.notFound` when there is none, where that is known.
    func remove(_ name: String) throws(VaultError)

    // MARK: Names

    /// The names in a folder, sorted; none when it is missing. Of the vault itself (`nil`) also its folders' names.
    func list(_ folder: String?) throws(VaultError) -> [String]

    /// The names in a folder with their sizes; `nil` where a list does not bring them and each file is asked.
    func sizes(in folder: String) throws(VaultError) -> [String: UInt64]?

    /// Makes the place itself, and what is missing above it, durably.
    func makePlace() throws(VaultError)

    /// Makes the folders that are missing; `sync(nil)` makes them durable.
    ///
    /// - Returns: Whether any was missing.
    func makeFolders(_ folders: [String]) throws(VaultError) -> Bool

    /// Makes the names in a folder, or of the folders (`nil`), durable: those that ``NewStoredFile/finish(_:)`` and
    /// ``remove(_:)`` have changed.
    func sync(_ folder: String?) throws(VaultError)

    // MARK: Signs of life

    /// Begins to show that somebody lives, under a name that nobody used before, until it is ended or its process dies.
    ///
    /// - Returns: `nil` where somebody looked at it in the moment in which it was made: another name is to be taken.
    func beginSign(_ name: String) throws(VaultError) -> (any SignOfLife)?

    /// Those of some names under which somebody lives. It may take as long as it needs to tell the living from the dead.
    ///
    /// - Parameters:
    ///   - names: Of signs.
    ///   - bury: Called for each whose owner is dead, before its name is removed.
    /// - Returns: Of these names those whose owners live.
    /// - Throws: `.denied`, `.failed`, and what `bury` throws.
    func living(
        _ names: [String],
        bury: (String) throws(VaultError) -> Void
    ) throws(VaultError) -> [String]

    /// Keeps everybody else out who asks for the same name, until it is released or its process dies.
    ///
    /// - Returns: `nil` when somebody else has it.
    func exclude(_ name: String) throws(VaultError) -> (any Exclusion)?

    // MARK: Keeping

    /// By what the place itself keeps files from everybody for a time; `nil` where it cannot.
    ///
    /// - Throws: `.unavailable`.
    func keeper() throws(VaultError) -> (any FileKeeper)?

    /// Whether there is a ``keeper()``, without the patience that work has; `nil` where the place does not say.
    func keepsFiles() -> Bool?

    // MARK: What others left

    /// What was begun (``begin(_:as:isReadBack:)``) and neither ended nor discarded, where no list of names shows it; not
    /// by this process, as far as it lives.
    func unfinished() throws(VaultError) -> [UnfinishedFile]

    /// Drops what was begun.
    func discard(_ unfinished: UnfinishedFile) throws(VaultError)

    /// Whether a file has stood for so many seconds under this name since this process first asked.
    ///
    /// Counted by this process's own clock that nobody steps: no two clocks are compared.
    func hasStood(_ name: String, seconds: Int64) -> Bool
}

extension VaultStorage {
    package func keepsFiles() -> Bool? { false }
}

/// A file of a vault, open for reading; any thread.
package protocol StoredFile: AnyObject, Sendable {
    func size() throws(VaultError) -> UInt64

    /// Reads up to `buffer.count` bytes; fewer only at the end of the file.
    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) throws(VaultError) -> Int

    /// Further calls are a programming error. Deinit closes too.
    func close()
}

extension StoredFile {
    /// Up to `count` bytes; fewer only at the end of the file.
    package func read(count: Int, at offset: UInt64) throws(VaultError) -> [UInt8] {
        var failure: VaultError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(VaultError) {
                initialized = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

/// A file on the way to its name; one owner at a time, and after an error only `discard` is of use.
package protocol NewStoredFile: AnyObject {
    /// Adds bytes at the end.
    ///
    /// - Throws: `.noSpace`, `.denied`, `.failed`.
    func append(_ bytes: UnsafeRawBufferPointer) throws(VaultError)

    /// Bytes appended before; only where reading back was asked for.
    func read(count: Int, at offset: UInt64) throws(VaultError) -> [UInt8]

    /// Adds the last bytes, and brings the file under its name: its bytes are durable, its name is with the folder's next sync.
    func finish(_ end: [UInt8]) throws(VaultError)

    /// Drops it; a leftover is dropped by the next prune.
    func discard()
}

/// Keeps files from whoever may otherwise delete them, its owner too.
package protocol FileKeeper: Sendable {
    /// Keeps a file as it is now; a time is only ever put off.
    ///
    /// - Parameters:
    ///   - name: A file's.
    ///   - atLeast: Where it is kept for so long already, nothing is done.
    ///   - until: Else it is kept for so long.
    ///   - isFinal: Whether nobody at all may take it back.
    ///   - isNew: Whether it is known not to be kept yet.
    /// - Throws: `.notFound`, `.denied`, `.unavailable`.
    func keep(
        _ name: String,
        atLeast: Timestamp,
        until: Timestamp,
        isFinal: Bool,
        isNew: Bool
    ) throws(VaultError)
}

/// A file that somebody began and has not ended.
package struct UnfinishedFile: Sendable, Hashable {
    /// Under which it would have come.
    package let name: String
    /// What tells it from others of the same name.
    package let id: String

    /// Names what was begun.
    package init(name: String, id: String) {
        self.name = name
        self.id = id
    }
}

/// A sign that its owner lives.
package protocol SignOfLife: Sendable {
    /// Refuses to go on where others may take its owner for dead.
    ///
    /// - Parameter isSure: Looks whether the sign stands, and does not only count the time since it was seen.
    /// - Throws: `.failed` when it was given up; what looking throws.
    func check(isSure: Bool) throws(VaultError)

    /// Ends it; its name goes.
    func end()

    /// Stops keeping it up and leaves its name: whoever finds it takes its owner for dead, and cleans up behind.
    func leave()
}

/// What keeps others out; whoever relies on it works within ``HeldClaims/holding(_:_:)``.
package protocol Exclusion: Sendable {
    /// Refuses to go on where it may have been given away.
    ///
    /// - Throws: `.unavailable`.
    func check() throws(VaultError)

    func release()
}
