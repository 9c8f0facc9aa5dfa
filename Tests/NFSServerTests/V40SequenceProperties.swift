import NFSWire
import TestKit
import Testing
import VarveModel

@testable import NFSServer

/// Goal: requests of owners that are sent any number of times, late or under wrong numbers do what they would have done on a
/// network that loses nothing (RFC 7530 §9.1.7).
///
/// Method: one server gets every request once. Another gets the same ones with repetitions of the last, strays from before it and
/// jumps ahead in between; a plain model, an owner's last number and reply, says what each of those must be answered with.
@Suite struct V40SequenceProperties {
    /// A request as the client has it, so that it can be sent again.
    private enum Request: Hashable {
        case open(owner: UInt8, file: UInt64, access: UInt32, UInt32)
        case confirm(StateID, file: UInt64, UInt32)
        case close(StateID, file: UInt64, UInt32)
        case downgrade(StateID, file: UInt64, access: UInt32, UInt32)
        case lock(StateID, file: UInt64, owner: UInt8, isExclusive: Bool, at: UInt64, UInt32)
        case unlock(StateID, file: UInt64, UInt32)
    }

    private struct Server {
        var state = ServerState(start: 7)
        let client: ClientID
        let now = Timestamp(seconds: 1_000_000)

        init() throws {
            let outcome = state.setClientID(
                WireClientV40.introduction("x"),
                by: .none,
                at: now
            )
            guard case .granted(let reply) = outcome else { throw NFSStatus.serverFault }
            _ = state.confirmClientID(reply, by: .none, at: now)
            client = reply.client
        }

        private func file(_ number: UInt64) -> FileKey {
            FileKey(
                fileSystem: FileSystemKey(high: 1, low: 1),
                inode: InodeNumber(rawValue: number)
            )
        }

        private func sequenced(
            _ request: Request,
            _ code: OperationCode,
            _ stateID: StateID,
            _ number: UInt32,
            _ file: UInt64
        ) -> ServerState.SequencedRequest {
            let fingerprint = RequestFingerprint(byteCount: 0, hash: request.hashValue)
            return ServerState.SequencedRequest(
                code,
                stateID,
                number,
                on: self.file(file),
                fingerprint
            )
        }

        mutating func answer(_ request: Request) -> OperationReply {
            switch request {
            case .open(let owner, let file, let access, let number):
                return open(request, owner, file, access, number)
            case .confirm(let id, let file, let number):
                let sent = sequenced(request, .openConfirm, id, number, file)
                return state.confirmOpen(sent, at: now)
            case .close(let id, let file, let number):
                return state.closeV40(sequenced(request, .close, id, number, file), at: now)
            case .downgrade(let id, let file, let access, let number):
                return state.downgradeV40(
                    sequenced(request, .openDowngrade, id, number, file),
                    ShareRequest(ShareAccess(rawValue: access), []),
                    at: now
                )
            case .lock(let id, let file, let owner, let isExclusive, let offset, let number):
                let arguments = LockArguments(
                    type: isExclusive ? .write : .read,
                    isReclaim: false,
                    offset: offset,
                    length: 10,
                    locker: .new(
                        NewLockOwner(
                            openSequence: number,
                            openStateID: id,
                            lockSequence: UInt32(offset),
                            owner: StateOwner(client: client, owner: [owner])
                        )
                    )
                )
                let sent = sequenced(request, .lock, id, number, file)
                return state.lockV40(arguments, sent, refusal: .ok, at: now)
            case .unlock(let id, let file, let number):
                let arguments = UnlockArguments(
                    type: .write,
                    sequence: number,
                    stateID: id,
                    offset: 0,
                    length: .max
                )
                let sent = sequenced(request, .unlock, id, number, file)
                return state.unlockV40(arguments, sent, refusal: .ok, at: now)
            }
        }

        /// As OPEN does it, without a file system.
        private mutating func open(
            _ request: Request,
            _ owner: UInt8,
            _ number: UInt64,
            _ access: UInt32,
            _ sequence: UInt32
        ) -> OperationReply {
            let owner = StateOwner(client: client, owner: [owner])
            let fingerprint = RequestFingerprint(byteCount: 0, hash: request.hashValue)
            let beginning = state.beginOpen(by: owner, sequence: sequence, fingerprint, at: now)
            guard case .run(let isConfirmed) = beginning else {
                if case .replay(let kept) = beginning { return kept.reply }
                if case .refuse(let status) = beginning { return .failure(status, of: .open) }
                preconditionFailure("an OPEN runs, is repeated or is refused")
            }
            let wanted = ServerState.OpenRequest(
                client: client,
                owner: owner.owner,
                file: file(number),
                access: ShareAccess(rawValue: access),
                deny: number == 3 ? .write : []
            )
            let reply: OperationReply
            switch state.open(wanted, holding: HeldFile {}, at: now) {
            case .failure(let status): reply = .failure(status, of: .open)
            case .success(let stateID):
                reply = .open(
                    OpenReply(
                        stateID: stateID,
                        change: ChangeInfo(unchanged: 0),
                        flags: isConfirmed ? [] : .confirm,
                        attributesSet: [],
                        delegation: .none
                    )
                )
            }
            state.finishOpen(
                by: owner,
                sequence: sequence,
                fingerprint,
                KeptReply(reply),
                isConfirmed: isConfirmed,
                at: now
            )
            return reply
        }

        /// All that is held, to be compared.
        var holdings: [String] {
            let opens = state.opens.values.map { "open \($0.stateID) \($0.owner) \($0.access)" }
            let locks = state.locks.values.map { "lock \($0.stateID) \($0.owner)" }
            let ranges = state.files.map { "\($0.key) \($0.value.ranges.locks)" }
            return (opens + locks + ranges).sorted()
        }
    }

    /// What the client knows: of each open owner the last number, the last request with its reply, and what is open.
    private struct Client {
        struct Open {
            var stateID: StateID
            let file: UInt64
            var locks: [UInt8: StateID] = [:]
        }

        var last: UInt32
        var isConfirmed = false
        var opens: [Open] = []
        var sent: [(request: Request, reply: OperationReply)] = []
    }

    @Test func `repetitions, strays and jumps change nothing`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 40))
        var seen: [String: Int] = [:]
        for _ in 0..<max(TestSizes.current.fuzzInputs / 200, 10) {
            try run(&generator, &seen)
        }
        print("owners: \(seen)")
        for kind in [
            "open ok", "open shareDenied", "openConfirm ok", "close ok", "openDowngrade ok",
            "openDowngrade invalid", "lock ok", "lock denied", "repeated", "stray", "ahead",
            "wrapped",
        ] {
            #expect(seen[kind, default: 0] > 0, "no \(kind)")
        }
    }

    private func run(
        _ generator: inout SeededGenerator,
        _ seen: inout [String: Int]
    ) throws {
        var (calm, stormy) = (try Server(), try Server())
        var clients = (0..<3).map { _ in
            // Some are about to wrap.
            Client(last: Bool.random(using: &generator) ? .max - 20 : 1_000)
        }
        for step in 0..<200 {
            let number = Int.random(in: 0..<clients.count, using: &generator)
            let request = next(UInt8(number), clients[number], UInt64(step), &generator)
            let expected = calm.answer(request)
            disturb(&stormy, clients[number], &generator, &seen)
            #expect(stormy.answer(request) == expected, "\(request)")
            note(request, expected, &clients[number], &seen)
            if Bool.random(using: &generator) {
                seen["repeated", default: 0] += 1
                #expect(stormy.answer(request) == expected, "again: \(request)")
            }
            #expect(stormy.holdings == calm.holdings)
        }
    }

    /// An owner's next request, of a kind that makes sense.
    private func next(
        _ owner: UInt8,
        _ client: Client,
        _ step: UInt64,
        _ generator: inout SeededGenerator
    ) -> Request {
        let number = client.last &+ 1
        let file = UInt64.random(in: 2...4, using: &generator)
        let access = UInt32.random(in: 1...3, using: &generator)
        guard let open = client.opens.randomElement(using: &generator) else {
            return .open(owner: owner, file: file, access: access, number)
        }
        guard client.isConfirmed else {
            return .confirm(open.stateID, file: open.file, number)
        }
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: return .close(open.stateID, file: open.file, number)
        case 1: return .downgrade(open.stateID, file: open.file, access: access, number)
        case 2, 3:
            // A lock owner of its own for each, so that any number is its first.
            return .lock(
                open.stateID,
                file: open.file,
                owner: UInt8(truncatingIfNeeded: step),
                isExclusive: Bool.random(using: &generator),
                at: UInt64.random(in: 0..<50, using: &generator),
                number
            )
        default: return .open(owner: owner, file: file, access: access, number)
        }
    }

    /// Sends what must change nothing: the last request again, one from before it, one that is ahead.
    private func disturb(
        _ server: inout Server,
        _ client: Client,
        _ generator: inout SeededGenerator,
        _ seen: inout [String: Int]
    ) {
        guard client.isConfirmed, let last = client.sent.last else { return }
        switch Int.random(in: 0..<4, using: &generator) {
        case 0:
            seen["repeated", default: 0] += 1
            #expect(server.answer(last.request) == last.reply, "late: \(last.request)")
        case 1:
            let strays = client.sent.dropLast().suffix(5).map(\.request)
            guard let stray = strays.randomElement(using: &generator) else { return }
            seen["stray", default: 0] += 1
            // What names nothing any more is not even looked at.
            let answers: [NFSStatus] = [.badSequenceID, .badStateID]
            #expect(answers.contains(server.answer(stray).status), "stray: \(stray)")
        case 2:
            guard case .open(let owner, let file, let access, _) = last.request else { return }
            seen["ahead", default: 0] += 1
            let ahead = Request.open(
                owner: owner,
                file: file,
                access: access,
                client.last &+ UInt32.random(in: 2...9, using: &generator)
            )
            #expect(server.answer(ahead).status == .badSequenceID)
        default: break
        }
    }

    /// What the client learns.
    private func note(
        _ request: Request,
        _ reply: OperationReply,
        _ client: inout Client,
        _ seen: inout [String: Int]
    ) {
        seen["\(reply.code) \(reply.status)", default: 0] += 1
        guard reply.status.advancesOwner else { return }
        client.last &+= 1
        if client.last == 0 { seen["wrapped", default: 0] += 1 }
        client.sent.append((request, reply))
        func replace(_ stateID: StateID, _ file: UInt64) {
            client.opens.removeAll { $0.file == file }
            client.opens.append(Client.Open(stateID: stateID, file: file))
        }
        switch (request, reply) {
        case (.open(_, let file, _, _), .open(let open)):
            client.isConfirmed = !open.flags.contains(.confirm)
            replace(open.stateID, file)
        case (.confirm(_, let file, _), .openConfirm(let stateID)):
            client.isConfirmed = true
            replace(stateID, file)
        case (.downgrade(_, let file, _, _), .openDowngrade(let stateID)): replace(stateID, file)
        case (.close(_, let file, _), .close): client.opens.removeAll { $0.file == file }
        default: break
        }
    }
}
