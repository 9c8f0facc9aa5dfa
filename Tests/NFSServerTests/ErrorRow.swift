import NFSWire
import Testing
import VarveModel

@testable import NFSServer

/// An operation's row of RFC 8881 §15.2 (`ErrorLists`): a test meets each error, or it is said why none can.
struct ErrorRow {
    let code: OperationCode
    /// As the RFC has them, and what it is answered with beyond.
    let listed: Set<NFSStatus>
    /// Those that no request can cause here, and why; or the test that meets them elsewhere.
    let unmet: [NFSStatus: String]
    private(set) var met: Set<NFSStatus> = []

    init(_ code: OperationCode, unmet: [NFSStatus: String]) {
        self.code = code
        let beyond = ErrorLists.beyond[code]?.keys.map { $0 } ?? []
        listed = (ErrorLists.listed[code] ?? []).union(beyond)
        self.unmet = unmet
    }

    /// What no operation can meet here.
    static let never: [NFSStatus: String] = [
        .adminRevoked: "no administrator revokes state",
        .handleExpired: "handles are persistent",
        .moved: "file systems do not move",
        .serverFault: "only what the engine has no name for",
        .wrongSecurity: "AUTH_SYS and AUTH_NONE are good everywhere",
        .wrongCredentials: "there is no SP4_MACH_CRED",
        .quotaExceeded: "there are no quotas",
    ]

    /// What SEQUENCE is answered with, before the operation is looked at; `SessionErrorTests` meets it there.
    static let ofSequence: [NFSStatus: String] = [
        .requestTooBig: "answered to SEQUENCE", .tooManyOperations: "answered to SEQUENCE",
        .deadSession: "answered to SEQUENCE",
    ]

    /// Expects that a COMPOUND ends with a status, as the result of this operation.
    mutating func expect(
        _ status: NFSStatus,
        _ reply: CompoundReply,
        _ comment: Comment? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(reply.status == status, comment, sourceLocation: sourceLocation)
        #expect(reply.results.last?.status == status, comment, sourceLocation: sourceLocation)
        #expect(reply.results.last?.code == code, comment, sourceLocation: sourceLocation)
        if status != .ok {
            #expect(
                listed.contains(status),
                "\(code): the RFC does not list \(status)",
                sourceLocation: sourceLocation
            )
        }
        met.insert(status)
    }

    /// Meets what any operation that needs a session may be answered with: its decoding, and what its session allows.
    mutating func expectGeneral(
        _ operation: OperationArguments,
        of world: NFSWorld,
        needsSession: Bool = true
    ) async throws {
        let client = WireClient(world.parts)
        try await client.connect(owner: "general \(code)")
        if needsSession { expect(.operationNotInSession, try await client.send([operation])) }
        var bytes = Self.bytes([client.sequence(), operation])
        bytes.removeLast(4)
        expect(.badXDR, try await client.answer(bytes: ByteChain(copying: bytes)).reply)

        expect(.ok, try await client.send([client.sequence(slot: 1)]), of: .sequence)
        let retry = [client.sequence(slot: 1, isRetry: true), operation]
        // Another request under a used number: told apart before it is looked at.
        expect(.falseRetry, try await client.send(retry), of: .sequence)
        _ = try await client.send([client.sequence(slot: 2), operation])
        let again = [client.sequence(slot: 2, isRetry: true), operation]
        expect(.retryUncachedReply, try await client.send(again))

        let filling = [OperationArguments](repeating: .putRootFileHandle, count: 7)
        try await client.connect(
            owner: "small \(code)",
            fore: WireClient.channel(replyBytesMax: 256)
        )
        expect(.replyTooBig, try await client.send([client.sequence()] + filling + [operation]))
        try await client.connect(
            owner: "smaller \(code)",
            fore: WireClient.channel(cachedReplyBytesMax: 256)
        )
        let kept = [client.sequence(cache: true)] + filling + [operation]
        expect(.replyTooBigToCache, try await client.send(kept))
    }

    private func expect(_ status: NFSStatus, _ reply: CompoundReply, of code: OperationCode) {
        #expect(reply.status == status)
        #expect(reply.results.map(\.code) == [code])
    }

    /// Expects that nothing of the RFC's list was left out.
    func expectComplete() {
        let errors = met.subtracting([.ok])
        for status in listed.subtracting(errors) where unmet[status] == nil {
            Issue.record("\(code): nothing meets \(status)")
        }
        #expect(!listed.isEmpty, "\(code) has no row")
        for status in unmet.keys where errors.contains(status) {
            Issue.record("\(code): \(status) is met after all")
        }
    }

    static func bytes(_ operations: [OperationArguments]) -> [UInt8] {
        var writer = XDRWriter()
        Compound(tag: [], version: .v41, operations: operations).encode(to: &writer)
        return writer.finish().bytes
    }
}

extension [NFSStatus: String] {
    /// The same, and more.
    func and(_ more: [NFSStatus: String]) -> [NFSStatus: String] {
        merging(more) { _, new in new }
    }
}
