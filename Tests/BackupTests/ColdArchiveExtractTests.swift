import Foundation
import Keyring
import TestKit
import Testing
import VarveModel

@testable import Backup

/// What comes out of an archive: names of files whose first name is elsewhere or gone, many directories, odd times.
@Suite(.enabled(if: StockTools.isPresent), .serialized)
struct ColdArchiveExtractTests {
    private func write(_ bytes: [UInt8], _ directory: TemporaryDirectory) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: directory.path + "/a.tar.zst.age"))
        try Data((ColdArchiveWorld.identity.text + "\n").utf8)
            .write(to: URL(fileURLWithPath: directory.path + "/key"))
    }

    /// Goal: as many directories as there are names for take a bounded number of descriptors.
    @Test func `20,000 directories come out with 128 descriptors`() async throws {
        let directory = try TemporaryDirectory()
        try StockTools.run(
            """
            mkdir from && cd from && seq -f d%g 20000 | xargs mkdir
            seq -f d%g/file 1 2 20000 | xargs touch -d '2001-02-03 04:05:06.5 UTC'
            for i in {1..100}; do mkdir deep$i && cd deep$i && echo $i > file; done
            """,
            in: directory.path
        )
        let (bytes, report) = try await ColdArchiveWorld.archive(.host(directory.path + "/from"))
        #expect(report.omissions == [])
        try write(bytes, directory)
        let ended = try DaemonProcess.run(
            "/bin/bash",
            [
                "-c",
                """
                cd '\(directory.path)' && ulimit -n 128 &&
                exec '\(DaemonProcess.binaries)/varve' archive extract a.tar.zst.age --identity key --to to
                """,
            ]
        )
        #expect(ended.status == 0, "\(ended.errors.prefix(2_000))")
        let differences = try StockTools.run(
            """
            for tree in from to; do (cd $tree && find . -printf '%P %y %m %T@\\n' | LC_ALL=C sort > ../$tree.list); done
            wc -l < from.list && diff from.list to.list | head -20
            """,
            in: directory.path
        )
        #expect(differences == "30201\n", "\(differences)")
    }

    /// Goal: a part whose names all have their first names elsewhere comes out in one pass over what was chosen.
    @Test func `10,000 further names of files elsewhere come out`() async throws {
        let directory = try TemporaryDirectory()
        try StockTools.run(
            """
            mkdir -p from/a && cd from && seq -f a/f%g 10000 | xargs -n 100 bash -c 'for name; do echo $name > $name; done' -
            cp -al a b && cp -al a c && mv a zz
            """,
            in: directory.path
        )
        let (bytes, _) = try await ColdArchiveWorld.archive(.host(directory.path + "/from"))
        let listed = try ColdArchiveWorld.names(ColdArchiveWorld.open(bytes))
        let first = try #require(listed.first { $0.kind == .regular && !$0.isFurtherName })
        let top = String(decoding: first.path.prefix { $0 != 47 }, as: UTF8.self)
        // Two of the directories have further names alone.
        let others = ["b", "c", "zz"].filter { $0 != top }
        let to = directory.path + "/to"
        let report = try await ColdArchiveWorld.extract(bytes, others, to: to)
        #expect(report.omissions == [])
        #expect(report.files == 10_000 && report.hardLinks == 10_000, "\(report)")
        let shown = try StockTools.run(
            """
            for name in \(others[0])/f1 \(others[1])/f10000; do cat from/$name && cmp from/$name to/$name && stat -c %h to/$name; done
            diff -r from/\(others[0]) to/\(others[0]) && diff -r from/\(others[1]) to/\(others[1])
            """,
            in: directory.path
        )
        #expect(shown == "a/f1\n2\na/f10000\n2\n", "\(shown)")
    }

    @Test
    func `a part keeps sockets and the times of the last second before 1970 in all its names`()
        async throws
    {
        let directory = try TemporaryDirectory()
        try StockTools.run(
            """
            mkdir -p from/a from/b && cd from && echo old > a/one && touch -d '1969-12-31 23:59:59.25 UTC' a/one
            ln a/one b/two && ln a/one b/three
            cd a && perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("sock")) or die'
            ln sock ../b/sock-two && ln sock ../b/sock-three && mkfifo ../b/fifo
            touch -h -d '1969-12-31 23:59:59.75 UTC' sock ../b/fifo
            """,
            in: directory.path
        )
        let (bytes, _) = try await ColdArchiveWorld.archive(.host(directory.path + "/from"))
        let whole = try await ColdArchiveWorld.extract(bytes, to: directory.path + "/whole")
        #expect(whole.omissions == [])
        let differences = try Witness.differences(
            directory.path + "/from",
            directory.path + "/whole"
        )
        #expect(differences == "", "\(differences)")
        for part in ["a", "b"] {
            let to = directory.path + "/only-" + part
            let report = try await ColdArchiveWorld.extract(bytes, [part], to: to)
            #expect(report.omissions == [], "\(part)")
            let shown = try StockTools.run(
                """
                for tree in from only-\(part); do (cd $tree/\(part) && find . -printf '%P %y %m %T@\\n' | grep -v '^ ' | LC_ALL=C sort > ../../$tree.list); done
                diff from.list only-\(part).list && find only-\(part) ! -type d -printf '%P %n\\n' | LC_ALL=C sort
                """,
                in: directory.path
            )
            let expected =
                part == "a"
                ? "a/one 1\na/sock 1\n"
                : "b/fifo 1\nb/sock-three 2\nb/sock-two 2\nb/three 2\nb/two 2\n"
            #expect(shown == expected, "\(shown)")
        }
    }

    /// Goal: a further name never shows what stood under the first one before.
    @Test(arguments: [40_000, 3_500_000])
    func `further names of a damaged file are not made of what stood there`(
        count: Int
    ) async throws {
        let directory = try TemporaryDirectory()
        // In the archive a file of 2.5 MB lies between the first name and the others: these are in other frames.
        try StockTools.run(
            """
            mkdir -p from/below && head -c 2500000 /dev/urandom > from/below/between && head -c \(count) /dev/urandom > from/name
            ln from/name from/other && ln from/name from/third
            """,
            in: directory.path
        )
        var (bytes, _) = try await ColdArchiveWorld.archive(.host(directory.path + "/from"))
        let listed = try ColdArchiveWorld.names(ColdArchiveWorld.open(bytes))
        let first = try #require(
            listed.first { !$0.isFurtherName && $0.size == UInt64(count) }
        )
        let others = listed.filter(\.isFurtherName)
        #expect(
            others.count == 2
                && others.allSatisfy { $0.place.lowerBound > first.place.upperBound + 2 << 20 }
        )
        // Random bytes do not shrink: what is at a place of the tar stream is a little behind it in the file.
        bytes[Int(first.place.upperBound) - count / 10] ^= 1
        let to = directory.path + "/to"
        try StockTools.run(
            "mkdir to && for name in name other third; do echo old $name > to/$name; done",
            in: directory.path
        )
        let report = try await ColdArchiveWorld.extract(bytes, to: to, existing: .replace)
        #expect(report.hardLinks == 0)
        let links = report.omissions.filter { $0.call == "link" }
        #expect(links.count == 2 && links.allSatisfy(\.isDamage), "\(report.omissions)")
        let left = try StockTools.run(
            "cd to && for name in name other third; do cat $name && stat -c %h $name; done",
            in: directory.path
        )
        #expect(left == "old name\n1\nold other\n1\nold third\n1\n", "what stood there stays")
        let names = try FileManager.default.contentsOfDirectory(atPath: to).sorted()
        #expect(names == ["below", "name", "other", "third"], "and nothing half is left")
    }

    /// Goal: who asks for a part finds all else as it was.
    @Test(arguments: ["echo mine > to/docs", "mkdir other && ln -s ../other to/docs"])
    func `what stands in the way of a part is not replaced`(plant: String) async throws {
        let directory = try TemporaryDirectory()
        try StockTools.run(
            "mkdir -p from/docs to && echo plan > from/docs/plan && echo top > from/top && \(plant)",
            in: directory.path
        )
        let before = try StockTools.run("stat -c '%F %i' to/docs", in: directory.path)
        let (bytes, _) = try await ColdArchiveWorld.archive(.host(directory.path + "/from"))
        let report = try await ColdArchiveWorld.extract(
            bytes,
            ["docs/plan", "top"],
            to: directory.path + "/to",
            existing: .replace
        )
        #expect(report.files == 1 && report.omissionsCount >= 1, "\(report.omissions)")
        #expect(try StockTools.run("stat -c '%F %i' to/docs", in: directory.path) == before)
        #expect(try StockTools.run("cat to/top", in: directory.path) == "top\n")
        // Asked for itself, it takes the place.
        let whole = try await ColdArchiveWorld.extract(
            bytes,
            ["docs"],
            to: directory.path + "/to",
            existing: .replace
        )
        #expect(whole.omissions == [])
        #expect(try StockTools.run("cat to/docs/plan", in: directory.path) == "plan\n")
    }
}
