/// A zone of the settings: a disk that holds a copy of each Regional file system.
package struct ZoneDescription: Codable, Sendable, Hashable {
    package var name: String
    /// Where file systems have their directories.
    package var directory: String
    /// Whether that directory is there.
    package var isThere: Bool
    /// The device that it lies on, as `8:17 (/dev/sdb1)`.
    package var device: String?
    /// Other zones on the same device: what takes it takes them too.
    package var sharesDeviceWith: [String]
    package var totalBytes: UInt64?
    package var availableBytes: UInt64?
    /// How many Regional file systems have a copy here, and in how many of them it is in sync.
    package var fileSystems: Int
    package var inSync: Int

    package init(
        name: String,
        directory: String,
        isThere: Bool,
        device: String? = nil,
        sharesDeviceWith: [String] = [],
        totalBytes: UInt64? = nil,
        availableBytes: UInt64? = nil,
        fileSystems: Int = 0,
        inSync: Int = 0
    ) {
        self.name = name
        self.directory = directory
        self.isThere = isThere
        self.device = device
        self.sharesDeviceWith = sharesDeviceWith
        self.totalBytes = totalBytes
        self.availableBytes = availableBytes
        self.fileSystems = fileSystems
        self.inSync = inSync
    }
}

/// How one zone stands in one file system.
package struct ZoneStanding: Codable, Sendable, Hashable {
    package enum State: String, Codable, Sendable, Hashable, CaseIterable {
        case inSync
        /// Neither read nor written.
        case out
        /// Being made equal to the others.
        case resilvering
        /// The file system does not open: its zones were not compared.
        case unknown
        /// The file system is deleted, and its key is left here.
        case away
    }

    package var zone: String
    /// Of this file system in that zone.
    package var directory: String
    package var state: State
    /// Why it is out.
    package var reason: String?
    package var since: TimeText?
    /// Of what is being made equal: bytes compared so far, of about so many, and how many a second.
    package var doneBytes: UInt64?
    package var totalBytes: UInt64?
    package var bytesPerSecond: UInt64?
    /// Files that changed while it was out, at most; absent when it is to be compared whole.
    package var missedFiles: Int?
    /// Bytes written meanwhile, since the daemon started.
    package var missedBytes: UInt64?
    /// Reads that it failed, and another zone answered, since the file system was opened; absent when there were none.
    package var failedReads: UInt64?
    /// What the disk said to the last of them.
    package var lastFailedRead: String?

    package init(
        zone: String,
        directory: String,
        state: State,
        reason: String? = nil,
        since: TimeText? = nil,
        doneBytes: UInt64? = nil,
        totalBytes: UInt64? = nil,
        bytesPerSecond: UInt64? = nil,
        missedFiles: Int? = nil,
        missedBytes: UInt64? = nil,
        failedReads: UInt64? = nil,
        lastFailedRead: String? = nil
    ) {
        self.zone = zone
        self.directory = directory
        self.state = state
        self.reason = reason
        self.since = since
        self.doneBytes = doneBytes
        self.totalBytes = totalBytes
        self.bytesPerSecond = bytesPerSecond
        self.missedFiles = missedFiles
        self.missedBytes = missedBytes
        self.failedReads = failedReads
        self.lastFailedRead = lastFailedRead
    }
}

/// How the zones of a Regional file system stand.
package struct RegionalStatus: Codable, Sendable, Hashable {
    package var fileSystem: String
    package var name: String
    /// Whether a zone holds no copy in sync.
    package var isDegraded: Bool
    /// Whether changes are taken: a majority of the zones is in sync.
    package var mayWrite: Bool
    /// Why it does not open.
    package var reason: String?
    package var zones: [ZoneStanding]
    /// Copied since it was opened to zones that had been out.
    package var resilveredBytes: UInt64?
    /// Put in the place of bytes that did not verify, since it was opened.
    package var mendedBytes: UInt64?

    package init(
        fileSystem: String,
        name: String,
        isDegraded: Bool,
        mayWrite: Bool,
        reason: String? = nil,
        zones: [ZoneStanding],
        resilveredBytes: UInt64? = nil,
        mendedBytes: UInt64? = nil
    ) {
        self.fileSystem = fileSystem
        self.name = name
        self.isDegraded = isDegraded
        self.mayWrite = mayWrite
        self.reason = reason
        self.zones = zones
        self.resilveredBytes = resilveredBytes
        self.mendedBytes = mendedBytes
    }
}

/// Asks that a zone be brought back.
package struct RepairZone: Codable, Sendable, Hashable {
    package var zone: String
    /// One file system alone; `nil` for all.
    package var fileSystem: String?
    /// The operator says: what the zone held is lost, fill it anew.
    package var acceptsEmpty: Bool
    /// Say what would be done.
    package var isDryRun: Bool

    package init(
        zone: String,
        fileSystem: String? = nil,
        acceptsEmpty: Bool = false,
        isDryRun: Bool = false
    ) {
        self.zone = zone
        self.fileSystem = fileSystem
        self.acceptsEmpty = acceptsEmpty
        self.isDryRun = isDryRun
    }
}

/// What became of a zone in one file system.
package struct ZoneRepair: Codable, Sendable, Hashable {
    package var fileSystem: String
    package var name: String
    /// How the zone stands now.
    package var standing: ZoneStanding
    /// Copied by this repair.
    package var copiedBytes: UInt64
    /// What is in the way, and what to do.
    package var remedy: String?

    package init(
        fileSystem: String,
        name: String,
        standing: ZoneStanding,
        copiedBytes: UInt64 = 0,
        remedy: String? = nil
    ) {
        self.fileSystem = fileSystem
        self.name = name
        self.standing = standing
        self.copiedBytes = copiedBytes
        self.remedy = remedy
    }
}

/// What a repair did, or would do.
package struct ZoneRepairReport: Codable, Sendable, Hashable {
    package var zone: String
    package var isDryRun: Bool
    package var repairs: [ZoneRepair]

    package init(zone: String, isDryRun: Bool, repairs: [ZoneRepair]) {
        self.zone = zone
        self.isDryRun = isDryRun
        self.repairs = repairs
    }
}

/// Asks that every copy be read and verified.
package struct ScrubRequest: Codable, Sendable, Hashable {
    /// One file system alone; `nil` for all.
    package var fileSystem: String?
    /// Bytes that are read a second at most, all zones together; `nil` for as fast as it goes.
    package var bytesPerSecond: UInt64?

    package init(fileSystem: String? = nil, bytesPerSecond: UInt64? = nil) {
        self.fileSystem = fileSystem
        self.bytesPerSecond = bytesPerSecond
    }
}

/// What a scrub of one file system found, and put right.
package struct ScrubResult: Codable, Sendable, Hashable {
    /// Bytes that were put right from another zone.
    package struct Healed: Codable, Sendable, Hashable {
        package var zone: String
        package var bytes: UInt64
        package var message: String

        package init(zone: String, bytes: UInt64, message: String) {
            self.zone = zone
            self.bytes = bytes
            self.message = message
        }
    }

    /// Bytes that no zone can give.
    package struct Lost: Codable, Sendable, Hashable {
        /// Of the file, where that has a name.
        package var path: String?
        package var inode: UInt64?
        /// The first byte of the file, and how many.
        package var offset: UInt64?
        package var bytes: UInt64?
        package var segment: UInt64?
        /// The zones that were asked.
        package var zones: [String]
        package var message: String
        package var remedy: String

        package init(
            path: String?,
            inode: UInt64?,
            offset: UInt64?,
            bytes: UInt64?,
            segment: UInt64?,
            zones: [String],
            message: String,
            remedy: String
        ) {
            self.path = path
            self.inode = inode
            self.offset = offset
            self.bytes = bytes
            self.segment = segment
            self.zones = zones
            self.message = message
            self.remedy = remedy
        }
    }

    package var fileSystem: String
    package var name: String
    /// Whether it came to its end.
    package var isComplete: Bool
    /// Why not, if it failed.
    package var error: APIError?
    /// All zones together.
    package var bytesRead: UInt64
    package var healedCount: Int
    package var healedBytes: UInt64
    /// The first 1,000.
    package var healed: [Healed]
    package var lostCount: Int
    /// The first 1,000.
    package var lost: [Lost]

    package init(
        fileSystem: String,
        name: String,
        isComplete: Bool = false,
        error: APIError? = nil,
        bytesRead: UInt64 = 0,
        healedCount: Int = 0,
        healedBytes: UInt64 = 0,
        healed: [Healed] = [],
        lostCount: Int = 0,
        lost: [Lost] = []
    ) {
        self.fileSystem = fileSystem
        self.name = name
        self.isComplete = isComplete
        self.error = error
        self.bytesRead = bytesRead
        self.healedCount = healedCount
        self.healedBytes = healedBytes
        self.healed = healed
        self.lostCount = lostCount
        self.lost = lost
    }
}

extension Route {
    package static let listZones = Call<Nothing, [ZoneDescription]>(path: "zones/list")
    package static let zoneStatus = Call<OptionalFileSystem, [RegionalStatus]>(
        path: "zones/status"
    )
    package static let repairZone = LongCall<RepairZone, ZoneRepairReport>(path: "zones/repair")
    package static let scrubZones = LongCall<ScrubRequest, [ScrubResult]>(path: "zones/scrub")
}
