import Disk
import FileSystemEngine
import LocalAPI
import TestKit
import Testing
import VarveModel

@testable import ControlPlane

/// Goal: what differs between two instants is told rightly, and of files whose attributes alone changed no byte is read.
///
/// Method: a large and a small file of each change there is; where bytes are read from is recorded.
@Suite struct MomentDiffTests {
    private struct Stage {
        let engine: FileSystem
        let disk: SimulatedDisk
        let world: StateWorld
        var files: [String: InodeNumber] = [:]

        init() async throws {
            disk = SimulatedDisk(capacity: 1 << 40, recording: false)
            try StateWorld.create(on: disk)
            world = try await StateWorld(opening: disk)
            engine = try await world.fileSystems.makeScratch("differences", for: 1 << 24).engine
        }

        mutating func make(_ text: String, _ bytes: [UInt8]) async throws {
            let file = try await engine.create(
                try #require(FileName(text)),
                in: .root,
                NewInode(.regular, permissions: 0o600),
                as: .root
            )
            files[text] = file.inode
            try await write(text, bytes)
        }

        func write(_ text: String, _ bytes: [UInt8]) async throws {
            let inode = try #require(files[text])
            _ = try await engine.write(inode, bytes, at: 0, stability: .stable, as: .root)
        }

        func change(_ text: String, _ changes: AttributeChanges) async throws {
            let inode = try #require(files[text])
            _ = try await engine.setAttributes(inode, changes, as: .root)
        }
    }

    private static let large = 3 << 20
    private static let small = 20

    @Test func `of files whose attributes alone changed nothing is read`() async throws {
        var stage = try await Stage()
        for (size, count) in [("large", Self.large), ("small", Self.small)] {
            for name in ["same", "mode", "bytes", "both ways"] {
                try await stage.make("\(name) \(size)", [UInt8](repeating: 1, count: count))
            }
        }
        let old = try await stage.engine.createSnapshot("old").epoch
        for size in ["large", "small"] {
            try await stage.change("mode \(size)", AttributeChanges(permissions: 0o640))
        }
        let mode = try await stage.engine.createSnapshot("mode").epoch
        stage.disk.beginRecordingReads()
        let alone = try await differences(stage.engine, old, mode)
        let read = stage.disk.endRecordingReads().filter { $0.path.hasSuffix(".seg") }
        #expect(alone == ["mode large": ["attributes"], "mode small": ["attributes"]])
        #expect(read.isEmpty)
        for (size, count) in [("large", Self.large), ("small", Self.small)] {
            try await stage.write("bytes \(size)", [UInt8](repeating: 2, count: count))
            // The same bytes again, by way of others, and of none.
            try await stage.write("both ways \(size)", [UInt8](repeating: 2, count: count))
            try await stage.change("both ways \(size)", AttributeChanges(size: 0))
            try await stage.write("both ways \(size)", [UInt8](repeating: 1, count: count))
        }
        let new = try await stage.engine.createSnapshot("new").epoch
        let found = try await differences(stage.engine, old, new)
        for size in ["large", "small"] {
            #expect(found["mode \(size)"] == ["attributes"])
            #expect(found["bytes \(size)"]?.contains("data") == true)
            #expect(found["both ways \(size)"]?.contains("data") != true)
            #expect(found["same \(size)"] == nil)
        }
        await stage.world.close()
    }

    private func differences(
        _ engine: FileSystem,
        _ old: Epoch,
        _ new: Epoch
    ) async throws -> [String: [String]] {
        let report = try await MomentDiff(engine, from: old, to: new).run { _ in }
        return Dictionary(
            uniqueKeysWithValues: report.differences.map {
                (String(decoding: $0.path.bytes.dropFirst(), as: UTF8.self), $0.what)
            }
        )
    }
}
