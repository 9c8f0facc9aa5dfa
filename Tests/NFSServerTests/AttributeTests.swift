import FileSystemEngine
import Foundation
import NFSWire
import Testing
import VarveModel

@testable import NFSServer

/// Goal: each attribute of NFSv4.0 to 4.2 is answered as `docs/nfs.md` says, with the value that it should have.
///
/// Method: values that are known beforehand, asked for one by one and all at once; the documentation's table against the server.
@Suite struct AttributeTests {
    private func values(
        _ client: WireClient,
        _ path: String,
        _ numbers: Bitmap
    ) async throws -> FileAttributes {
        let asked = GetAttributesArguments(attributes: numbers)
        let result = try await client.last(WireClient.walk(path) + [.getAttributes(asked)])
        guard case .getAttributes(let values) = result else { throw result.status }
        return values
    }

    /// A mount target's file system with the file `f`, of five bytes, two names and mode 2640, that belongs to 12 and 34.
    private func stage() async throws -> (world: NFSWorld, client: WireClient) {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        client.version = .v42
        try await client.connect()
        world.clock.advance(seconds: 10)
        let (stateID, handle) = try await client.make("f")
        _ = try await client.write(handle, stateID, [1, 2, 3, 4, 5])
        world.clock.advance(seconds: 10)
        let set = SetAttributesArguments(
            stateID: .anonymous,
            attributes: FileAttributes([
                .mode(0o2640), .owner(Array("12".utf8)), .ownerGroup(Array("34".utf8)),
                .setAccessed(.to(NFSTime(seconds: 5, nanoseconds: 6))),
                .setModified(.to(NFSTime(seconds: 7, nanoseconds: 8))),
            ])
        )
        #expect(try await client.status([.putFileHandle(handle), .setAttributes(set)]) == .ok)
        let link: [OperationArguments] = [
            .putFileHandle(handle), .saveFileHandle, .putRootFileHandle,
            .link(WireClient.name("g")),
        ]
        #expect(try await client.status(link) == .ok)
        return (world, client)
    }

    /// Those whose value does not hang on the disk or on random numbers.
    private func expected(_ world: NFSWorld) -> [AttributeValue] {
        let start = NFSWorld.start
        return [
            .supportedAttributes(ObjectAttributes.supportedInAll), .type(.regular),
            .fileHandleExpiry(0), .size(5), .linkSupport(true), .symlinkSupport(true),
            .hasNamedAttributes(false), .uniqueHandles(true), .leaseSeconds(30), .readError(.ok),
            .aclSupport(0), .canSetTime(true), .caseInsensitive(false), .casePreserving(true),
            .chownRestricted(true), .homogeneous(true), .fileSizeMax(1 << 53), .linksMax(65_000),
            .nameBytesMax(255), .readBytesMax(1 << 20), .writeBytesMax(1 << 20), .mode(0o2640),
            .noTruncation(true), .links(2), .owner(Array("12".utf8)),
            .ownerGroup(Array("34".utf8)), .rawDevice(DeviceSpecification(major: 0, minor: 0)),
            .accessed(NFSTime(seconds: 5, nanoseconds: 6)),
            .created(NFSTime(start.adding(seconds: 10))),
            .timeDelta(NFSTime(seconds: 0, nanoseconds: 1)),
            .changed(NFSTime(start.adding(seconds: 20))),
            .modified(NFSTime(seconds: 7, nanoseconds: 8)),
            .exclusiveCreateAttributes([4, 33, 36, 37, 81]), .cloneBlockSize(1),
            .changeType(.undefined), .xattrSupport(true),
        ]
    }

    @Test func `a file's attributes have the values that they should`() async throws {
        let (world, client) = try await stage()
        let readable = ObjectAttributes.supportedInAll.subtracting(Attribute.writeOnly)
        let all = try await values(client, "f", readable)
        #expect(all.mask == readable)
        var seen: Bitmap = []
        for value in expected(world) {
            seen.insert(value.attribute.rawValue)
            #expect(all[value.attribute] == value, "\(value.attribute)")
            let alone = try await values(client, "f", [value.attribute.rawValue])
            #expect(alone[value.attribute] == value, "\(value.attribute)")
        }
        // The others are compared with what they are to be the same as, or less than.
        let known = try await world.fileSystem.lookup(
            try #require(FileName("f")),
            in: .root,
            as: .root
        )
        #expect(all[.fileID] == .fileID(known.inode.rawValue))
        #expect(all[.mountedOnFileID] == .mountedOnFileID(known.inode.rawValue))
        #expect(all[.change] == .change(known.change))
        #expect(all[.spaceUsed] == .spaceUsed(known.allocated))
        let root = try await values(client, "", readable)
        #expect(root[.type] == .type(.directory) && root[.fileID] == .fileID(1))
        #expect(root[.fileSystemID] == all[.fileSystemID])
        #expect(root[.mountedOnFileID] == .mountedOnFileID(1), "nothing is above it")
        let handle = try await client.last(WireClient.walk("f") + [.getFileHandle])
        guard case .getFileHandle(let bytes) = handle else { throw handle.status }
        #expect(all[.fileHandle] == .fileHandle(bytes))
        let of = try await world.fileSystem.statistics()
        #expect(all[.spaceTotal] == .spaceTotal(of.diskTotalBytes))
        #expect(all[.spaceFree] == .spaceFree(of.diskAvailableBytes))
        #expect(all[.spaceAvailable] == .spaceAvailable(of.diskAvailableBytes))
        #expect(all[.filesFree] == .filesFree(of.diskAvailableBytes >> 10))
        #expect(all[.filesAvailable] == .filesAvailable(of.diskAvailableBytes >> 10))
        #expect(all[.filesTotal] == .filesTotal(of.inodes + of.diskAvailableBytes >> 10))
        seen = seen.union([3, 8, 19, 20, 21, 22, 23, 42, 43, 44, 45, 55])
        #expect(seen == readable, "each was looked at")
        await world.fileSystem.close()
    }

    @Test func `what is not supported is left out, and refused where it is set or compared`()
        async throws
    {
        let (world, client) = try await stage()
        let missing = Attribute.known.subtracting(ObjectAttributes.supportedInAll)
        #expect(try await values(client, "f", missing.union([1])).mask == [1])
        let file = WireClient.walk("f")
        for value: AttributeValue in [
            .archive(true), .hidden(true), .system(false), .mimeType([0x61]),
        ] {
            let one = FileAttributes([value])
            let set = SetAttributesArguments(stateID: .anonymous, attributes: one)
            let status = try await client.status(file + [.setAttributes(set)])
            #expect(status == .attributeNotSupported, "\(value)")
            let verify = try await client.status(file + [.verify(VerifyArguments(attributes: one))])
            #expect(verify == .attributeNotSupported, "\(value)")
        }
        await world.fileSystem.close()
    }

    /// The rows `| name | number | since | yes or no | … |` of the documentation.
    @Test func `the documentation's table of attributes is the server's`() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("docs/nfs.md")
        let text = try String(contentsOf: path, encoding: .utf8)
        let section = try #require(text.components(separatedBy: "\n## Attributes\n").last)
        var rows: [Int: (since: String, kind: String, answered: String)] = [:]
        for line in section.prefix(while: { $0 != "\u{0}" }).split(separator: "\n") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 7, let number = Int(cells[1]) else { continue }
            rows[number] = (cells[2], cells[3], cells[4])
        }
        // RFC 7530 §5.6, RFC 8881 §5.6.
        let required = Bitmap(Array(0...11) + [19, 75])
        for attribute in Attribute.allCases {
            let row = try #require(rows[attribute.rawValue], "\(attribute)")
            let isSupported = ObjectAttributes.supportedInAll.contains(attribute.rawValue)
            #expect(row.answered.hasPrefix("yes") == isSupported, "\(attribute): \(row)")
            #expect(row.answered.hasPrefix("no") == !isSupported, "\(attribute): \(row)")
            let since = [MinorVersion.v40: "4.0", .v41: "4.1", .v42: "4.2"][attribute.since]
            #expect(row.since == since, "\(attribute)")
            let isRequired = required.contains(attribute.rawValue)
            #expect(row.kind.hasPrefix("REQUIRED") == isRequired, "\(attribute): \(row.kind)")
            #expect(!isRequired || isSupported, "\(attribute)")
        }
        #expect(rows.count == Attribute.allCases.count)
    }
}
