import FileSystemEngine
import NFSWire
import NIOCore
import Testing
import VarveModel

@testable import NFSServer

/// Goal: COPY and CLONE within the server do what RFC 7862 §15.2 and §15.13 say.
@Suite struct CopyTests {
    private static let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }

    private func source(
        _ client: WireClient,
        _ name: String = "source"
    ) async throws -> (stateID: StateID, handle: NFSFileHandle) {
        let file = try await client.make(name)
        _ = try await client.write(file.handle, file.stateID, Self.bytes, .unstable)
        return file
    }

    @Test func `COPY is whole, durable and synchronous when it is answered`() async throws {
        let (_, client) = try await NewestWorld.connected()
        let source = try await source(client)
        let target = try await client.make("target")
        let reply = try await client.copied(client.copy(source, to: target))
        #expect(reply.response.count == 300_000 && reply.response.committed == .fileSync)
        #expect(reply.response.callbackID == nil)
        #expect(reply.requirements == CopyRequirements(isConsecutive: true, isSynchronous: true))
        let commit = try await client.last([
            .putFileHandle(target.handle), .commit(CommitArguments(offset: 0, count: 0)),
        ])
        #expect(commit == .commit(reply.response.verifier))
        #expect(try await client.read(target.handle, target.stateID).data.bytes == Self.bytes)
        let part = client.copy(source, to: target, from: 1_000, at: 299_999, count: 500)
        #expect(try await client.copied(part).response.count == 500)
        let read = try await client.read(target.handle, target.stateID)
        let wanted = Array(Self.bytes[..<299_999]) + Array(Self.bytes[1_000..<1_500])
        #expect(read.data.bytes == wanted)
    }

    @Test func `CLONE shares, and the two files stay apart`() async throws {
        let (world, client) = try await NewestWorld.connected()
        let source = try await source(client)
        let target = try await client.make("target")
        _ = try await client.last([
            .putFileHandle(source.handle), .commit(CommitArguments(offset: 0, count: 0)),
        ])
        let before = try await world.fileSystem.statistics()
        #expect(try await client.status(client.clone(source, to: target)) == .ok)
        #expect(try await client.read(target.handle, target.stateID).data.bytes == Self.bytes)
        _ = try await client.write(source.handle, source.stateID, [1, 2, 3], at: 100)
        #expect(try await client.read(target.handle, target.stateID).data.bytes == Self.bytes)
        let after = try await world.fileSystem.statistics()
        let grown = (after.storedBytes[.standard] ?? 0) - (before.storedBytes[.standard] ?? 0)
        #expect(grown < 100_000, "the bytes were copied")
        // Any byte may begin it: clone_blksize is 1 (RFC 7862 §12.2.1).
        let odd = client.clone(source, to: target, from: 3, at: 300_001, count: 77)
        #expect(try await client.status(odd) == .ok)
        #expect(try await world.fileSystem.verify().isEmpty)
    }

    /// The errors of RFC 7862 §15.2.3 and §15.13.3.
    @Test(arguments: [true, false]) func `what cannot be copied is refused`(isClone: Bool)
        async throws
    {
        let (world, client) = try await NewestWorld.connected()
        let source = try await source(client)
        let target = try await client.make("target")
        func status(
            _ from: (stateID: StateID, handle: NFSFileHandle),
            _ to: (stateID: StateID, handle: NFSFileHandle),
            _ offset: UInt64,
            _ targetOffset: UInt64,
            _ count: UInt64,
            as other: WireClient? = nil
        ) async throws -> NFSStatus {
            let client = other ?? client
            let operations =
                isClone
                ? client.clone(from, to: to, from: offset, at: targetOffset, count: count)
                : client.copy(from, to: to, from: offset, at: targetOffset, count: count)
            return try await client.status(operations)
        }
        // Beyond the end of the source.
        #expect(try await status(source, target, 300_001, 0, 0) == .invalid)
        #expect(try await status(source, target, 299_000, 0, 1_001) == .invalid)
        #expect(try await status(source, target, .max, 0, 2) == .invalid)
        #expect(try await status(source, target, 300_000, 0, 0) == .ok)
        #expect(try await client.read(target.handle, target.stateID).data.isEmpty)
        // Over itself.
        #expect(try await status(source, source, 0, 10, 100) == .invalid)
        #expect(try await status(source, source, 0, 100, 100) == .ok)
        #expect(try await status(source, target, 0, .max - 5, 100) == .fileTooLarge)
        let (reading, _) = try await client.open("target", access: .read, owner: "reader")
        #expect(try await status(source, (reading, target.handle), 0, 0, 1) == .openMode)
        #expect(try await status((.anonymous, target.handle), target, 0, 0, 1) == .invalid)
        let unknown = StateID(sequence: 1, otherHigh: 9, otherLow: 9)
        #expect(try await status((unknown, source.handle), target, 0, 0, 1) == .badStateID)
        let root = try await client.last([.putRootFileHandle, .getFileHandle])
        guard case .getFileHandle(let directory) = root else { throw root.status }
        #expect(try await status((.anonymous, directory), target, 0, 0, 1) == .isDirectory)
        #expect(try await status(source, (.anonymous, directory), 0, 0, 1) == .isDirectory)
        // Permission is asked of who has not opened.
        let user = try await NewestWorld.client(of: world, uid: 1_000)
        let own = try await user.make("own")
        let (from, to) = ((StateID.anonymous, source.handle), (own.stateID, own.handle))
        #expect(try await status(from, to, 0, 0, 10, as: user) == .ok)
        #expect(try await status(to, from, 0, 0, 5, as: user) == .accessDenied)
        let mode = SetAttributesArguments(
            stateID: .anonymous,
            attributes: FileAttributes([.mode(0o600)])
        )
        _ = try await client.status([.putFileHandle(source.handle), .setAttributes(mode)])
        #expect(try await status(from, to, 0, 0, 10, as: user) == .accessDenied)
        // Without a saved file there is no source.
        let alone =
            isClone
            ? Array(client.clone(source, to: target).suffix(2))
            : Array(client.copy(source, to: target).suffix(2))
        #expect(try await client.status(alone) == .noFileHandle)
    }

    @Test func `current state ids are each file's own`() async throws {
        let (_, client) = try await NewestWorld.connected()
        _ = try await source(client)
        let create = OpenCreation.guarded(FileAttributes([.mode(0o600)]))
        let copy = CopyArguments(
            source: .current,
            destination: .current,
            sourceOffset: 0,
            destinationOffset: 0,
            count: 0,
            isConsecutive: true,
            isSynchronous: true,
            sourceServers: []
        )
        let results = try await client.run([
            .putRootFileHandle, .open(WireClient.openArguments("source", access: .read)),
            .saveFileHandle, .putRootFileHandle,
            .open(WireClient.openArguments("target", creation: create)), .copy(copy),
        ])
        #expect(results.last?.status == .ok && results.count == 6)
    }

    @Test func `between two file systems bytes are moved, in bounded pieces`() async throws {
        var limits = ServerLimits()
        limits.copyBytesMax = 200_000
        limits.dataBytesMax = 64 << 10
        let (world, client) = try await NewestWorld.connected(limits: limits, isMountTarget: false)
        let other = try await FileSystem.create(NFSWorld.configuration(world.clock))
        world.exports.replace(with: [world.fileSystem, other])
        func make(_ fileSystem: FileSystem, _ name: String) async throws -> (
            stateID: StateID, handle: NFSFileHandle
        ) {
            let results = try await client.run(
                WireClient.walk(fileSystem.id.text) + [
                    .open(
                        WireClient.openArguments(
                            name,
                            creation: .guarded(FileAttributes([.mode(0o600)]))
                        )
                    ), .getFileHandle,
                ]
            )
            guard results.count == 4, case .open(let open) = results[2],
                case .getFileHandle(let handle) = results[3]
            else { throw results.last?.status ?? .serverFault }
            return (open.stateID, handle)
        }
        let source = try await make(world.fileSystem, "source")
        for start in stride(from: 0, to: 300_000, by: 60_000) {
            let part = Array(Self.bytes[start..<start + 60_000])
            _ = try await client.write(source.handle, source.stateID, part, at: UInt64(start))
        }
        let target = try await make(other, "target")
        // Short: the client goes on where it ended (RFC 7862 §15.2.3).
        let first = try await client.copied(client.copy(source, to: target))
        #expect(first.response.count == 200_000 && first.response.committed == .fileSync)
        let rest = client.copy(source, to: target, from: 200_000, at: 200_000)
        #expect(try await client.copied(rest).response.count == 100_000)
        let inode = try await other.lookup(
            try #require(FileName("target")),
            in: .root,
            as: .root
        ).inode
        #expect(try await other.read(inode, 0..<(1 << 20), as: .root).bytes == Self.bytes)
        let beyond = client.copy(source, to: target, from: 300_001)
        #expect(try await client.status(beyond) == .invalid)
        #expect(try await client.status(client.clone(source, to: target)) == .crossDevice)
        await other.close()
    }

    @Test func `a file of the past is copied into the present, and not into the past`() async throws
    {
        let (world, client) = try await NewestWorld.connected()
        let source = try await source(client)
        _ = try await client.last([
            .putFileHandle(source.handle), .commit(CommitArguments(offset: 0, count: 0)),
        ])
        _ = try await world.fileSystem.createSnapshot("s")
        _ = try await client.write(source.handle, source.stateID, [9, 9, 9])
        let found = try await client.last(
            WireClient.walk(".snapshot/s/source") + [.getFileHandle]
        )
        guard case .getFileHandle(let handle) = found else { throw found.status }
        let past = (stateID: StateID.anonymous, handle: handle)
        let target = try await client.make("target")
        let reply = try await client.copied(client.copy(past, to: target))
        #expect(reply.response.count == 300_000)
        #expect(try await client.read(target.handle, target.stateID).data.bytes == Self.bytes)
        #expect(try await client.status(client.copy(target, to: past)) == .readOnly)
        #expect(try await client.status(client.clone(past, to: target)) == .crossDevice)
    }

    @Test func `what would go on elsewhere or later is not offered`() async throws {
        let (_, client) = try await NewestWorld.connected()
        let source = try await source(client)
        let target = try await client.make("target")
        let server = NetworkLocation.name(Array("elsewhere".utf8))
        let far = client.copy(source, to: target, sourceServers: [server])
        #expect(try await client.status(far) == .offloadDenied, "what is here it copies still")
        let file = OperationArguments.putFileHandle(source.handle)
        let notify = CopyNotifyArguments(source: source.stateID, destinationServer: server)
        #expect(try await client.status([file, .copyNotify(notify)]) == .notSupported)
        for operation: OperationArguments in [
            .offloadStatus(source.stateID), .offloadCancel(source.stateID),
        ] {
            #expect(try await client.status([file, operation]) == .badStateID)
        }
        let same = WriteSameArguments(
            stateID: source.stateID,
            stability: .fileSync,
            block: DataBlockPattern(
                offset: 0,
                blockSize: 512,
                blockCount: 4,
                blockNumberOffset: 0,
                blockNumber: 0,
                patternOffset: 0,
                pattern: [1]
            )
        )
        #expect(try await client.status([file, .writeSame(same)]) == .notSupported)
        // Without layouts there is nothing to report of them (RFC 7862 §15.6, §15.7).
        let none = InputOutputInfo(count: 0, bytes: 0)
        for operation: OperationArguments in [
            .layoutError(
                LayoutErrorArguments(offset: 0, length: 1, stateID: source.stateID, errors: [])
            ),
            .layoutStats(
                LayoutStatsArguments(
                    offset: 0,
                    length: 1,
                    stateID: source.stateID,
                    read: none,
                    write: none,
                    device: DeviceID(high: 0, low: 0),
                    update: LayoutBody(type: 1, body: [])
                )
            ),
        ] {
            #expect(try await client.status([file, operation]) == .notSupported)
        }
    }
}
