/// The names in a zone's directory, relative to it, without the zone's own file.
struct ZoneTree {
    private(set) var directories: Set<String> = []
    private(set) var files: Set<String> = []

    init(of zone: DiskZone) throws(DiskError) {
        try add("", of: zone)
    }

    private mutating func add(_ directory: String, of zone: DiskZone) throws(DiskError) {
        let path = directory.isEmpty ? zone.directory : zone.directory + "/" + directory
        for name in try zone.disk.list(path) {
            if directory.isEmpty, name == ZoneFile.name || name == ZoneFile.temporaryName {
                continue
            }
            let below = directory.isEmpty ? name : directory + "/" + name
            // What went between the listing and the question is gone.
            guard let status = try zone.disk.status(of: zone.directory + "/" + below) else {
                continue
            }
            if status.kind == .directory {
                directories.insert(below)
                try add(below, of: zone)
            } else {
                files.insert(below)
            }
        }
    }
}

extension DiskZone {
    /// What the file `zone` here says.
    ///
    /// - Throws: Why the zone is none of this file system, as a start and a look see it.
    func read(_ unique: [UInt8], among names: [String]) throws(ZoneAbsence) -> ZoneFile {
        let bytes: [UInt8]
        do throws(DiskError) {
            bytes = try disk.contents(
                of: directory + "/" + ZoneFile.name,
                limit: ZoneFile.bytesMax
            )
        } catch {
            throw ZoneAbsence(error.code == .notFound ? .absent : .failed(error.message))
        }
        let file: ZoneFile
        do throws(ZoneFileProblem) {
            file = try ZoneFile(decoding: bytes)
        } catch {
            throw ZoneAbsence(error.reason)
        }
        guard file.unique == unique, file.zones[file.own] == name else {
            throw ZoneAbsence(.foreign)
        }
        guard Set(file.zones) == Set(names) else {
            throw ZoneAbsence(
                .failed("its zones are \(file.zones.joined(separator: ", "))")
            )
        }
        return file.ordered(as: names)
    }

    /// Checks that the directory is this file system's still.
    func check(_ unique: [UInt8]) throws(DiskError) {
        let path = directory + "/" + ZoneFile.name
        let bytes = try disk.contents(of: path, limit: ZoneFile.bytesMax)
        let found: ZoneFile
        do throws(ZoneFileProblem) {
            found = try ZoneFile(decoding: bytes)
        } catch {
            throw DiskError(.failed, "'\(path)' does not verify")
        }
        guard found.unique == unique else {
            throw DiskError(.failed, "'\(path)' is another file system's")
        }
    }

    /// Checks that the directory is no empty mount point; for what is asked often.
    func checkIsThere() throws(DiskError) {
        let path = directory + "/" + ZoneFile.name
        guard try disk.status(of: path) != nil else {
            throw DiskError(.notFound, "'\(path)' is missing, is the disk mounted?")
        }
    }

    /// Makes every name beneath durable.
    func syncNames() throws(DiskError) {
        let tree = try ZoneTree(of: self)
        for name in tree.directories.sorted() { try disk.syncDirectory(directory + "/" + name) }
        try disk.syncDirectory(directory)
    }
}

/// Why a zone's directory is not taken for this file system's.
struct ZoneAbsence: Error {
    let reason: ZonedStanding.Reason

    init(_ reason: ZonedStanding.Reason) {
        self.reason = reason
    }
}

extension ZoneFileProblem {
    var reason: ZonedStanding.Reason {
        switch self {
        case .damaged: .damaged
        case .newer(let words): .failed("its file 'zone' was written by a later version: \(words)")
        }
    }
}

extension ZoneFile {
    /// The same, with the zones in the order of the settings, which may have changed.
    func ordered(as names: [String]) -> ZoneFile {
        let places = names.compactMap { zones.firstIndex(of: $0) }
        var file = self
        file.own = names.firstIndex(of: zones[own]) ?? own
        file.zones = places.map { zones[$0] }
        file.isMember = places.map { isMember[$0] }
        file.left = places.map { left[$0] }
        return file
    }
}
