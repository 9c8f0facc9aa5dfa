import FileSystemEngine
import NFSWire
import TestKit
import Testing
import VarveModel

@testable import NFSServer

/// Goal: clients reach what is offered to them, and nothing else.
@Suite struct ExportTests {
    @Test func `handles survive a restart and a rename`() async throws {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        try await client.connect()
        let (_, handle) = try await client.make("f")
        _ = try await client.run([
            .putRootFileHandle, .saveFileHandle,
            .rename(RenameArguments(oldName: [0x66], newName: [0x67])),
        ])
        await world.fileSystem.close()
        let again = try await FileSystem.open(world.configuration)
        world.exports.replace(with: [again])
        let fileID = GetAttributesArguments(attributes: [20])
        #expect(
            try await client.status([.putFileHandle(handle), .getAttributes(fileID)]) == .ok
        )
        await again.close()
    }

    /// As a regional file system does whose zones are back.
    @Test func `what is open of a file system that is opened anew outlives its name`() async throws
    {
        let world = try await NFSWorld.make()
        let (client, other) = (WireClient(world.parts), WireClient(world.parts))
        try await client.connect()
        try await other.connect(owner: "other")
        let (stateID, handle) = try await client.make("f")
        _ = try await client.write(handle, stateID, [UInt8](repeating: 1, count: 5_000))
        await world.fileSystem.close()
        let again = try await FileSystem.open(world.configuration)
        world.exports.replace(with: [again])
        await world.parts.holdAnew(try #require(world.exports.current.sorted.first))
        let remove = OperationArguments.remove(WireClient.name("f"))
        #expect(try await other.status([.putRootFileHandle, remove]) == .ok)
        try await again.flush()
        #expect(try await client.read(handle, stateID).data.count == 5_000)
        let close = CloseArguments(sequence: 0, stateID: stateID)
        #expect(try await client.status([.putFileHandle(handle), .close(close)]) == .ok)
        // The last close ends the inode behind its back.
        try await again.flush()
        let size = GetAttributesArguments(attributes: [4])
        let gone = try await client.status([.putFileHandle(handle), .getAttributes(size)])
        #expect(gone == .stale)
        await again.close()
    }

    @Test func `no handle can be made up`() async throws {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        try await client.connect()
        let (_, handle) = try await client.make("f")
        var generator = SeededGenerator(seed: testSeed(default: 3))
        for index in 0..<handle.bytes.count {
            var bytes = handle.bytes
            bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            let status = try await client.status([
                .putFileHandle(NFSFileHandle(bytes: bytes))
            ])
            let isOfAnother = (4..<20).contains(index)
            #expect(status == (isOfAnother ? .stale : .badHandle), "byte \(index)")
        }
        for count in [0, 1, 4, 47, 49, 128] {
            let bytes = generator.bytes(count)
            let status = try await client.status([.putFileHandle(NFSFileHandle(bytes: bytes))])
            #expect(status == .badHandle)
        }
    }

    @Test func `a mount target does not honour another file system's handles`() async throws {
        let (one, two) = (try await NFSWorld.make(), try await NFSWorld.make())
        let (a, b) = (WireClient(one.parts), WireClient(two.parts))
        try await a.connect()
        try await b.connect()
        let (_, handle) = try await a.make("f")
        #expect(try await b.status([.putFileHandle(handle)]) == .stale)
        let gateway = NFSFileHandle(bytes: [1, 0, 0, 0])
        #expect(try await b.status([.putFileHandle(gateway)]) == .badHandle)
    }

    @Test func `the gateway lists what serves, as it comes and goes`() async throws {
        let world = try await NFSWorld.make(isMountTarget: false)
        let client = WireClient(world.parts)
        try await client.connect()
        let second = try await FileSystem.create(NFSWorld.configuration(world.clock))
        func names() async throws -> [String] {
            let list = ReadDirectoryArguments(
                cookie: 0,
                verifier: .zero,
                directoryBytesMax: 4_096,
                bytesMax: 4_096,
                attributes: [1, 8, 20, 55]
            )
            let result = try await client.last([.putRootFileHandle, .readDirectory(list)])
            guard case .readDirectory(let reply) = result, reply.isAtEnd else {
                throw result.status
            }
            return reply.entries.map { String(decoding: $0.name, as: UTF8.self) }.sorted()
        }
        func change() async throws -> AttributeValue? {
            let asked = GetAttributesArguments(attributes: [3])
            let result = try await client.last([.putRootFileHandle, .getAttributes(asked)])
            guard case .getAttributes(let values) = result else { throw result.status }
            return values[.change]
        }
        let (first, name) = (try await change(), world.fileSystem.id.text)
        #expect(try await names() == [name])
        world.exports.replace(with: [world.fileSystem, second])
        #expect(try await names() == [name, second.id.text].sorted())
        #expect(try await change() != first)
        let root = try await client.last(WireClient.walk(name) + [.getFileHandle])
        guard case .getFileHandle(let handle) = root else { throw root.status }
        let up = try await client.last(WireClient.walk(name) + [.lookupParent, .getFileHandle])
        #expect(up == .getFileHandle(NFSFileHandle(bytes: [1, 0, 0, 0])))
        world.exports.replace(with: [second])
        #expect(try await client.status([.putFileHandle(handle)]) == .stale)
        #expect(try await client.status(WireClient.walk(name)) == .noEntry)
        await second.close()
    }

    @Test func `nothing is changed at the gateway's root, nor across file systems`() async throws {
        let world = try await NFSWorld.make(isMountTarget: false)
        let client = WireClient(world.parts)
        try await client.connect()
        let name = world.fileSystem.id.text
        let create = CreateArguments(
            kind: .directory,
            name: [0x64],
            attributes: FileAttributes([])
        )
        #expect(try await client.status([.putRootFileHandle, .create(create)]) == .readOnly)
        let remove = WireClient.name(name)
        #expect(try await client.status([.putRootFileHandle, .remove(remove)]) == .readOnly)
        let open = WireClient.openArguments("f", creation: .unchecked(FileAttributes([])))
        #expect(try await client.status([.putRootFileHandle, .open(open)]) == .readOnly)
        let access = AccessArguments(rights: AccessRights(rawValue: 0x1F))
        let result = try await client.last([.putRootFileHandle, .access(access)])
        #expect(
            result == .access(AccessReply(supported: access.rights, granted: [.read, .lookup]))
        )
        let second = try await FileSystem.create(NFSWorld.configuration(world.clock))
        world.exports.replace(with: [world.fileSystem, second])
        let across = try await client.status(
            WireClient.walk(name) + [.saveFileHandle] + WireClient.walk(second.id.text)
                + [.rename(RenameArguments(oldName: [0x66], newName: [0x67]))]
        )
        #expect(across == .crossDevice)
        await second.close()
    }
}
