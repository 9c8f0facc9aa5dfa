import NFSWire
import NIOCore
import Testing
import VarveModel

@testable import NFSServer

/// Goal: COMPOUND, SEQUENCE and the session's limits as RFC 8881 §16.2, §18.46 and §2.10.6 have them.
///
/// Method: a client in values, straight to what answers requests.
@Suite struct CompoundTests {
    private func connected(
        fore: ChannelAttributes = WireClient.channel()
    ) async throws -> WireClient {
        let client = WireClient(try await NFSWorld.make().parts)
        try await client.connect(fore: fore)
        return client
    }

    @Test func `a minor version that there is not is refused whole`() async throws {
        let client = WireClient(try await NFSWorld.make().parts)
        var writer = XDRWriter()
        Compound(tag: [1, 2], version: .v42, operations: [.putRootFileHandle]).encode(to: &writer)
        var bytes = writer.finish().bytes
        // The tag's length and its two bytes, padded, come before the number.
        #expect(bytes[8..<12].elementsEqual([0, 0, 0, 2]))
        bytes[11] = 3
        let reply = try await client.answer(bytes: ByteChain(copying: bytes)).reply
        #expect(reply.status == .minorVersionMismatch)
        #expect(reply.results.isEmpty && reply.tag == [1, 2])
    }

    @Test func `no operations are no error`() async throws {
        let client = try await connected()
        #expect(try await client.send([]).status == .ok)
    }

    @Test func `an operation that needs a session is refused without one`() async throws {
        let client = try await connected()
        let reply = try await client.send([.putRootFileHandle])
        #expect(reply.status == .operationNotInSession && reply.results.count == 1)
    }

    @Test func `SEQUENCE comes first and once`() async throws {
        let client = try await connected()
        let reply = try await client.send([client.sequence(), client.sequence(slot: 1)])
        #expect(reply.results.map(\.status) == [.ok, .sequencePosition])
    }

    @Test func `operations outside a session stand alone`() async throws {
        let client = try await connected()
        for operation: OperationArguments in [
            .destroySession(client.session), .destroyClientID(client.id),
            .bindConnection(
                BindConnectionArguments(
                    session: client.session,
                    direction: .foreOrBoth,
                    useRDMA: false
                )
            ),
        ] {
            let reply = try await client.send([operation, .putRootFileHandle])
            #expect(reply.status == .notOnlyOperation)
        }
    }

    @Test func `a session that is not known is NFS4ERR_BADSESSION`() async throws {
        let client = try await connected()
        let stranger = SequenceArguments(
            session: SessionID(high: 1, low: 1),
            sequence: 1,
            slot: 0,
            highestSlot: 0,
            cacheReply: false
        )
        #expect(try await client.send([.sequence(stranger)]).status == .badSession)
    }

    @Test func `a retry is answered with the same bytes, and nothing is done twice`() async throws {
        let client = try await connected()
        let make: [OperationArguments] = [
            .putRootFileHandle,
            .create(
                CreateArguments(
                    kind: .directory,
                    name: Array("d".utf8),
                    attributes: FileAttributes([.mode(0o755)])
                )
            ),
        ]
        let first = try await client.answer(
            Compound(version: .v41, operations: [client.sequence(cache: true)] + make)
        )
        #expect(first.reply.status == .ok)
        let retry = try await client.answer(
            Compound(
                version: .v41,
                operations: [client.sequence(isRetry: true, cache: true)] + make
            )
        )
        #expect(retry.bytes == first.bytes)
        #expect(try await client.status(make) == .exists)
    }

    @Test func `a refusal is replayed too`() async throws {
        let client = try await connected()
        let operations: [OperationArguments] = [
            .putRootFileHandle, .lookup(WireClient.name("nothing")),
        ]
        let first = try await client.answer(
            Compound(version: .v41, operations: [client.sequence(cache: true)] + operations)
        )
        #expect(first.reply.status == .noEntry)
        let retry = try await client.answer(
            Compound(
                version: .v41,
                operations: [client.sequence(isRetry: true, cache: true)] + operations
            )
        )
        #expect(retry.bytes == first.bytes)
    }

    @Test func `a retry of what was not to be kept says so, and does nothing`() async throws {
        let client = try await connected()
        let remove: [OperationArguments] = [.putRootFileHandle, .remove(WireClient.name("f"))]
        _ = try await client.make("f")
        _ = try await client.run(remove)
        _ = try await client.make("f")
        _ = try await client.run([.putRootFileHandle, .getFileHandle])
        let reply = try await client.send(
            [client.sequence(isRetry: true), .putRootFileHandle, .getFileHandle]
        )
        #expect(reply.results.map(\.status) == [.ok, .retryUncachedReply])
        #expect(reply.results.map(\.code) == [.sequence, .putRootFileHandle])
        let alone = try await client.send([client.sequence()])
        #expect(alone.status == .ok)
        #expect(try await client.send([client.sequence(isRetry: true)]).status == .ok)
    }

    @Test func `another request under a used sequence is a false retry`() async throws {
        let client = try await connected()
        _ = try await client.send([client.sequence(cache: true), .putRootFileHandle])
        let other = try await client.send([
            client.sequence(isRetry: true, cache: true), .putRootFileHandle, .getFileHandle,
        ])
        #expect(other.status == .falseRetry)
        let credential = client.credential
        _ = try await client.send([client.sequence(slot: 1, cache: true), .putRootFileHandle])
        client.credential = .system(AuthSys(uid: 5, gid: 5))
        let stranger = try await client.send([
            client.sequence(slot: 1, isRetry: true, cache: true), .putRootFileHandle,
        ])
        #expect(stranger.status == .falseRetry)
        client.credential = credential
    }

    @Test func `a session's limits are kept`() async throws {
        let client = try await connected(
            fore: WireClient.channel(
                requestBytesMax: 600,
                replyBytesMax: 700,
                cachedReplyBytesMax: 400,
                operationsMax: 4
            )
        )
        let many = [OperationArguments](repeating: .putRootFileHandle, count: 4)
        #expect(try await client.status(many) == .tooManyOperations)
        let long = WireClient.name(String(repeating: "x", count: 600))
        let big = try await client.send([
            client.sequence(slot: 1), .putRootFileHandle, .lookup(long),
        ])
        #expect(big.status == .requestTooBig && big.results.count == 1)
        let all = GetAttributesArguments(
            attributes: ObjectAttributes.supported.subtracting(Attribute.writeOnly)
        )
        let wide: [OperationArguments] = [
            .putRootFileHandle, .getAttributes(all), .getAttributes(all),
        ]
        let reply = try await client.send([client.sequence(slot: 2)] + wide)
        #expect(reply.status == .replyTooBig)
        let kept = try await client.send([client.sequence(slot: 3, cache: true)] + wide)
        #expect(kept.status == .replyTooBigToCache)
    }

    @Test func `what does not decode is answered in its place`() async throws {
        let client = try await connected()
        var writer = XDRWriter()
        Compound(version: .v41, operations: [client.sequence(), .putRootFileHandle, .readLink])
            .encode(to: &writer)
        var bytes = writer.finish().bytes
        // READLINK (27) becomes LOOKUP (15), the name of which is missing.
        bytes[bytes.count - 1] = 15
        let reply = try await client.answer(bytes: ByteChain(copying: bytes)).reply
        #expect(reply.results.map(\.status) == [.ok, .ok, .badXDR])
        #expect(reply.results.last?.code == .lookup)
        writer = XDRWriter()
        Compound(version: .v41, operations: [client.sequence(), .putRootFileHandle, .readLink])
            .encode(to: &writer)
        bytes = writer.finish().bytes
        bytes[bytes.count - 1] = 200
        let illegal = try await client.answer(bytes: ByteChain(copying: bytes)).reply
        #expect(illegal.results.map(\.status) == [.ok, .ok, .illegalOperation])
        #expect(illegal.results.last?.code == .illegal)
    }

    @Test func `a number that the version does not have is illegal`() async throws {
        let client = try await connected()
        let reply = try await client.send([client.sequence(), .illegal(10_044)])
        #expect(reply.results.map(\.status) == [.ok, .illegalOperation])
        let first = try await client.send([.illegal(200)])
        #expect(first.status == .illegalOperation)
    }

    /// Linux's client writes a request anew when it sends it again, with the highest slot that it uses at that moment.
    @Test func `a retry that names another highest slot gets the reply that was kept`()
        async throws
    {
        let client = try await connected()
        guard case .sequence(var sequence) = client.sequence(cache: true) else { return }
        let make = OperationArguments.create(
            CreateArguments(
                kind: .directory,
                name: Array("once".utf8),
                attributes: FileAttributes([])
            )
        )
        let first = try await client.send([.sequence(sequence), .putRootFileHandle, make])
        sequence.highestSlot = 5
        let second = try await client.send([.sequence(sequence), .putRootFileHandle, make])
        #expect(first.status == .ok && second == first)
        sequence.cacheReply = false
        let other = try await client.send([.sequence(sequence), .putRootFileHandle, make])
        #expect(other.status == .falseRetry)
    }

    /// Those of layouts and delegations that take the most to say.
    private static let unsupportedOfFiles: [OperationArguments] = [
        .getDirectoryDelegation(
            GetDirectoryDelegationArguments(
                signalWhenAvailable: false,
                notificationTypes: [],
                childAttributeDelay: NFSTime(seconds: 1, nanoseconds: 0),
                directoryAttributeDelay: NFSTime(seconds: 1, nanoseconds: 0),
                childAttributes: [],
                directoryAttributes: []
            )
        ),
        .layoutCommit(
            LayoutCommitArguments(
                offset: 0,
                length: 1,
                isReclaim: false,
                stateID: .anonymous,
                lastWriteOffset: nil,
                modified: nil,
                update: LayoutBody(type: 1, body: [])
            )
        ),
        .layoutReturn(
            LayoutReturnArguments(isReclaim: false, layoutType: 1, mode: .read, what: .all)
        ),
        .wantDelegation(WantDelegationArguments(want: 0, claim: .fileHandle)),
    ]

    @Test func `retired and unsupported operations are NFS4ERR_NOTSUPP`() async throws {
        let client = try await connected()
        for operation: OperationArguments in [
            .renew(client.id), .releaseLockOwner(StateOwner(client: client.id, owner: [])),
            .delegationPurge(client.id),
            .openAttributeDirectory(OpenAttributeDirectoryArguments(create: false)),
            .setClientID(WireClientV40.introduction("a")),
            .setClientIDConfirm(SetClientIDReply(client: client.id, confirmation: .zero)),
            .openConfirm(OpenConfirmArguments(stateID: .anonymous, sequence: 0)),
            .getDeviceInfo(
                GetDeviceInfoArguments(
                    device: DeviceID(high: 0, low: 0),
                    layoutType: 1,
                    bytesMax: 100,
                    notifyTypes: []
                )
            ),
            .getDeviceList(
                GetDeviceListArguments(
                    layoutType: 1,
                    devicesMax: 1,
                    cookie: 0,
                    verifier: .zero
                )
            ),
            .layoutGet(
                LayoutGetArguments(
                    signalWhenAvailable: false,
                    layoutType: 1,
                    mode: .read,
                    offset: 0,
                    length: 1,
                    lengthMin: 1,
                    stateID: .anonymous,
                    bytesMax: 100
                )
            ),
        ] {
            let status = try await client.status([.putRootFileHandle, operation])
            #expect(status == .notSupported, "\(operation)")
        }
        for operation in Self.unsupportedOfFiles {
            let status = try await client.status([.putRootFileHandle, operation])
            #expect(status == .notSupported, "\(operation)")
        }
        let secret = SetStateSecretArguments(secret: [1], digest: [2])
        #expect(try await client.status([.setStateSecret(secret)]) == .invalid)
        let delegation = OperationArguments.delegationReturn(.anonymous)
        #expect(try await client.status([.putRootFileHandle, delegation]) == .badStateID)
        let root = try await client.last([.putRootFileHandle, .getFileHandle])
        #expect(try await client.last([.putPublicFileHandle, .getFileHandle]) == root)
    }

    @Test func `a session is destroyed by its own last operation`() async throws {
        let client = try await connected()
        let early = try await client.send([
            client.sequence(), .destroySession(client.session), .putRootFileHandle,
        ])
        #expect(early.status == .notOnlyOperation)
        let late = try await client.send([client.sequence(), .destroySession(client.session)])
        #expect(late.results.map(\.status) == [.ok, .ok])
        #expect(try await client.send([client.sequence()]).status == .badSession)
        #expect(try await client.send([.destroyClientID(client.id)]).status == .ok)
        #expect(try await client.send([.destroyClientID(client.id)]).status == .staleClientID)
    }

    @Test func `a session that another connection destroyed is not found by the one that used it`()
        async throws
    {
        let world = try await NFSWorld.make()
        let (client, other) = (WireClient(world.parts), WireClient(world.parts))
        try await client.connect()
        _ = try await client.run([.putRootFileHandle])
        #expect(try await other.send([.destroySession(client.session)]).status == .ok)
        #expect(try await client.send([client.sequence()]).status == .badSession)
        // Nor is one whose client was replaced by a later start of its own.
        try await client.connect()
        _ = try await client.run([.putRootFileHandle])
        try await other.connect(verifier: 2)
        #expect(try await client.send([client.sequence()]).status == .badSession)
        #expect(try await other.run([.putRootFileHandle]).map(\.status) == [.ok])
    }

    @Test func `EXCHANGE_ID refuses flags and protections that there are not`() async throws {
        let client = WireClient(try await NFSWorld.make().parts)
        func exchange(_ flags: UInt32, _ protection: StateProtectRequest = .none) async throws
            -> NFSStatus
        {
            try await client.send([
                .exchangeID(
                    ExchangeIDArguments(
                        owner: ClientOwner(verifier: .zero, owner: [1]),
                        flags: ExchangeIDFlags(rawValue: flags),
                        protection: protection,
                        implementation: nil
                    )
                )
            ]).status
        }
        #expect(try await exchange(0x8000_0000) == .invalid)
        #expect(try await exchange(0x0000_0008) == .invalid)
        #expect(try await exchange(0x4000_0000) == .noEntry)
        #expect(try await exchange(0x0001_0103) == .ok)
        let operations = StateProtectOperations(mustEnforce: [], mustAllow: [])
        #expect(try await exchange(0, .machineCredential(operations)) == .invalid)
        let secret = StateSecretParameters(
            operations: operations,
            hashAlgorithms: [OpaqueBody(bytes: [1])],
            encryptionAlgorithms: [OpaqueBody(bytes: [2])],
            window: 1,
            gssHandleCount: 1
        )
        #expect(try await exchange(0, .secret(secret)) == .hashNotSupported)
    }

    @Test func `connections are bound, and the back channel's program is heard`() async throws {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        try await client.connect()
        let bind = BindConnectionArguments(
            session: client.session,
            direction: .backOrBoth,
            useRDMA: true
        )
        let reply = try await client.send([.bindConnection(bind)])
        guard case .bindConnection(let bound)? = reply.results.first else {
            throw reply.status
        }
        #expect(bound.direction == .both && !bound.useRDMA)
        var stranger = bind
        stranger.session = SessionID(high: 0, low: 0)
        #expect(try await client.send([.bindConnection(stranger)]).status == .badSession)
        let control = BackChannelControlArguments(callbackProgram: 9, callbackSecurity: [.none])
        #expect(try await client.status([.backChannelControl(control)]) == .ok)
        #expect(world.parts.store.read { $0.sessions[client.session]?.callbackProgram } == 9)
    }
}
