import Disk
import Foundation
import Glibc
import TestKit
import Testing

/// Files that appear whole or not at all, and in nobody's place.
@Suite struct NewHostFileTests {
    private func path(_ directory: TemporaryDirectory, _ name: String = "new") -> [UInt8] {
        Array((directory.path + "/" + name).utf8)
    }

    private func names(_ directory: TemporaryDirectory) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path)
    }

    @Test func `a file has its name once it is whole`() throws {
        let directory = try TemporaryDirectory()
        let file = try NewHostFile(path(directory), permissions: 0o600)
        try file.write(Array("one ".utf8))
        try file.write(Array("two".utf8))
        let before = try names(directory)
        #expect(before.count == 1 && before[0].hasPrefix(".varve-part-"), "\(before)")
        try file.finish()
        #expect(try names(directory) == ["new"])
        let text = try String(contentsOfFile: directory.path + "/new", encoding: .utf8)
        #expect(text == "one two")
        var found = stat()
        #expect(stat(directory.path + "/new", &found) == 0)
        #expect(found.st_mode & 0o7777 == 0o600)
        // There is nothing to take away any more.
        file.abandon()
        #expect(try names(directory) == ["new"])
    }

    @Test func `what is abandoned leaves nothing`() throws {
        let directory = try TemporaryDirectory()
        let file = try NewHostFile(path(directory), permissions: 0o666)
        try file.write([1, 2, 3])
        file.abandon()
        #expect(try names(directory) == [])
    }

    @Test func `a name that is taken meanwhile stays its owner's`() throws {
        let directory = try TemporaryDirectory()
        let file = try NewHostFile(path(directory), permissions: 0o666)
        try file.write([1, 2, 3])
        try Data("theirs".utf8).write(to: URL(fileURLWithPath: directory.path + "/new"))
        let error = #expect(throws: DiskError.self) { try file.finish() }
        #expect(error?.code == .exists)
        file.abandon()
        #expect(try names(directory) == ["new"])
        #expect(
            try String(contentsOfFile: directory.path + "/new", encoding: .utf8) == "theirs"
        )
    }

    @Test func `a symlink to nothing is a taken name, and is not followed`() throws {
        let directory = try TemporaryDirectory()
        #expect(symlink(directory.path + "/elsewhere", directory.path + "/new") == 0)
        let early = #expect(throws: DiskError.self) {
            try NewHostFile.requireFree(path(directory))
        }
        #expect(early?.code == .exists)
        let file = try NewHostFile(path(directory), permissions: 0o666)
        let late = #expect(throws: DiskError.self) { try file.finish() }
        #expect(late?.code == .exists)
        file.abandon()
        #expect(try names(directory) == ["new"])
    }

    @Test func `two at a time have nothing to do with each other, and one name for one of them`()
        throws
    {
        let directory = try TemporaryDirectory()
        let first = try NewHostFile(path(directory), permissions: 0o666)
        let second = try NewHostFile(path(directory), permissions: 0o666)
        try first.write([1])
        try second.write([2])
        try second.finish()
        #expect(throws: DiskError.self) { try first.finish() }
        first.abandon()
        #expect(try names(directory) == ["new"])
        #expect(FileManager.default.contents(atPath: directory.path + "/new") == Data([2]))
    }

    @Test func `names are bytes, and a path must end in one`() throws {
        let directory = try TemporaryDirectory()
        let name = path(directory, "") + [0xFF, 0x80]
        let file = try NewHostFile(name, permissions: 0o666)
        try file.finish()
        let error = #expect(throws: DiskError.self) { try NewHostFile.requireFree(name) }
        #expect(error?.code == .exists)
        for none in ["", ".", "..", "a/.."] {
            #expect(throws: DiskError.self, "'\(none)'") {
                try NewHostFile(path(directory, none), permissions: 0o666)
            }
        }
        let gone = #expect(throws: DiskError.self) {
            try NewHostFile(path(directory, "no/such"), permissions: 0o666)
        }
        #expect(gone?.code == .notFound)
    }
}
