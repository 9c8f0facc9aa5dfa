import VarveModel

/// The writer's statements, and the rows that it holds back from them (``HeldRows``).
///
/// Whoever else asks for or changes rows of those tables finds what is held written before. SQLite's savepoints are
/// opened by the first statement that changes anything: an operation that changes held rows alone needs none.
final class WriterStatements: Statements {
    private var held = HeldRows()

    // MARK: Transactions

    func begin() throws(MetadataError) {
        try run(.begin)
        held.begin()
    }

    func rollback() {
        held.rollback()
        // SQLite may have rolled back on its own (a full disk): then there is nothing to end. Should one that is open stay open,
        // nothing of it is ever committed: the next BEGIN is refused, and the file system is read-only from then on.
        try? run(.rollback)
    }

    func mark() {
        held.mark()
    }

    func release() throws(MetadataError) {
        if held.release() { try run(.release) }
    }

    /// Takes back what was done since the last mark.
    ///
    /// - Returns: The keys that are not noted any more; `nil` when nothing was done at all.
    /// - Throws: What SQLite answered.
    func revert() throws(MetadataError) -> [ChangeKey]? {
        guard let (isOpened, unnoted) = held.revert() else { return nil }
        if isOpened {
            try run(.revert)
            try run(.release)
        }
        return unnoted
    }

    override func willRun(_ query: Query) throws(MetadataError) {
        if query.meetsHeldRows { try settle() }
        // Somebody else changes what is known: it is read again.
        if query.changesHeldRows { held.forget() }
        if query.isChange { try openSavepoints() }
    }

    private func openSavepoints() throws(MetadataError) {
        for _ in 0..<held.openMarks() { try run(.savepoint) }
    }

    // MARK: Looking

    /// An inode of the present; one without a row, too.
    func inode(_ number: InodeNumber) throws(MetadataError) -> HeldInode {
        if let inode = held.inode(number) { return inode }
        let statement = try prepare(.inodeLive)
        statement.bind(1, number.stored)
        defer { statement.rewind() }
        var row: InodeRow?
        if try statement.step() { row = try InodeRow(statement, number, at: 0) }
        let inode = HeldInode(number, HeldInode.Value(row: row, isStored: row != nil))
        held.keep(inode)
        return inode
    }

    /// The names of the present with a hash, whatever their collision numbers.
    func names(_ directory: InodeNumber, _ hash: UInt64) throws(MetadataError) -> HeldNames {
        let key = HeldNames.Key(directory, hash)
        if let names = held.names(key) { return names }
        let statement = try prepare(.direntsInRange)
        statement.bind(1, directory.stored)
        statement.bind(2, Int64(key.range.lowerBound))
        statement.bind(3, Int64(key.range.upperBound))
        defer { statement.rewind() }
        var rows: [DirentRow] = []
        while try statement.step() { rows.append(try DirentRow(statement, directory, at: 0)) }
        let names = HeldNames(key, rows)
        held.keep(names)
        return names
    }

    /// The hashes of a range that the history knows, each with a name that it had, ascending.
    func pastNames(_ names: HeldNames) throws(MetadataError) -> [(hash: UInt64, name: [UInt8])] {
        if names.past == nil { names.past = try storedPastNames(names) }
        var past = names.past ?? []
        for slot in names.slots where slot.archive != nil {
            guard let row = slot.stored, !past.contains(where: { $0.hash == slot.hash }) else {
                continue
            }
            past.append((slot.hash, row.name.bytes))
            past.sort { $0.hash < $1.hash }
        }
        return past
    }

    private func storedPastNames(
        _ names: HeldNames
    ) throws(MetadataError) -> [(hash: UInt64, name: [UInt8])] {
        var past: [(hash: UInt64, name: [UInt8])] = []
        var next = names.key.range.lowerBound
        while next <= names.key.range.upperBound {
            let statement = try prepare(.direntRemembered)
            statement.bind(1, names.key.directory.stored)
            statement.bind(2, Int64(next))
            statement.bind(3, Int64(names.key.range.upperBound))
            defer { statement.rewind() }
            guard try statement.step() else { break }
            past.append((UInt64(statement.int(0)), statement.bytes(1)))
            next = UInt64(statement.int(0)) + 1
        }
        return past
    }

    /// Whether a directory of the present holds a name.
    func holdsName(_ directory: InodeNumber) throws(MetadataError) -> Bool {
        if held.changesNames(of: directory) { try settle() }
        let statement = try prepare(.direntsLive)
        statement.bind(1, directory.stored)
        statement.bind(2, Int64(0))
        statement.bind(3, Int64(1))
        defer { statement.rewind() }
        return try statement.step()
    }

    /// What the open transaction has made of an inode that is held.
    func shown(_ number: InodeNumber) -> (row: InodeRow, isNew: Bool)? {
        guard let inode = held.inode(number), let row = inode.value.row else { return nil }
        return (row, inode.newIn == held.transaction)
    }

    /// Where a name leads that is held; `nil` when its hash is not.
    func target(of name: FileName, in directory: InodeNumber, _ hash: UInt64) -> InodeNumber?? {
        guard let names = held.names(HeldNames.Key(directory, hash)) else { return nil }
        return .some(names.rows.first { $0.name == name }?.inode)
    }

    // MARK: Changing

    /// Gives an inode its row; of the number nobody has one.
    ///
    /// - Throws: `.constraint` when a row is known; SQLite would refuse one beside a row that is not.
    func insert(_ row: InodeRow) throws(MetadataError) {
        let inode =
            held.inode(row.inode)
            ?? HeldInode(row.inode, HeldInode.Value(row: nil, isStored: false))
        guard inode.value.row == nil else {
            throw MetadataError(.constraint, "inode \(row.inode.rawValue) has a row already")
        }
        held.keep(inode)
        held.insert(row, inode)
    }

    /// Puts another row in the place of one, or none; the present one goes to the history first when `died` says so.
    func replace(
        _ inode: HeldInode,
        with row: InodeRow?,
        archiving died: Epoch?
    ) throws(MetadataError) {
        // The history takes the table's row: the present one must be in the table.
        if died != nil, inode.value.isChanged { try settle() }
        held.change(inode) {
            if let old = $0.row, let died { $0.archive = ArchivedInode(old, died) }
            $0.row = row
        }
    }

    /// Puts another dirent in the place of a hash's, or none.
    func replace(
        _ names: HeldNames,
        _ hash: UInt64,
        with row: DirentRow?,
        archiving died: Epoch? = nil
    ) throws(MetadataError) {
        if died != nil, names.slot(hash)?.isChanged == true { try settle() }
        held.change(names, hash) {
            $0.row = row
            if let died { $0.archive = died }
        }
    }

    func note(_ key: ChangeKey, at epoch: Epoch) {
        held.note(key, at: epoch)
    }

    func keep(_ receipt: HeldReceipt, under key: ReceiptKey) {
        held.keep(receipt, under: key)
    }

    // MARK: Writing

    // Past ``willRun(_:)``: these statements are the tables' own. Each changes one row by its key, so that SQLite keeps no
    // journal of the statement; copies to the history are bound from memory for the same reason.

    /// Writes what is held, in the order of the tables' keys.
    func settle() throws(MetadataError) {
        guard held.hasChanges else { return }
        try openSavepoints()
        try settleNames()
        try settleInodes()
        try settleNotes()
        try settleReceipts()
        held.settled()
    }

    private func settleNames() throws(MetadataError) {
        let sorted = held.changedNames.sorted {
            ($0.key.directory.rawValue, $0.key.hash) < ($1.key.directory.rawValue, $1.key.hash)
        }
        for names in sorted where names.isChanged {
            for slot in names.slots where slot.isChanged { try write(slot, names.key.directory) }
            held.settle(names)
        }
    }

    private func write(
        _ slot: HeldNames.Slot,
        _ directory: InodeNumber
    ) throws(MetadataError) {
        if let old = slot.stored, let died = slot.archive { try archive(old, died) }
        switch (slot.stored, slot.row) {
        case (nil, nil): return
        case (nil, let row?): try insert(row)
        case (_?, nil): try delete(directory, slot.hash)
        case (let stored?, let row?) where stored.name != row.name:
            try delete(directory, slot.hash)
            try insert(row)
        case (_?, let row?):
            let statement = try prepare(.updateDirent)
            defer { statement.rewind() }
            statement.bind(1, directory.stored)
            statement.bind(2, Int64(slot.hash))
            statement.bind(3, row.born.stored)
            statement.bind(4, row.inode.stored)
            statement.bind(5, Int64(row.kind.rawValue))
            _ = try statement.step()
        }
    }

    private func archive(_ row: DirentRow, _ died: Epoch) throws(MetadataError) {
        let statement = try prepare(.archiveDirent)
        defer { statement.rewind() }
        statement.bind(1, row.directory.stored)
        statement.bind(2, Int64(row.hash))
        statement.bind(3, died.stored)
        statement.bind(4, row.born.stored)
        statement.bind(5, row.inode.stored)
        statement.bind(6, Int64(row.kind.rawValue))
        statement.bind(7, row.name.bytes)
        _ = try statement.step()
    }

    private func delete(_ directory: InodeNumber, _ hash: UInt64) throws(MetadataError) {
        let statement = try prepare(.deleteDirent)
        defer { statement.rewind() }
        statement.bind(1, directory.stored)
        statement.bind(2, Int64(hash))
        _ = try statement.step()
    }

    private func insert(_ row: DirentRow) throws(MetadataError) {
        let statement = try prepare(.insertDirent)
        defer { statement.rewind() }
        statement.bind(1, row.directory.stored)
        statement.bind(2, Int64(row.hash))
        statement.bind(3, row.born.stored)
        statement.bind(4, row.inode.stored)
        statement.bind(5, Int64(row.kind.rawValue))
        statement.bind(6, row.name.bytes)
        _ = try statement.step()
    }

    private func settleInodes() throws(MetadataError) {
        let sorted = held.changedInodes.sorted { $0.number.rawValue < $1.number.rawValue }
        for inode in sorted where inode.value.isChanged {
            try write(inode)
            held.settle(inode)
        }
    }

    private func write(_ inode: HeldInode) throws(MetadataError) {
        if let old = inode.value.archive { try archive(old) }
        guard let row = inode.value.row else {
            if inode.value.isStored { try delete(inode.number) }
            return
        }
        let statement = try prepare(inode.value.isStored ? .updateInode : .insertInode)
        defer { statement.rewind() }
        statement.bind(row)
        _ = try statement.step()
    }

    private func archive(_ old: ArchivedInode) throws(MetadataError) {
        let statement = try prepare(.archiveInode)
        defer { statement.rewind() }
        statement.bind(old.row)
        statement.bind(25, old.died.stored)
        _ = try statement.step()
    }

    private func delete(_ inode: InodeNumber) throws(MetadataError) {
        let statement = try prepare(.deleteInode)
        defer { statement.rewind() }
        statement.bind(1, inode.stored)
        _ = try statement.step()
    }

    private func settleNotes() throws(MetadataError) {
        for note in held.notes.sorted(by: HeldNote.isBefore) {
            let statement = try prepare(.insertChange)
            defer { statement.rewind() }
            statement.bind(1, note.epoch)
            statement.bind(2, note.kind)
            statement.bind(3, note.first)
            statement.bind(4, note.second)
            _ = try statement.step()
        }
        held.settleNotes()
    }

    private func settleReceipts() throws(MetadataError) {
        guard !held.receipts.isEmpty else { return }
        for (key, receipt) in held.receipts.sorted(by: { $0.key.columns < $1.key.columns }) {
            let statement = try prepare(.putReceipt)
            defer { statement.rewind() }
            let (high, low, number) = key.columns
            statement.bind(1, high)
            statement.bind(2, low)
            statement.bind(3, number)
            statement.bind(4, receipt.kept)
            statement.bind(5, receipt.value)
            _ = try statement.step()
        }
        held.settleReceipts()
    }
}
