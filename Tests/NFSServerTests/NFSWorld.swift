import Disk
import FileSystemEngine
import Keyring
import MetadataStore
import NFSWire
import NIOCore
import TestKit
import VarveModel

@testable import NFSServer

/// A server over a file system on a simulated disk, under a clock that the test moves.
struct NFSWorld {
    let clock: SimulatedClock
    let configuration: FileSystemConfiguration
    let fileSystem: FileSystem
    let exports: Exports
    let parts: ServerParts

    static let start = Timestamp(seconds: 1_800_000_000)

    static func make(
        limits: ServerLimits = ServerLimits(),
        isMountTarget: Bool = true,
        recording: Bool = false,
        readers: Int = 2,
        linksMax: UInt32? = nil,
        pendingBytesMax: UInt64? = nil,
        observer: (any AccessObserver)? = nil,
        time: @escaping @Sendable (String) -> Timestamp? = { _ in nil }
    ) async throws -> NFSWorld {
        let clock = SimulatedClock(start)
        let disk = SimulatedDisk(recording: recording)
        var configuration = configuration(clock, disk, readers: readers)
        configuration.accessObserver = observer
        if let linksMax { configuration.limits.linksMax = linksMax }
        if let pendingBytesMax { configuration.limits.pendingBytesMax = pendingBytesMax }
        let fileSystem = try await FileSystem.create(configuration)
        _ = try await fileSystem.setAttributes(
            .root,
            AttributeChanges(permissions: 0o777),
            as: .root
        )
        let exports = Exports(root: isMountTarget ? .fileSystem(fileSystem.id) : .gateway)
        exports.replace(with: [fileSystem])
        return NFSWorld(
            clock: clock,
            configuration: configuration,
            fileSystem: fileSystem,
            exports: exports,
            parts: ServerParts(
                exports: exports,
                identity: Array("test".utf8),
                clock: clock,
                limits: limits,
                time: time
            )
        )
    }

    static func configuration(
        _ clock: any VarveClock,
        _ disk: SimulatedDisk = SimulatedDisk(recording: false),
        readers: Int = 2
    ) -> FileSystemConfiguration {
        var limits = FileSystemLimits()
        limits.readers = readers
        limits.flushSeconds = nil
        let unique = UniqueID.random()
        return FileSystemConfiguration(
            id: .random(),
            unique: unique,
            family: unique,
            dataKey: .random(),
            disk: disk,
            directory: "/state/filesystems/fs",
            zones: ["/state/zones/local-1a/fs"],
            clock: clock,
            limits: limits
        )
    }
}

extension UseLog: AccessObserver {}

/// A client in `NFSWire`'s values, straight to what answers requests, or over a socket.
final class WireClient {
    /// Hands a request's transaction number, credential and COMPOUND to a server; answers the record that comes back, its mark left out.
    typealias Exchange = (UInt32, RPCCredential, ByteChain) async throws -> ByteChain

    private var exchange: Exchange
    var credential: RPCCredential
    var version = MinorVersion.v41
    private(set) var id = ClientID(rawValue: 0)
    private(set) var session = SessionID(high: 0, low: 0)
    private var sequences: [UInt32: UInt32] = [:]
    private var transaction: UInt32 = 0
    private let origin: Origin

    /// Where its requests come from; a socket knows that itself.
    var sender: SocketAddress? {
        get { origin.sender }
        set { origin.sender = newValue }
    }

    /// Its connection.
    private final class Origin {
        var sender: SocketAddress?
        /// As a connection remembers it.
        var lastSession: Session?
    }

    init(_ parts: ServerParts, uid: UInt32 = 0, gid: UInt32 = 0, groups: [UInt32] = []) {
        credential = .system(AuthSys(uid: uid, gid: gid, groups: groups))
        origin = Origin()
        exchange = Self.exchange(parts, origin)
    }

    /// Speaks to another server from now on, with the sessions that it has.
    func turn(to parts: ServerParts) {
        origin.lastSession = nil
        exchange = Self.exchange(parts, origin)
    }

    private static func exchange(_ parts: ServerParts, _ origin: Origin) -> Exchange {
        { transaction, credential, bytes in
            let request = CompoundRequest(
                transaction: transaction,
                credential: credential,
                arguments: XDRReader(bytes),
                byteCount: bytes.count + 100,
                sender: origin.sender
            )
            let record = await parts.finish(parts.begin(request, &origin.lastSession), request)
            var reader = XDRReader(record)
            let length = try reader.uint32("record mark") & 0x7FFF_FFFF
            guard Int(length) == record.count - 4 else {
                throw XDRError(.trailingBytes, "record mark", at: 0)
            }
            return reader.takeRest()
        }
    }

    /// Root, over whatever carries its requests.
    init(over exchange: @escaping Exchange) {
        credential = .system(AuthSys(uid: 0, gid: 0, groups: []))
        self.exchange = exchange
        origin = Origin()
    }

    static func channel(
        requestBytesMax: UInt32 = 1 << 20,
        replyBytesMax: UInt32 = 1 << 20,
        cachedReplyBytesMax: UInt32 = 4_096,
        operationsMax: UInt32 = 16,
        slotsMax: UInt32 = 8
    ) -> ChannelAttributes {
        ChannelAttributes(
            headerPadding: 0,
            requestBytesMax: requestBytesMax,
            replyBytesMax: replyBytesMax,
            cachedReplyBytesMax: cachedReplyBytesMax,
            operationsMax: operationsMax,
            slotsMax: slotsMax,
            rdmaReadDepth: nil
        )
    }

    /// Sends a COMPOUND as it is, and reads the record that comes back.
    func send(
        _ operations: [OperationArguments],
        version: MinorVersion? = nil,
        tag: [UInt8] = []
    ) async throws -> CompoundReply {
        try await answer(
            Compound(tag: tag, version: version ?? self.version, operations: operations)
        ).reply
    }

    /// The same with the reply's bytes, the transaction number apart.
    func answer(_ compound: Compound) async throws -> (reply: CompoundReply, bytes: [UInt8]) {
        var writer = XDRWriter()
        compound.encode(to: &writer)
        return try await answer(bytes: writer.finish())
    }

    /// - Parameters:
    ///   - bytes: COMPOUND4args.
    ///   - isRetry: It goes under the last transaction number.
    /// - Returns: The reply, and its bytes.
    /// - Throws: What does not decode.
    func answer(
        bytes: ByteChain,
        isRetry: Bool = false
    ) async throws -> (reply: CompoundReply, bytes: [UInt8]) {
        transaction += isRetry ? 0 : 1
        let record = try await exchange(transaction, credential, bytes)
        var reader = XDRReader(record)
        guard case .reply(let head) = try RPCMessage(from: &reader),
            head.transaction == transaction, head.outcome == .success
        else { throw XDRError(.badValue, "reply_stat", at: 4) }
        let reply = try CompoundReply(from: &reader)
        try reader.requireEnd("COMPOUND4res")
        ErrorLists.check(reply, to: bytes)
        return (reply, Array(record.bytes[4...]))
    }

    /// EXCHANGE_ID, CREATE_SESSION and RECLAIM_COMPLETE: what every client begins with.
    func connect(
        owner: String = "client",
        verifier: UInt64 = 1,
        fore: ChannelAttributes = WireClient.channel(),
        flags: CreateSessionFlags = [],
        reclaims: Bool = true
    ) async throws {
        let exchange = try await send([
            .exchangeID(
                ExchangeIDArguments(
                    owner: ClientOwner(
                        verifier: Verifier(rawValue: verifier),
                        owner: Array(owner.utf8)
                    ),
                    flags: [],
                    protection: .none,
                    implementation: nil
                )
            )
        ])
        guard case .exchangeID(let known)? = exchange.results.first else { throw exchange.status }
        id = known.client
        let created = try await send([
            .createSession(
                CreateSessionArguments(
                    client: known.client,
                    sequence: known.sequence,
                    flags: flags,
                    foreChannel: fore,
                    backChannel: fore,
                    callbackProgram: 0x4000_0000,
                    callbackSecurity: [.none]
                )
            )
        ])
        guard case .createSession(let made)? = created.results.first else { throw created.status }
        session = made.session
        sequences = [:]
        guard reclaims else { return }
        _ = try await run([.reclaimComplete(ReclaimCompleteArguments(oneFileSystem: false))])
    }

    /// The SEQUENCE of the next request of a slot, or of the last one again.
    func sequence(slot: UInt32 = 0, isRetry: Bool = false, cache: Bool = false)
        -> OperationArguments
    {
        let next = sequences[slot, default: 0] + (isRetry ? 0 : 1)
        sequences[slot] = next
        return .sequence(
            SequenceArguments(
                session: session,
                sequence: next,
                slot: slot,
                highestSlot: slot,
                cacheReply: cache
            )
        )
    }

    /// Runs operations in the session; answers their results, SEQUENCE's left out.
    func run(_ operations: [OperationArguments]) async throws -> [OperationReply] {
        let reply = try await send([sequence()] + operations)
        guard case .sequence? = reply.results.first else { throw reply.status }
        return Array(reply.results.dropFirst())
    }

    /// Runs operations and answers the last one's result, which the others must let happen.
    func last(_ operations: [OperationArguments]) async throws -> OperationReply {
        let results = try await run(operations)
        guard results.count == operations.count, let last = results.last else {
            throw results.last?.status ?? .serverFault
        }
        return last
    }

    /// How operations end.
    func status(_ operations: [OperationArguments]) async throws -> NFSStatus {
        try await send([sequence()] + operations).status
    }
}

extension WireClient {
    static func name(_ text: String) -> NameArguments { NameArguments(name: Array(text.utf8)) }

    /// From the root to a path.
    static func walk(_ path: String) -> [OperationArguments] {
        [.putRootFileHandle]
            + path.split(separator: "/").map { .lookup(name(String($0))) }
    }

    static func openArguments(
        _ text: String,
        access: ShareAccess = .both,
        deny: ShareDeny = [],
        owner: String = "owner",
        creation: OpenCreation? = nil
    ) -> OpenArguments {
        OpenArguments(
            sequence: 0,
            access: access,
            deny: deny,
            owner: StateOwner(client: ClientID(rawValue: 0), owner: Array(owner.utf8)),
            creation: creation,
            claim: .name(Array(text.utf8))
        )
    }

    /// Opens a name below the root; answers the state id and the file handle.
    func open(
        _ text: String,
        access: ShareAccess = .both,
        deny: ShareDeny = [],
        owner: String = "owner",
        creation: OpenCreation? = nil
    ) async throws -> (stateID: StateID, handle: NFSFileHandle) {
        let arguments = Self.openArguments(
            text,
            access: access,
            deny: deny,
            owner: owner,
            creation: creation
        )
        let results = try await run([.putRootFileHandle, .open(arguments), .getFileHandle])
        guard results.count == 3, case .open(let open) = results[1],
            case .getFileHandle(let handle) = results[2]
        else { throw results.last?.status ?? .serverFault }
        return (open.stateID, handle)
    }

    func make(_ text: String, mode: UInt32 = 0o644) async throws -> (
        stateID: StateID, handle: NFSFileHandle
    ) {
        try await open(text, creation: .guarded(FileAttributes([.mode(mode)])))
    }

    func read(
        _ handle: NFSFileHandle,
        _ stateID: StateID,
        count: UInt32 = 1 << 20,
        at offset: UInt64 = 0
    )
        async throws -> ReadReply
    {
        let result = try await last([
            .putFileHandle(handle),
            .read(ReadArguments(stateID: stateID, offset: offset, count: count)),
        ])
        guard case .read(let reply) = result else { throw result.status }
        return reply
    }

    func write(
        _ handle: NFSFileHandle,
        _ stateID: StateID,
        _ bytes: [UInt8],
        at offset: UInt64 = 0,
        _ stability: StableHow = .fileSync
    ) async throws -> WriteReply {
        let result = try await last([
            .putFileHandle(handle),
            .write(
                WriteArguments(
                    stateID: stateID,
                    offset: offset,
                    stability: stability,
                    data: ByteChain(copying: bytes)
                )
            ),
        ])
        guard case .write(let reply) = result else { throw result.status }
        return reply
    }
}

extension ServerParts {
    /// Begins a COMPOUND as a connection does with its first request.
    func begin(_ request: CompoundRequest) -> Answering {
        var noSession: Session?
        return begin(request, &noSession)
    }

    /// Answers a COMPOUND as a connection does, whether it needs a task or not.
    func answer(_ request: CompoundRequest) async -> ByteChain {
        await finish(begin(request), request)
    }

    /// Answers what is left of a COMPOUND.
    func finish(_ begun: Answering, _ request: CompoundRequest) async -> ByteChain {
        switch begun {
        case .answered(let record): return record
        case .waiting(let progress): return await progress.finish()
        case .ofV40(let reader): return await answerV40(request, reader)
        }
    }
}
