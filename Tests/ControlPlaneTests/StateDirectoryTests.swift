import ControlPlane
import Disk
import Foundation
import Keyring
import LocalAPI
import TestKit
import Testing
import VarveModel

@Suite struct StateDirectoryTests {
    private let directory: TemporaryDirectory
    private var root: String { directory.path + "/state" }
    private var key: String { directory.path + "/root.key" }
    private let clock = SimulatedClock(Timestamp(seconds: 1_000_000))

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func create(simulatedStart: Timestamp? = nil) throws -> Bool {
        try StateDirectory.create(
            at: root,
            keyFile: key,
            simulatedStart: simulatedStart,
            on: HostDisk(),
            clock: clock
        )
    }

    private func open(keyFile: String? = nil) throws(APIError) -> StateDirectory {
        try StateDirectory(open: root, keyFile: keyFile ?? key, on: HostDisk())
    }

    private func refusal(_ body: () throws -> Void) -> APIError? {
        do {
            try body()
            return nil
        } catch {
            return error as? APIError
        }
    }

    @Test func `a state directory opens as it was made`() throws {
        let start = Timestamp(seconds: 5, nanoseconds: 7)
        #expect(try create(simulatedStart: start))
        let state = try open()
        #expect(state.format.simulatedStart == start)
        #expect(state.format.created == clock.now())
        #expect(state.paths.root == root)
    }

    @Test func `a second daemon on it is told so`() throws {
        _ = try create()
        let first = try open()
        let refused = refusal { _ = try open() }
        #expect(refused?.code == .busy)
        #expect(refused?.message.contains("another daemon") == true)
        first.release()
        #expect(refusal { _ = try open() } == nil)
    }

    @Test func `it is made once, and its key is never replaced`() throws {
        #expect(try create())
        let bytes = try Data(contentsOf: URL(fileURLWithPath: key))
        #expect(refusal { _ = try create() }?.code == .exists)
        try FileManager.default.removeItem(atPath: root)
        #expect(try create() == false)
        #expect(try Data(contentsOf: URL(fileURLWithPath: key)) == bytes)
    }

    @Test func `init goes on where a crash stopped it`() throws {
        _ = try create()
        // The format file is the last one: without it nothing was promised.
        try FileManager.default.removeItem(atPath: root + "/format")
        #expect(refusal { _ = try open() }?.code == .notFound)
        _ = try create()
        #expect(refusal { _ = try open() } == nil)
    }

    @Test func `a wrong or missing root key is named, and nothing is touched`() throws {
        _ = try create()
        let other = directory.path + "/other.key"
        _ = try RootKeyFile.readOrMake(other, on: HostDisk())
        let before = try FileManager.default.contentsOfDirectory(atPath: root).sorted()
        #expect(refusal { _ = try open(keyFile: other) }?.code == .wrongKey)
        let missing = refusal { _ = try open(keyFile: directory.path + "/none") }
        #expect(missing?.code == .notFound)
        #expect(missing?.remedy.contains("--key-file") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: root).sorted() == before)
    }

    @Test func `a newer format is refused by name`() throws {
        let format = StateFormat(id: .random(), created: clock.now(), simulatedStart: nil)
        for index in [8, 12 + 16] {  // The format's number; the incompatible features.
            var bytes = format.encoded()
            bytes[index] = 2
            let refused = refusal { _ = try StateFormat(encoded: bytes, path: "format") }
            let isFeature = index != 8
            // Changed features fail the digest first, unless a newer Varve wrote it anew.
            #expect(refused?.code == (isFeature ? .corrupt : .newerFormat))
        }
    }

    @Test func `any bytes give a format or an error`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 6))
        let good = StateFormat(id: .random(), created: clock.now(), simulatedStart: nil).encoded()
        for _ in 0..<TestSizes.current.fuzzInputs {
            var bytes = good
            switch Int.random(in: 0..<3, using: &generator) {
            case 0:
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^=
                    1 << Int.random(in: 0..<8, using: &generator)
            case 1: bytes = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &generator)))
            default: bytes = generator.bytes(Int.random(in: 0...200, using: &generator))
            }
            let refused = refusal { _ = try StateFormat(encoded: bytes, path: "format") }
            #expect([.corrupt, .newerFormat].contains(refused?.code))
        }
    }
}

@Suite struct WrappedKeysTests {
    @Test func `a lost copy is written anew, and erasure leaves none`() throws {
        let directory = try TemporaryDirectory()
        let files = [directory.path + "/a/key", directory.path + "/b/key"]
        let root = try RootKeyFile.readOrMake(directory.path + "/root", on: HostDisk()).key
        let keys = WrappedKeys(files: files, on: HostDisk())
        let family = UniqueID.random()
        try keys.store(.random(), root: root, family: family)
        try FileManager.default.removeItem(atPath: files[0])
        try Data("damaged".utf8).write(to: URL(fileURLWithPath: files[1] + ".x"))
        _ = try keys.load(root: root, family: family)
        #expect(FileManager.default.fileExists(atPath: files[0]))
        try keys.erase()
        for file in files { #expect(!FileManager.default.fileExists(atPath: file)) }
        #expect(throws: APIError.self) { try keys.load(root: root, family: family) }
        try keys.erase()
    }
}
