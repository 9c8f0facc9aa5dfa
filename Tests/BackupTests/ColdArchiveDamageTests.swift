import Compression
import Foundation
import Keyring
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
        let header = try AgeHeader(bytes).byteCount
        for place in 0..<header + AgePayload.nonceBytes {
            var changed = bytes
            changed[place] ^= 1
            #expect(throws: BackupError.self, "byte \(place)") {
                try ColdArchiveWorld.open(changed)
            }
        }
        // Every chunk in turn: the last ones hold the index, all others data.
        let start = header + AgePayload.nonceBytes
        let chunks = (bytes.count - start + AgePayload.sealedBytes - 1) / AgePayload.sealedBytes
        for chunk in stride(from: 0, to: chunks, by: 5).map({ $0 }) + [chunks - 1] {
            var changed = bytes
            changed[min(bytes.count - 1, start + chunk * AgePayload.sealedBytes + 9)] ^= 0x10
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
        let node = TreeNode(
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
        return ColdArchiveEntry(ArchiveEntry(path: Array(path.utf8), node: node), at: place)
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
            ColdArchivePart.beyondTar([Self.entry("a", 0..<5)]).bytes
            + ColdArchivePart.tar([1, 2, 3]).bytes
            + ColdArchivePart.damaged(path: [97], reason: "why", hasBegun: true).bytes
            + ColdArchivePart.end.bytes
        var whole = ColdArchivePartReader()
        #expect(try whole.add(valid).count == 4)
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
