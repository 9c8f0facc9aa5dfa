import Disk
import FileSystemEngine
import Keyring
import LocalAPI
import MetadataStore
import VarveModel

/// The files of a Regional file system: a whole copy in a directory of its own in each zone.
///
/// Above the zones they are one tree, whose root stands for all three: `<state>/zones/*/<fs>`. The wrapped key is a file of that
/// tree, so that what keeps copies equal keeps keys equal: a zone that was away gets the key that is in force, and a
/// stale one is never read.
struct RegionalFiles: Sendable {
    let record: FileSystemRecord
    /// Where the copies are, in the order of the record.
    let zones: [DiskZone]
    /// The place of the tree in messages.
    let root: String

    /// Finds the zones of a file system.
    ///
    /// - Throws: `.unavailable` when the settings do not name one of them any more.
    init(
        _ record: FileSystemRecord,
        zones names: [String],
        _ settings: Settings,
        _ state: StateDirectory
    ) throws(APIError) {
        self.record = record
        root = "\(state.paths.zones)/*/\(record.id)"
        var zones: [DiskZone] = []
        for name in names {
            guard let place = settings.zones.first(where: { $0.name == name }) else {
                throw APIError(
                    .unavailable,
                    "zone '\(name)' of file system \(record.id) is not among the settings' zones",
                    remedy: "Name it again: zones in varve.yaml says where each zone is."
                )
            }
            zones.append(
                DiskZone(
                    name: name,
                    directory: "\(place.directory)/\(record.id)",
                    disk: state.disk
                )
            )
        }
        self.zones = zones
    }

    /// Finds those zones of a file system that the settings still name: what is deleted goes from these, whatever became of the others.
    ///
    /// - Returns: Its files there, and the names of zones that the settings have no more.
    static func known(
        _ record: FileSystemRecord,
        zones names: [String],
        _ settings: Settings,
        _ state: StateDirectory
    ) throws(APIError) -> (files: RegionalFiles, unknown: [String]) {
        let isKnown = Set(settings.zones.map(\.name))
        let files = try RegionalFiles(
            record,
            zones: names.filter { isKnown.contains($0) },
            settings,
            state
        )
        return (files, names.filter { !isKnown.contains($0) })
    }

    /// Makes the copies, each empty.
    func create(
        _ clock: any VarveClock,
        _ report: @escaping @Sendable (String) -> Void
    ) throws(DiskError) -> ZonedDisk {
        try ZonedDisk.create(
            root: root,
            zones: zones,
            unique: record.unique.bytes,
            clock: clock,
            report: report
        )
    }

    /// Opens the copies, and makes those equal that a crash left apart.
    ///
    /// - Throws: `.unavailable`: what keeps zones away may pass, so that it is tried again.
    func open(
        _ clock: any VarveClock,
        _ report: @escaping @Sendable (String) -> Void
    ) throws(APIError) -> ZonedDisk {
        do {
            return try ZonedDisk.open(
                root: root,
                zones: zones,
                unique: record.unique.bytes,
                clock: clock,
                report: report
            )
        } catch {
            throw APIError(
                .unavailable,
                error.message,
                remedy: error.remedy.isEmpty
                    ? "Bring the zones back ('varve zone status' names them): it is tried again every ten seconds."
                    : error.remedy
            )
        }
    }

    /// The key, on the disk of the copies.
    func keys(on disk: ZonedDisk) -> WrappedKeys {
        WrappedKeys(files: [root + "/key"], on: disk)
    }

    // MARK: Removal

    /// Whether something of the file system is in a zone.
    ///
    /// Of a disk that is not mounted nothing is; whether it was erased there, only a note of that can tell.
    func isThere(in zone: DiskZone) throws(DiskError) -> Bool {
        try zone.disk.status(of: zone.directory) != nil
    }

    /// Erases the key of a zone, and then removes all but the mark by which the copy is known.
    ///
    /// - Throws: `.unavailable` when nothing of it is there: its disk is away, for all that can be seen.
    func erase(in zone: DiskZone) throws(APIError) {
        do {
            guard try isThere(in: zone) else {
                throw APIError(.unavailable, "there is no '\(zone.directory)'")
            }
            try eraseKeys(in: zone)
            for name in try zone.disk.list(zone.directory) where name != ZoneFile.name {
                try zone.disk.removeTree("\(zone.directory)/\(name)")
            }
            try zone.disk.syncDirectory(zone.directory)
        } catch {
            throw APIError(error)
        }
    }

    /// What a crash may have left of writing a key is one too.
    private func eraseKeys(in zone: DiskZone) throws(APIError) {
        let files = ["key", "key.new"].map { "\(zone.directory)/\($0)" }
        try WrappedKeys(files: files, on: zone.disk).erase()
    }

    /// Removes what is left in a zone, durably; nothing there is no error.
    func removeRest(in zone: DiskZone) throws(APIError) {
        do {
            guard try isThere(in: zone) else { return }
            // A disk that was given up may be back with all that it held.
            try eraseKeys(in: zone)
            try zone.disk.removeTree(zone.directory)
            try zone.disk.syncDirectory(DiskPath.parent(of: zone.directory))
        } catch {
            throw APIError(error)
        }
    }
}
