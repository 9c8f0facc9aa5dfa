import Disk
import Foundation
import Keyring
import TestKit
import Testing
import VarveModel

@testable import Backup

/// Goal: an archive of format 1 opens for ever.
///
/// `Fixtures/archive-1.tar.zst.age` is such an archive, with its identity and the list of its names beside it: `varve archive
/// export` wrote it of a file system with this tree. It is never written again; a new format gets a fixture of its own.
@Suite(.enabled(if: StockTools.isPresent)) struct ColdArchiveGoldenTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures").path

    /// One of everything that an archive can hold; of the large file two frames.
    private static func plant(_ path: String) throws {
        try StockTools.run(
            """
            umask 022; mkdir -p docs/empty && printf 'the plan\\n' > docs/plan.txt && ln docs/plan.txt plan-too
            setfattr -n user.layer -v dark docs/plan.txt && chmod 640 docs/plan.txt && chmod 750 docs
            printf nfc > $'\\xc3\\xa9'; printf nfd > $'e\\xcc\\x81'; printf latin > $'\\xe9'
            perl -e 'print substr("a dark band, a light band. " x 60000, 0, 1300000)' > large
            truncate -s 3000000 holes && printf middle | dd of=holes bs=1 seek=1500000 conv=notrunc status=none
            ln -s docs/plan.txt to-plan && mkfifo fifo
            perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("socket")) or die'
            touch -h -d '2003-04-05 06:07:08.900000001 UTC' to-plan large holes docs/plan.txt fifo socket $'\\xc3\\xa9' $'e\\xcc\\x81' $'\\xe9'
            echo x > almost-1970 && touch -d '1969-12-31 23:59:59.25 UTC' almost-1970
            echo y > before-1970 && touch -d @-2147483648 before-1970
            touch -d '2003-04-05 06:07:08 UTC' docs/empty docs .
            """,
            in: path
        )
    }

    /// All that an index says, one entry a line; places are the writer's own affair.
    private static func list(_ reader: ColdArchiveReader) throws -> String {
        try ColdArchiveWorld.names(reader).map { entry in
            let name = EscapedName.text(entry.path)
            let link = entry.link.isEmpty ? "" : " \(entry.isFurtherName ? "=" : "->") "
            return "\(entry.kind.rawValue) \(String(entry.permissions, radix: 8)) "
                + "\(entry.uid):\(entry.gid) \(entry.size) \(entry.modified.seconds).\(entry.modified.nanoseconds) "
                + name + link + EscapedName.text(entry.link)
        }.joined(separator: "\n") + "\n"
    }

    private enum EscapedName {
        static func text(_ bytes: [UInt8]) -> String {
            bytes.map { (0x21...0x7E).contains($0) ? String(UnicodeScalar($0)) : "%\($0)" }.joined()
        }
    }

    @Test func `the golden archive of format 1 opens, lists and comes out`() async throws {
        let file = try ArchiveFile(Self.fixtures + "/archive-1.tar.zst.age", on: HostDisk())
        let key = try String(contentsOfFile: Self.fixtures + "/archive-1.key", encoding: .utf8)
        let identity = try #require(AgeIdentity(key.trimmingCharacters(in: .newlines)))
        let reader = try ColdArchiveReader(file, identities: [.random(), identity])
        #expect(reader.info.created == Timestamp(seconds: 1_795_996_800))
        #expect(reader.info.instant == Timestamp(seconds: 1_795_996_800))
        #expect(
            reader.info.labels == ["source": "fs-58c03a41d6ca6853a", "name": "golden", "path": "/"]
        )
        #expect(reader.info.entries == 15 && reader.info.dataBytes == 1_304_120)
        let listed = try String(contentsOfFile: Self.fixtures + "/archive-1.ls", encoding: .utf8)
        #expect(try Self.list(reader) == listed)
        let directory = try TemporaryDirectory()
        let (from, to) = (directory.path + "/from", directory.path + "/to")
        try FileManager.default.createDirectory(atPath: from, withIntermediateDirectories: false)
        try Self.plant(from)
        let report = try await ColdArchive.extract(
            ColdArchiveFeed(reader, paths: []),
            to: .host(to),
            existing: .refuse
        )
        #expect(report.omissions == [])
        let differences = try Witness.differences(from, to)
        #expect(differences == "", "\(differences)")
        let one = try await ColdArchive.extract(
            ColdArchiveFeed(reader, paths: [Array("plan-too".utf8)]),
            to: .host(directory.path + "/one"),
            existing: .refuse
        )
        #expect(one.files == 1 && one.omissions == [])
        let text = try String(contentsOfFile: directory.path + "/one/plan-too", encoding: .utf8)
        #expect(text == "the plan\n")
    }
}
