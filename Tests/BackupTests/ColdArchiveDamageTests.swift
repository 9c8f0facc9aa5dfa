import Compression
import Disk
import Foundation
import Keyring
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import Backup

/// Goal: what is damaged, cut or made up is told, by name, and nothing of it passes for content.
@Suite struct ColdArchiveDamageTests {
    /// A directory with a small file, one of several frames and another small one.
    static func plant(large: Int) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        var generator = SeededGenerator(seed: 21)
        for (name, count) in [("a-small", 3_000), ("b-large", large), ("c-small", 5_000)] {
            try Data(generator.bytes(count))
                .write(to: URL(fileURLWithPath: directory.path + "/" + name))
        }
        return directory
    }

    /// An archive of it.
    static func archive(
        large: Int = 3_500_000
    ) async throws -> (bytes: [UInt8], directory: TemporaryDirectory) {
        let directory = try plant(large: large)
        let (bytes, report) = try await ColdArchiveWorld.archive(.host(directory.path))
        #expect(report.omissions == [])
        return (bytes, directory)
    }

    @Test func `an archive that is cut at any chunk, or near it, says so`() async throws {
        let (bytes, _) = try await Self.archive()
        let start = try AgeHeader(bytes).byteCount + AgePayload.nonceBytes
        let chunks = (bytes.count - start) / AgePayload.sealedBytes
        #expect(chunks > 50)
        for chunk in 0...chunks {
            for more in [-1, 0, 1, 17] {
                let count = start + chunk * AgePayload.sealedBytes + more
                guard count < bytes.count else { continue }
                let error = #expect(throws: BackupError.self) {
                    try ColdArchiveWorld.open(Array(bytes.prefix(count)))
                }
                #expect(error?.code == .corrupt, "\(count)")
                #expect(error?.message.contains("cut short") == true, "\(count)")
            }
        }
        for count in 0..<start {
            #expect(throws: BackupError.self, "\(count)") {
                try ColdArchiveWorld.open(Array(bytes.prefix(count)))
            }
        }
    }

    @Test func `the wrong key says so, and a file of another kind`() async throws {
        let (bytes, _) = try await Self.archive()
        let wrong = #expect(throws: BackupError.self) {
            try ColdArchiveReader(HeldBytes(bytes), identities: [.random(), .random()])
        }
        #expect(wrong?.code == .wrongKey)
        let other = #expect(throws: BackupError.self) {
            try ColdArchiveWorld.open(Array("PK\u{3}\u{4} and so on".utf8))
        }
        #expect(other?.code == .invalid)
    }

    @Test func `a flipped bit anywhere costs what it hits, and is named`() async throws {
        let (bytes, _) = try await Self.archive()
        var generator = SeededGenerator(seed: testSeed(default: 37))
        let header = try AgeHeader(bytes).byteCount
        for place in 0..<header + AgePayload.nonceBytes {
            var changed = bytes
            changed[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            #expect(throws: BackupError.self, "byte \(place)") {
                try ColdArchiveWorld.open(changed)
            }
        }
        // The last chunks hold the index, all others data; at full size each is hit in turn.
        let start = header + AgePayload.nonceBytes
        let chunks = (bytes.count - start + AgePayload.sealedBytes - 1) / AgePayload.sealedBytes
        let step = TestSizes.current.archiveChunkStride
        for chunk in Set(stride(from: 0, to: chunks, by: step)).union([chunks - 1]).sorted() {
            var changed = bytes
            let from = start + chunk * AgePayload.sealedBytes
            let end = min(bytes.count, from + AgePayload.sealedBytes)
            let place = Int.random(in: from..<end, using: &generator)
            changed[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            let to = try TemporaryDirectory()
            do {
                let report = try await ColdArchiveWorld.extract(changed, to: to.path)
                #expect(report.damageCount >= 1, "chunk \(chunk)")
                let reasons = report.omissions.map(\.reason).joined()
                #expect(reasons.contains("chunk \(chunk + 1) of \(chunks)"), "\(reasons)")
                #expect(report.omissions.allSatisfy { $0.isDamage })
                let whole = try FileManager.default.contentsOfDirectory(atPath: to.path)
                #expect(whole.count + report.damageCount >= 3, "the rest is there")
            } catch let error as BackupError {
                // The index may begin in the chunk before.
                #expect(chunk >= chunks - 2)
                #expect(error.code == .corrupt)
                #expect(error.message.contains("chunk \(chunk + 1) of"), "\(error)")
            }
        }
    }

    @Test func `a large file that is damaged half-way is not left behind`() async throws {
        let (bytes, directory) = try await Self.archive()
        let start = try AgeHeader(bytes).byteCount + AgePayload.nonceBytes
        var changed = bytes
        changed[start + 40 * AgePayload.sealedBytes] ^= 1
        let to = try TemporaryDirectory()
        let report = try await ColdArchiveWorld.extract(changed, to: to.path)
        #expect(report.omissions.map { String(decoding: $0.path, as: UTF8.self) } == ["b-large"])
        #expect(report.damageCount == 1)
        for name in ["a-small", "c-small"] {
            let file = "/" + name
            #expect(
                FileManager.default.contents(atPath: to.path + file)
                    == FileManager.default.contents(atPath: directory.path + file)
            )
        }
        #expect(!FileManager.default.fileExists(atPath: to.path + "/b-large"))
    }

    /// An archive on a medium with a bad place.
    private struct WornBytes: ArchiveBytes {
        let held: HeldBytes
        let bad: Range<UInt64>
        let errno: Int32

        var name: String { held.name }
        var byteCount: UInt64 { held.byteCount }

        func read(_ range: Range<UInt64>) throws(BackupError) -> [UInt8] {
            guard !range.overlaps(bad) else {
                let error = DiskError(.failed, "read", errno: errno)
                throw ArchiveFile.failure(error, name, range)
            }
            return try held.read(range)
        }
    }

    @Test func `a sector that does not read costs what stands in it`() async throws {
        let (bytes, directory) = try await Self.archive()
        let start = try AgeHeader(bytes).byteCount + AgePayload.nonceBytes
        let place = UInt64(start + 40 * AgePayload.sealedBytes)
        // EIO, and EUCLEAN and EBADMSG of file systems with sums; EACCES is no damage.
        for (errno, isDamage) in [(5, true), (117, true), (74, true), (13, false)]
            as [(Int32, Bool)]
        {
            let worn = WornBytes(held: HeldBytes(bytes), bad: place..<place + 512, errno: errno)
            let reader = try ColdArchiveReader(worn, identities: [ColdArchiveWorld.identity])
            let to = try TemporaryDirectory()
            let feed = ColdArchiveFeed(reader, paths: [])
            guard isDamage else {
                await #expect(throws: BackupError.self) {
                    try await ColdArchive.extract(feed, to: .host(to.path), existing: .refuse)
                }
                continue
            }
            let report = try await ColdArchive.extract(
                feed,
                to: .host(to.path),
                existing: .refuse
            )
            let left = report.omissions.map { String(decoding: $0.path, as: UTF8.self) }
            #expect(left == ["b-large"] && report.damageCount == 1, "\(errno)")
            for name in ["a-small", "c-small"] {
                let file = "/" + name
                #expect(
                    FileManager.default.contents(atPath: to.path + file)
                        == FileManager.default.contents(atPath: directory.path + file)
                )
            }
        }
    }

    // MARK: Made by somebody who has the public key

    /// The payload of an archive, opened.
    private static func plain(_ bytes: [UInt8]) throws -> [UInt8] {
        let age = try AgeReader(HeldBytes(bytes)) { header throws(KeyringError) in
            try header.fileKey([ColdArchiveWorld.identity])
        }
        return try age.read(0..<age.byteCount)
    }

    /// An archive with another payload.
    private static func sealed(_ plain: [UInt8]) throws -> [UInt8] {
        let key = AgeFileKey.random()
        let header = try AgeHeader(key, to: [ColdArchiveWorld.identity.recipient])
        var writer = AgeWriter(header, key)
        return writer.add(plain) + writer.finish()
    }

    @Test func `a bit that was flipped before sealing is found in table, root, page and frame`()
        async throws
    {
        let (bytes, _) = try await Self.archive(large: 1_200_000)
        let plain = try Self.plain(bytes)
        let footer = Array(plain.suffix(SeekTable.footerBytes))
        let tableBytes = Int(try SeekTable.byteCount(footer: footer))
        let tableStart = plain.count - tableBytes
        let table = try SeekTable(
            Array(plain[tableStart...]),
            endingAt: UInt64(tableStart)
        )
        let firstIndex = try #require(table.frames.firstIndex { $0.plainBytes == 0 })
        let indexStart = Int(table.starts[firstIndex])
        let names = try ColdArchiveWorld.names(ColdArchiveWorld.open(bytes))
        var harmless = 0
        for place in indexStart..<plain.count {
            var changed = plain
            changed[place] ^= 4
            let archive = try Self.sealed(changed)
            do {
                let found = try ColdArchiveWorld.names(ColdArchiveWorld.open(archive))
                #expect(found == names, "byte \(place - indexStart)")
                harmless += 1
            } catch let error as BackupError {
                #expect([.corrupt, .invalid, .unsupported].contains(error.code), "\(error)")
            }
        }
        // zstd has bits that mean nothing, in frames alone.
        #expect(harmless < (plain.count - indexStart) / 20, "\(harmless)")
        for place in stride(from: 3, to: indexStart, by: indexStart / 9) {
            var changed = plain
            changed[place] ^= 4
            let reader = try ColdArchiveWorld.open(try Self.sealed(changed))
            let error = #expect(throws: BackupError.self, "byte \(place)") {
                _ = try reader.tar(0..<reader.info.tarBytes)
            }
            #expect(error?.code == .corrupt)
            #expect(error?.message.contains("frame") == true, "\(String(describing: error))")
        }
    }

    /// A payload of one data frame, with an index as given.
    private static func forged(
        _ entries: [UInt8],
        change: (inout ColdArchiveRoot) -> Void = { _ in }
    ) throws -> [UInt8] {
        let compressor = ZstdCompressor(level: 1, hasChecksum: true)
        let tar = [UInt8](repeating: 0, count: 2_048)
        let data = compressor.compress(tar)
        let page = SkippableFrame.encode(compressor.compress(entries), kind: 6)
        var table = SeekTable()
        table.append(SeekTable.Frame(frame: data, plainBytes: tar.count))
        table.append(SeekTable.Frame(skippable: page))
        var info = ColdArchiveInfo(created: .epoch, instant: .epoch)
        info.tarBytes = 2_048
        info.entries = 1
        var root = ColdArchiveRoot(
            info: info,
            seekChecksum: ColdArchiveWriter.checksum(table.frames),
            pages: [
                .init(
                    plainBytes: UInt32(entries.count),
                    entries: 1,
                    checksum: CRC32C.checksum(entries)
                )
            ]
        )
        change(&root)
        let last = SkippableFrame.encode(root.encoded(), kind: 6)
        table.append(SeekTable.Frame(skippable: last))
        return try sealed(data + page + last + table.encoded())
    }

    private static func entry(
        _ path: String,
        _ place: Range<UInt64>,
        _ kind: FileKind = .regular
    ) -> ColdArchiveEntry {
        ColdArchiveEntry(ArchiveEntry(path: Array(path.utf8), node: node(kind)), at: place)
    }

    private static func node(_ kind: FileKind) -> TreeNode {
        TreeNode(
            identity: TreeNode.Identity(device: 0, inode: 0),
            kind: kind,
            permissions: 0o644,
            uid: 0,
            gid: 0,
            links: 1,
            size: 5,
            accessed: .epoch,
            modified: .epoch,
            device: .none
        )
    }

    @Test func `a hostile index gives typed errors`() async throws {
        let good = ColdArchiveEntry.encode([Self.entry("a", 0..<1_024)])
        #expect(try ColdArchiveWorld.names(ColdArchiveWorld.open(Self.forged(good))).count == 1)
        let bad: [[UInt8]] = [
            // Outside of the tar stream, far outside, and over the end of numbers.
            ColdArchiveEntry.encode([Self.entry("a", 1_024..<4_096)]),
            ColdArchiveEntry.encode([Self.entry("a", 1 << 62..<(1 << 62) + 9)]),
            // Names that lead out, or are none.
            ColdArchiveEntry.encode([Self.entry("../a", 0..<1_024)]),
            ColdArchiveEntry.encode([Self.entry("/etc/passwd", 0..<1_024)]),
            ColdArchiveEntry.encode([Self.entry("a//b", 0..<1_024)]),
            // A socket with bytes, a count of four billion, something behind the end.
            ColdArchiveEntry.encode([Self.entry("a", 0..<1_024, .socket)]),
            [0xFF, 0xFF, 0xFF, 0xFF] + good.dropFirst(4), good + [0],
        ]
        for (number, entries) in bad.enumerated() {
            let error = #expect(throws: BackupError.self, "\(number)") {
                _ = try ColdArchiveWorld.names(ColdArchiveWorld.open(try Self.forged(entries)))
            }
            #expect(error?.code == .corrupt, "\(number)")
            // Nothing at all is made, not even the directory.
            let to = try TemporaryDirectory()
            await #expect(throws: BackupError.self, "\(number)") {
                try await ColdArchiveWorld.extract(
                    try Self.forged(entries),
                    to: to.path + "/new"
                )
            }
            #expect(!FileManager.default.fileExists(atPath: to.path + "/new"), "\(number)")
        }
        let roots: [(inout ColdArchiveRoot) -> Void] = [
            { $0.info.tarBytes = 1 << 60 }, { $0.info.entries = 7 }, { $0.seekChecksum ^= 1 },
            { $0.pages += $0.pages }, { $0.pages = [] },
            { $0.pages[0] = .init(plainBytes: .max, entries: 1, checksum: 0) },
            { $0.pages[0] = .init(plainBytes: 3, entries: 1, checksum: 0) },
        ]
        for (number, change) in roots.enumerated() {
            #expect(throws: BackupError.self, "root \(number)") {
                _ = try ColdArchiveWorld.names(
                    ColdArchiveWorld.open(try Self.forged(good, change: change))
                )
            }
        }
        // The index says a file stands there; the tar stream has none: nothing is made, and nothing crashes.
        let to = try TemporaryDirectory()
        let report = try await ColdArchiveWorld.extract(
            try Self.forged(good),
            ["a"],
            to: to.path
        )
        #expect(report.files == 0)
        #expect(report.damageCount == 1)
    }

    @Test func `any bytes are entries or none`() {
        var socket = Self.entry("dir/socket", 0..<0, .socket)
        socket.attributes = [.init(name: [1, 2], value: [3])]
        var link = Self.entry("b", 5..<9)
        link.isFurtherName = true
        link.link = Array("a".utf8)
        let valid = ColdArchiveEntry.encode([Self.entry("a", 0..<5), link, socket])
        #expect(ColdArchiveEntry.decode(valid)?.count == 3)
        Self.feed(valid, seed: 31) { bytes in
            guard let entries = ColdArchiveEntry.decode(bytes) else { return }
            #expect(ColdArchiveEntry.encode(entries) == bytes)
        }
    }

    /// Goal: whatever is written is read again: a writer keeps a reader's bounds.
    @Test func `what an index has no room for is left out, and said so`() async throws {
        let noted = Noted()
        let sink = try ArchiveSink(noting: { entry, _ in noted.add(entry) }) { _ in }
        // Of the last two a header has no room for all: the others stay.
        let fitting = [(1, 64 << 10), (15, 64 << 10), (20, 40_000), (17, 64 << 10), (70_000, 0)]
        for (count, bytes) in fitting {
            #expect(await isMade(count, of: bytes, in: sink), "\(count) of \(bytes)")
        }
        #expect(await !isMade(1, of: (64 << 10) + 1, in: sink))
        let entries = noted.entries.withLock { $0 }
        #expect(entries.count == fitting.count)
        for entry in entries {
            let page = ColdArchiveEntry.encode([entry])
            #expect(page.count + ColdArchiveFormat.pageBytes < ColdArchiveFormat.pageBytesMax)
            #expect(ColdArchiveEntry.decode(page) == [entry])
        }
    }

    /// Whether a socket with so many attributes of so many bytes is taken; what is not costs itself alone.
    private func isMade(_ count: Int, of bytes: Int, in sink: ArchiveSink) async -> Bool {
        let value = [UInt8](repeating: 1, count: bytes)
        let attributes = (0..<count).map {
            TreeDetails.Attribute(name: Array("user.\($0)".utf8), value: value)
        }
        do throws(TreeFailure) {
            _ = try await sink.makeSpecial(
                TreeEntry(name: Self.name, node: Self.node(.socket)),
                TreeDetails(attributes: attributes),
                in: Array("sockets".utf8)
            )
            return true
        } catch {
            #expect(error.fatal == nil)
            return false
        }
    }

    private static let name = FileName("socket") ?? .root

    private final class Noted: Sendable {
        let entries = Mutex<[ColdArchiveEntry]>([])

        func add(_ entry: ArchiveEntry) {
            entries.withLock { $0.append(ColdArchiveEntry(entry, at: 0..<0)) }
        }
    }

    /// Bytes of a tar stream.
    private final class Stream: Sendable {
        let bytes = Mutex<[UInt8]>([])

        func add(_ more: [UInt8]) {
            bytes.withLock { $0 += more }
        }
    }

    private static func attributes(_ count: Int) -> TreeDetails {
        let value = [UInt8](repeating: 7, count: 64 << 10)
        return TreeDetails(
            attributes: (0..<count).map {
                TreeDetails.Attribute(name: Array("user.\($0)".utf8), value: value)
            }
        )
    }

    /// Goal: no header is written that readers stumble over, and with it all that stands behind.
    @Test func `attributes that a reader of tar does not take are left out, and told`() async throws
    {
        let stream = Stream()
        let sink = try ArchiveSink { stream.add($0) }
        for count in [6, 7, 15, 17] {
            let name = try #require(FileName("fifo-\(count)"))
            let details = Self.attributes(count)
            let entry = TreeEntry(name: name, node: Self.node(.fifo))
            let special = try await sink.makeSpecial(entry, details, in: [])
            let path = Array("directory-\(count)".utf8)
            let directory = try await sink.finish(path, Self.node(.directory), details)
            let named = try #require(FileName("file-\(count)"))
            let file = try await sink.makeWhole(
                TreeEntry(name: named, node: Self.node(.regular)),
                details,
                [TreeData(offset: 0, bytes: [1, 2, 3, 4, 5])],
                in: []
            )
            for failures in [special.failures, directory, file.failures] {
                #expect(failures.count == max(0, count - 15), "\(count)")
                #expect(failures.allSatisfy { $0.fatal == nil })
            }
        }
        try await sink.complete()
        var parts = [stream.bytes.withLock { $0 }]
        let decoder = try ArchiveDecoder { parts.popLast() }
        var found: [String: Int] = [:]
        while let entry = try decoder.next() {
            let path = FileName.path(FileName.components(entry.path) ?? [])
            let attributes = entry.details.attributes
            #expect(attributes.allSatisfy { $0.value == [UInt8](repeating: 7, count: 64 << 10) })
            found[String(decoding: path, as: UTF8.self)] = attributes.count
        }
        #expect(found.count == 12)
        for (name, count) in found {
            let planted = try #require(Int(name.split(separator: "-").last ?? ""))
            #expect(count == min(planted, 15), "\(name)")
        }
    }

    @Test func `attributes of directories are held within a bound`() async throws {
        let stream = Stream()
        let sink = try ArchiveSink { stream.add($0) }
        let path = Array("directory".utf8)
        _ = try await sink.finish(path, Self.node(.directory), Self.attributes(15))
        let header = stream.bytes.withLock { $0 }
        let input = ArchiveInput()
        let to = try TemporaryDirectory()
        let error = await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // One directory again and again: some 150 MB.
                for _ in 0..<160 where !input.isStopped { await input.send(header) }
                input.finish()
            }
            return await #expect(throws: BackupError.self) {
                try await ArchiveStream.read(input, to: .host(to.path))
            }
        }
        #expect(error?.code == .unsupported)
    }

    @Test func `an archive that would say too much of itself is not begun`() async throws {
        let directory = try Self.plant(large: 10)
        for labels in [
            ["path": String(repeating: "x", count: (64 << 10) + 1)],
            [String(repeating: "x", count: 256): ""],
            Dictionary(uniqueKeysWithValues: (0..<65).map { ("\($0)", "") }),
        ] {
            let info = ColdArchiveInfo(created: .epoch, instant: .epoch, labels: labels)
            let error = await #expect(throws: BackupError.self) {
                try await ColdArchiveWorld.archive(.host(directory.path), info: info)
            }
            #expect(error?.code == .unsupported)
        }
        let most = ColdArchiveInfo(
            created: .epoch,
            instant: .epoch,
            labels: ["path": String(repeating: "x", count: 64 << 10)]
        )
        let (bytes, _) = try await ColdArchiveWorld.archive(.host(directory.path), info: most)
        #expect(try ColdArchiveWorld.open(bytes).info.labels == most.labels)
    }

    @Test func `any bytes are an index's root or a typed error`() {
        var info = ColdArchiveInfo(created: .epoch, instant: .epoch, labels: ["a": "b", "c": ""])
        info.entries = 9
        let root = ColdArchiveRoot(
            info: info,
            seekChecksum: 4,
            pages: [.init(plainBytes: 5, entries: 9, checksum: 6)]
        )
        let valid = root.encoded()
        Self.feed(valid, seed: 32) { bytes in
            guard let read = try? ColdArchiveRoot(bytes, of: "x") else { return }
            #expect(read == root && bytes == valid)
        }
    }

    @Test func `any bytes are parts or a typed error`() throws {
        let valid =
            ColdArchivePart.sockets([Self.entry("a", 0..<5)]).bytes
            + ColdArchivePart.asked([[97], [98, 47, 99]]).bytes
            + ColdArchivePart.next(ColdArchiveNext(Self.entry("b", 5..<9))).bytes
            + ColdArchivePart.tar([1, 2, 3]).bytes
            + ColdArchivePart.entries(7).bytes
            + ColdArchivePart.damaged(path: [97], reason: "why", hasBegun: true).bytes
            + ColdArchivePart.end.bytes
        var whole = ColdArchivePartReader()
        #expect(try whole.add(valid).count == 7)
        #expect(whole.isAtEnd)
        Self.feed(valid, seed: 33) { bytes in
            var reader = ColdArchivePartReader()
            guard let parts = try? reader.add(bytes) else { return }
            var again = ColdArchivePartReader()
            #expect((try? again.add(parts.flatMap(\.bytes))) == parts)
        }
    }

    /// Goal: whatever a payload holds, opening, listing and extracting end with values or typed errors.
    @Test func `any bytes in an archive's payload do no harm`() async throws {
        let good = ColdArchiveEntry.encode([Self.entry("a", 0..<1_024)])
        let plain = try Self.plain(try Self.forged(good))
        let names = [Self.entry("a", 0..<1_024)]
        var generator = SeededGenerator(seed: testSeed(default: 34))
        for _ in 0..<TestSizes.current.fuzzInputs / 4 {
            var bytes = plain
            for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[place] = .random(in: .min ... .max, using: &generator)
            }
            do {
                let reader = try ColdArchiveWorld.open(try Self.sealed(bytes))
                // A frame's header has a bit that means nothing: what it holds is the same.
                #expect(try ColdArchiveWorld.names(reader) == names)
                #expect(try reader.tar(0..<2_048) == [UInt8](repeating: 0, count: 2_048))
            } catch {
                #expect(error is BackupError)
            }
        }
    }

    /// Valid bytes with a few changed, cut or added, and random ones.
    private static func feed(_ valid: [UInt8], seed: UInt64, _ body: ([UInt8]) -> Void) {
        var generator = SeededGenerator(seed: testSeed(default: seed))
        body([])
        for _ in 0..<TestSizes.current.fuzzInputs {
            var bytes = valid
            for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes.removeLast(bytes.count - place)
                case 1: bytes.insert(.random(in: .min ... .max, using: &generator), at: place)
                default: bytes[place] = .random(in: .min ... .max, using: &generator)
                }
            }
            body(bytes)
        }
    }
}
