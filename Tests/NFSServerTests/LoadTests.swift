import Foundation
import NFSWire
import NIOCore
import Synchronization
import TestKit
import Testing
import VarveModel

/// Goal: many clients with many open files lose nothing, and what they cost the daemon does not grow with what they do.
///
/// Method: the real `varved`; clients over real sockets, each with a session, a folder and open files of its own; seeded operations that are
/// compared with a plain model as they go. The daemon's resident memory is looked at when all have done a third, and at the end. Then the daemon is
/// killed with SIGKILL and started again, and another client compares every byte with the model.
@Suite(.serialized) struct LoadTests {
    private let sizes = TestSizes.current.load
    private let seed = testSeed(default: 11)
    /// 2 KiB: less than any buffer of a request or reply that could be forgotten.
    private static let bytesPerOperationMax = 2 << 10

    @Test func `many clients with many open files lose nothing, at a bounded memory`()
        async throws
    {
        let daemon = try DaemonProcess(clock: nil)
        try daemon.addSettings("nfsPorts: any\n")
        try daemon.start("--nfs", "127.0.0.1:0")
        try daemon.done("fs", "create", "load")
        let export = try fileSystemID(daemon)
        let process = try #require(daemon.processID)
        let memory = Mutex<[String: Int]>([:])
        let begun = ContinuousClock.now
        let loaded = try await load(try address(daemon), export) { stage in
            let bytes = Self.residentBytes(of: process)
            memory.withLock { $0[stage] = bytes }
        }
        let taken = ContinuousClock.now - begun
        report(loaded, memory.withLock { $0 }, taken)
        let (third, end) = memory.withLock { ($0["a third"] ?? 0, $0["the end"] ?? 0) }
        #expect(third > 0 && end > 0)
        let growth = "\(third) bytes at a third, \(end) at the end"
        if sizes.boundsMemory {
            #expect(Double(end) <= 1.1 * Double(third), "\(growth)")
        } else {
            // Caches still fill: a row, a dirent and a read ahead of each file that was touched; not one buffer for each operation.
            let operations = sizes.operations - sizes.operations / 3
            #expect(end - third <= operations * Self.bytesPerOperationMax, "\(growth)")
        }

        daemon.kill()
        try daemon.start("--nfs", "127.0.0.1:0")
        try await compare(loaded, try address(daemon), export)
        #expect(daemon.stop() == 0)
        // It reads all that there is.
        let doctor = try daemon.varved("doctor", within: 1_800)
        #expect(doctor.status == 0, "\(doctor.status): \(doctor.text) \(doctor.errors)")
    }

    /// What one client ended with.
    private struct Loaded: Sendable {
        let index: Int
        let files: [LoadFile]
        let done: [LoadClient.Kind: Int]
    }

    /// Runs the clients beside each other; `look` is called when all stand at a stage, and none moves.
    private func load(
        _ address: SocketAddress,
        _ export: String,
        _ look: @escaping @Sendable (String) -> Void
    ) async throws -> [Loaded] {
        let third = Rendezvous(sizes.clients) { look("a third") }
        let end = Rendezvous(sizes.clients) { look("the end") }
        let operations = sizes.operations / sizes.clients
        let (files, seed) = (sizes.openFiles, seed)
        return try await withThrowingTaskGroup(of: Loaded.self) { group in
            for index in 0..<sizes.clients {
                group.addTask {
                    let line: SocketLine
                    let client: LoadClient
                    do {
                        line = try await SocketLine(to: address)
                        client = try await LoadClient(
                            line.client(),
                            export: export,
                            index: index,
                            seed: seed,
                            files: files
                        )
                        try await client.run(operations / 3)
                        await third.arrive()
                        try await client.run(operations - operations / 3)
                        await end.arrive()
                    } catch {
                        // The others go on without it.
                        await third.leave()
                        await end.leave()
                        throw error
                    }
                    try await client.leave()
                    try await line.close()
                    return Loaded(index: index, files: client.files, done: client.done)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// Reads every file by its name, as clients that have never seen one.
    private func compare(
        _ loaded: [Loaded],
        _ address: SocketAddress,
        _ export: String
    ) async throws {
        let judges = 10
        let compared = try await withThrowingTaskGroup(of: Int.self) { group in
            for judge in 0..<judges {
                let share = loaded.filter { $0.index % judges == judge }
                group.addTask { try await compare(share, address, export, as: "judge-\(judge)") }
            }
            return try await group.reduce(0, +)
        }
        #expect(compared == sizes.clients * sizes.openFiles)
    }

    private func compare(
        _ share: [Loaded],
        _ address: SocketAddress,
        _ export: String,
        as judge: String
    ) async throws -> Int {
        let line = try await SocketLine(to: address)
        let client = line.client()
        try await client.introduce(judge)
        var compared = 0
        for owner in share {
            for file in owner.files {
                let found = try await client.last(
                    WireClient.walk("\(export)/client-\(owner.index)/\(file.name)") + [
                        .read(ReadArguments(stateID: .anonymous, offset: 0, count: 1 << 20))
                    ]
                )
                guard case .read(let reply) = found else { throw found.status }
                #expect(reply.data.bytes == file.all, "client \(owner.index), \(file.name)")
                compared += 1
            }
        }
        try await line.close()
        return compared
    }

    private func report(_ loaded: [Loaded], _ memory: [String: Int], _ taken: Duration) {
        var mix: [LoadClient.Kind: Int] = [:]
        for owner in loaded { mix.merge(owner.done) { $0 + $1 } }
        for kind in LoadClient.Kind.allCases { #expect(mix[kind, default: 0] > 0, "\(kind)") }
        let words = LoadClient.Kind.allCases.map { "\($0.rawValue) \(mix[$0, default: 0])" }
        let sizes = memory.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value >> 20) MiB" }
        print("load, seed \(seed), \(loaded.count) clients, \(taken)")
        print("load, operations: \(words.joined(separator: ", "))")
        print("load, resident: \(sizes.joined(separator: ", "))")
    }

    private func fileSystemID(_ daemon: DaemonProcess) throws -> String {
        let list = String(decoding: try daemon.done("fs", "list", "--json"), as: UTF8.self)
        return String(try #require(list.firstMatch(of: /fs-[0-9a-f]{17}/)?.0))
    }

    private func address(_ daemon: DaemonProcess) throws -> SocketAddress {
        let described = try daemon.done("--json", "mount", "load", "/mnt", "--dry-run")
        let text = String(decoding: described, as: UTF8.self)
        let port = try #require(text.firstMatch(of: /port=(\d+)/).flatMap { Int($0.1) })
        return try SocketAddress(ipAddress: "127.0.0.1", port: port)
    }

    /// VmRSS of proc(5); 0, which the test refuses, where it cannot be read.
    private static func residentBytes(of process: pid_t) -> Int {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
            let kilobytes = text.firstMatch(of: /VmRSS:\s+(\d+) kB/).flatMap({ Int($0.1) })
        else { return 0 }
        return kilobytes << 10
    }
}

/// A place where so many tasks wait for each other; the last to come looks around before they all go on.
private actor Rendezvous {
    private var missing: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private let look: @Sendable () -> Void

    init(_ count: Int, _ look: @escaping @Sendable () -> Void) {
        missing = count
        self.look = look
    }

    func arrive() async {
        missing -= 1
        guard missing > 0 else { return open() }
        await withCheckedContinuation { waiting.append($0) }
    }

    /// Is counted as having come, or as not coming any more.
    func leave() {
        missing -= 1
        if missing == 0 { open() }
    }

    private func open() {
        look()
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}
