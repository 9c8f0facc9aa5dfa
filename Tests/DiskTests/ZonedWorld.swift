import Disk
import Synchronization
import TestKit
import VarveModel

/// Three simulated disks on one power line, and a disk in zones over them.
final class ZonedWorld: Sendable {
    static let root = "/state/fs"
    static let unique = [UInt8](repeating: 7, count: 16)

    let line: PowerLine
    let disks: [SimulatedDisk]
    let clock = SimulatedClock(Timestamp(seconds: 1_000))
    private let reports = Mutex<[String]>([])

    init(line: PowerLine = PowerLine(), recording: Bool = true) {
        self.line = line
        disks = (0..<3).map { _ in SimulatedDisk(recording: recording, line: line) }
    }

    /// After a crash or a restart.
    init(line: PowerLine, disks: [SimulatedDisk]) {
        self.line = line
        self.disks = disks
    }

    static func zones(_ disks: [any Disk]) -> [DiskZone] {
        zip(["a", "b", "c"], disks).map { name, disk in
            DiskZone(name: name, directory: "/\(name)/fs", disk: disk)
        }
    }

    var zones: [DiskZone] { ZonedWorld.zones(disks) }

    var told: [String] { reports.withLock { $0 } }

    private func report(_ text: String) { reports.withLock { $0.append(text) } }

    func create() throws -> ZonedDisk {
        try ZonedDisk.create(
            root: ZonedWorld.root,
            zones: zones,
            unique: ZonedWorld.unique,
            clock: clock,
            report: { [self] in report($0) }
        )
    }

    func open() throws -> ZonedDisk {
        try ZonedDisk.open(
            root: ZonedWorld.root,
            zones: zones,
            unique: ZonedWorld.unique,
            clock: clock,
            report: { [self] in report($0) }
        )
    }

    /// What `kill -9` leaves, on disks that are whole again.
    func restarted() -> ZonedWorld {
        let line = PowerLine()
        return ZonedWorld(line: line, disks: disks.map { $0.restarted(line: line) })
    }

    /// Every name beneath a zone's directory with its bytes, directories as `name/`; without the zone's own file.
    func contents(of zone: Int) throws -> [String: [UInt8]] {
        try ZonedWorld.contents(of: disks[zone], in: zones[zone].directory)
    }

    static func contents(of disk: any Disk, in directory: String) throws -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        func add(_ path: String, _ name: String) throws {
            for child in try disk.list(path) {
                if name.isEmpty, child == "zone" || child == "zone.new" { continue }
                let below = name.isEmpty ? child : name + "/" + child
                if try disk.status(of: path + "/" + child)?.kind == .directory {
                    found[below + "/"] = []
                    try add(path + "/" + child, below)
                } else {
                    found[below] = try disk.contents(of: path + "/" + child)
                }
            }
        }
        try add(directory, "")
        return found
    }
}

extension ZonedDisk {
    static let root = ZonedWorld.root

    func state(_ zone: String) -> ZonedStanding.State? {
        standing.zones.first { $0.name == zone }?.state
    }

    /// The zones in sync, by name.
    var inSync: [String] { standing.zones.filter { $0.state == .inSync }.map(\.name) }
}

func path(_ name: String) -> String { ZonedWorld.root + "/" + name }
