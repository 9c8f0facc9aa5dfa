import Disk
import MetadataStore
import SegmentStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: what memory and the page cache hold is read without a thread, a row or a wait, and is what any read gives.
///
/// The simulated disk holds every second run of 16 KiB in its page cache.
@Suite struct ResidentReadTests {
    private static let page = 4_096
    private static let size = 1 << 20

    private static func world() async throws -> EngineWorld {
        var limits = FileSystemLimits()
        limits.readers = 1
        limits.readerLingerMilliseconds = 600_000
        limits.flushSeconds = nil
        return try await EngineWorld.make(limits: limits)
    }

    /// Bytes without waiting; `nil` where that cannot be.
    private static func resident(
        _ fileSystem: FileSystem,
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        as caller: Credentials = .root
    ) -> (bytes: [UInt8], isAtEnd: Bool)? {
        var found: FileSystem.ResidentRead?
        let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            // What is left undefined must not look like what is expected.
            buffer.initialize(repeating: 0xEE)
            found = fileSystem.readResident(
                inode,
                range,
                as: caller,
                into: UnsafeMutableRawBufferPointer(buffer)
            )
            count = found?.count ?? 0
        }
        return found.map { (bytes, $0.isAtEnd) }
    }

    private static func pages(of size: Int) -> [Range<UInt64>] {
        stride(from: 0, to: size, by: page).map { UInt64($0)..<UInt64($0 + page) }
    }

    private static func slice(_ bytes: [UInt8], _ range: Range<UInt64>) -> [UInt8] {
        Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
    }

    @Test func `a read that does not wait is a use, unless it answers no bytes`() async throws {
        let uses = UseLog()
        let world = try await EngineWorld.make(observer: uses)
        let file = try await world.fileSystem.makeFile("f", [UInt8](repeating: 7, count: 9_000))
        _ = try await world.fileSystem.contents(file)
        _ = uses.take()
        #expect(Self.resident(world.fileSystem, file, 0..<4_096)?.bytes.count == 4_096)
        #expect(uses.take() == [file])
        #expect(Self.resident(world.fileSystem, file, 10_000..<10_100)?.bytes.isEmpty == true)
        #expect(uses.take() == [])
        await world.fileSystem.close()
    }

    @Test func `a warm 4 KiB read steps no row`() async throws {
        var random = SeededGenerator(seed: testSeed(default: 61))
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let plain = random.bytes(Self.size)
        let file = try await fileSystem.makeFile("f", plain)
        #expect(Self.resident(fileSystem, file, 0..<4_096) == nil, "nothing is known yet")
        _ = try await fileSystem.read(file, 0..<UInt64(Self.page), as: .root)
        let rows = try await fileSystem.readers.run { $0.reader.rowsStepped }
        var found = 0
        for range in Self.pages(of: Self.size) {
            guard let read = Self.resident(fileSystem, file, range) else { continue }
            found += 1
            #expect(read.bytes == Self.slice(plain, range))
            #expect(read.isAtEnd == (range.upperBound == UInt64(Self.size)))
        }
        #expect(found >= 100, "of 256 pages the disk holds some half")
        // Nor does a read that must wait for the disk: its rows are in memory.
        for range in Self.pages(of: Self.size) {
            let read = try await fileSystem.read(file, range, as: .root)
            #expect(read.bytes == Self.slice(plain, range))
        }
        #expect(try await fileSystem.readers.run { $0.reader.rowsStepped } == rows)
        await fileSystem.close()
        #expect(Self.resident(fileSystem, file, 0..<4_096) == nil)
    }

    @Test func `what was answered is seen, unstable, stable, cut and punched`() async throws {
        var random = SeededGenerator(seed: testSeed(default: 62))
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        var plain = random.bytes(Self.size)
        let file = try await fileSystem.makeFile("f", plain)
        var seen = 0
        for round in 0..<200 {
            let start = Int.random(in: 0..<plain.count, using: &random)
            let end = min(plain.count, start + Int.random(in: 1...20_000, using: &random))
            let range = UInt64(start)..<UInt64(end)
            switch round % 5 {
            case 0, 1, 2:
                let bytes = random.bytes(range.count)
                _ = try await fileSystem.write(
                    file,
                    bytes,
                    at: range.lowerBound,
                    stability: round % 5 == 0 ? .stable : .unstable,
                    as: .root
                )
                plain.replaceSubrange(start..<end, with: bytes)
            case 3:
                try await fileSystem.punch(file, range, as: .root)
                plain.replaceSubrange(start..<end, with: repeatElement(0, count: range.count))
            default:
                let size = max(300_000, plain.count - 1_000)
                let changes = AttributeChanges(size: UInt64(size))
                _ = try await fileSystem.setAttributes(file, changes, as: .root)
                plain.removeLast(plain.count - size)
            }
            for _ in 0..<4 {
                let start = Int.random(in: 0..<plain.count, using: &random)
                // Every second round asks for what is read by whole runs of blocks.
                let most = round.isMultiple(of: 2) ? 60_000 : 400_000
                let end = start + Int.random(in: 1...most, using: &random)
                let asked = UInt64(start)..<UInt64(end)
                let expected = Array(plain[start..<min(end, plain.count)])
                if let read = Self.resident(fileSystem, file, asked) {
                    seen += 1
                    try #require(read.bytes == expected, "round \(round)")
                    #expect(read.isAtEnd == (end >= plain.count))
                }
                let read = try await fileSystem.read(file, asked, as: .root)
                try #require(read.bytes == expected, "round \(round)")
            }
        }
        #expect(seen > 50)
        await fileSystem.close()
    }

    @Test func `who may not read gets nothing, and access is noted`() async throws {
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", [UInt8](repeating: 5, count: Self.size))
        let stranger = Credentials(uid: 77, gid: 77)
        let page = try #require(try await Self.somePage(of: file, fileSystem))
        #expect(Self.resident(fileSystem, file, page, as: stranger) != nil, "of mode 0644")
        let hidden = AttributeChanges(permissions: 0o600)
        _ = try await fileSystem.setAttributes(file, hidden, as: .root)
        _ = try await fileSystem.read(file, page, as: .root)
        world.clock.advance(seconds: 5)
        #expect(Self.resident(fileSystem, file, page, as: stranger) == nil)
        await #expect(throws: FileSystemError.self) {
            try await fileSystem.read(file, page, as: stranger)
        }
        let before = try await fileSystem.attributes(of: file).accessed
        world.clock.advance(seconds: 3_600)
        #expect(Self.resident(fileSystem, file, page) != nil)
        let after = try await fileSystem.attributes(of: file).accessed
        #expect(after == world.clock.now() && after > before)
        await fileSystem.close()
    }

    @Test func `damaged bytes are never answered, and the read that follows names them`()
        async throws
    {
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", [UInt8](repeating: 5, count: Self.size))
        let page = try #require(try await Self.somePage(of: file, fileSystem))
        let plan = try #require(fileSystem.core.rememberedRead(file, page))
        guard case .record(let record, _)? = plan.runs.first?.source else {
            Issue.record("the page is no record's")
            return
        }
        let zone = SegmentZone(name: "local-1a", directory: "/state/zones/local-1a/fs")
        let path = zone.path(of: record.segment, tier: .standard)
        // In every block one bit: whichever holds the page.
        let places = stride(
            from: record.offset + 2_000,
            to: record.offset + record.length,
            by: 16_400
        )
        for place in places { try world.disk.corrupt(path, at: place, mask: 1) }
        #expect(Self.resident(fileSystem, file, page) == nil)
        do {
            _ = try await fileSystem.read(file, page, as: .root)
            Issue.record("a damaged page was read")
        } catch {
            #expect(error.code == .corrupt)
        }
        await fileSystem.close()
    }

    /// A page that is read once, so that its rows are known, and that the disk holds.
    private static func somePage(
        of file: InodeNumber,
        _ fileSystem: FileSystem
    ) async throws -> Range<UInt64>? {
        _ = try await fileSystem.read(file, 0..<UInt64(page), as: .root)
        return pages(of: size).first { resident(fileSystem, file, $0) != nil }
    }
}
