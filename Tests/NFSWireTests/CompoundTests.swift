import NFSWire
import NIOCore
import TestKit
import Testing

/// COMPOUND as RFC 8881 §16.2 describes it, operation by operation.
@Suite struct CompoundTests {
    /// SEQUENCE, PUTFH, GETATTR of `type`, `change` and `size`, by hand.
    static let request = bytes(
        """
        00000000 00000001 00000003
        00000035 00112233445566778899aabbccddeeff 00000007 00000002 00000003 00000001
        00000016 00000005 0102030405 000000
        00000009 00000001 0000001a
        """
    )

    static let operations: [OperationArguments] = [
        .sequence(
            SequenceArguments(
                session: SessionID(high: 0x0011_2233_4455_6677, low: 0x8899_AABB_CCDD_EEFF),
                sequence: 7,
                slot: 2,
                highestSlot: 3,
                cacheReply: true
            )
        ),
        .putFileHandle(NFSFileHandle(bytes: [1, 2, 3, 4, 5])),
        .getAttributes(GetAttributesArguments(attributes: [1, 3, 4])),
    ]

    @Test func `a compound reads as it is written by hand`() throws {
        var compound = try CompoundReader(reader(Self.request))
        #expect(compound.tag.isEmpty && compound.version == .v41 && compound.operationCount == 3)
        for expected in Self.operations {
            #expect(try compound.next() == expected)
        }
        #expect(try compound.next() == nil)
        #expect(compound.offset == Self.request.count)
        let written = Compound(version: .v41, operations: Self.operations)
        #expect(encoded { written.encode(to: &$0) } == Self.request)
    }

    @Test func `a reply is written with its status and the number of results`() throws {
        var reply = CompoundReplyWriter(XDRWriter(), tag: Array("t".utf8))
        reply.append(.ok(.putFileHandle))
        reply.append(.failure(.stale, of: .getAttributes))
        #expect(reply.status == .stale && reply.resultCount == 2)
        let written = reply.finish().finish().bytes
        #expect(
            written
                == bytes("00000046 00000001 74000000 00000002 00000016 00000000 00000009 00000046")
        )
    }

    @Test func `a result that turns out too big is taken back`() {
        var reply = CompoundReplyWriter(XDRWriter(), tag: [])
        reply.append(.ok(.putFileHandle))
        let mark = reply.mark
        let count = reply.count
        reply.append(
            .read(ReadReply(isAtEnd: true, data: ByteChain(ByteBuffer(repeating: 1, count: 9_000))))
        )
        #expect(reply.count > 9_000)
        reply.rollBack(to: mark)
        #expect(reply.count == count && reply.resultCount == 1)
        reply.append(.failure(.replyTooBig, of: .read))
        let written = reply.finish().finish().bytes
        #expect(written == bytes("00002752 00000000 00000002 00000016 00000000 00000019 00002752"))
    }

    @Test func `a refused compound has a status and no results`() {
        let reply = CompoundReplyWriter(XDRWriter(), tag: [])
        let written = reply.finish(status: .minorVersionMismatch).finish().bytes
        #expect(written == bytes("00002725 00000000 00000000"))
    }

    @Test func `a minor version that there is not has no operations`() throws {
        var compound = try CompoundReader(reader(bytes("00000000 00000003 00000001 00000018")))
        #expect(compound.version == nil && compound.minorVersion == 3)
        #expect(try compound.next() == nil)
    }

    @Test(arguments: [
        (MinorVersion.v40, UInt32(53)), (.v40, 2), (.v41, 59), (.v41, 1), (.v42, 76), (.v42, 0),
        (.v42, 10_044), (.v42, .max),
    ])
    func `a number that the minor version lacks is illegal and ends the reading`(
        version: MinorVersion,
        number: UInt32
    ) throws {
        let message = encoded { writer in
            writer.write(opaque: [])
            writer.write(version.rawValue)
            writer.write(UInt32(3))
            writer.write(OperationCode.putRootFileHandle.rawValue)
            writer.write(number)
            writer.write(OperationCode.putRootFileHandle.rawValue)
        }
        var compound = try CompoundReader(reader(message))
        #expect(try compound.next() == .putRootFileHandle)
        let illegal = try compound.next()
        #expect(illegal == .illegal(number) && illegal?.code == .illegal)
        #expect(try compound.next() == nil)
        let reply = OperationReply.failure(.illegalOperation, of: .illegal)
        #expect(encoded(reply) == bytes("0000273c 0000273c"))
    }

    @Test func `an operation that does not decode ends the reading behind those before it`() throws
    {
        let message = bytes("00000000 00000001 00000003 00000018 00000016 000000ff 00000018")
        var compound = try CompoundReader(reader(message))
        #expect(try compound.next() == .putRootFileHandle)
        let error = failure { () throws(XDRError) in try compound.next() }
        #expect(error == XDRError(.tooLong, "nfs_fh4", at: 20))
        #expect(try compound.next() == nil)
    }

    @Test func `what NFSv4_1 took back decodes, and is known as such`() throws {
        let retired = OperationCode.allCases.filter { $0.isRetired(in: .v41) }
        #expect(
            retired == [
                .openConfirm, .renew, .setClientID, .setClientIDConfirm, .releaseLockOwner,
            ]
        )
        #expect(!retired.contains { $0.isRetired(in: .v40) })
        #expect(retired.allSatisfy { $0.isDefined(in: .v41) })
        var generator = SeededGenerator(seed: 1)
        for code in retired {
            var reader = reader(OperationSamples.arguments(code, &generator))
            #expect(try OperationArguments(from: &reader, in: .v41).code == code)
        }
    }

    @Test func `a data chain goes in and out uncopied`() throws {
        let data = ByteBuffer(repeating: 9, count: 1 << 20)
        let place = data.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        var writer = XDRWriter()
        let request = OperationArguments.write(
            WriteArguments(
                stateID: .anonymous,
                offset: 0,
                stability: .unstable,
                data: ByteChain(data)
            )
        )
        request.encode(to: &writer)
        let message = writer.finish()
        var reader = XDRReader(message)
        guard case .write(let read) = try OperationArguments(from: &reader, in: .v41) else {
            Issue.record("no WRITE")
            return
        }
        #expect(read.data.count == 1 << 20 && read.data.pieceCount == 1)
        read.data.forEachPiece { piece in
            #expect(piece.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) } == place)
        }
    }

    @Test func `a status that comes with results must bring them`() async {
        await #expect(processExitsWith: .failure) {
            var writer = XDRWriter()
            OperationReply.failure(.denied, of: .lock).encode(to: &writer)
        }
    }
}
