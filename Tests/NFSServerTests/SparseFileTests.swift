import FileSystemEngine
import NFSWire
import NIOCore
import Testing
import VarveModel

@testable import NFSServer

/// Goal: data and holes are told apart and made as RFC 7862 §15.1, §15.4, §15.10 and §15.11 say.
@Suite struct SparseFileTests {
    /// 10,000 bytes, a hole up to 50,000, 5,000 bytes, a hole up to 70,000.
    private func sparse(
        _ client: WireClient
    ) async throws -> (stateID: StateID, handle: NFSFileHandle) {
        let file = try await client.make("f")
        let data = [UInt8](repeating: 7, count: 10_000)
        _ = try await client.write(file.handle, file.stateID, data, .unstable)
        _ = try await client.write(
            file.handle,
            file.stateID,
            Array(data[..<5_000]),
            at: 50_000,
            .unstable
        )
        let size = SetAttributesArguments(
            stateID: file.stateID,
            attributes: FileAttributes([.size(70_000)])
        )
        #expect(
            try await client.status([.putFileHandle(file.handle), .setAttributes(size)]) == .ok
        )
        return file
    }

    @Test func `SEEK finds data and holes, and a hole at the end of every file`() async throws {
        let (_, client) = try await NewestWorld.connected()
        let (stateID, handle) = try await sparse(client)
        let table: [(DataContent, UInt64, UInt64, isAtEnd: Bool)] = [
            (.data, 0, 0, false), (.data, 9_999, 9_999, false), (.data, 10_000, 50_000, false),
            (.data, 54_999, 54_999, false), (.hole, 0, 10_000, false),
            (.hole, 10_000, 10_000, false), (.hole, 49_999, 49_999, false),
            (.hole, 50_000, 55_000, false), (.hole, 69_999, 69_999, false),
            // No more data: found nothing, which is no error (RFC 7862 §15.11.3).
            (.data, 55_000, 70_000, true), (.data, 69_999, 70_000, true),
        ]
        for (what, offset, wanted, isAtEnd) in table {
            let found = try await client.seek(handle, stateID, what, from: offset)
            #expect(
                found == SeekReply(isAtEnd: isAtEnd, offset: wanted),
                "\(what) from \(offset)"
            )
        }
        for offset: UInt64 in [70_000, 70_001, .max] {
            let seek = SeekArguments(stateID: stateID, offset: offset, what: .hole)
            let status = try await client.status([.putFileHandle(handle), .seek(seek)])
            #expect(status == .noDevice, "from \(offset)")
        }
        // "{SEEK 0 NFS4_CONTENT_HOLE} would return {SEEK 1 X}" of a file without holes.
        let full = try await client.make("full")
        _ = try await client.write(full.handle, full.stateID, [1, 2, 3])
        let end = try await client.seek(full.handle, full.stateID, .hole, from: 0)
        #expect(end == SeekReply(isAtEnd: true, offset: 3))
        let empty = try await client.make("empty")
        let seek = SeekArguments(stateID: empty.stateID, offset: 0, what: .data)
        #expect(try await client.status([.putFileHandle(empty.handle), .seek(seek)]) == .noDevice)
    }

    @Test func `SEEK asks what READ asks`() async throws {
        let (world, root) = try await NewestWorld.connected()
        let (stateID, handle) = try await sparse(root)
        let user = try await NewestWorld.client(of: world, uid: 1_000)
        func status(_ client: WireClient, _ stateID: StateID, _ walk: [OperationArguments])
            async throws -> NFSStatus
        {
            let seek = SeekArguments(stateID: stateID, offset: 0, what: .data)
            return try await client.status(walk + [.seek(seek)])
        }
        let file: [OperationArguments] = [.putFileHandle(handle)]
        #expect(try await status(user, .anonymous, file) == .ok)
        let mode = SetAttributesArguments(
            stateID: .anonymous,
            attributes: FileAttributes([.mode(0o600)])
        )
        #expect(try await root.status(file + [.setAttributes(mode)]) == .ok)
        #expect(try await status(user, .anonymous, file) == .accessDenied)
        #expect(try await status(user, stateID, file) == .badStateID)
        #expect(try await status(root, .anonymous, [.putRootFileHandle]) == .isDirectory)
        #expect(try await status(root, .anonymous, []) == .noFileHandle)
    }

    @Test func `DEALLOCATE makes a hole, and leaves the size`() async throws {
        let (world, client) = try await NewestWorld.connected()
        let (stateID, handle) = try await sparse(client)
        func deallocate(_ offset: UInt64, _ length: UInt64, _ stateID: StateID) async throws
            -> NFSStatus
        {
            try await client.status([
                .putFileHandle(handle),
                .deallocate(
                    AllocateArguments(stateID: stateID, offset: offset, length: length)
                ),
            ])
        }
        #expect(try await deallocate(1_000, 8_000, stateID) == .ok)
        let hole = try await client.seek(handle, stateID, .hole, from: 0)
        #expect(hole.offset == 1_000)
        #expect(try await client.seek(handle, stateID, .data, from: 1_000).offset == 9_000)
        let read = try await client.read(handle, stateID, count: 10_000)
        let sevens = [UInt8](repeating: 7, count: 1_000)
        #expect(read.data.bytes == sevens + [UInt8](repeating: 0, count: 8_000) + sevens)
        // Beyond the end there is nothing to take away, and nothing is added.
        #expect(try await deallocate(60_000, 1 << 40, stateID) == .ok)
        #expect(try await client.read(handle, stateID, count: 10, at: 69_995).data.count == 5)
        #expect(try await deallocate(.max - 5, 10, stateID) == .invalid)
        #expect(try await deallocate(5, 0, stateID) == .invalid)
        let (reading, _) = try await client.open("f", access: .read, owner: "reader")
        #expect(try await deallocate(0, 10, reading) == .openMode)
        let dir = try await client.status([
            .putRootFileHandle,
            .deallocate(AllocateArguments(stateID: .anonymous, offset: 0, length: 1)),
        ])
        #expect(dir == .isDirectory)
        // An open for writing goes on whatever the mode says by now (RFC 8881 §18.32.4).
        let user = try await NewestWorld.client(of: world, uid: 1_000)
        let own = try await user.make("own")
        _ = try await user.write(own.handle, own.stateID, [1, 2, 3, 4])
        let mode = SetAttributesArguments(
            stateID: .anonymous,
            attributes: FileAttributes([.mode(0)])
        )
        let hollow = AllocateArguments(stateID: own.stateID, offset: 1, length: 2)
        let done = try await user.status([
            .putFileHandle(own.handle), .setAttributes(mode), .deallocate(hollow),
        ])
        #expect(done == .ok)
        #expect(try await user.read(own.handle, own.stateID).data.bytes == [1, 0, 0, 4])
    }

    /// Space is not promised (docs/decisions/0022): who asks hears so, and posix_fallocate(3) falls back.
    @Test func `ALLOCATE is not supported, and changes nothing`() async throws {
        let (_, client) = try await NewestWorld.connected()
        let (stateID, handle) = try await sparse(client)
        let room = AllocateArguments(stateID: stateID, offset: 0, length: 1 << 20)
        let file = OperationArguments.putFileHandle(handle)
        #expect(try await client.status([file, .allocate(room)]) == .notSupported)
        #expect(try await client.read(handle, stateID, count: 10, at: 69_995).data.count == 5)
    }

    @Test func `READ_PLUS leaves zeros out, and says what READ says`() async throws {
        let (_, client) = try await NewestWorld.connected()
        let (stateID, handle) = try await sparse(client)
        func both(_ offset: UInt64, _ count: UInt32) async throws -> (ReadReply, ReadPlusReply) {
            let read = ReadArguments(stateID: stateID, offset: offset, count: count)
            let results = try await client.run([
                .putFileHandle(handle), .read(read), .readPlus(read),
            ])
            guard results.count == 3, case .read(let plain) = results[1],
                case .readPlus(let plus) = results[2]
            else { throw results.last?.status ?? .serverFault }
            return (plain, plus)
        }
        for (offset, count): (UInt64, UInt32) in [
            (0, 100_000), (0, 10_000), (3, 60_000), (20_000, 10_000), (69_000, 5_000), (0, 1),
            (70_000, 5), (1 << 40, 5), (0, 0),
        ] {
            let (plain, plus) = try await both(offset, count)
            var bytes: [UInt8] = []
            for segment in plus.segments {
                let next = offset + UInt64(bytes.count)
                switch segment {
                case .data(let data):
                    // The segments adjoin one another (RFC 7862 §15.10.3).
                    #expect(data.offset == next && !data.data.isEmpty)
                    bytes += data.data.bytes
                case .hole(let hole):
                    #expect(hole.offset == next && hole.length > 0)
                    bytes += [UInt8](repeating: 0, count: Int(hole.length))
                }
            }
            #expect(bytes == plain.data.bytes, "\(count) from \(offset)")
            #expect(plus.isAtEnd == plain.isAtEnd)
        }
        let (_, plus) = try await both(0, 70_000)
        let holes = plus.segments.count { if case .hole = $0 { true } else { false } }
        #expect(holes == 2 && plus.segments.count == 4)
        var sent = XDRWriter()
        plus.encode(to: &sent)
        #expect(sent.finish().bytes.count < 30_000, "zeros were sent")
    }

    @Test func `READ_PLUS of a small reply is short`() async throws {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        client.version = .v42
        try await client.connect(fore: WireClient.channel(replyBytesMax: 2_000))
        let (stateID, handle) = try await client.make("f")
        let bytes = (0..<5_000).map { UInt8(truncatingIfNeeded: $0) | 1 }
        _ = try await client.write(handle, stateID, bytes)
        let read = ReadArguments(stateID: stateID, offset: 0, count: 5_000)
        let result = try await client.last([.putFileHandle(handle), .readPlus(read)])
        guard case .readPlus(let reply) = result, case .data(let data)? = reply.segments.first
        else {
            throw result.status
        }
        #expect(reply.segments.count == 1 && !reply.isAtEnd)
        #expect((1_500..<2_000).contains(data.data.count))
        #expect(data.data.bytes == Array(bytes[..<data.data.count]))
    }

    @Test func `hints are taken and none is promised`() async throws {
        let (_, client) = try await NewestWorld.connected()
        let (stateID, handle) = try await sparse(client)
        let advice = IOAdviseArguments(stateID: stateID, offset: 0, count: 0, hints: [1, 4])
        let result = try await client.last([.putFileHandle(handle), .ioAdvise(advice)])
        #expect(result == .ioAdvise([]))
        let wrong = IOAdviseArguments(stateID: .anonymous, offset: 0, count: 0, hints: [1])
        #expect(try await client.status([.putRootFileHandle, .ioAdvise(wrong)]) == .isDirectory)
        let bad = IOAdviseArguments(
            stateID: StateID(sequence: 1, otherHigh: 5, otherLow: 5),
            offset: 0,
            count: 0,
            hints: [1]
        )
        #expect(try await client.status([.putFileHandle(handle), .ioAdvise(bad)]) == .badStateID)
    }
}
