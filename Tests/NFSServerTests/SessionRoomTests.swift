import NFSWire
import NIOCore
import Testing
import VarveModel

@testable import NFSServer

/// Goal: what all sessions keep for retries is bounded, and each still gets what it was granted (RFC 8881 §2.10.6.1.3).
@Suite struct SessionRoomTests {
    private let principal = Principal.system(uid: 0)

    /// Room for 30 sessions of eight slots with 4 KiB each.
    private static let limits: ServerLimits = {
        var limits = ServerLimits()
        limits.sessionBytesOfAllMax = 1 << 20
        return limits
    }()

    /// A client of its own with a session; answers its fore channel.
    private func session(
        _ state: inout ServerState,
        _ name: String,
        at now: Timestamp
    ) throws -> Result<CreateSessionReply, NFSStatus> {
        let owner = ClientOwner(verifier: .zero, owner: Array(name.utf8))
        let grant = try state.exchangeID(owner, by: principal, isUpdate: false, at: now).get()
        return state.createSession(
            CreateSessionArguments(
                client: grant.client,
                sequence: grant.sequence,
                flags: [],
                foreChannel: WireClient.channel(),
                backChannel: WireClient.channel(),
                callbackProgram: 1,
                callbackSecurity: [.none]
            ),
            by: principal,
            at: now
        )
    }

    @Test func `sessions get fewer slots as room ends, then none, and keep what they got`() throws {
        var state = ServerState(start: 7, limits: Self.limits)
        let now = Timestamp(seconds: 1_000)
        var slots: [UInt32] = []
        while true {
            let outcome = try session(&state, "client \(slots.count)", at: now)
            let kept = state.sessions.values.reduce(0) { $0 + $1.foreChannel.keptBytesMax }
            #expect(kept == state.sessionBytes)
            #expect(kept <= Self.limits.sessionBytesOfAllMax)
            guard case .success(let made) = outcome else {
                #expect(outcome == .failure(.delay))
                break
            }
            #expect(made.foreChannel.cachedReplyBytesMax == 4_096)
            slots.append(made.foreChannel.slotsMax)
            try #require(slots.count < 1_000, "there is no end")
        }
        #expect(slots.first == 8 && slots.last == 1)
        #expect(slots.filter { $0 == 8 }.count > 15)
        #expect(slots == slots.sorted(by: >))
    }

    @Test func `sessions of silent clients make room, and their clients keep the rest`() throws {
        var state = ServerState(start: 7, limits: Self.limits)
        var now = Timestamp(seconds: 1_000)
        while case .success = try session(&state, "\(state.clients.count)", at: now) {}
        let before = Set(state.sessions.keys)
        now = now.adding(seconds: Self.limits.leaseSeconds + 1)
        let new = try session(&state, "new", at: now).get()
        #expect(new.foreChannel.slotsMax == 8)
        let gone = before.subtracting(state.sessions.keys)
        #expect(!gone.isEmpty && gone.count < before.count, "no more than is needed")
        for session in gone {
            #expect(state.clients[ClientID(rawValue: session.high)]?.isConfirmed == true)
        }
        for id in Array(state.clients.keys) { state.remove(client: id) }
        #expect(state.sessionBytes == 0 && state.sessions.isEmpty)
    }

    @Test func `what is given back is given to others`() throws {
        var state = ServerState(start: 7, limits: Self.limits)
        let now = Timestamp(seconds: 1_000)
        for number in 0..<500 {
            let made = try session(&state, "\(number)", at: now).get()
            #expect(made.foreChannel.slotsMax == 8)
            #expect(state.destroy(session: made.session, running: 0) == .ok)
            #expect(state.destroy(session: made.session, running: 0) == .badSession)
        }
        #expect(state.sessionBytes == 0)
    }

    /// A READ's reply lies in the buffer that the file was read into.
    @Test func `a short reply does not keep a long buffer`() throws {
        let buffer = ByteBuffer(repeating: 7, count: 1 << 20)
        let slice = try #require(buffer.getSlice(at: 1_000, length: 100))
        let chain = ByteChain([ByteBuffer(repeating: 1, count: 50), slice])
        let kept = chain.kept(withinStorage: 1_024)
        #expect(kept == chain)
        #expect(kept.pieces.map(\.storageCapacity).reduce(0, +) <= 1_024)
        let short = ByteChain(ByteBuffer(repeating: 1, count: 50))
        #expect(short.kept(withinStorage: 1_024).pieces.first?.storageCapacity == 64)
        for bytes in [1, 1_024, 1_025, 3_000, 4_096, 8_192] {
            let storage = ChannelAttributes.replyStorageMax(bytes)
            #expect(ByteBuffer(repeating: 0, count: bytes).storageCapacity <= storage)
            #expect(storage < max(2 * bytes, 2_049))
        }
    }

    /// There is no SP4_MACH_CRED: who knows a session's id may destroy it.
    @Test func `a client cannot tell the ids of others' sessions from its own`() throws {
        var state = ServerState(start: 7)
        let now = Timestamp(seconds: 1_000)
        let ids = try (0..<16).map { try session(&state, "\($0)", at: now).get().session }
        let numbers = ids.map(\.low).sorted()
        for (one, next) in zip(numbers, numbers.dropFirst()) { #expect(next - one > 1 << 30) }
        let guess = SessionID(high: ids[1].high, low: ids[0].low + 1)
        #expect(state.destroy(session: guess, running: 0) == .badSession)
    }
}
