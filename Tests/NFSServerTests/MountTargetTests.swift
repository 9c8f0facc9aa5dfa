import FileSystemEngine
import Glibc
import NFSWire
import NIOCore
import Testing
import VarveModel

@testable import NFSServer

/// Goal: over real sockets a mount target comes, serves its file system alone, and goes with its connections, while the others go on.
@Suite(.serialized) struct MountTargetTests {
    private static func serving(
        _ body: @escaping @Sendable (NFSServer, RealmWorld) async throws -> Void
    ) async throws {
        let world = try await RealmWorld.make()
        let server = NFSServer(world.start(), world.lists)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await server.run() }
            try await body(server, world)
            group.cancelAll()
            try await group.waitForAll()
        }
        await world.close()
    }

    private static func line(_ host: String, _ port: Int) async throws -> SocketLine {
        try await SocketLine(to: try SocketAddress(ipAddress: host, port: port))
    }

    private static func names(_ client: WireClient) async throws -> [String] {
        let list = ReadDirectoryArguments(
            cookie: 0,
            verifier: .zero,
            directoryBytesMax: 4_096,
            bytesMax: 4_096,
            attributes: [1]
        )
        let result = try await client.last([.putRootFileHandle, .readDirectory(list)])
        guard case .readDirectory(let reply) = result else { throw result.status }
        return reply.entries.map { String(decoding: $0.name, as: UTF8.self) }.sorted()
    }

    @Test func `each address shows its own file system, and the gateway all`() async throws {
        try await Self.serving { server, world in
            let gateway = try await server.openGateway(host: "127.0.0.1", port: 0)
            let ports = (
                try await server.open(.random(), of: world.one.id, host: "127.0.0.2", port: 0),
                try await server.open(.random(), of: world.two.id, host: "127.0.0.3", port: 0)
            )
            let lines = [
                try await Self.line(gateway.host, gateway.port),
                try await Self.line("127.0.0.2", ports.0),
                try await Self.line("127.0.0.3", ports.1),
            ]
            let clients = lines.map { $0.client() }
            for client in clients { try await client.connect() }
            _ = try await clients[1].make("in one")
            _ = try await clients[2].make("in two")
            #expect(try await Self.names(clients[1]) == ["in one"])
            #expect(try await Self.names(clients[2]) == ["in two"])
            #expect(
                try await Self.names(clients[0]) == [world.one.id.text, world.two.id.text].sorted()
            )
            for line in lines { try await line.close() }
        }
    }

    @Test func `one that is removed closes its connections, and the others go on`() async throws {
        try await Self.serving { server, world in
            let (first, second) = (MountTargetID.random(), MountTargetID.random())
            let ports = (
                try await server.open(first, of: world.one.id, host: "127.0.0.2", port: 0),
                try await server.open(second, of: world.one.id, host: "127.0.0.3", port: 0)
            )
            let lines = (
                try await Self.line("127.0.0.2", ports.0), try await Self.line("127.0.0.3", ports.1)
            )
            let (a, b) = (lines.0.client(), lines.1.client())
            try await a.connect()
            try await b.connect()
            let made = try await a.open(
                "f",
                deny: .write,
                creation: .guarded(FileAttributes([.mode(0o666)]))
            )
            let write = WireClient.openArguments("f", access: .write)
            #expect(try await b.status([.putRootFileHandle, .open(write)]) == .shareDenied)
            // Who opens is written down before the answer is known.
            #expect(Set(world.records.names) == ["\(first):client", "\(second):client"])
            await server.remove(first)
            #expect(world.records.names == ["\(second):client"], "forgotten before it is gone")
            await #expect(throws: (any Error).self) {
                _ = try await a.status([.putFileHandle(made.handle)])
            }
            #expect(try await b.status([.putRootFileHandle, .open(write)]) == .ok)
            await #expect(throws: (any Error).self) {
                _ = try await Self.line("127.0.0.2", ports.0)
            }
            try await lines.1.close()
        }
    }

    @Test func `an address that is taken or not ours is refused, and may be tried again`()
        async throws
    {
        try await Self.serving { server, world in
            let (first, second) = (MountTargetID.random(), MountTargetID.random())
            let port = try await server.open(first, of: world.one.id, host: "127.0.0.2", port: 0)
            let taken = await #expect(throws: IOError.self) {
                try await server.open(second, of: world.two.id, host: "127.0.0.2", port: port)
            }
            #expect(taken?.errnoCode == EADDRINUSE)
            // TEST-NET-1 (RFC 5737): nobody's.
            let foreign = await #expect(throws: IOError.self) {
                try await server.open(second, of: world.two.id, host: "192.0.2.1", port: port)
            }
            #expect(foreign?.errnoCode == EADDRNOTAVAIL)
            await server.remove(first)
            try await server.open(second, of: world.two.id, host: "127.0.0.2", port: port)
            let line = try await Self.line("127.0.0.2", port)
            let client = line.client()
            try await client.connect()
            _ = try await client.make("in two")
            #expect(try await Self.names(client) == ["in two"])
            try await line.close()
        }
    }
}
