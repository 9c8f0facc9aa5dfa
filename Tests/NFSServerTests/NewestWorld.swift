import FileSystemEngine
import NFSWire
import VarveModel

@testable import NFSServer

/// What tests of NFSv4.2 begin with.
enum NewestWorld {
    static func connected(
        uid: UInt32 = 0,
        limits: ServerLimits = ServerLimits(),
        isMountTarget: Bool = true
    ) async throws -> (NFSWorld, WireClient) {
        let world = try await NFSWorld.make(limits: limits, isMountTarget: isMountTarget) { text in
            text.hasPrefix("@") ? NFSWorld.start : nil
        }
        return (world, try await client(of: world, uid: uid))
    }

    static func client(of world: NFSWorld, uid: UInt32) async throws -> WireClient {
        let client = WireClient(world.parts, uid: uid, gid: uid)
        client.version = .v42
        try await client.connect(owner: "client \(uid)")
        return client
    }
}

extension WireClient {
    /// SEEK of a file.
    func seek(
        _ handle: NFSFileHandle,
        _ stateID: StateID,
        _ what: DataContent,
        from offset: UInt64
    ) async throws -> SeekReply {
        let seek = SeekArguments(stateID: stateID, offset: offset, what: what)
        let result = try await last([.putFileHandle(handle), .seek(seek)])
        guard case .seek(let reply) = result else { throw result.status }
        return reply
    }

    func clone(
        _ source: (stateID: StateID, handle: NFSFileHandle),
        to target: (stateID: StateID, handle: NFSFileHandle),
        from offset: UInt64 = 0,
        at targetOffset: UInt64 = 0,
        count: UInt64 = 0
    ) -> [OperationArguments] {
        let clone = CloneArguments(
            source: source.stateID,
            destination: target.stateID,
            sourceOffset: offset,
            destinationOffset: targetOffset,
            count: count
        )
        return [
            .putFileHandle(source.handle), .saveFileHandle, .putFileHandle(target.handle),
            .clone(clone),
        ]
    }

    func copy(
        _ source: (stateID: StateID, handle: NFSFileHandle),
        to target: (stateID: StateID, handle: NFSFileHandle),
        from offset: UInt64 = 0,
        at targetOffset: UInt64 = 0,
        count: UInt64 = 0,
        sourceServers: [NetworkLocation] = []
    ) -> [OperationArguments] {
        let copy = CopyArguments(
            source: source.stateID,
            destination: target.stateID,
            sourceOffset: offset,
            destinationOffset: targetOffset,
            count: count,
            isConsecutive: true,
            isSynchronous: true,
            sourceServers: sourceServers
        )
        return [
            .putFileHandle(source.handle), .saveFileHandle, .putFileHandle(target.handle),
            .copy(copy),
        ]
    }

    /// COPY's results.
    func copied(_ operations: [OperationArguments]) async throws -> CopyReply {
        let result = try await last(operations)
        guard case .copy(let reply) = result else { throw result.status }
        return reply
    }
}
