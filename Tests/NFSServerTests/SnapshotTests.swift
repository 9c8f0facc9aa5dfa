import FileSystemEngine
import NFSWire
import Testing
import VarveModel

@testable import NFSServer

/// Goal: the past is found below `.snapshot`, is told apart from the present, and cannot be changed.
@Suite struct SnapshotTests {
    private struct Past {
        let world: NFSWorld
        let client: WireClient
        let fileSystem: FileSystem
    }

    /// A file that read `old` at the snapshot `first` and reads `new` now.
    private func past(isMountTarget: Bool = true) async throws -> Past {
        let world = try await NFSWorld.make(isMountTarget: isMountTarget) { text in
            ["@then": 0, "@now": 10, "@later": 1_000][text].map {
                NFSWorld.start.adding(seconds: $0)
            }
        }
        let client = WireClient(world.parts)
        try await client.connect()
        if isMountTarget {
            let (stateID, handle) = try await client.make("f")
            _ = try await client.write(handle, stateID, Array("old".utf8))
            _ = try await world.fileSystem.createSnapshot("first")
            world.clock.advance(seconds: 10)
            _ = try await client.write(handle, stateID, Array("new".utf8))
        } else {
            _ = try await world.fileSystem.createSnapshot("first")
        }
        return Past(world: world, client: client, fileSystem: world.fileSystem)
    }

    private func contents(_ client: WireClient, _ path: String) async throws -> String {
        let result = try await client.last(
            WireClient.walk(path) + [
                .read(ReadArguments(stateID: .anonymous, offset: 0, count: 100))
            ]
        )
        guard case .read(let reply) = result else { throw result.status }
        return String(decoding: reply.data.bytes, as: UTF8.self)
    }

    private func values(
        _ client: WireClient,
        _ path: String,
        _ numbers: Bitmap
    ) async throws -> FileAttributes {
        let result = try await client.last(
            WireClient.walk(path) + [
                .getAttributes(GetAttributesArguments(attributes: numbers))
            ]
        )
        guard case .getAttributes(let values) = result else { throw result.status }
        return values
    }

    @Test(arguments: ["first", "@then"]) func `the past reads as it was`(name: String) async throws
    {
        let past = try await past()
        #expect(try await contents(past.client, "f") == "new")
        #expect(try await contents(past.client, ".snapshot/\(name)/f") == "old")
        for wrong in ["none", "@never"] {
            let status = try await past.client.status(WireClient.walk(".snapshot/\(wrong)"))
            #expect(status == .noEntry)
        }
        await past.fileSystem.close()
    }

    /// A client keeps what a name meant for as long as `.snapshot` does not change, so it must mean that for ever.
    @Test func `a time that has not ended is no name yet, and then means one instant`() async throws
    {
        let past = try await past()
        for early in ["@now", "@later"] {
            let status = try await past.client.status(WireClient.walk(".snapshot/\(early)/f"))
            #expect(status == .invalid, "\(early)")
        }
        past.world.clock.advance(seconds: 1)
        #expect(try await contents(past.client, ".snapshot/@now/f") == "new")
        let (stateID, handle) = try await past.client.open("f")
        _ = try await past.client.write(handle, stateID, Array("later".utf8))
        #expect(try await contents(past.client, "f") == "later")
        #expect(try await contents(past.client, ".snapshot/@now/f") == "new")
        await past.fileSystem.close()
    }

    @Test func `present and past have their own fsid and handles, and the same numbers of files`()
        async throws
    {
        let past = try await past()
        let now = try await values(past.client, "f", [8, 19, 20])
        let then = try await values(past.client, ".snapshot/first/f", [8, 19, 20])
        #expect(now[.fileSystemID] != then[.fileSystemID])
        #expect(now[.fileHandle] != then[.fileHandle])
        #expect(now[.fileID] == then[.fileID])
        let directory = try await values(past.client, ".snapshot", [8, 20])
        #expect(directory[.fileSystemID] == now[.fileSystemID])
        await past.fileSystem.close()
    }

    @Test func `who may not search the root does not find its past`() async throws {
        let past = try await past()
        let user = WireClient(past.world.parts, uid: 1_000)
        try await user.connect(owner: "user")
        let there = WireClient.walk(".snapshot/first")
        #expect(try await user.status(there) == .ok)
        _ = try await past.fileSystem.setAttributes(
            .root,
            AttributeChanges(permissions: 0o766),
            as: .root
        )
        #expect(try await user.status(there) == .accessDenied)
        #expect(try await past.client.status(there) == .ok)
        await past.fileSystem.close()
    }

    @Test func `nothing of the past waits for a COMMIT`() async throws {
        let past = try await past()
        let commit = OperationArguments.commit(CommitArguments(offset: 0, count: 0))
        let now = try await past.client.last(WireClient.walk("f") + [commit])
        let then = try await past.client.last(WireClient.walk(".snapshot/first/f") + [commit])
        #expect(then == now, "one verifier")
        let root = WireClient.walk(".snapshot/first") + [commit]
        #expect(try await past.client.status(root) == .isDirectory)
        await past.fileSystem.close()
    }

    @Test func `nothing of the past is changed`() async throws {
        let past = try await past()
        let client = past.client
        let create = CreateArguments(
            kind: .directory,
            name: [0x64],
            attributes: FileAttributes([])
        )
        let open = WireClient.openArguments("f", access: .write)
        let set = SetAttributesArguments(
            stateID: .anonymous,
            attributes: FileAttributes([.mode(0)])
        )
        for path in [".snapshot", ".snapshot/first"] {
            let there = WireClient.walk(path)
            #expect(try await client.status(there + [.create(create)]) == .readOnly)
            #expect(try await client.status(there + [.remove(WireClient.name("f"))]) == .readOnly)
            #expect(try await client.status(there + [.setAttributes(set)]) == .readOnly)
        }
        let there = WireClient.walk(".snapshot/first")
        #expect(try await client.status(there + [.open(open)]) == .readOnly)
        let read = WireClient.openArguments("f", access: .read)
        let results = try await client.run(there + [.open(read), .getFileHandle])
        guard case .open(let opened) = results[3], case .getFileHandle(let handle) = results[4]
        else {
            throw NFSStatus.serverFault
        }
        let bytes = try await client.read(handle, opened.stateID).data.bytes
        #expect(String(decoding: bytes, as: UTF8.self) == "old")
        let access = AccessArguments(rights: [.read, .modify, .extend])
        let granted = try await client.last(
            there + [.lookup(WireClient.name("f")), .access(access)]
        )
        #expect(granted == .access(AccessReply(supported: access.rights, granted: [.read])))
        let taken = CreateArguments(
            kind: .directory,
            name: SnapshotDirectory.name,
            attributes: FileAttributes([])
        )
        #expect(try await client.status([.putRootFileHandle, .create(taken)]) == .exists)
        await past.fileSystem.close()
    }

    @Test func `the past is found without being listed, and lists its snapshots`() async throws {
        let past = try await past()
        func names(_ path: String) async throws -> [String] {
            let list = ReadDirectoryArguments(
                cookie: 0,
                verifier: .zero,
                directoryBytesMax: 4_096,
                bytesMax: 4_096,
                attributes: [1, 8, 55]
            )
            let result = try await past.client.last(
                WireClient.walk(path) + [.readDirectory(list)]
            )
            guard case .readDirectory(let reply) = result else { throw result.status }
            return reply.entries.map { String(decoding: $0.name, as: UTF8.self) }
        }
        #expect(try await names("") == ["f"])
        let before = try await values(past.client, ".snapshot", [3])
        #expect(try await names(".snapshot") == ["first"])
        _ = try await past.fileSystem.createSnapshot("second")
        #expect(try await names(".snapshot") == ["first", "second"])
        #expect(try await values(past.client, ".snapshot", [3]).values != before.values)
        let up = try await past.client.last(
            WireClient.walk(".snapshot/first") + [.lookupParent, .lookupParent, .getFileHandle]
        )
        let root = try await past.client.last([.putRootFileHandle, .getFileHandle])
        #expect(up == root)
        await past.fileSystem.close()
    }

    /// Goal: pages that hold few each list all snapshots once, and begin where the last one ended.
    @Test func `many snapshots are listed page by page`() async throws {
        let past = try await past()
        var expected = ["first"]
        for number in 0..<40 {
            _ = try await past.fileSystem.createSnapshot("s\(number)")
            // Others' holds lie between.
            _ = try await past.fileSystem.hold()
            expected.append("s\(number)")
        }
        try await past.fileSystem.deleteSnapshot("s7")
        expected.removeAll { $0 == "s7" }
        var names: [String] = []
        var cookie: UInt64 = 0
        var pages = 0
        while true {
            let list = ReadDirectoryArguments(
                cookie: cookie,
                verifier: .zero,
                directoryBytesMax: 0,
                bytesMax: 400,
                attributes: [1, 8, 55]
            )
            let result = try await past.client.last(
                WireClient.walk(".snapshot") + [.readDirectory(list)]
            )
            guard case .readDirectory(let reply) = result else { throw result.status }
            names += reply.entries.map { String(decoding: $0.name, as: UTF8.self) }
            pages += 1
            if reply.isAtEnd { break }
            cookie = try #require(reply.entries.last?.cookie)
        }
        #expect(names == expected)
        #expect(pages > 4)
        await past.fileSystem.close()
    }

    @Test func `an instant that is gone is stale`() async throws {
        let past = try await past()
        let found = try await past.client.last(
            WireClient.walk(".snapshot/first/f") + [.getFileHandle]
        )
        guard case .getFileHandle(let handle) = found else { throw found.status }
        try await past.fileSystem.deleteSnapshot("first")
        past.world.clock.advance(seconds: 400 * 86_400)
        while try await past.fileSystem.collectGarbage().isMoreDue {}
        let attributes = GetAttributesArguments(attributes: [1])
        let status = try await past.client.status([
            .putFileHandle(handle), .getAttributes(attributes),
        ])
        #expect(status == .stale)
        await past.fileSystem.close()
    }

    @Test func `below the gateway each file system has its own past`() async throws {
        let past = try await past(isMountTarget: false)
        let name = past.fileSystem.id.text
        #expect(try await past.client.status(WireClient.walk("\(name)/.snapshot/first")) == .ok)
        #expect(try await past.client.status(WireClient.walk(".snapshot")) == .noEntry)
        let up = try await past.client.last(
            WireClient.walk("\(name)/.snapshot") + [.lookupParent, .getFileHandle]
        )
        let root = try await past.client.last(WireClient.walk(name) + [.getFileHandle])
        #expect(up == root)
        await past.fileSystem.close()
    }
}
