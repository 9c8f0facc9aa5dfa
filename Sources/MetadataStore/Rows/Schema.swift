/// The tables of one file system's database, as docs/formats/metadata-schema.md lists them.
///
/// Live tables hold only the present. A history table has the same columns, `died`, and a primary
/// key that ends in it, so that the version at S is the first row whose `died` is after S.
enum Schema {
    /// "VARV", so that `file` and we know the database for ours.
    static let applicationID: Int32 = 0x5641_5256
    /// `PRAGMA user_version`; a greater one is refused.
    static let format: Int64 = 1

    static let inodeColumns = """
        born, gen, mode, uid, gid, nlink, size, space, atime, atime_n, mtime, mtime_n, ctime, \
        ctime_n, btime, btime_n, change, parent, ph, flags, project, applied_seq, rdev
        """

    private static let inodeTypes = """
        born INTEGER NOT NULL, gen INTEGER NOT NULL, mode INTEGER NOT NULL, uid INTEGER NOT NULL,
        gid INTEGER NOT NULL, nlink INTEGER NOT NULL, size INTEGER NOT NULL,
        space INTEGER NOT NULL, atime INTEGER NOT NULL, atime_n INTEGER NOT NULL,
        mtime INTEGER NOT NULL, mtime_n INTEGER NOT NULL, ctime INTEGER NOT NULL,
        ctime_n INTEGER NOT NULL, btime INTEGER NOT NULL, btime_n INTEGER NOT NULL,
        change INTEGER NOT NULL, parent INTEGER NOT NULL, ph INTEGER NOT NULL,
        flags INTEGER NOT NULL, project INTEGER NOT NULL, applied_seq INTEGER NOT NULL,
        rdev INTEGER NOT NULL
        """

    /// Every statement that makes an empty database, in order.
    static let statements: [String] =
        live + history + content + time + accounts + past + receipts
        + [pinsByEpoch]

    private static let live = [
        "CREATE TABLE meta(k TEXT PRIMARY KEY, v ANY) STRICT, WITHOUT ROWID",
        "CREATE TABLE inode(ino INTEGER PRIMARY KEY, \(inodeTypes)) STRICT",
        """
        CREATE TABLE dirent(dir INTEGER NOT NULL, h INTEGER NOT NULL, born INTEGER NOT NULL,
        ino INTEGER NOT NULL, type INTEGER NOT NULL, name BLOB NOT NULL,
        PRIMARY KEY(dir, h)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE xattr(ino INTEGER NOT NULL, h INTEGER NOT NULL, born INTEGER NOT NULL,
        name BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY(ino, h)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE inline(ino INTEGER PRIMARY KEY, born INTEGER NOT NULL,
        bytes BLOB NOT NULL) STRICT
        """,
        """
        CREATE TABLE link(ino INTEGER NOT NULL, dir INTEGER NOT NULL, h INTEGER NOT NULL,
        born INTEGER NOT NULL, PRIMARY KEY(ino, dir, h)) STRICT, WITHOUT ROWID
        """,
    ]

    private static let history = [
        """
        CREATE TABLE h_inode(ino INTEGER NOT NULL, died INTEGER NOT NULL, \(inodeTypes),
        PRIMARY KEY(ino, died)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE h_dirent(dir INTEGER NOT NULL, h INTEGER NOT NULL, died INTEGER NOT NULL,
        born INTEGER NOT NULL, ino INTEGER NOT NULL, type INTEGER NOT NULL, name BLOB NOT NULL,
        PRIMARY KEY(dir, h, died)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE h_xattr(ino INTEGER NOT NULL, h INTEGER NOT NULL, died INTEGER NOT NULL,
        born INTEGER NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY(ino, h, died)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE h_inline(ino INTEGER NOT NULL, died INTEGER NOT NULL, born INTEGER NOT NULL,
        bytes BLOB NOT NULL, PRIMARY KEY(ino, died)) STRICT
        """,
        """
        CREATE TABLE h_link(ino INTEGER NOT NULL, dir INTEGER NOT NULL, h INTEGER NOT NULL,
        died INTEGER NOT NULL, born INTEGER NOT NULL,
        PRIMARY KEY(ino, dir, h, died)) STRICT, WITHOUT ROWID
        """,
    ]

    private static let content = [
        """
        CREATE TABLE slice(ino INTEGER NOT NULL, tile INTEGER NOT NULL, died INTEGER NOT NULL,
        seq INTEGER NOT NULL, born INTEGER NOT NULL, off INTEGER NOT NULL, len INTEGER NOT NULL,
        seg INTEGER NOT NULL, soff INTEGER NOT NULL, slen INTEGER NOT NULL, skip INTEGER NOT NULL,
        kind INTEGER NOT NULL, PRIMARY KEY(ino, tile, died, seq)) STRICT, WITHOUT ROWID
        """,
        // The unresolved range rows: few, and found without a scan.
        """
        CREATE INDEX slice_ranges ON slice(ino, seq)
        WHERE tile = -1 AND died = 9223372036854775807
        """,
        """
        CREATE TABLE rref(seg INTEGER NOT NULL, soff INTEGER NOT NULL, ino INTEGER NOT NULL,
        tile INTEGER NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY(seg, soff, ino, tile, seq)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE seg(id INTEGER PRIMARY KEY, tier INTEGER NOT NULL, key_id INTEGER NOT NULL,
        bytes INTEGER NOT NULL, dead INTEGER NOT NULL, born_min INTEGER NOT NULL,
        born_max INTEGER NOT NULL, state INTEGER NOT NULL, zones INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE place(ino INTEGER PRIMARY KEY, tier INTEGER NOT NULL,
        since INTEGER NOT NULL) STRICT
        """,
        "CREATE INDEX place_tier ON place(tier, ino)",
        """
        CREATE TABLE reap(ino INTEGER PRIMARY KEY, epoch INTEGER NOT NULL,
        tile INTEGER NOT NULL) STRICT
        """,
    ]

    private static let time = [
        """
        CREATE TABLE chg(epoch INTEGER NOT NULL, kind INTEGER NOT NULL, k1 INTEGER NOT NULL,
        k2 INTEGER NOT NULL, PRIMARY KEY(epoch, kind, k1, k2)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE snap(id INTEGER PRIMARY KEY AUTOINCREMENT, epoch INTEGER NOT NULL, name TEXT,
        created INTEGER NOT NULL, created_n INTEGER NOT NULL, expires INTEGER,
        lock_until INTEGER, holds INTEGER NOT NULL) STRICT
        """,
        "CREATE UNIQUE INDEX snap_name ON snap(name) WHERE name IS NOT NULL",
        """
        CREATE TABLE bookmark(name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, expires INTEGER,
        broken INTEGER NOT NULL) STRICT, WITHOUT ROWID
        """,
        // Dropped instants whose versions are still to be looked at, and how far that has come.
        """
        CREATE TABLE gc(id INTEGER PRIMARY KEY AUTOINCREMENT, low INTEGER NOT NULL,
        high INTEGER NOT NULL, epoch INTEGER NOT NULL, kind INTEGER NOT NULL,
        k1 INTEGER NOT NULL, k2 INTEGER NOT NULL) STRICT
        """,
    ]

    private static let accounts = [
        """
        CREATE TABLE orphan(ino INTEGER NOT NULL, client INTEGER NOT NULL,
        PRIMARY KEY(ino, client)) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE atime(ino INTEGER PRIMARY KEY, t INTEGER NOT NULL,
        t_n INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE dirstat(dir INTEGER PRIMARY KEY, files INTEGER NOT NULL,
        bytes INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE usage(project INTEGER PRIMARY KEY, files INTEGER NOT NULL,
        bytes INTEGER NOT NULL) STRICT
        """,
    ]

    /// Bytes that only the past shows; a database of before gets it when it is opened.
    static let past = [
        """
        CREATE TABLE past(d INTEGER NOT NULL, b INTEGER NOT NULL, bytes INTEGER NOT NULL,
        PRIMARY KEY(d, b)) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX past_born ON past(b, d)",
    ]

    /// A database of before gets it when it is opened; an older program keeps it without knowing.
    static let pinsByEpoch = "CREATE INDEX IF NOT EXISTS snap_epoch ON snap(epoch)"

    /// What front-ends keep of changes; a database of before gets it when it is opened.
    static let receipts = [
        """
        CREATE TABLE receipt(high INTEGER NOT NULL, low INTEGER NOT NULL, number INTEGER NOT NULL,
        kept INTEGER NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY(high, low, number)) STRICT, WITHOUT ROWID
        """
    ]
}
