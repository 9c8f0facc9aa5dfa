import Disk
import MetadataStore
import SegmentStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: who reads a file in order finds the next piece opened, each block once, and never anything but what the file shows.
@Suite struct ReadAheadTests {
    private static let piece: UInt64 = 128 << 10
    private static let size = 16 * Int(piece)

    private static func world() async throws -> EngineWorld {
        var limits = FileSystemLimits()
        limits.readers = 2
        limits.flushSeconds = nil
        return try await EngineWorld.make(limits: limits)
    }

    private static func piece(_ number: Int) -> Range<UInt64> {
        UInt64(number) * piece..<UInt64(number + 1) * piece
    }

    private static func slice(_ bytes: [UInt8], _ range: Range<UInt64>) -> [UInt8] {
        Array(bytes[Int(range.lowerBound)..<min(Int(range.upperBound), bytes.count)])
    }

    /// Reads once what follows is opened, or nobody opens it.
    private static func settledRead(
        _ fileSystem: FileSystem,
        _ file: InodeNumber,
        _ range: Range<UInt64>
    ) async throws -> [UInt8] {
        let read = try await fileSystem.read(file, range, as: .root)
        await fileSystem.core.ahead.whenOpened(at: ReadAhead.Place(file, range.upperBound))
        return read.bytes
    }

    @Test func `in order each block is opened once, and all but the first piece ahead`()
        async throws
    {
        var random = SeededGenerator(seed: testSeed(default: 71))
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let plain = random.bytes(Self.size)
        let file = try await fileSystem.makeFile("f", plain)
        for round in 1...3 {
            let before = fileSystem.core.segments.counters.blocksOpened
            for number in 0..<16 {
                let range = Self.piece(number)
                let bytes = try await Self.settledRead(fileSystem, file, range)
                #expect(bytes == Self.slice(plain, range))
            }
            let opened = fileSystem.core.segments.counters.blocksOpened - before
            #expect(opened == UInt64(Self.size / (16 << 10)))
            let counts = ReadAhead.Counts(opened: 15 * round, taken: 15 * round, dropped: 0)
            #expect(fileSystem.core.ahead.counts == counts)
            #expect(fileSystem.core.ahead.pieces == 0)
        }
        await fileSystem.close()
    }

    @Test func `what is opened is answered where it was asked for`() async throws {
        var random = SeededGenerator(seed: testSeed(default: 72))
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let plain = random.bytes(Self.size)
        let file = try await fileSystem.makeFile("f", plain)
        func ahead(_ number: Int, as caller: Credentials = .root) -> ReadResult<[UInt8]>? {
            let range = Self.piece(number)
            return fileSystem.readAhead(file, range, as: caller, into: [UInt8].self)
        }
        #expect(ahead(0) == nil && ahead(1) == nil)
        _ = try await Self.settledRead(fileSystem, file, Self.piece(0))
        for number in 1..<16 {
            let read = try #require(ahead(number))
            #expect(read.bytes == Self.slice(plain, Self.piece(number)))
            #expect(read.isAtEnd == (number == 15))
            #expect(ahead(number) == nil, "it is given once")
            let next = ReadAhead.Place(file, Self.piece(number).upperBound)
            await fileSystem.core.ahead.whenOpened(at: next)
        }
        // Who may not read gets nothing, though it lies there.
        _ = try await fileSystem.setAttributes(
            file,
            AttributeChanges(permissions: 0o600),
            as: .root
        )
        _ = try await Self.settledRead(fileSystem, file, Self.piece(0))
        let stranger = Credentials(uid: 77, gid: 77)
        #expect(fileSystem.core.ahead.pieces == 1)
        #expect(ahead(1, as: stranger) == nil)
        await #expect(throws: FileSystemError.self) {
            try await fileSystem.read(file, Self.piece(1), as: stranger)
        }
        await fileSystem.close()
    }

    @Test func `out of order nothing is opened ahead`() async throws {
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", [UInt8](repeating: 3, count: Self.size))
        for number in [5, 3, 9, 1, 12, 7] {
            _ = try await Self.settledRead(fileSystem, file, Self.piece(number))
        }
        // Nor of a read that is not long, nor of one that is too long.
        _ = try await Self.settledRead(fileSystem, file, 0..<4_096)
        _ = try await Self.settledRead(fileSystem, file, 4_096..<8_192)
        _ = try await Self.settledRead(fileSystem, file, 0..<ReadAhead.pieceBytesMax + 1)
        #expect(fileSystem.core.ahead.counts == ReadAhead.Counts())
        await fileSystem.close()
    }

    /// One stream more than processors to open with.
    private static func crowd(_ fileSystem: FileSystem) async throws -> [InodeNumber] {
        var files: [InodeNumber] = []
        for number in 0...ReadContext.processors {
            let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size)
            files.append(try await fileSystem.makeFile("f\(number)", bytes))
        }
        return files
    }

    @Test func `of more streams than there are processors nothing but starts is opened ahead`()
        async throws
    {
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let files = try await Self.crowd(fileSystem)
        for number in 0..<16 {
            for file in files {
                _ = try await Self.settledRead(fileSystem, file, Self.piece(number))
            }
        }
        let counts = fileSystem.core.ahead.counts
        #expect(counts.opened == files.count && counts.taken == files.count, "\(counts)")
        // Once the others have ended, the last stream's pieces are opened again.
        for number in 0..<16 {
            _ = try await Self.settledRead(fileSystem, files[0], Self.piece(number))
        }
        #expect(fileSystem.core.ahead.counts.opened == files.count + 15)
        await fileSystem.close()
    }

    @Test func `where a tile's bytes are is found before they are asked for`() async throws {
        var limits = FileSystemLimits()
        limits.readers = 1
        limits.flushSeconds = nil
        limits.tileBytes = 2 * Self.piece
        let world = try await EngineWorld.make(limits: limits)
        let fileSystem = world.fileSystem
        let files = try await Self.crowd(fileSystem)
        for number in 0..<2 {
            for file in files {
                _ = try await Self.settledRead(fileSystem, file, Self.piece(number))
            }
        }
        // Behind all that the one reader was asked to find.
        try await fileSystem.readers.run { _ in }
        for file in files {
            #expect(fileSystem.core.rememberedRead(file, Self.piece(2)) != nil)
            #expect(fileSystem.core.rememberedRead(file, Self.piece(4)) == nil)
        }
        await fileSystem.close()
    }

    @Test func `what is written, cut or punched meanwhile is what is read`() async throws {
        var random = SeededGenerator(seed: testSeed(default: 73))
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        var plain = random.bytes(Self.size)
        let file = try await fileSystem.makeFile("f", plain)
        for round in 0..<60 {
            for number in 0..<Self.size / Int(Self.piece) {
                let range = Self.piece(number)
                guard Int(range.lowerBound) < plain.count else { break }
                let bytes = try await Self.settledRead(fileSystem, file, range)
                try #require(bytes == Self.slice(plain, range), "round \(round), \(number)")
                guard Int.random(in: 0..<4, using: &random) == 0 else { continue }
                try await Self.change(&plain, of: file, fileSystem, round, &random)
            }
        }
        let counts = fileSystem.core.ahead.counts
        #expect(counts.taken > 100 && counts.dropped > 20, "\(counts)")
        await fileSystem.close()
    }

    private static func change(
        _ plain: inout [UInt8],
        of file: InodeNumber,
        _ fileSystem: FileSystem,
        _ round: Int,
        _ random: inout SeededGenerator
    ) async throws {
        let start = Int.random(in: 0..<plain.count, using: &random)
        let end = min(plain.count, start + Int.random(in: 1...300_000, using: &random))
        switch round % 4 {
        case 0:
            try await fileSystem.punch(file, UInt64(start)..<UInt64(end), as: .root)
            plain.replaceSubrange(start..<end, with: repeatElement(0, count: end - start))
        case 1 where plain.count > size / 2:
            let changes = AttributeChanges(size: UInt64(plain.count - 10_000))
            _ = try await fileSystem.setAttributes(file, changes, as: .root)
            plain.removeLast(10_000)
        default:
            let bytes = random.bytes(end - start)
            _ = try await fileSystem.write(
                file,
                bytes,
                at: UInt64(start),
                stability: round % 4 == 2 ? .stable : .unstable,
                as: .root
            )
            plain.replaceSubrange(start..<end, with: bytes)
        }
    }

    @Test func `what is damaged is not opened, and the read says so`() async throws {
        var random = SeededGenerator(seed: testSeed(default: 74))
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let plain = random.bytes(Self.size)
        let file = try await fileSystem.makeFile("f", plain)
        _ = try await fileSystem.read(file, 0..<4_096, as: .root)
        let plan = try #require(fileSystem.core.rememberedRead(file, Self.piece(1)))
        guard case .record(let record, let skip)? = plan.runs.first?.source else {
            Issue.record("the piece is no record's")
            return
        }
        let into = Self.piece(1).lowerBound - plan.runs[0].range.lowerBound + skip
        let zone = SegmentZone(name: "local-1a", directory: "/state/zones/local-1a/fs")
        let path = zone.path(of: record.segment, tier: .standard)
        try world.disk.corrupt(path, at: record.offset + into + 40_000, mask: 1)
        _ = try await Self.settledRead(fileSystem, file, Self.piece(0))
        #expect(fileSystem.core.ahead.counts.opened == 0)
        do {
            _ = try await fileSystem.read(file, Self.piece(1), as: .root)
            Issue.record("a damaged piece was read")
        } catch {
            #expect(error.code == .corrupt)
        }
        await fileSystem.close()
    }

    @Test func `pieces are bounded, and forgotten where nobody comes for them`() async throws {
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let ahead = fileSystem.core.ahead
        var files: [InodeNumber] = []
        for number in 0..<40 {
            let bytes = [UInt8](repeating: UInt8(number), count: 3 * Int(Self.piece))
            files.append(try await fileSystem.makeFile("f\(number)", bytes))
        }
        for file in files { _ = try await Self.settledRead(fileSystem, file, Self.piece(0)) }
        #expect(ahead.pieces == ReadAhead.piecesMax)
        _ = try await fileSystem.collectGarbage()
        #expect(ahead.pieces == ReadAhead.piecesMax, "they came since the last time")
        _ = try await fileSystem.collectGarbage()
        #expect(ahead.pieces == 0 && ahead.counts.dropped == ReadAhead.piecesMax)
        for file in files { _ = try await Self.settledRead(fileSystem, file, Self.piece(0)) }
        // Whom many reads have passed by makes room for others.
        for _ in 0..<12 {
            for file in files.suffix(24) {
                _ = try await Self.settledRead(fileSystem, file, Self.piece(0))
            }
        }
        #expect(ahead.pieces == ReadAhead.piecesMax)
        #expect(ahead.counts.dropped == 2 * ReadAhead.piecesMax)
        let found = files.enumerated().filter { number, file in
            let range = Self.piece(1)
            let read = fileSystem.readAhead(file, range, as: .root, into: [UInt8].self)
            guard let read else { return false }
            return read.bytes == [UInt8](repeating: UInt8(number), count: range.count)
        }
        #expect(found.count == ReadAhead.piecesMax && found.allSatisfy { $0.offset >= 16 })
        await fileSystem.close()
    }

    @Test func `who waits when the file system closes is answered`() async throws {
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", [UInt8](repeating: 1, count: Self.size))
        _ = try await fileSystem.read(file, Self.piece(0), as: .root)
        async let next = fileSystem.read(file, Self.piece(1), as: .root)
        await fileSystem.close()
        // Read rightly, or refused since it is closed: not left waiting.
        if let read = try? await next {
            #expect(read.bytes == [UInt8](repeating: 1, count: read.bytes.count))
        }
        let other = InodeNumber(rawValue: file.rawValue + 1)
        let pieces = fileSystem.core.ahead.pieces
        fileSystem.openAhead(of: other, Self.piece(0), into: [UInt8].self)
        let place = ReadAhead.Place(other, Self.piece(1).lowerBound)
        await fileSystem.core.ahead.whenOpened(at: place)
        #expect(fileSystem.core.ahead.pieces == pieces)
    }

    /// Goal: bytes are laid once, into the memory that the caller sends on.
    @Test func `a read is laid where its caller wants it`() async throws {
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", [UInt8](repeating: 7, count: 300_000))
        try await fileSystem.punch(file, 100_000..<200_000, as: .root)
        let read = try await fileSystem.read(file, 50_000..<400_000, as: .root, into: Board.self)
        #expect(read.isAtEnd)
        let parts = [(UInt8(7), 50_000), (0, 100_000), (7, 100_000)]
        #expect(read.bytes.bytes == parts.flatMap { [UInt8](repeating: $0.0, count: $0.1) })
        let none = try await fileSystem.read(file, 300_000..<400_000, as: .root, into: Board.self)
        #expect(none.bytes.bytes.isEmpty && none.isAtEnd)
        await fileSystem.close()
    }

    /// Memory that shows what was not written.
    private struct Board: ReadMemory {
        let bytes: [UInt8]

        init(count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
            var bytes = [UInt8](repeating: 0xEE, count: count)
            try bytes.withUnsafeMutableBytes { try fill($0) }
            self.bytes = bytes
        }
    }
}
