import Disk
import LocalAPI

/// The directories of the zones themselves, before a file system is made in them.
struct ZoneDirectories: Sendable {
    let zones: [ZonePlace]
    let disk: any Disk

    /// Makes those of the state directory, and demands the others: a disk that is not mounted must not be filled beneath its
    /// mount point.
    ///
    /// - Throws: `.unavailable` for one that is missing; `.invalid` for two that are one directory by another name.
    func prepare() throws(APIError) {
        do {
            for zone in zones {
                if !zone.isNamed { try disk.makeDirectories(zone.directory) }
                guard
                    try disk.status(of: zone.directory)?.kind == .directory
                        || ZoneDirectories.canServe(zone, on: disk)
                else {
                    throw APIError(
                        .unavailable,
                        "zone '\(zone.name)': there is no directory '\(zone.directory)'",
                        remedy: "Mount its disk, or make the directory, and repeat."
                    )
                }
            }
        } catch {
            throw APIError(error)
        }
        for (index, zone) in zones.enumerated() {
            guard let device = ZoneDevice(of: zone.directory) else { continue }
            for other in zones[..<index] where ZoneDevice(of: other.directory) == device {
                throw APIError(
                    .invalid,
                    "zones '\(other.name)' and '\(zone.name)' are one directory: '\(zone.directory)' and "
                        + "'\(other.directory)'",
                    remedy: "Give each a disk of its own in varve.yaml (zones), and restart."
                )
            }
        }
    }

    /// Whether a directory is there to serve; a symlink to one does for a zone, and what status says of it is the link.
    static func canServe(_ zone: ZonePlace, on disk: any Disk) -> Bool {
        // Harmless: what cannot be listed is no directory that could serve, and is told as one that is not there.
        (try? disk.list(zone.directory)) != nil
    }

    /// The zones that share a device, by device: what takes one of a group takes all of it.
    var shared: [(device: ZoneDevice, zones: [ZonePlace])] {
        var groups: [(device: ZoneDevice, zones: [ZonePlace])] = []
        for zone in zones {
            guard let device = ZoneDevice(of: zone.directory) else { continue }
            let known = groups.firstIndex { $0.device.number == device.number }
            if let known {
                groups[known].zones.append(zone)
            } else {
                groups.append((device, [zone]))
            }
        }
        return groups.filter { $0.zones.count > 1 }
    }
}
