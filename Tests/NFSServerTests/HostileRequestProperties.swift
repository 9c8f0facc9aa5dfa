import FileSystemEngine
import NFSWire
import NIOCore
import TestKit
import Testing
import VarveModel

@testable import NFSServer

/// Goal: any arguments inside a good session get an answer that decodes, and the server and the file system stay whole.
///
/// Method: good COMPOUNDs of every operation with a few bytes behind SEQUENCE changed, some of them to the edges of numbers.
@Suite struct HostileRequestProperties {
    /// Arguments of every operation that a session has, on a file that is open.
    private static func samples(
        _ client: WireClient,
        _ stateID: StateID,
        _ handle: NFSFileHandle
    ) -> [[OperationArguments]] {
        let file = OperationArguments.putFileHandle(handle)
        let root = OperationArguments.putRootFileHandle
        let owner = StateOwner(client: client.id, owner: [1, 2, 3, 4])
        let lock = LockArguments(
            type: .write,
            isReclaim: false,
            offset: 7,
            length: 9,
            locker: .new(
                NewLockOwner(
                    openSequence: 0,
                    openStateID: stateID,
                    lockSequence: 0,
                    owner: owner
                )
            )
        )
        let set = SetAttributesArguments(
            stateID: stateID,
            attributes: FileAttributes([
                .size(5_000), .mode(0o644), .owner([0x30]), .ownerGroup([0x30]),
                .setAccessed(.to(NFSTime(seconds: 5, nanoseconds: 5))), .setModified(.now),
            ])
        )
        let list = ReadDirectoryArguments(
            cookie: 0,
            verifier: .zero,
            directoryBytesMax: 1_000,
            bytesMax: 2_000,
            attributes: ObjectAttributes.supported.subtracting(Attribute.writeOnly)
        )
        let exclusive = OpenCreation.exclusiveWithAttributes(
            CreateVerifierAttributes(
                verifier: Verifier(rawValue: 7),
                attributes: FileAttributes([.mode(0o600)])
            )
        )
        let data = ByteChain(copying: [UInt8](repeating: 3, count: 64))
        let names = RenameArguments(oldName: [0x61], newName: [0x62])
        return newest(stateID, file, root) + [
            [file, .read(ReadArguments(stateID: stateID, offset: 10, count: 100))],
            [
                file,
                .write(
                    WriteArguments(
                        stateID: stateID,
                        offset: 10,
                        stability: .unstable,
                        data: data
                    )
                ),
                .commit(CommitArguments(offset: 0, count: 0)),
            ],
            [file, .setAttributes(set)],
            [file, .getAttributes(GetAttributesArguments(attributes: list.attributes))],
            [file, .verify(VerifyArguments(attributes: FileAttributes([.size(1), .mode(2)])))],
            [root, .readDirectory(list)],
            [root, .open(WireClient.openArguments("a", creation: exclusive)), .getFileHandle],
            [
                root,
                .open(
                    WireClient.openArguments(
                        "a",
                        deny: .write,
                        creation: .unchecked(FileAttributes([.size(0), .mode(0o600)]))
                    )
                ), .close(CloseArguments(sequence: 0, stateID: .current)),
            ],
            [
                root,
                .create(
                    CreateArguments(
                        kind: .symlink([0x61, 0x62]),
                        name: [0x61],
                        attributes: FileAttributes([.mode(0o777)])
                    )
                ),
            ],
            [
                root,
                .create(
                    CreateArguments(
                        kind: .blockDevice(DeviceSpecification(major: 1, minor: 2)),
                        name: [0x62],
                        attributes: FileAttributes([])
                    )
                ),
            ],
            [root, .saveFileHandle, .rename(names)],
            [file, .saveFileHandle, root, .link(WireClient.name("c"))],
            [root, .remove(WireClient.name("a"))],
            [root, .lookup(WireClient.name("a")), .readLink, .lookupParent],
            [root, .lookup(WireClient.name(".snapshot")), .lookup(WireClient.name("@1800000000"))],
            [file, .lockTest(LockTestArguments(type: .read, offset: 1, length: 2, owner: owner))],
            [
                file, .lock(lock),
                .unlock(
                    UnlockArguments(
                        type: .write,
                        sequence: 0,
                        stateID: .current,
                        offset: 0,
                        length: .max
                    )
                ),
            ],
            [
                file,
                .openDowngrade(
                    OpenDowngradeArguments(
                        stateID: stateID,
                        sequence: 0,
                        access: .both,
                        deny: []
                    )
                ),
            ],
            [
                .testStateIDs(TestStateIDsArguments(stateIDs: [stateID, .anonymous])),
                .freeStateID(stateID),
            ],
            [root, .access(AccessArguments(rights: AccessRights(rawValue: 0x3F)))],
            [root, .securityInfo(WireClient.name("a"))],
        ]
    }

    /// Those of NFSv4.2.
    private static func newest(
        _ stateID: StateID,
        _ file: OperationArguments,
        _ root: OperationArguments
    ) -> [[OperationArguments]] {
        let copy = CopyArguments(
            source: stateID,
            destination: stateID,
            sourceOffset: 0,
            destinationOffset: 100_000,
            count: 50,
            isConsecutive: true,
            isSynchronous: true,
            sourceServers: []
        )
        let clone = CloneArguments(
            source: stateID,
            destination: stateID,
            sourceOffset: 3,
            destinationOffset: 200_000,
            count: 0
        )
        let attribute = SetXattrArguments(option: .either, name: [0x61], value: [1, 2, 3])
        return [
            [file, .seek(SeekArguments(stateID: stateID, offset: 5, what: .data))],
            [file, .seek(SeekArguments(stateID: stateID, offset: 5, what: .hole))],
            [file, .readPlus(ReadArguments(stateID: stateID, offset: 0, count: 100_000))],
            [file, .deallocate(AllocateArguments(stateID: stateID, offset: 10, length: 100))],
            [file, .allocate(AllocateArguments(stateID: stateID, offset: 10, length: 100))],
            [file, .saveFileHandle, .copy(copy)],
            [file, .saveFileHandle, .clone(clone)],
            [
                file, .setXattr(attribute), .getXattr(WireClient.name("a")),
                .listXattrs(ListXattrsArguments(cookie: 0, bytesMax: 1_000)),
                .removeXattr(WireClient.name("a")),
            ],
            [
                file,
                .ioAdvise(
                    IOAdviseArguments(stateID: stateID, offset: 0, count: 0, hints: [3])
                ),
            ],
            [file, .offloadStatus(stateID), .offloadCancel(stateID)],
            [
                root,
                .create(
                    CreateArguments(
                        kind: .directory,
                        name: [0x64],
                        attributes: FileAttributes([
                            .modeUmask(ModeUmask(mode: 0o777, umask: 0o22))
                        ])
                    )
                ), .remove(WireClient.name("d")),
            ],
        ]
    }

    @Test func `any arguments in a session get an answer`() async throws {
        let world = try await NFSWorld.make { text in
            text.hasPrefix("@") ? NFSWorld.start : nil
        }
        // So that the second has ended.
        world.clock.advance(seconds: 1)
        let client = WireClient(world.parts)
        client.version = .v42
        try await client.connect(fore: WireClient.channel(operationsMax: 64))
        var (stateID, handle) = try await client.make("file", mode: 0o666)
        // The newest, whatever an OPEN_DOWNGRADE in between makes of it.
        stateID.sequence = 0
        let samples = Self.samples(client, stateID, handle)
        var generator = SeededGenerator(seed: testSeed(default: 29))
        var seen: [NFSStatus: Int] = [:]
        var done: [OperationCode: Int] = [:]
        for number in 0..<TestSizes.current.fuzzInputs * 4 {
            let operations = samples[number % samples.count]
            let bytes = Self.encoded([client.sequence()], operations, &generator)
            let reply = try await client.answer(bytes: ByteChain(copying: bytes)).reply
            try #require(reply.results.first?.status == .ok, "SEQUENCE was left alone")
            seen[reply.status, default: 0] += 1
            for result in reply.results where result.status == .ok {
                done[result.code, default: 0] += 1
            }
            if number % 256 == 0 { world.clock.advance(seconds: 1) }
        }
        print("hostile requests: \(seen), done: \(done)")
        #expect(seen.count > 15, "\(seen)")
        for code: OperationCode in [
            .read, .write, .commit, .setAttributes, .readDirectory, .open, .create, .rename,
            .link, .remove, .lock, .unlock, .openDowngrade, .seek, .readPlus, .deallocate, .copy,
            .clone, .setXattr, .getXattr, .listXattrs, .removeXattr, .ioAdvise,
        ] {
            #expect(done[code, default: 0] > 0, "no \(code) was ever done")
        }
        // What was asked for in between may be a listing of all there is.
        let page = try await world.fileSystem.readDirectory(.root, limit: 10_000, as: .root)
        #expect(page.isEnd)
        #expect(try await world.fileSystem.verify().isEmpty)
        await world.fileSystem.close()
    }

    /// A COMPOUND, a few bytes of it changed behind its first operation.
    private static func encoded(
        _ first: [OperationArguments],
        _ operations: [OperationArguments],
        _ generator: inout SeededGenerator
    ) -> [UInt8] {
        var start = XDRWriter()
        Compound(version: .v42, operations: first).encode(to: &start)
        let untouched = start.finish().bytes.count
        var writer = XDRWriter()
        Compound(version: .v42, operations: first + operations).encode(to: &writer)
        var bytes = writer.finish().bytes
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            let place = Int.random(in: untouched..<bytes.count, using: &generator)
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
            case 1: bytes[place] = 0xFF
            default:
                // A whole number at an edge.
                let word = place & ~3
                guard word >= untouched, word + 8 <= bytes.count else { continue }
                let edge: [UInt8] = Bool.random(using: &generator) ? [0xFF] : [0x7F]
                for index in 0..<8 { bytes[word + index] = index == 0 ? edge[0] : 0xFF }
            }
        }
        return bytes
    }
}
