import MetadataStore
import NFSWire
import Testing
import VarveModel

@testable import FileSystemEngine
@testable import NFSServer

/// Goal: a listing costs what it sends: no more rows than entries, and each entry as GETATTR would tell it.
@Suite struct ListingTests {
    /// What Linux's client asks for of each name.
    private static let usual: Bitmap = [
        1, 3, 4, 8, 11, 19, 20, 33, 35, 36, 37, 41, 45, 47, 52, 53, 55,
    ]

    private static func page(
        after cookie: UInt64,
        bytes: UInt32 = 16 << 10,
        names: UInt32 = 0,
        _ attributes: Bitmap = usual
    ) -> OperationArguments {
        .readDirectory(
            ReadDirectoryArguments(
                cookie: cookie,
                verifier: .zero,
                directoryBytesMax: names,
                bytesMax: bytes,
                attributes: attributes
            )
        )
    }

    private static func list(
        _ client: WireClient,
        _ arguments: OperationArguments
    ) async throws -> ReadDirectoryReply {
        let result = try await client.last([.putRootFileHandle, arguments])
        guard case .readDirectory(let reply) = result else { throw result.status }
        return reply
    }

    @Test(arguments: [UInt32(0), 600])
    func `hardly more entries are fetched than fit`(names: UInt32) async throws {
        let world = try await NFSWorld.make(readers: 1)
        let client = WireClient(world.parts)
        try await client.connect()
        for index in 100..<500 { _ = try await client.make("file-\(index)") }
        func steps() async throws -> UInt64 {
            try await world.fileSystem.readers.run { $0.reader.rowsStepped }
        }
        // All of them at once, whose inodes are in memory: what they cost at least.
        let start = try await steps()
        let all = try await world.fileSystem.readDirectory(.root, limit: 400, as: .root)
        let before = try await steps()
        #expect(all.entries.count == 400 && all.isEnd)
        var (cookie, sent, pages) = (UInt64(0), 0, 0)
        while true {
            let reply = try await Self.list(client, Self.page(after: cookie, names: names))
            sent += reply.entries.count
            pages += 1
            if reply.isAtEnd { break }
            cookie = try #require(reply.entries.last).cookie
        }
        #expect(sent == 400 && pages >= 5)
        // Names are longer than the four bytes that are reckoned with, and one more of each page tells whether more come.
        let (least, spent) = (before - start, try await steps() - before)
        #expect(spent <= least * (names == 0 ? 5 : 7) / 4, "\(spent) steps, \(least) at least")
        await world.fileSystem.close()
    }

    @Test func `a READDIR fetches so many entries and no more, and the next one goes on`()
        async throws
    {
        var limits = ServerLimits()
        limits.directoryEntriesMax = 3
        let world = try await NFSWorld.make(limits: limits)
        let client = WireClient(world.parts)
        try await client.connect()
        let names = (0..<10).map { "name \($0)" }
        for name in names { _ = try await client.make(name) }
        var (found, cookie, verifier, rounds) = ([String](), UInt64(0), Verifier.zero, 0)
        while true {
            let list = ReadDirectoryArguments(
                cookie: cookie,
                verifier: verifier,
                directoryBytesMax: 1 << 16,
                bytesMax: 1 << 16,
                attributes: []
            )
            let result = try await client.last([.putRootFileHandle, .readDirectory(list)])
            guard case .readDirectory(let reply) = result else { throw result.status }
            #expect(reply.entries.count <= 3)
            found += reply.entries.map { String(decoding: $0.name, as: UTF8.self) }
            rounds += 1
            guard !reply.isAtEnd, let last = reply.entries.last else { break }
            (cookie, verifier) = (last.cookie, reply.verifier)
        }
        #expect(found.sorted() == names && rounds >= 4)
        await world.fileSystem.close()
    }

    @Test func `attributes are written as their values are, of every object and version`()
        async throws
    {
        let world = try await NFSWorld.make()
        let exported = try #require(world.exports.current.sorted.first)
        let past = InodeObject(exported, .root, at: .past(Epoch(rawValue: 1 << 40)))
        let objects: [NFSObject] = [
            .gateway, .snapshots(exported), .inode(past), .inode(InodeObject(exported, .root)),
            .inode(InodeObject(exported, InodeNumber(rawValue: 77))),
        ]
        for object in objects {
            for version in [MinorVersion.v40, .v41, .v42] {
                let described = ObjectAttributes(
                    object: object,
                    attributes: Self.attributes(of: object),
                    room: try await world.fileSystem.room(),
                    limits: ServerLimits(),
                    version: version
                )
                for attribute in Attribute.allCases {
                    var isWritten = false
                    let direct = Self.bytes { isWritten = described.write(attribute, to: &$0) }
                    let value = described.value(attribute)
                    #expect(isWritten == (value != nil), "\(attribute)")
                    #expect(direct == Self.bytes { value?.encode(to: &$0) }, "\(attribute)")
                }
                #expect(
                    described.value(.fileHandle) == .fileHandle(FileHandle.handle(of: object))
                )
            }
        }
        await world.fileSystem.close()
    }

    private static func bytes(_ write: (inout XDRWriter) -> Void) -> [UInt8] {
        var writer = XDRWriter()
        write(&writer)
        return writer.finish().bytes
    }

    private static func attributes(of object: NFSObject) -> Attributes {
        let inode: InodeNumber =
            switch object {
            case .gateway: .root
            case .snapshots: SnapshotDirectory.inode
            case .inode(let object): object.inode
            }
        return Attributes(
            inode: inode,
            kind: .characterDevice,
            permissions: 0o4751,
            uid: .max,
            gid: 10,
            links: 3,
            size: 1 << 40,
            allocated: 4_097,
            accessed: Timestamp(seconds: -5, nanoseconds: 999_999_999),
            modified: Timestamp(seconds: 1 << 33, nanoseconds: 1),
            changed: Timestamp(seconds: 12, nanoseconds: 13),
            created: Timestamp(seconds: 14, nanoseconds: 15),
            change: 1 << 50 | 9,
            device: DeviceNumber(major: 259, minor: 1 << 20)
        )
    }

    @Test func `an entry's attributes are those of GETATTR, of space too`() async throws {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        try await client.connect()
        for uid in [UInt32(0), 9, 10, 99_999, .max] {
            let (_, handle) = try await client.make("of-\(uid)")
            let object = try FileHandle.object(handle, in: world.exports)
            guard case .inode(let inode) = object else { throw NFSStatus.serverFault }
            let changes = AttributeChanges(uid: uid, gid: uid / 10)
            _ = try await world.fileSystem.setAttributes(inode.inode, changes, as: .root)
        }
        let asked = ObjectAttributes.supported.subtracting(ObjectAttributes.writeOnly)
        let reply = try await Self.list(client, Self.page(after: 0, asked))
        #expect(reply.entries.count == 5 && reply.isAtEnd)
        for entry in reply.entries {
            let name = String(decoding: entry.name, as: UTF8.self)
            let result = try await client.last(
                WireClient.walk(name) + [.getAttributes(GetAttributesArguments(attributes: asked))]
            )
            guard case .getAttributes(let attributes) = result else { throw result.status }
            #expect(entry.attributes == attributes, "\(name)")
            #expect(entry.attributes.mask == asked)
        }
        await world.fileSystem.close()
    }
}
