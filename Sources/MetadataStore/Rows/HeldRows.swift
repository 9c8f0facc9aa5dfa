import VarveModel

/// An inode's row as the open transaction shows it, and what its table has of it.
final class HeldInode {
    struct Value {
        /// `nil`: there is no such inode.
        var row: InodeRow?
        /// Whether the table has a row of it, perhaps an older one.
        var isStored: Bool
        /// Whether the table has another row than this one, or one too many.
        var isChanged = false
        /// The table's row, which goes to the history before it is overwritten.
        var archive: ArchivedInode?
    }

    let number: InodeNumber
    fileprivate(set) var value: Value
    /// The transaction that gave it to an inode without a row; 0 for none.
    fileprivate(set) var newIn: UInt64 = 0

    init(_ number: InodeNumber, _ value: Value) {
        self.number = number
        self.value = value
    }
}

/// A version that ends, and when.
final class ArchivedInode {
    let row: InodeRow
    let died: Epoch

    init(_ row: InodeRow, _ died: Epoch) {
        self.row = row
        self.died = died
    }
}

/// The names of a directory that share a hash, as the open transaction shows them.
final class HeldNames {
    /// A directory, and a hash without its collision number.
    struct Key: Hashable {
        let directory: InodeNumber
        let hash: UInt64

        init(_ directory: InodeNumber, _ hash: UInt64) {
            self.directory = directory
            self.hash = hash >> 8
        }

        /// The hashes with all their collision numbers.
        var range: ClosedRange<UInt64> { hash << 8...(hash << 8 | 255) }
    }

    /// One collision number.
    struct Slot {
        let hash: UInt64
        /// `nil`: no name has it.
        var row: DirentRow?
        /// What the table has.
        var stored: DirentRow?
        /// Whether the two differ, or something goes to the history.
        var isChanged = false
        /// The death under which the table's row goes to the history before it is overwritten.
        var archive: Epoch?
    }

    let key: Key
    /// Ascending.
    fileprivate(set) var slots: [Slot]
    fileprivate(set) var isChanged = false
    /// The hashes that the history's table knows, each with a name that it had; `nil` when nobody has looked.
    var past: [(hash: UInt64, name: [UInt8])]?

    init(_ key: Key, _ rows: [DirentRow]) {
        self.key = key
        slots = rows.map { Slot(hash: $0.hash, row: $0, stored: $0) }
    }

    var rows: [DirentRow] { slots.compactMap(\.row) }

    func slot(_ hash: UInt64) -> Slot? { slots.first { $0.hash == hash } }
}

/// A key of the change journal as its table has it, in that table's order.
struct HeldNote {
    let epoch: Int64
    let kind: Int64
    let first: Int64
    let second: Int64

    init(_ key: ChangeKey, _ epoch: Epoch) {
        self.epoch = epoch.stored
        kind = key.kind
        first = key.inode.stored
        second = key.detail
    }

    static func isBefore(_ left: HeldNote, _ right: HeldNote) -> Bool {
        if left.epoch != right.epoch { return left.epoch < right.epoch }
        if left.kind != right.kind { return left.kind < right.kind }
        if left.first != right.first { return left.first < right.first }
        return left.second < right.second
    }
}

/// What a front-end keeps of a change, as its table is to have it.
struct HeldReceipt {
    /// Unix seconds of its transaction.
    let kept: Int64
    let value: [UInt8]
}

/// Rows of the tables `inode`, `dirent`, `chg` and `receipt` that a transaction has changed and not written yet.
///
/// A directory's row changes with every name in it: it is written once a transaction, as is all else, in the order of the
/// tables' keys. What was changed since a mark can be taken back here, without SQLite's own savepoint, which copies
/// every page that an operation touches (docs/decisions/0030). Rows stay over a commit: there is no other writer.
struct HeldRows {
    /// The tables; whoever else reads or changes them has what is held written first.
    static let tables: Set<String> = [
        "inode", "h_inode", "dirent", "h_dirent", "chg", "receipt",
    ]
    /// Those of which it knows rows: whoever else changes them has these forgotten.
    static let knownTables: Set<String> = ["inode", "dirent", "h_dirent"]
    /// Inodes, and hashes of names, that stay over a commit: some 300 bytes each, 10 MiB.
    private static let keptMax = 1 << 14

    private enum Undo {
        case inode(HeldInode, HeldInode.Value, newIn: UInt64)
        case names(HeldNames, [HeldNames.Slot])
        /// The last of the notes.
        case note(ChangeKey)
        /// Notes that were written; they were these.
        case written([HeldNote])
        /// What waited under a key.
        case receipt(ReceiptKey, HeldReceipt?)
        /// Receipts that were written; they were these.
        case writtenReceipts([ReceiptKey: HeldReceipt])
    }

    private struct Mark {
        let undos: Int
        /// Whether SQLite has a savepoint for it.
        var isOpened = false
    }

    private var inodes: [InodeNumber: HeldInode] = [:]
    private var names: [HeldNames.Key: HeldNames] = [:]
    private(set) var notes: [HeldNote] = []
    /// Those that wait, and no others: the writer has no use for what is written.
    private(set) var receipts: [ReceiptKey: HeldReceipt] = [:]
    /// With repetitions, and with some that were taken back.
    private(set) var changedInodes: [HeldInode] = []
    private(set) var changedNames: [HeldNames] = []
    private var undos: [Undo] = []
    private var marks: [Mark] = []
    private(set) var transaction: UInt64 = 0

    var hasChanges: Bool {
        !changedInodes.isEmpty || !changedNames.isEmpty || !notes.isEmpty || !receipts.isEmpty
    }

    // MARK: Looking

    func inode(_ number: InodeNumber) -> HeldInode? { inodes[number] }

    func names(_ key: HeldNames.Key) -> HeldNames? { names[key] }

    /// Whether names of a directory wait to be written.
    func changesNames(of directory: InodeNumber) -> Bool {
        changedNames.contains { $0.key.directory == directory }
    }

    mutating func keep(_ inode: HeldInode) { inodes[inode.number] = inode }

    mutating func keep(_ held: HeldNames) { names[held.key] = held }

    // MARK: Changing

    mutating func change(_ inode: HeldInode, _ body: (inout HeldInode.Value) -> Void) {
        if !marks.isEmpty { undos.append(.inode(inode, inode.value, newIn: inode.newIn)) }
        body(&inode.value)
        guard !inode.value.isChanged else { return }
        inode.value.isChanged = true
        changedInodes.append(inode)
    }

    /// Gives a row to an inode that has none.
    mutating func insert(_ row: InodeRow, _ inode: HeldInode) {
        change(inode) { $0.row = row }
        inode.newIn = transaction
    }

    /// Changes one collision number; `body` sees a slot without a row when nothing has it.
    mutating func change(
        _ held: HeldNames,
        _ hash: UInt64,
        _ body: (inout HeldNames.Slot) -> Void
    ) {
        if !marks.isEmpty { undos.append(.names(held, held.slots)) }
        let index = held.slots.firstIndex { $0.hash >= hash } ?? held.slots.count
        if index == held.slots.count || held.slots[index].hash != hash {
            held.slots.insert(HeldNames.Slot(hash: hash), at: index)
        }
        body(&held.slots[index])
        held.slots[index].isChanged = true
        guard !held.isChanged else { return }
        held.isChanged = true
        changedNames.append(held)
    }

    mutating func note(_ key: ChangeKey, at epoch: Epoch) {
        if !marks.isEmpty { undos.append(.note(key)) }
        notes.append(HeldNote(key, epoch))
    }

    mutating func keep(_ receipt: HeldReceipt, under key: ReceiptKey) {
        let before = receipts.updateValue(receipt, forKey: key)
        if !marks.isEmpty { undos.append(.receipt(key, before)) }
    }

    // MARK: Written

    /// The table has an inode's row now.
    mutating func settle(_ inode: HeldInode) {
        if !marks.isEmpty { undos.append(.inode(inode, inode.value, newIn: inode.newIn)) }
        inode.value.isStored = inode.value.row != nil
        inode.value.isChanged = false
        inode.value.archive = nil
    }

    /// The table has these names now.
    mutating func settle(_ held: HeldNames) {
        if !marks.isEmpty { undos.append(.names(held, held.slots)) }
        var past = held.past
        for slot in held.slots where slot.archive != nil {
            guard let row = slot.stored, past?.contains(where: { $0.hash == slot.hash }) == false
            else { continue }
            past?.append((slot.hash, row.name.bytes))
        }
        past?.sort { $0.hash < $1.hash }
        held.past = past
        held.slots = held.slots.compactMap {
            guard let row = $0.row else { return nil }
            return HeldNames.Slot(hash: $0.hash, row: row, stored: row)
        }
        held.isChanged = false
    }

    mutating func settleNotes() {
        if !marks.isEmpty { undos.append(.written(notes)) }
        notes.removeAll(keepingCapacity: marks.isEmpty)
    }

    mutating func settleReceipts() {
        if !marks.isEmpty { undos.append(.writtenReceipts(receipts)) }
        receipts.removeAll(keepingCapacity: marks.isEmpty)
    }

    /// All is written.
    mutating func settled() {
        changedInodes.removeAll(keepingCapacity: true)
        changedNames.removeAll(keepingCapacity: true)
    }

    // MARK: Transactions

    mutating func begin() {
        transaction += 1
        if inodes.count > HeldRows.keptMax { inodes.removeAll(keepingCapacity: true) }
        if names.count > HeldRows.keptMax { names.removeAll(keepingCapacity: true) }
    }

    /// Forgets rows; what waits to be written is none of them.
    mutating func forget() {
        precondition(!hasChanges, "rows are written before they are forgotten")
        if !inodes.isEmpty { inodes.removeAll(keepingCapacity: true) }
        if !names.isEmpty { names.removeAll(keepingCapacity: true) }
    }

    /// The transaction is undone, and all that was read in it forgotten.
    mutating func rollback() {
        notes.removeAll(keepingCapacity: true)
        receipts.removeAll(keepingCapacity: true)
        undos.removeAll(keepingCapacity: true)
        marks.removeAll(keepingCapacity: true)
        settled()
        forget()
    }

    mutating func mark() {
        marks.append(Mark(undos: undos.count))
    }

    /// Counts the marks that have no savepoint of SQLite's, which come last, and takes them to have one.
    mutating func openMarks() -> Int {
        var opened = 0
        var index = marks.count
        while index > 0, !marks[index - 1].isOpened {
            index -= 1
            marks[index].isOpened = true
            opened += 1
        }
        return opened
    }

    /// Keeps what was done since the last mark.
    ///
    /// - Returns: Whether SQLite has a savepoint for it.
    mutating func release() -> Bool {
        let mark = takeMark()
        if marks.isEmpty { undos.removeAll(keepingCapacity: true) }
        return mark.isOpened
    }

    /// Takes back what was done since the last mark.
    ///
    /// - Returns: Whether SQLite has a savepoint for it, and the keys that are not noted any more; `nil` when nothing was done at all.
    mutating func revert() -> (isOpened: Bool, unnoted: [ChangeKey])? {
        let mark = takeMark()
        guard mark.isOpened || undos.count > mark.undos else { return nil }
        var unnoted: [ChangeKey] = []
        while undos.count > mark.undos, let undo = undos.popLast() { self.undo(undo, &unnoted) }
        if mark.isOpened { forgetUnchanged() }
        return (mark.isOpened, unnoted)
    }

    /// Forgets what was perhaps read after a statement that is taken back.
    private mutating func forgetUnchanged() {
        inodes.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
        for inode in changedInodes where inode.value.isChanged { inodes[inode.number] = inode }
        for held in changedNames where held.isChanged {
            held.past = nil
            names[held.key] = held
        }
    }

    private mutating func takeMark() -> Mark {
        guard let mark = marks.popLast() else { preconditionFailure("a mark ends once") }
        return mark
    }

    private mutating func undo(_ undo: Undo, _ unnoted: inout [ChangeKey]) {
        switch undo {
        case .inode(let inode, let value, let newIn):
            inode.value = value
            inode.newIn = newIn
            // It may have been forgotten, or listed no more, since.
            inodes[inode.number] = inode
            if value.isChanged { changedInodes.append(inode) }
        case .names(let held, let slots):
            held.slots = slots
            held.isChanged = slots.contains(where: \.isChanged)
            // What was archived since is not.
            held.past = nil
            names[held.key] = held
            if held.isChanged { changedNames.append(held) }
        case .note(let key):
            notes.removeLast()
            unnoted.append(key)
        case .written(let before):
            notes = before
        case .receipt(let key, let before):
            receipts[key] = before
        case .writtenReceipts(let before):
            receipts = before
        }
    }
}
