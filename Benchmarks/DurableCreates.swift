import CSQLite
import FileSystemEngine
import VarveModel

/// Measures durable creates, 64 in flight, against the same rows in bare SQLite.
///
/// The floor writes what a create writes (an inode, a dirent, the parent, two journal keys) in
/// transactions of 64 to an unencrypted WAL database with `synchronous=FULL`.
struct DurableCreates {
    let place: Workplace
    let files: Int
    let rounds: Int
    let inFlight = 64

    init(_ place: Workplace, small: Bool, rounds: Int) {
        self.place = place
        files = small ? 640 : 64_000
        self.rounds = rounds
    }

    func run() async throws {
        var figures = Rounds("durable creates, 64 in flight", unit: "/s")
        for round in 0..<rounds {
            let pair = try await alternate(
                round,
                ours: { try await place.onNewGround { try await ours(on: $0) } },
                floor: { try await place.onNewGround { try floor(on: $0) } }
            )
            figures.add(ours: pair.ours, floor: pair.floor)
        }
        figures.show()
    }

    private func ours(on ground: Ground) async throws -> Side {
        let fileSystem = try await ground.makeFileSystem()
        let watch = Stopwatch()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<inFlight {
                group.addTask {
                    for number in stride(from: worker, to: files, by: inFlight) {
                        guard let name = FileName("file-\(number)") else { continue }
                        _ = try await fileSystem.create(
                            name,
                            in: .root,
                            NewInode(.regular, permissions: 0o644),
                            as: .root
                        )
                    }
                }
            }
            try await group.waitForAll()
        }
        let side = watch.side(files)
        await fileSystem.close()
        return side
    }

    private func floor(on ground: Ground) throws -> Side {
        let database = try BareSQLite(ground.path + "/bare.sqlite")
        try database.run(
            """
            PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;
            CREATE TABLE inode(ino INTEGER PRIMARY KEY, born, gen, mode, uid, gid, nlink, size, mtime,
              ctime, btime, change, parent, ph, flags, project, applied_seq);
            CREATE TABLE dirent(dir, h, born, ino, type, name, PRIMARY KEY(dir, h)) WITHOUT ROWID;
            CREATE TABLE chg(epoch, kind, k1, k2, PRIMARY KEY(epoch, kind, k1, k2)) WITHOUT ROWID;
            INSERT INTO inode VALUES(1,1,1,16877,0,0,2,0,1,1,1,1,1,0,0,0,0);
            """
        )
        let inode = try database.prepare(
            "INSERT INTO inode VALUES(?1,7,1,33188,0,0,1,0,1,1,1,?1,1,?2,0,0,0)"
        )
        let dirent = try database.prepare("INSERT INTO dirent VALUES(1,?2,7,?1,8,'file-' || ?1)")
        let parent = try database.prepare("UPDATE inode SET mtime=?1, change=?1 WHERE ino=1")
        let changedInode = try database.prepare("INSERT INTO chg VALUES(7,1,?1,0)")
        let changedName = try database.prepare("INSERT INTO chg VALUES(7,2,1,?2)")
        let statements = [inode, dirent, parent, changedInode, changedName]
        let watch = Stopwatch()
        for start in stride(from: 0, to: files, by: inFlight) {
            try database.run("BEGIN IMMEDIATE")
            for number in start..<min(start + inFlight, files) {
                // Names arrive in no order of the hash that keys them.
                let hash = Int64(truncatingIfNeeded: UInt64(number) &* 0x9E37_79B9_7F4A_7C15 >> 1)
                for statement in statements {
                    try statement.run(Int64(number) + 2, hash)
                }
            }
            try database.run("COMMIT")
        }
        let side = watch.side(files)
        database.close()
        return side
    }
}
