import Disk
import FileSystemEngine
import Keyring
import LocalAPI
import MetadataStore
import VarveModel

/// What one file system stands on while it is open: its disk, its directories, its key files, its reserve.
struct FileSystemGround: Sendable {
    let disk: any Disk
    /// Of `meta.sqlite`.
    let directory: String
    /// Of the segments.
    let segments: String
    let keys: WrappedKeys
    let reserve: SpaceReserve?
    /// The zones of a Regional one.
    let zones: ZonedDisk?
    /// How often the zones had stopped changes when this was opened on them.
    private let stopsBefore: Int

    /// Whether the zones stopped changes since this was opened, and take them again: what stands on it trusts no sync any more, and
    /// refuses changes until it is opened anew.
    var isOutlived: Bool {
        guard let standing = zones?.standing else { return false }
        return standing.mayWrite && standing.stops != stopsBefore
    }

    /// Ends what it holds; the engine above is closed.
    func close() {
        zones?.close()
    }

    // MARK: One Zone

    /// Of a One Zone file system: in the state directory, and with the reserve that all of them share.
    init(
        _ record: FileSystemRecord,
        zone: String,
        _ state: StateDirectory,
        reserve: SpaceReserve?
    ) {
        disk = state.disk
        directory = state.paths.fileSystem(record.id.text)
        segments = state.paths.zone(zone, record.id.text)
        keys = WrappedKeys(files: [directory + "/key", segments + "/key"], on: disk)
        self.reserve = reserve
        zones = nil
        stopsBefore = 0
    }

    // MARK: Regional

    /// Of a Regional file system, with a reserve in its own zones.
    ///
    /// - Throws: What the disk of zones or the reserve answers; nothing is left open then.
    init(
        _ files: RegionalFiles,
        on zoned: ZonedDisk,
        _ report: @escaping @Sendable (String) -> Void
    ) throws(DiskError) {
        disk = zoned
        directory = files.root
        segments = files.root
        keys = files.keys(on: zoned)
        zones = zoned
        // Before the first file is opened.
        stopsBefore = zoned.standing.stops
        do throws(DiskError) {
            reserve = try SpaceReserve(disk: zoned, directory: files.root, log: report)
        } catch {
            zoned.close()
            throw error
        }
    }
}
