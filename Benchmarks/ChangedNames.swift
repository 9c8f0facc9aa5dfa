import CSQLite
import FileSystemEngine
import VarveModel

/// Measures durable changes of names and attributes by 16 callers, each in a directory of its own, one at a time.
///
/// The floor writes the rows of each change, those that history keeps included, in transactions of 16 to an
/// unencrypted WAL database with `synchronous=FULL`.
struct ChangedNames {
    /// One kind of change: each file sees each once, in this order.
    enum Kind: String, CaseIterable, Sendable {
        case create
        case mode
        case rename
        case unlink
    }

    let place: Workplace
    let files: Int
    let rounds: Int
    private static let callers = 16

    init(_ place: Workplace, small: Bool, rounds: Int) {
        self.place = place
        files = small ? 320 : 16_000
        self.rounds = rounds
    }

    func run() async throws {
        var figures = Kind.allCases.map {
            Rounds("durable \($0.rawValue)s, \(ChangedNames.callers) in flight", unit: "/s")
        }
        for round in 0..<rounds {
            let pair = try await alternate(
                round,
                ours: { try await place.onNewGround { try await ours(on: $0) } },
                floor: { try await place.onNewGround { try floor(on: $0) } }
            )
            for index in figures.indices {
                figures[index].add(ours: pair.ours[index], floor: pair.floor[index])
            }
        }
        for figure in figures { figure.show() }
    }

    private func ours(on ground: Ground) async throws -> [Side] {
        let fileSystem = try await ground.makeFileSystem()
        var lanes: [Lane] = []
        for number in 0..<ChangedNames.callers {
            lanes.append(try await Lane(number, files / ChangedNames.callers, fileSystem))
        }
        var sides: [Side] = []
        for kind in Kind.allCases {
            let watch = Stopwatch()
            let made = lanes
            lanes = try await withThrowingTaskGroup(of: Lane.self) { group in
                for lane in made { group.addTask { try await lane.changed(kind) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            sides.append(watch.side(files))
            // What was made is seen by a retained instant, as most of what is changed later.
            try await Task.sleep(for: .milliseconds(1_100))
        }
        await fileSystem.close()
        return sides
    }

    private func floor(on ground: Ground) throws -> [Side] {
        let database = try BareSQLite(ground.path + "/bare.sqlite")
        try database.run(FloorRows.schema)
        var sides: [Side] = []
        for kind in Kind.allCases {
            let statements = try FloorRows.statements(of: kind).map { try database.prepare($0) }
            let watch = Stopwatch()
            for start in stride(from: 0, to: files, by: ChangedNames.callers) {
                try database.run("BEGIN IMMEDIATE")
                for number in start..<min(start + ChangedNames.callers, files) {
                    // Names arrive in no order of the hash that keys them.
                    let mixed = UInt64(number + 2) &* 0x9E37_79B9_7F4A_7C15
                    let hash = Int64(mixed >> 1)
                    for statement in statements { try statement.run(Int64(number) + 2, hash) }
                }
                try database.run("COMMIT")
            }
            sides.append(watch.side(files))
        }
        database.close()
        return sides
    }
}

/// One caller's directory and files.
private struct Lane: Sendable {
    let fileSystem: FileSystem
    let directory: InodeNumber
    let count: Int
    var inodes: [InodeNumber] = []

    init(_ number: Int, _ count: Int, _ fileSystem: FileSystem) async throws {
        self.fileSystem = fileSystem
        self.count = count
        directory = try await fileSystem.create(
            try Lane.name("lane-\(number)"),
            in: .root,
            NewInode(.directory, permissions: 0o755),
            as: .root
        ).inode
    }

    /// The lane once each of its files has seen a change.
    func changed(_ kind: ChangedNames.Kind) async throws -> Lane {
        var lane = self
        for index in 0..<count { try await lane.change(index, kind) }
        return lane
    }

    private mutating func change(_ index: Int, _ kind: ChangedNames.Kind) async throws {
        switch kind {
        case .create:
            let made = try await fileSystem.create(
                try Lane.name("file-\(index)"),
                in: directory,
                NewInode(.regular, permissions: 0o644),
                as: .root
            )
            inodes.append(made.inode)
        case .mode:
            let changes = AttributeChanges(permissions: 0o600)
            _ = try await fileSystem.setAttributes(inodes[index], changes, as: .root)
        case .rename:
            try await fileSystem.rename(
                try Lane.name("file-\(index)"),
                in: directory,
                to: try Lane.name("other-\(index)"),
                in: directory,
                as: .root
            )
        case .unlink:
            try await fileSystem.unlink(try Lane.name("other-\(index)"), in: directory, as: .root)
        }
    }

    private static func name(_ text: String) throws -> FileName {
        guard let name = FileName(text) else {
            throw ProgramFailure(message: "'\(text)' is no name")
        }
        return name
    }
}

/// The rows of each change in bare SQLite: ?1 is the inode, ?2 the hash of its name.
private enum FloorRows {
    static let schema = """
        PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;
        CREATE TABLE inode(ino INTEGER PRIMARY KEY, born, gen, mode, uid, gid, nlink, size, mtime,
          ctime, btime, change, parent, ph, flags, project, applied_seq);
        CREATE TABLE h_inode(ino, died, born, gen, mode, uid, gid, nlink, size, mtime, ctime, btime, change,
          parent, ph, flags, project, applied_seq, PRIMARY KEY(ino, died)) WITHOUT ROWID;
        CREATE TABLE dirent(dir, h, born, ino, type, name, PRIMARY KEY(dir, h)) WITHOUT ROWID;
        CREATE TABLE h_dirent(dir, h, died, born, ino, type, name, PRIMARY KEY(dir, h, died)) WITHOUT ROWID;
        CREATE TABLE chg(epoch, kind, k1, k2, PRIMARY KEY(epoch, kind, k1, k2)) WITHOUT ROWID;
        INSERT INTO inode VALUES(1,1,1,16877,0,0,2,0,1,1,1,1,1,0,0,0,0);
        """

    private static let parent = "UPDATE inode SET mtime=?1, change=?1 WHERE ino=1"

    static func statements(of kind: ChangedNames.Kind) -> [String] {
        switch kind {
        case .create:
            [
                "INSERT INTO inode VALUES(?1,7,1,33188,0,0,1,0,1,1,1,?1,1,?2,0,0,0)",
                "INSERT INTO dirent VALUES(1,?2,7,?1,8,'file-' || ?1)", parent,
                "INSERT INTO chg VALUES(7,1,?1,0)", "INSERT INTO chg VALUES(7,2,1,?2)",
            ]
        case .mode:
            [
                "INSERT INTO h_inode SELECT ino,8,\(rest) FROM inode WHERE ino=?1",
                "UPDATE inode SET born=8, mode=33152, ctime=?1, change=?1 WHERE ino=?1",
                "INSERT INTO chg VALUES(8,1,?1,0)",
            ]
        case .rename:
            [
                "INSERT INTO h_inode SELECT ino,9,\(rest) FROM inode WHERE ino=?1",
                "UPDATE inode SET born=9, ctime=?1, change=?1, ph=?2/2 WHERE ino=?1",
                "INSERT INTO h_dirent SELECT dir,h,9,born,ino,type,name FROM dirent WHERE dir=1 AND h=?2",
                "DELETE FROM dirent WHERE dir=1 AND h=?2",
                "INSERT INTO dirent VALUES(1,-?2,9,?1,8,'other-' || ?1)", parent,
                "INSERT INTO chg VALUES(9,1,?1,0)", "INSERT INTO chg VALUES(9,2,1,?2)",
                "INSERT INTO chg VALUES(9,2,1,-?2)",
            ]
        case .unlink:
            [
                "INSERT INTO h_inode SELECT ino,10,\(rest) FROM inode WHERE ino=?1",
                "DELETE FROM inode WHERE ino=?1",
                "INSERT INTO h_dirent SELECT dir,h,10,born,ino,type,name FROM dirent WHERE dir=1 AND h=-?2",
                "DELETE FROM dirent WHERE dir=1 AND h=-?2", parent,
                "INSERT INTO chg VALUES(10,1,?1,0)", "INSERT INTO chg VALUES(10,2,1,-?2)",
            ]
        }
    }

    private static let rest =
        "born,gen,mode,uid,gid,nlink,size,mtime,ctime,btime,change,parent,ph,flags,project,applied_seq"
}
