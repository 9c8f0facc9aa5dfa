import NFSWire
import NIOCore
import TestKit
import Testing

/// Calls and replies of ONC RPC, byte by byte from RFC 5531 §9 and appendix A.
@Suite struct RPCTests {
    /// xid, CALL, RPC 2, program 100003, version 4, COMPOUND, AUTH_SYS of 32 bytes, AUTH_NONE.
    static let call = bytes(
        """
        12345678 00000000 00000002 000186a3 00000004 00000001
        00000001 00000020 00000007 00000003 766d3100 000003e8 00000064 00000002 00000064 0000000a
        00000000 00000000
        """
    )

    static let caller = AuthSys(
        stamp: 7,
        machineName: Array("vm1".utf8),
        uid: 1_000,
        gid: 100,
        groups: [100, 10]
    )

    @Test func `a call with AUTH_SYS reads as RFC 5531 writes it`() throws {
        let expected = RPCCall(
            transaction: 0x1234_5678,
            program: NFSProgram.number,
            version: NFSProgram.version,
            procedure: NFSProgram.compound,
            credential: .system(Self.caller)
        )
        var reader = reader(Self.call + bytes("cafe"))
        #expect(try RPCMessage(from: &reader) == .call(expected))
        #expect(reader.takeRest().bytes == bytes("cafe"))
        #expect(encoded { expected.encode(to: &$0) } == Self.call)
        #expect(expected.credential.refusal == nil)
    }

    @Test func `a call of another RPC is told apart`() throws {
        var message = Self.call
        message[11] = 3
        var reader = reader(message)
        #expect(try RPCMessage(from: &reader) == .otherVersion(transaction: 0x1234_5678))
    }

    @Test func `RPCSEC_GSS, AUTH_TLS and unknown flavors are recognised and refused`() throws {
        for (flavor, expected) in [
            (6, RPCCredential.gss([1, 2, 3, 4])), (7, .tls), (99, .unknown(99, [1, 2, 3, 4])),
        ] {
            let credential = encoded {
                $0.write(UInt32(flavor))
                $0.write(opaque: [1, 2, 3, 4])
            }
            var reader = reader(credential)
            let read = try RPCCredential(from: &reader)
            #expect(read == expected && read.refusal == .badCredential && reader.remaining == 0)
        }
    }

    @Test func `AUTH_SYS that is none is a bad credential, and the call is still read`() throws {
        var message = Self.call
        message[31] = 0x10
        // 16 bytes of body: the rest of the old one is now the verifier's place.
        message.replaceSubrange(48..<72, with: bytes("00000000 00000000"))
        var reader = reader(message)
        guard case .call(let call) = try RPCMessage(from: &reader) else {
            Issue.record("no call")
            return
        }
        #expect(call.credential.refusal == .badCredential)
        if case .malformed(let flavor, let error) = call.credential {
            #expect(flavor == 1 && error.code == .truncated && error.field == "gid")
        } else {
            Issue.record("\(call.credential)")
        }
    }

    @Test func `seventeen groups are a bad credential`() throws {
        let groups = AuthSys(uid: 0, gid: 0, groups: Array(0..<17))
        let body = encoded { RPCCredential.system(groups).encode(to: &$0) }
        var reader = reader(body)
        #expect(try RPCCredential(from: &reader).refusal == .badCredential)
        #expect(reader.remaining == 0)
    }

    @Test(arguments: [
        (RPCReply.Outcome.success, "00000000 00000000 00000000 00000000"),
        (.programUnavailable, "00000000 00000000 00000000 00000001"),
        (
            .programMismatch(low: 4, high: 4),
            "00000000 00000000 00000000 00000002 00000004 00000004"
        ),
        (.procedureUnavailable, "00000000 00000000 00000000 00000003"),
        (.garbageArguments, "00000000 00000000 00000000 00000004"),
        (.systemError, "00000000 00000000 00000000 00000005"),
        (.rpcMismatch(low: 2, high: 2), "00000001 00000000 00000002 00000002"),
        (.authenticationError(.badCredential), "00000001 00000001 00000001"),
        (.authenticationError(.gssContextProblem), "00000001 00000001 0000000e"),
    ])
    func `every reply is written as RFC 5531 says, and read back`(
        outcome: RPCReply.Outcome,
        rest: String
    ) throws {
        let reply = RPCReply(transaction: 0xAABB_CCDD, outcome: outcome)
        let message = bytes("aabbccdd 00000001" + rest)
        #expect(encoded { reply.encode(to: &$0) } == message)
        var reader = reader(message)
        #expect(try RPCMessage(from: &reader) == .reply(reply))
        #expect(reader.remaining == 0)
        for count in 0..<message.count {
            var cut = NFSWireTests.reader(Array(message.prefix(count)))
            #expect(failure { () throws(XDRError) in try RPCMessage(from: &cut) } != nil)
        }
    }

    @Test func `a message is a call or a reply`() {
        var reader = reader(bytes("00000001 00000002"))
        let error = failure { () throws(XDRError) in try RPCMessage(from: &reader) }
        #expect(error == XDRError(.badValue, "msg_type", at: 4))
    }

    @Test func `credentials are read as they were written`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 6))
        for _ in 0..<100 {
            let credential = RPCCredential.system(AuthSys(arbitrary: &generator))
            var reader = reader(encoded { credential.encode(to: &$0) }, cutBy: &generator)
            #expect(try RPCCredential(from: &reader) == credential)
        }
    }
}
