import Disk
import FileSystemEngine
import Foundation
import Keyring
import Synchronization
import VarveModel

/// Measures writes of a regional file system, three directories on one disk, against three raw streams at once; and of One
/// Zone against one.
///
/// A stream is a file and a thread of its own: pwrite of the same bytes, with fdatasync at the end or after each.
struct ZonedWrites {
    let place: Workplace
    let sequentialCalls: Int
    let syncedCalls: Int
    let rounds: Int
    private static let names = ["a", "b", "c"]
    /// Writes on the way at once, as a client with a window of 8 has.
    private let inFlight = 8

    init(_ place: Workplace, small: Bool, rounds: Int) {
        self.place = place
        sequentialCalls = small ? 8 : 512
        syncedCalls = small ? 20 : 2_000
        self.rounds = rounds
    }

    func run() async throws {
        for zones in [3, 1] {
            let title = zones == 1 ? "One Zone" : "\(zones) zones"
            try await compare(
                "\(title), sequential write of \(sequentialCalls) MiB",
                Work(calls: sequentialCalls, bytes: 1 << 20, isSynced: false),
                zones
            )
            try await compare(
                "\(title), synced writes of 4 KiB",
                Work(calls: syncedCalls, bytes: 4_096, isSynced: true),
                zones
            )
        }
    }

    private struct Work: Sendable {
        let calls: Int
        let bytes: Int
        let isSynced: Bool

        var unit: String { isSynced ? "/s" : "MiB/s" }
        func offset(_ call: Int) -> UInt64 { UInt64(call * bytes) }
    }

    private func compare(_ title: String, _ work: Work, _ zones: Int) async throws {
        var figures = Rounds(title, unit: work.unit)
        for round in 0..<rounds {
            let pair = try await alternate(
                round,
                ours: { try await place.onNewGround { try await ours(work, zones, on: $0) } },
                floor: { try await place.onNewGround { try floor(work, zones, on: $0) } }
            )
            figures.add(ours: pair.ours, floor: pair.floor)
        }
        figures.show()
    }

    /// Random bytes: nothing below may gain by compressing them.
    private func payload(_ work: Work) -> [UInt8] { SecureRandom.bytes(work.bytes) }

    private func ours(_ work: Work, _ zones: Int, on ground: Ground) async throws -> Side {
        var configuration = ground.newConfiguration()
        var zoned: ZonedDisk?
        if zones > 1 {
            let root = ground.path + "/varve"
            let disk = try ZonedDisk.create(
                root: root,
                zones: ZonedWrites.names.prefix(zones).map { name in
                    DiskZone(name: name, directory: ground.path + "/" + name, disk: HostDisk())
                },
                unique: configuration.unique.bytes,
                report: { _ in }
            )
            configuration.disk = disk
            zoned = disk
        }
        let fileSystem = try await FileSystem.create(configuration)
        let file = try await fileSystem.makeFile("large", [])
        let bytes = payload(work)
        let watch = Stopwatch()
        if work.isSynced {
            for call in 0..<work.calls {
                _ = try await fileSystem.write(
                    file,
                    bytes,
                    at: work.offset(call),
                    stability: .stable,
                    as: .root
                )
            }
        } else {
            try await window(work.calls, inFlight: inFlight) { call in
                _ = try await fileSystem.write(
                    file,
                    bytes,
                    at: work.offset(call),
                    stability: .unstable,
                    as: .root
                )
            }
            _ = try await fileSystem.commit(file)
        }
        let side = watch.side(work.calls)
        await fileSystem.close()
        zoned?.close()
        return side
    }

    private func floor(_ work: Work, _ zones: Int, on ground: Ground) throws -> Side {
        let bytes = payload(work)
        let files = try ZonedWrites.names.prefix(zones).map { name in
            try HostDisk().open(ground.path + "/raw-" + name, .createNew)
        }
        let failures = Failures()
        let watch = Stopwatch()
        let ended = DispatchGroup()
        for file in files {
            ended.enter()
            Thread {
                defer { ended.leave() }
                do {
                    for call in 0..<work.calls {
                        try file.write(bytes, at: work.offset(call))
                        if work.isSynced { try file.sync() }
                    }
                    try file.sync()
                } catch {
                    failures.note(error)
                }
            }.start()
        }
        ended.wait()
        try failures.rethrow()
        let side = watch.side(work.calls)
        for file in files { file.close() }
        return side
    }
}

/// The first failure of several threads.
private final class Failures: Sendable {
    private let first = Mutex<(any Error)?>(nil)

    func note(_ error: any Error) {
        first.withLock { $0 = $0 ?? error }
    }

    func rethrow() throws {
        if let error = first.withLock({ $0 }) { throw error }
    }
}
