import Foundation
import Keyring
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import Backup

/// Goal: of an archive whose index and tar stream say different things, or that says too much, nothing is made that was
/// not listed and asked for, and memory stays bounded.
///
/// Method: an index that is changed before it is sealed, as whoever has a recipient's public key can; and parts as any
/// local user can send them to the daemon.
@Suite struct ColdArchiveHostileTests {
    /// Files `a`, `b`, `c` and `link`, a further name of `a`.
    private static func plant() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        for name in ["a", "b", "c"] {
            let file = URL(fileURLWithPath: directory.path + "/" + name)
            try Data("this is \(name)".utf8).write(to: file)
        }
        try FileManager.default.linkItem(
            atPath: directory.path + "/a",
            toPath: directory.path + "/link"
        )
        return directory
    }

    private final class Collected: Sendable {
        let entries = Mutex<[ColdArchiveEntry]>([])
        let bytes = Mutex<[UInt8]>([])
    }

    /// An archive whose index says what `change` makes of it.
    private static func forged(
        _ path: String,
        _ change: (inout [String: ColdArchiveEntry]) -> Void
    ) async throws -> [UInt8] {
        let key = AgeFileKey.random()
        let cover = ColdArchiveCover(
            header: try AgeHeader(key, to: [ColdArchiveWorld.identity.recipient]),
            fileKey: key,
            level: 1,
            info: ColdArchiveInfo(created: .epoch, instant: .epoch)
        )
        let writer = ColdArchiveWriter(cover)
        let collected = Collected()
        _ = try await ArchiveStream.write(
            .host(path),
            progress: nil,
            noting: { entry, place in
                collected.entries.withLock { $0.append(ColdArchiveEntry(entry, at: place)) }
            },
            to: { bytes in collected.bytes.withLock { $0 += writer.add(bytes) } }
        )
        let real = collected.entries.withLock { $0 }
        var index = Dictionary(
            uniqueKeysWithValues: real.map { (String(decoding: $0.path, as: UTF8.self), $0) }
        )
        change(&index)
        for entry in real {
            writer.note(index[String(decoding: entry.path, as: UTF8.self)] ?? entry)
        }
        return collected.bytes.withLock { $0 } + (try writer.finish(dataBytes: 0))
    }

    private func text(_ directory: TemporaryDirectory, _ name: String) -> String? {
        FileManager.default.contents(atPath: directory.path + "/" + name)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [[], ["harmless"]] as [[String]])
    func `a name that the index does not have is not made`(paths: [String]) async throws {
        let from = try Self.plant()
        let bytes = try await Self.forged(from.path) { $0["b"]?.path = Array("harmless".utf8) }
        let names = try ColdArchiveWorld.names(ColdArchiveWorld.open(bytes))
        #expect(names.contains { $0.path == Array("harmless".utf8) })
        let to = try TemporaryDirectory()
        try Data("mine".utf8).write(to: URL(fileURLWithPath: to.path + "/b"))
        let report = try await ColdArchiveWorld.extract(
            bytes,
            paths,
            to: to.path,
            existing: .replace
        )
        #expect(text(to, "b") == "mine")
        #expect(text(to, "harmless") == nil)
        #expect(report.damageCount == 1, "\(report.omissions)")
        #expect(text(to, "a") == (paths.isEmpty ? "this is a" : nil), "the rest is there")
    }

    @Test func `an index that points at another entry gives neither`() async throws {
        let from = try Self.plant()
        let bytes = try await Self.forged(from.path) { index in
            let (b, c) = (index["b"]?.place ?? 0..<0, index["c"]?.place ?? 0..<0)
            index["b"]?.place = c
            index["c"]?.place = b
        }
        let to = try TemporaryDirectory()
        let report = try await ColdArchiveWorld.extract(bytes, ["b"], to: to.path)
        #expect(report.files == 0 && report.damageCount == 1, "\(report)")
        let all = try await ColdArchiveWorld.extract(bytes, to: to.path)
        #expect(text(to, "b") == nil && text(to, "c") == nil)
        #expect(all.damageCount == 2)
    }

    @Test func `a link to another file than the index says is not made`() async throws {
        let from = try Self.plant()
        let names = try await Self.forged(from.path) { index in
            // Whichever name came first.
            for name in ["a", "link"] where index[name]?.isFurtherName == true {
                index[name]?.link = Array("b".utf8)
            }
        }
        let to = try TemporaryDirectory()
        let report = try await ColdArchiveWorld.extract(names, to: to.path)
        #expect(report.hardLinks == 0 && report.damageCount == 1, "\(report)")
    }

    @Test func `a kind that the index does not say is not made`() async throws {
        let from = try Self.plant()
        let bytes = try await Self.forged(from.path) { $0["b"]?.kind = .fifo }
        let to = try TemporaryDirectory()
        let report = try await ColdArchiveWorld.extract(bytes, to: to.path)
        #expect(text(to, "b") == nil && report.damageCount == 1, "\(report)")
    }

    // MARK: Parts

    private static func entry(_ path: String, _ kind: FileKind = .regular) -> ColdArchiveEntry {
        let node = TreeNode(
            identity: TreeNode.Identity(device: 0, inode: 0),
            kind: kind,
            permissions: 0o644,
            uid: 0,
            gid: 0,
            links: 1,
            size: 0,
            accessed: .epoch,
            modified: .epoch,
            device: .none
        )
        let place: Range<UInt64> = kind == .socket ? 0..<0 : 0..<512
        return ColdArchiveEntry(ArchiveEntry(path: Array(path.utf8), node: node), at: place)
    }

    @Test func `what was not asked for is refused where it arrives`() async throws {
        let from = try Self.plant()
        let bytes = try await Self.forged(from.path) { _ in }
        let feed = ColdArchiveFeed(try ColdArchiveWorld.open(bytes), paths: [])
        let to = try TemporaryDirectory()
        let intake = ColdArchiveIntake()
        try await intake.take(.asked([Array("c".utf8), Array("e".utf8)]))
        try await intake.take(.sockets([Self.entry("d", .socket), Self.entry("e/s", .socket)]))
        while let part = try feed.next() { try await intake.take(part) }
        let report = try await intake.unpack(to: .host(to.path), existing: .refuse)
        let made = try FileManager.default.contentsOfDirectory(atPath: to.path)
        #expect(made.sorted() == ["c", "e"], "\(made)")
        #expect(report.files == 1 && report.specials == 1)
    }

    /// Parts that nobody takes out again, until they are refused.
    private func bytesTaken(_ part: (Int) -> ColdArchivePart) async -> Int {
        let intake = ColdArchiveIntake()
        var bytes = 0
        for number in 0..<1_000_000 {
            guard await isTaken(part(number), by: intake) else { return bytes }
            bytes += part(number).bytes.count
        }
        Issue.record("a million parts were held")
        return bytes
    }

    private func isTaken(_ part: ColdArchivePart, by intake: ColdArchiveIntake) async -> Bool {
        do throws(BackupError) {
            try await intake.take(part)
            return true
        } catch {
            #expect(error.code == .unsupported)
            return false
        }
    }

    @Test func `whoever sends parts without end is refused, before they take much memory`() async {
        let long = String(repeating: "x", count: 60_000)
        let path = { (number: Int) in Array("\(number)/\(long)".utf8) }
        let taken = [
            await bytesTaken { .damaged(path: path($0), reason: long, hasBegun: true) },
            await bytesTaken { .next(ColdArchiveNext(Self.entry("\($0)/\(long)"))) },
            await bytesTaken { .sockets([Self.entry("\($0)/\(long)", .socket)]) },
            await bytesTaken { .asked([path($0)]) },
        ]
        for bytes in taken {
            #expect(bytes <= UnpackingGuide.heldMax && bytes > UnpackingGuide.heldMax / 4)
        }
    }

    @Test func `damage without end is counted, and the first of it listed`() async throws {
        let intake = ColdArchiveIntake()
        let to = try TemporaryDirectory()
        let reason = String(repeating: "y", count: 60_000)
        for number in 0..<3_000 {
            let path = Array("gone/\(number)".utf8)
            try await intake.take(.damaged(path: path, reason: reason, hasBegun: false))
        }
        try await intake.take(.entries(0))
        try await intake.take(.tar(ColdArchiveFormat.tarEnd))
        try await intake.take(.end)
        let report = try await intake.unpack(to: .host(to.path), existing: .refuse)
        #expect(report.damageCount == 3_000 && report.omissionsCount == 3_000)
        #expect(report.omissions.count == TransferReport.omissionsMax)
    }

    @Test func `names that were not made are remembered within a bound`() {
        var names = UnmadeNames()
        names.insert([1], isDamage: false)
        names.insert([2], isDamage: true)
        #expect(names.damage(of: [1]) == false)
        #expect(names.damage(of: [2]) == true)
        #expect(names.damage(of: [3]) == nil)
        names.remove([1])
        #expect(names.damage(of: [1]) == nil)
        // Beyond the bound every name counts as one: no link is made to what may be older.
        let long = [UInt8](repeating: 7, count: 1 << 20)
        for number in 0..<UInt8(40) { names.insert(long + [number], isDamage: true) }
        #expect(names.damage(of: [3]) == true)
    }

    @Test func `many sockets travel in parts that are taken`() throws {
        let key = AgeFileKey.random()
        let cover = ColdArchiveCover(
            header: try AgeHeader(key, to: [ColdArchiveWorld.identity.recipient]),
            fileKey: key,
            level: 1,
            info: ColdArchiveInfo(created: .epoch, instant: .epoch)
        )
        let writer = ColdArchiveWriter(cover)
        let name = String(repeating: "s", count: 200)
        for number in 0..<40_000 { writer.note(Self.entry("\(name)-\(number)", .socket)) }
        let reader = try ColdArchiveWorld.open(try writer.finish(dataBytes: 0))
        let feed = ColdArchiveFeed(reader, paths: [])
        var taker = ColdArchivePartReader()
        var sockets = 0
        var bytes = 0
        while let part = try feed.next() {
            bytes += part.bytes.count
            for case .sockets(let some) in try taker.add(part.bytes) { sockets += some.count }
        }
        #expect(sockets == 40_000 && taker.isAtEnd)
        #expect(bytes > ColdArchivePart.bytesMax)
    }
}
