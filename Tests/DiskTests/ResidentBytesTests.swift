import Disk
import Glibc
import TestKit
import Testing

/// What the page cache lends is what a read gives, and what it does not hold it does not lend.
@Suite struct ResidentBytesTests {
    private static func bytes(_ file: any DiskFile, _ range: Range<UInt64>) -> [UInt8]? {
        // The test's own files are not cut while it looks.
        file.resident(range)?.withBytes { Array($0) }
    }

    @Test func `bytes just written are lent, also past an earlier end`() throws {
        var random = SeededGenerator(seed: testSeed(default: 41))
        let directory = try TemporaryDirectory()
        let file = try HostDisk().open(directory.path + "/file", .createNew)
        let first = random.bytes(100_000)
        try first.withUnsafeBytes { try file.write($0, at: 0) }
        for range in [0..<1, 4_095..<4_097, 1..<100_000, 99_999..<100_000] as [Range<UInt64>] {
            let expected = Array(first[Int(range.lowerBound)..<Int(range.upperBound)])
            #expect(Self.bytes(file, range) == expected)
        }
        let second = random.bytes(50_000)
        try second.withUnsafeBytes { try file.write($0, at: 100_000) }
        #expect(Self.bytes(file, 0..<150_000) == first + second)
        let far: UInt64 = 300 << 20
        try second.withUnsafeBytes { try file.write($0, at: far) }
        #expect(Self.bytes(file, far..<far + 50_000) == second)
        #expect(Self.bytes(file, 0..<100_000) == first)
    }

    @Test func `what lies past the end of the file is not lent`() throws {
        let directory = try TemporaryDirectory()
        let file = try HostDisk().open(directory.path + "/file", .createNew)
        try [UInt8](repeating: 1, count: 4_096).withUnsafeBytes { try file.write($0, at: 0) }
        #expect(Self.bytes(file, 0..<4_096) != nil)
        #expect(Self.bytes(file, 0..<4_097) == nil)
        #expect(Self.bytes(file, 8_192..<9_000) == nil)
        #expect(Self.bytes(file, .max - 5_000 ..< .max) == nil)
    }

    @Test func `lent bytes outlive the closing of their file`() throws {
        let directory = try TemporaryDirectory()
        let file = try HostDisk().open(directory.path + "/file", .createNew)
        try [UInt8](repeating: 9, count: 10_000).withUnsafeBytes { try file.write($0, at: 0) }
        let lent = try #require(file.resident(0..<10_000))
        file.close()
        #expect(lent.withBytes { Array($0) } == [UInt8](repeating: 9, count: 10_000))
    }

    @Test func `bytes that the page cache gave up are not lent until they are read`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/file"
        let file = try HostDisk().open(path, .createNew)
        try [UInt8](repeating: 5, count: 1 << 20).withUnsafeBytes { try file.write($0, at: 0) }
        try file.sync()
        let descriptor = Glibc.open(path, O_RDONLY)
        defer { close(descriptor) }
        try #require(posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) == 0)
        // A file system without a page cache to give up (tmpfs) keeps them: then there is nothing to see.
        guard file.resident(0..<1 << 20) == nil else { return }
        #expect(try file.read(count: 1 << 20, at: 0).allSatisfy { $0 == 5 })
        #expect(Self.bytes(file, 0..<1 << 20) == [UInt8](repeating: 5, count: 1 << 20))
    }
}
