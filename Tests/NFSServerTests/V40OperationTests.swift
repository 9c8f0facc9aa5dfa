import FileSystemEngine
import NFSWire
import NIOCore
import TestKit
import Testing
import VarveModel

@testable import NFSServer

/// Goal: COMPOUNDs of NFSv4.0 answer as RFC 7530 §15.2 and §16 say, where that differs from 4.1, and with no status that §13 lacks.
@Suite struct V40OperationTests {
    /// A file `f`, a directory `d`, a symlink `l` and a FIFO `p`.
    private func stage(limits: ServerLimits = ServerLimits()) async throws -> (
        world: NFSWorld, client: WireClientV40, open: WireClientV40.Open
    ) {
        let world = try await NFSWorld.make(limits: limits)
        let client = WireClientV40(world.parts)
        try await client.connect()
        for (name, kind): (String, CreateKind) in [
            ("d", .directory), ("l", .symlink([0x78])), ("p", .fifo),
        ] {
            let create = CreateArguments(
                kind: kind,
                name: Array(name.utf8),
                attributes: FileAttributes([.mode(0o755)])
            )
            _ = try await client.last([.putRootFileHandle, .create(create)])
        }
        return (world, client, try await client.make("f"))
    }

    private let root = OperationArguments.putRootFileHandle

    private func at(_ name: String) -> [OperationArguments] {
        [.putRootFileHandle, .lookup(WireClient.name(name))]
    }

    @Test func `15_2: no session is asked for, nor known`() async throws {
        let (world, client, _) = try await stage()
        #expect(try await client.status([]) == .ok)
        #expect(try await client.status([root, .getFileHandle]) == .ok)
        #expect(try await client.status([.putPublicFileHandle, .getFileHandle]) == .ok)
        let reply = try await client.send([
            root, .destroyClientID(client.id), .getFileHandle,
        ])
        #expect(reply.results.map(\.status) == [.ok, .illegalOperation])
        await world.fileSystem.close()
    }

    @Test func `what is written is read back, through an open and without one`() async throws {
        let (world, client, open) = try await stage()
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        let write = WriteArguments(
            stateID: open.stateID,
            offset: 0,
            stability: .unstable,
            data: ByteChain(copying: bytes)
        )
        #expect(try await client.status([open.file, .write(write)]) == .ok)
        let commit = CommitArguments(offset: 0, count: 0)
        #expect(try await client.status([open.file, .commit(commit)]) == .ok)
        for stateID in [open.stateID, .anonymous, .readBypass] {
            let reply = try await client.last([
                open.file, .read(ReadArguments(stateID: stateID, offset: 0, count: 1 << 20)),
            ])
            guard case .read(let read) = reply else { throw reply.status }
            #expect(read.data.bytes == bytes && read.isAtEnd)
        }
        await world.fileSystem.close()
    }

    @Test func `16_16: EXCLUSIVE4 makes a file once for a verifier`() async throws {
        let (world, client, _) = try await stage()
        func exclusive(_ verifier: UInt64, by owner: String) async throws -> CompoundReply {
            let arguments = client.openArguments(
                "x",
                by: owner,
                .both,
                [],
                .exclusive(Verifier(rawValue: verifier))
            )
            return try await client.send([root, .open(arguments), .getFileHandle])
        }
        let first = try await exclusive(5, by: "1")
        guard case .open(let open)? = first.results.dropFirst().first else { throw first.status }
        #expect(open.attributesSet == [48, 54], "the times hold the verifier")
        #expect(open.flags == [.lockTypePOSIX, .confirm])
        let second = try await exclusive(5, by: "2")
        #expect(second.status == .ok && second.results.last == first.results.last)
        #expect(try await exclusive(6, by: "3").status == .exists)
        await world.fileSystem.close()
    }

    @Test func `what 4_1 brought to OPEN is no XDR here`() async throws {
        let (world, client, open) = try await stage()
        var byHandle = client.openArguments("")
        byHandle.claim = .fileHandle
        let attributes = OpenCreation.exclusiveWithAttributes(
            CreateVerifierAttributes(
                verifier: Verifier(rawValue: 1),
                attributes: FileAttributes([])
            )
        )
        var exclusive = client.openArguments("x")
        exclusive.creation = attributes
        #expect(try await client.status([open.file, .open(byHandle)]) == .badXDR)
        #expect(try await client.status([root, .open(exclusive)]) == .badXDR)
        // It did not count.
        client.sequences["o"] = byHandle.sequence &- 1
        let wish = client.openArguments("f", ShareAccess(rawValue: 0x401))
        #expect(try await client.status([root, .open(wish)]) == .invalid)
        _ = try await client.open("f")
        await world.fileSystem.close()
    }

    @Test func `16_16: claims of delegations find none`() async throws {
        let (world, client, open) = try await stage()
        var current = client.openArguments("f")
        current.claim = .delegateCurrent(
            DelegateCurrentClaim(stateID: open.stateID, name: [0x66])
        )
        #expect(try await client.status([root, .open(current)]) == .badStateID)
        client.sequences["o"] = current.sequence &- 1
        var previous = client.openArguments("f")
        previous.claim = .delegatePrevious([0x66])
        #expect(try await client.status([root, .open(previous)]) == .notSupported)
        #expect(try await client.status([.delegationPurge(client.id)]) == .notSupported)
        let back = OperationArguments.delegationReturn(open.stateID)
        #expect(try await client.status([open.file, back]) == .badStateID)
        await world.fileSystem.close()
    }

    @Test func `13_2: what is neither file nor directory`() async throws {
        let (world, client, open) = try await stage()
        let read = OperationArguments.read(
            ReadArguments(stateID: .anonymous, offset: 0, count: 1)
        )
        let commit = OperationArguments.commit(CommitArguments(offset: 0, count: 0))
        let test = OperationArguments.lockTest(
            LockTestArguments(type: .read, offset: 0, length: 1, owner: client.owner("l"))
        )
        let page = OperationArguments.readDirectory(
            ReadDirectoryArguments(
                cookie: 0,
                verifier: .zero,
                directoryBytesMax: 1_000,
                bytesMax: 2_000,
                attributes: []
            )
        )
        let table: [(NFSStatus, [OperationArguments])] = [
            (.symlink, [root, .open(client.openArguments("l"))]),
            (.symlink, [root, .open(client.openArguments("p"))]),
            (.isDirectory, [root, .open(client.openArguments("d"))]),
            (.symlink, at("l") + [.lookup(WireClient.name("x"))]),
            (.notDirectory, at("p") + [.lookup(WireClient.name("x"))]),
            (.notDirectory, at("l") + [.lookupParent]),
            (.notDirectory, at("l") + [page]),
            (.notDirectory, at("f") + [.remove(WireClient.name("x"))]),
            (.invalid, at("l") + [read]), (.invalid, at("p") + [read]),
            (.isDirectory, at("d") + [read]),
            (.invalid, at("l") + [commit]), (.isDirectory, at("d") + [commit]),
            (.invalid, at("p") + [test]), (.isDirectory, at("d") + [test]),
            (.invalid, at("f") + [.readLink]), (.invalid, at("d") + [.readLink]),
            (.noSavedHandle, [.restoreFileHandle]),
            (.noFileHandle, [.getFileHandle]),
            (.noFileHandle, [.lock(Self.anyLock)]), (.noFileHandle, [.open(Self.anyOpen)]),
            (.notSupported, [root, .openAttributeDirectory(.init(create: false))]),
        ]
        for (status, operations) in table {
            #expect(try await client.status(operations) == status, "\(operations)")
        }
        _ = open
        await world.fileSystem.close()
    }

    private static let anyLock = LockArguments(
        type: .read,
        isReclaim: false,
        offset: 0,
        length: 1,
        locker: .existing(ExistingLockOwner(stateID: .anonymous, sequence: 0))
    )
    private static let anyOpen = WireClient.openArguments("f")

    @Test func `16_31: SECINFO leaves the current file handle`() async throws {
        let (world, client, _) = try await stage()
        let reply = try await client.send([
            root, .securityInfo(WireClient.name("f")), .lookup(WireClient.name("f")),
        ])
        #expect(reply.status == .ok)
        #expect(reply.results[1] == .securityInfo([.system, .none]))
        await world.fileSystem.close()
    }

    // MARK: Attributes

    @Test func `5: attributes of later versions are neither told nor taken`() async throws {
        let (world, client, open) = try await stage()
        let asked: Bitmap = [0, 1, 33, 75, 79]
        let reply = try await client.last([
            open.file, .getAttributes(GetAttributesArguments(attributes: asked)),
        ])
        guard case .getAttributes(let values) = reply else { throw reply.status }
        #expect(values.mask == [0, 1, 33])
        guard case .supportedAttributes(let supported)? = values.values.first else {
            throw NFSStatus.serverFault
        }
        #expect(supported.numbers.allSatisfy { $0 <= 55 } && supported.contains(55))
        let masked = FileAttributes([.setModeMasked(MaskedMode(value: 0, mask: 0o777))])
        let set = SetAttributesArguments(stateID: .anonymous, attributes: masked)
        #expect(
            try await client.status([open.file, .setAttributes(set)]) == .attributeNotSupported
        )
        let verify = VerifyArguments(attributes: masked)
        #expect(try await client.status([open.file, .verify(verify)]) == .attributeNotSupported)
        let create = CreateArguments(kind: .directory, name: [0x79], attributes: masked)
        #expect(try await client.status([root, .create(create)]) == .attributeNotSupported)
        let arguments = client.openArguments("y", .both, [], .guarded(masked))
        #expect(try await client.status([root, .open(arguments)]) == .attributeNotSupported)
        await world.fileSystem.close()
    }

    // MARK: Limits

    @Test func `so many operations and no more`() async throws {
        let (world, client, _) = try await stage()
        let max = world.parts.limits.operationsMax
        let allowed = [OperationArguments](repeating: root, count: max)
        #expect(try await client.status(allowed) == .ok)
        let reply = try await client.send(allowed + [root])
        #expect(reply.status == .resource && reply.results.count == max + 1)
        await world.fileSystem.close()
    }

    @Test func `a reply grows no longer than a record may be`() async throws {
        let (world, client, open) = try await stage()
        let bytes = [UInt8](repeating: 7, count: 1 << 20)
        let write = WriteArguments(
            stateID: open.stateID,
            offset: 0,
            stability: .fileSync,
            data: ByteChain(copying: bytes)
        )
        #expect(try await client.status([open.file, .write(write)]) == .ok)
        let read = OperationArguments.read(
            ReadArguments(stateID: open.stateID, offset: 0, count: 1 << 20)
        )
        let reply = try await client.send([open.file, read, read, read])
        #expect(reply.status == .resource)
        guard case .read(let first) = reply.results[1] else { throw reply.results[1].status }
        #expect(first.data.count == 1 << 20)
        await world.fileSystem.close()
    }

    // MARK: Hostile arguments

    /// COMPOUNDs of every operation that an owner counts, and of those that are 4.0's alone.
    private static func samples(
        _ client: WireClientV40,
        _ open: WireClientV40.Open,
        _ lock: StateID
    ) -> [[OperationArguments]] {
        let root = OperationArguments.putRootFileHandle
        let size = SetAttributesArguments(
            stateID: open.stateID,
            attributes: FileAttributes([.size(5_000), .mode(0o644)])
        )
        let verifier = OpenCreation.exclusive(Verifier(rawValue: 7))
        return [
            [.setClientID(WireClientV40.introduction("y"))],
            [
                .setClientIDConfirm(
                    SetClientIDReply(client: client.id, confirmation: .zero)
                )
            ],
            [.renew(client.id)],
            [root, .open(client.openArguments("a", by: "p", .both, [], verifier))],
            [root, .open(client.openArguments("f", by: "q", .read)), .getFileHandle],
            [open.file, client.confirm(open)],
            [open.file, client.lock(open, by: "m", .read)],
            [open.file, client.lockAgain(lock, .read, 40)],
            [open.file, client.unlock(lock, 1, 2)],
            [.releaseLockOwner(client.owner("m"))],
            [open.file, .delegationReturn(open.stateID)],
            [open.file, .setAttributes(size)],
            [open.file, .read(ReadArguments(stateID: lock, offset: 1, count: 10))],
            [root, .securityInfo(WireClient.name("f")), .remove(WireClient.name("a"))],
        ]
    }

    @Test func `any arguments get an answer that 4_0 knows`() async throws {
        let (world, client, open) = try await stage()
        let lock = try await client.locked(open, client.lock(open))
        var generator = SeededGenerator(seed: testSeed(default: 41))
        var seen: [NFSStatus: Int] = [:]
        for number in 0..<TestSizes.current.fuzzInputs * 2 {
            let samples = Self.samples(client, open, lock)
            var writer = XDRWriter()
            let operations = samples[number % samples.count]
            Compound(version: .v40, operations: operations).encode(to: &writer)
            var bytes = writer.finish().bytes
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                // The tag and the minor version stay.
                let place = Int.random(in: 8..<bytes.count, using: &generator)
                bytes[place] =
                    Bool.random(using: &generator)
                    ? 0xFF : UInt8.random(in: .min ... .max, using: &generator)
            }
            let reply = try await client.wire.answer(bytes: ByteChain(copying: bytes)).reply
            for result in reply.results {
                #expect(result.status.isLegal(in: .v40), "\(result)")
            }
            seen[reply.status, default: 0] += 1
        }
        print("hostile requests of 4.0: \(seen)")
        #expect(seen.count > 10, "\(seen)")
        #expect(try await world.fileSystem.verify().isEmpty)
        await world.fileSystem.close()
    }
}
