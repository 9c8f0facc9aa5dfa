import Disk
import FileSystemEngine
import Foundation
import JobScheduler
import LocalAPI
import Logging
import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import ControlPlane

/// A state directory on the machine's own disk with three directories for zones, opened as the daemon does, without a socket.
struct ZoneWorld {
    let directory: TemporaryDirectory
    let state: StateDirectory
    let settings: Settings
    let control: ControlStore
    let fileSystems: FileSystems

    static let names = ["a", "b", "c"]

    /// Makes the state directory and the zones.
    static func make() async throws -> ZoneWorld {
        let directory = try TemporaryDirectory()
        let zones = names.map { "\($0)=\(directory.path)/\($0)" }.joined(separator: ", ")
        for name in names {
            try FileManager.default.createDirectory(
                atPath: directory.path + "/" + name,
                withIntermediateDirectories: false
            )
        }
        _ = try StateDirectory.create(
            at: directory.path + "/state",
            keyFile: directory.path + "/root.key",
            simulatedStart: StateWorld.start,
            on: HostDisk(),
            clock: SimulatedClock(StateWorld.start)
        )
        try Data("zones: '\(zones)'\nkeyFile: '\(directory.path)/root.key'\n".utf8)
            .write(to: URL(fileURLWithPath: directory.path + "/state/varve.yaml"))
        return try await ZoneWorld(opening: directory)
    }

    /// What `varved serve` does before it listens.
    init(opening directory: TemporaryDirectory) async throws {
        self.directory = directory
        settings = try Settings(
            state: directory.path + "/state",
            file: nil,
            flags: [:],
            workingDirectory: "/",
            disk: HostDisk()
        )
        state = try StateDirectory(
            open: settings.state,
            keyFile: settings[.keyFile],
            on: HostDisk()
        )
        let stores = try await DaemonStores(state)
        control = stores.control
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let clock = try await DaemonClock(
            state.format,
            control: stores.control,
            acceptsWall: false,
            logger: logger
        )
        fileSystems = FileSystems(
            state: state,
            control: stores.control,
            settings: settings,
            clock: clock,
            logger: logger,
            lifecycle: LifecycleRuns(journal: stores.journal, clock: clock, logger: logger)
        )
        try await fileSystems.start()
    }

    func close() async {
        await fileSystems.close()
        state.release()
    }

    /// Ends it, and opens it again.
    func again() async throws -> ZoneWorld {
        await close()
        return try await ZoneWorld(opening: directory)
    }

    // MARK: Use

    @discardableResult
    func makeRegional(_ name: String = "home") async throws -> OpenFileSystem {
        try await fileSystems.create(
            name: name,
            tags: [:],
            owner: .root,
            placement: .regional(Self.names)
        )
    }

    /// Writes a new file, stable.
    func put(_ name: String, _ byte: UInt8, in fileSystem: String = "home") async throws {
        let engine = try await fileSystems.find(fileSystem).engine
        let new = NewInode(.regular, permissions: 0o600)
        let made = try await engine.create(
            try #require(FileName(name)),
            in: .root,
            new,
            as: .root
        )
        _ = try await engine.write(
            made.inode,
            [UInt8](repeating: byte, count: 70_000),
            at: 0,
            stability: .stable,
            as: .root
        )
    }

    /// The first byte of each file, which must be all bytes of it.
    func files(of fileSystem: String = "home") async throws -> [String: UInt8] {
        let engine = try await fileSystems.find(fileSystem).engine
        var found: [String: UInt8] = [:]
        for listed in try await engine.readDirectory(.root, limit: 100, as: .root).entries {
            let inode = listed.attributes.inode
            let bytes = try await engine.bulkRead(inode, 0..<(1 << 30), at: .live).bytes
            #expect(bytes == [UInt8](repeating: bytes.first ?? 0, count: 70_000), "\(listed.name)")
            found["\(listed.name)"] = bytes.first
        }
        return found
    }

    func status(of fileSystem: String = "home") async throws -> RegionalStatus {
        let entry = try await fileSystems.listedEntry(fileSystem)
        return try #require(await reports.statuses(of: [entry]).first)
    }

    func states(of fileSystem: String = "home") async throws -> [ZoneStanding.State] {
        try await status(of: fileSystem).zones.map(\.state)
    }

    var reports: ZoneReports {
        ZoneReports(fileSystems: fileSystems, settings: settings, disk: state.disk)
    }

    func repair(
        _ zone: String,
        acceptsEmpty: Bool = false,
        isDryRun: Bool = false
    ) async throws -> ZoneRepairReport {
        let request = RepairZone(zone: zone, acceptsEmpty: acceptsEmpty, isDryRun: isDryRun)
        return try await ZoneRepairs(fileSystems: fileSystems, reports: reports, request: request)
            .run { _ in }
    }

    // MARK: Zones

    func path(_ zone: String) -> String { directory.path + "/" + zone }

    /// Takes a zone's disk away; it is as it was when it comes back.
    func takeAway(_ zone: String) throws {
        try DaemonProcess.system("mv", path(zone), path(zone) + ".away")
        // What is left is the mount point.
        try DaemonProcess.system("mkdir", path(zone))
    }

    func bringBack(_ zone: String) throws {
        try DaemonProcess.system("rmdir", path(zone))
        try DaemonProcess.system("mv", path(zone) + ".away", path(zone))
    }

    func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// Compares the copies of a file system that is closed, byte for byte.
    func expectEqualCopies(of id: FileSystemID) throws {
        for other in ["b", "c"] {
            try DaemonProcess.system(
                "diff",
                "-r",
                "--exclude=zone",
                path("a") + "/\(id)",
                path(other) + "/\(id)"
            )
        }
    }
}
