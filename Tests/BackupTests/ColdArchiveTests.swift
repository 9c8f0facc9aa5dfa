import Backup
import BackupVault
import Disk
import FileSystemEngine
import Foundation
import Keyring
import TestKit
import Testing
import VarveModel

/// Cold archives out and in: by us, by the stock tools, and each by the other.
@Suite(.enabled(if: StockTools.isPresent), .serialized)
struct ColdArchiveTests {
    /// The odd tree, and what only archives of ours must keep besides: sockets, names in two normal forms, times
    /// within the second before 1970, default ACLs.
    ///
    /// For others without sockets, which tar lacks, and without fractions before 1970, which libarchive writes in a way of
    /// its own and misreads in anybody else's.
    private static func plant(_ path: String, forOthers: Bool = false) throws {
        try Witness.plantOddTree(at: path)
        try StockTools.run(
            """
            mkdir more && cd more
            printf nfc > $'\\xc3\\xa9'; printf nfd > $'e\\xcc\\x81'
            echo a > acl && setfacl -m u:12345:rwx,g:54321:r-x,m::rw- acl
            mkdir defaults && setfacl -d -m u:12345:rwx,o::--- defaults
            echo x > almost-1970 && echo y > linked && ln linked zz-linked
            \(forOthers ? "touch -d @-1 almost-1970 ../times/before-1970" : "touch -d '1969-12-31 23:59:59.25 UTC' almost-1970 linked")
            \(forOthers ? ":" : "perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un(\"socket\")) or die' && chmod 751 socket && ln socket socket-again")
            touch -d '2003-04-05 06:07:08.9 UTC' .
            """,
            in: path
        )
    }

    @Test func `an odd tree goes through an archive and back, sockets and all`() async throws {
        let directory = try TemporaryDirectory()
        let (from, to) = (directory.path + "/from", directory.path + "/to")
        try FileManager.default.createDirectory(atPath: from, withIntermediateDirectories: true)
        try Self.plant(from)
        let (bytes, written) = try await ColdArchiveWorld.archive(.host(from))
        #expect(written.omissions == [])
        #expect(bytes.count < 40 << 20, "holes take no space")
        let read = try await ColdArchiveWorld.extract(bytes, to: to)
        #expect(read.omissions == [])
        let differences = try Witness.differences(from, to)
        #expect(differences == "", "\(differences)")
        let listed = try ColdArchiveWorld.names(ColdArchiveWorld.open(bytes))
        let found = try StockTools.run("find . | LC_ALL=C sort", in: from)
        let paths = listed.map { entry in
            entry.path.isEmpty ? "." : "./" + String(decoding: entry.path, as: UTF8.self)
        }
        #expect(paths.count == found.split(separator: "\n").count - 1, "one name has two lines")
        let info = try ColdArchiveWorld.open(bytes).info
        #expect(info.entries == UInt64(listed.count))
        #expect(info.labels == ["name": "test"])
        #expect(info.instant == ColdArchiveWorld.created)
    }

    @Test func `stock tools open what we write, byte for byte`() async throws {
        let directory = try TemporaryDirectory()
        let from = directory.path + "/from"
        try FileManager.default.createDirectory(atPath: from, withIntermediateDirectories: true)
        try Self.plant(from, forOthers: true)
        let (bytes, written) = try await ColdArchiveWorld.archive(.host(from))
        #expect(written.omissions == [])
        let archive = URL(fileURLWithPath: directory.path + "/a.tar.zst.age")
        try Data(bytes).write(to: archive)
        try Data((ColdArchiveWorld.identity.text + "\n").utf8)
            .write(to: URL(fileURLWithPath: directory.path + "/key"))
        try StockTools.run("age -d -i key a.tar.zst.age > a.tar.zst", in: directory.path)
        try StockTools.run("zstd -qt a.tar.zst && mkdir tar acls bsd", in: directory.path)
        let quiet = "--warning=no-unknown-keyword"
        let tar = "tar -xp \(quiet) --numeric-owner --xattrs --xattrs-include='*' -C"
        try StockTools.run("zstd -qdc a.tar.zst | \(tar) tar", in: directory.path)
        try StockTools.run("zstd -qdc a.tar.zst | \(tar) acls --acls", in: directory.path)
        try StockTools.run(
            "bsdtar -xp --numeric-owner --acls --xattrs -C bsd -f a.tar.zst",
            in: directory.path
        )
        for copy in ["tar", "acls", "bsd"] {
            let differences = try Witness.differences(from, directory.path + "/" + copy)
            #expect(differences == "", "\(copy): \(differences)")
        }
    }

    @Test func `a file beyond tar's 8 GiB goes out and comes in with its holes`() async throws {
        let directory = try TemporaryDirectory()
        // The octal digits of ustar's size end at 8 GiB.
        try StockTools.run(
            """
            mkdir from tar bsd && truncate -s 9G from/huge
            printf end | dd of=from/huge bs=1 seek=9663676000 conv=notrunc status=none
            printf begin | dd of=from/huge bs=1 seek=8589934592 conv=notrunc status=none
            """,
            in: directory.path
        )
        let (bytes, report) = try await ColdArchiveWorld.archive(.host(directory.path + "/from"))
        #expect(report.omissions == [])
        #expect(bytes.count < 1 << 20)
        try Data(bytes).write(to: URL(fileURLWithPath: directory.path + "/a.tar.zst.age"))
        try Data((ColdArchiveWorld.identity.text + "\n").utf8)
            .write(to: URL(fileURLWithPath: directory.path + "/key"))
        #expect(
            try await ColdArchiveWorld.extract(bytes, to: directory.path + "/ours").omissions == []
        )
        let shown = try StockTools.run(
            """
            age -d -i key a.tar.zst.age > a.tar.zst
            zstd -qdc a.tar.zst | tar --warning=no-unknown-keyword -xC tar && bsdtar -xC bsd -f a.tar.zst
            for copy in ours tar bsd; do
                stat -c %s $copy/huge && tail -c 416 $copy/huge | head -c 3
                dd if=$copy/huge bs=1 skip=8589934592 count=5 status=none
                test $(du -k $copy/huge | cut -f 1) -lt 1000
            done
            """,
            in: directory.path
        )
        #expect(shown == String(repeating: "9663676416\nendbegin", count: 3))
    }

    @Test func `one file is read without the rest`() async throws {
        let directory = try TemporaryDirectory()
        let from = directory.path + "/from"
        try StockTools.run(
            """
            mkdir -p from/some/where && head -c 20000000 /dev/urandom > from/large
            for number in {1..200}; do head -c 3000 /dev/urandom > from/some/where/$number; done
            head -c 20000000 /dev/urandom > from/zlarge
            """,
            in: directory.path
        )
        let (bytes, _) = try await ColdArchiveWorld.archive(.host(from))
        let chunks = bytes.count / AgePayload.sealedBytes
        #expect(chunks > 600)
        let listing = try ColdArchiveWorld.open(bytes)
        #expect(try ColdArchiveWorld.names(listing).count == 205)
        // Seek table, root and one page; they may lie across one border.
        #expect(listing.chunksOpened <= 3, "\(listing.chunksOpened) of \(chunks)")
        let reader = try ColdArchiveWorld.open(bytes)
        let report = try await ColdArchive.extract(
            ColdArchiveFeed(reader, paths: [Array("some/where/77".utf8)]),
            to: .host(directory.path + "/one"),
            existing: .refuse
        )
        #expect(report.files == 1 && report.omissions == [])
        // The index, and a frame of 1 MiB that may be two.
        #expect(reader.chunksOpened <= 3 + 2 * 18, "\(reader.chunksOpened) of \(chunks)")
        try StockTools.run("cmp from/some/where/77 one/some/where/77", in: directory.path)
        #expect(
            try StockTools.run("find one -type f", in: directory.path).split(separator: "\n").count
                == 1
        )
    }

    @Test func `a part comes with all its names, though the first one is elsewhere`() async throws {
        let directory = try TemporaryDirectory()
        try StockTools.run(
            """
            mkdir -p from/a from/b/deep && echo first > from/a/one && ln from/a/one from/b/two
            ln from/a/one from/b/deep/three && echo other > from/b/other && echo no > from/bb
            setfattr -n user.x -v y from/a/one
            """,
            in: directory.path
        )
        let (bytes, _) = try await ColdArchiveWorld.archive(.host(directory.path + "/from"))
        let report = try await ColdArchiveWorld.extract(bytes, ["b"], to: directory.path + "/to")
        #expect(report.omissions == [])
        let shown = try StockTools.run(
            "cd to && find . -type f | LC_ALL=C sort && stat -c %h b/two && cat b/deep/three && getfattr -n user.x --only-values b/two",
            in: directory.path
        )
        #expect(shown == "./b/deep/three\n./b/other\n./b/two\n2\nfirst\ny")
        let error = await #expect(throws: BackupError.self) {
            try await ColdArchiveWorld.extract(bytes, ["b/t"], to: directory.path + "/none")
        }
        #expect(error?.code == .notFound)
    }

    @Test func `age and we open each other's files, of recipients and of passphrases`() async throws
    {
        let directory = try TemporaryDirectory()
        try StockTools.run(
            "mkdir from && echo hello > from/file && for n in 1 2 3; do age-keygen -o key$n 2>> keygen; done",
            in: directory.path
        )
        let lines = try StockTools.run("grep -h -o 'age1.*' keygen", in: directory.path)
        let recipients = try lines.split(separator: "\n").map { try AgeRecipient(String($0)) }
        #expect(recipients.count == 3)
        let (bytes, _) = try await ColdArchiveWorld.archive(
            .host(directory.path + "/from"),
            to: recipients + [ColdArchiveWorld.identity.recipient]
        )
        try Data(bytes).write(to: URL(fileURLWithPath: directory.path + "/a.tar.zst.age"))
        for key in 1...3 {
            let text = try StockTools.run(
                "age -d -i key\(key) a.tar.zst.age | zstd -qdc | tar --warning=no-unknown-keyword -xO file",
                in: directory.path
            )
            #expect(text == "hello\n", "\(text)")
        }
        #expect(try ColdArchiveWorld.names(ColdArchiveWorld.open(bytes)).count == 2)
        // What age wrote to us: we read its header and its chunks.
        try StockTools.run(
            """
            head -c 200000 /dev/zero | age -r \(ColdArchiveWorld.identity.recipient) -r \(recipients[0]) > theirs.age
            """,
            in: directory.path
        )
        let theirs = try Data(contentsOf: URL(fileURLWithPath: directory.path + "/theirs.age"))
        let header = try AgeHeader(Array(theirs))
        let key = try header.fileKey([ColdArchiveWorld.identity])
        #expect(try header.fileKey([ColdArchiveWorld.identity]).rawBytes == key.rawBytes)
        // No archive inside: said so, and not as damage of the encryption.
        let error = #expect(throws: BackupError.self) { try ColdArchiveWorld.open(Array(theirs)) }
        #expect(error?.message.contains("seek table") == true, "\(String(describing: error))")
    }

    @Test func `a file system, a moment of it and a recovery point become archives, and come back`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let from = directory.path + "/from"
        try FileManager.default.createDirectory(atPath: from, withIntermediateDirectories: true)
        try Self.plant(from)
        let world = try BackupWorld(disk: HostDisk(), root: directory.path + "/var")
        let fileSystem = try await world.makeFileSystem()
        let imported = try await TreeCopy.run(
            from: .host(from),
            to: .fileSystem(fileSystem, path: [], .root)
        )
        #expect(imported.omissions == [])
        let vault = try world.makeVault()
        let result = try await BackupService(clock: world.clock)
            .backUp(fileSystem, source: fileSystem.id.text, to: vault)
        let places: [TreePlace] = [
            .fileSystem(fileSystem, path: [], .live, .root),
            .recoveryPoint(vault, result.point, path: []),
        ]
        for (number, place) in places.enumerated() {
            let (bytes, report) = try await ColdArchiveWorld.archive(place)
            #expect(report.omissions == [])
            let to = directory.path + "/to\(number)"
            #expect(try await ColdArchiveWorld.extract(bytes, to: to).omissions == [])
            let differences = try Witness.differences(from, to)
            #expect(differences == "", "\(number): \(differences)")
        }
        // Into another file system, through the parts as they travel.
        let (bytes, _) = try await ColdArchiveWorld.archive(places[0])
        let other = try await world.makeFileSystem()
        let report = try await send(
            ColdArchiveFeed(try ColdArchiveWorld.open(bytes), paths: []),
            to: .fileSystem(other, path: [], .root)
        )
        #expect(report.omissions == [])
        let again = try await TreeDump.of(other)
        let differences = again.differences(from: try await TreeDump.of(fileSystem))
        #expect(differences == [], "\(differences)")
        // All of it is taken there, and none elsewhere.
        var plan = ColdArchivePlan(other, path: [], as: .root)
        let names = try ColdArchiveWorld.names(ColdArchiveWorld.open(bytes))
        try await plan.add(names)
        #expect(plan.entries == UInt64(names.count))
        #expect(plan.takenCount == UInt64(names.count { $0.kind != .directory }))
        var free = ColdArchivePlan(other, path: Array(path: "not/there"), as: .root)
        try await free.add(names)
        #expect(free.takenCount == 0)
        await world.close()
    }

    /// Parts as bytes, cut anywhere, and taken apart again.
    private func send(
        _ feed: ColdArchiveFeed,
        to target: TreeTarget
    ) async throws -> TransferReport {
        let intake = ColdArchiveIntake()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var reader = ColdArchivePartReader()
                var generator = SeededGenerator(seed: 7)
                while let part = try feed.next() {
                    var bytes = part.bytes[...]
                    while !bytes.isEmpty {
                        let cut = bytes.prefix(Int.random(in: 1...300_000, using: &generator))
                        bytes = bytes.dropFirst(cut.count)
                        for part in try reader.add(cut) { try await intake.take(part) }
                    }
                }
                #expect(reader.isAtEnd)
            }
            let report = try await intake.unpack(to: target, existing: .refuse)
            try await group.waitForAll()
            return report
        }
    }
}
