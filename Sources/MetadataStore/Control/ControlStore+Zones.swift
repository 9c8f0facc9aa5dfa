package import VarveModel

/// In which zones a regional file system that is being deleted is erased already.
///
/// A zone that is away looks like one in which nothing is left; this tells the two apart.
extension ControlStore {
    /// The zones in which no key of it is left.
    package func erasedZones(of id: FileSystemID) throws(MetadataError) -> Set<String> {
        Set(
            try connection.rows(
                "SELECT zone FROM erased_zone WHERE file_system = ?",
                .text(id.text)
            ) { $0.text(0) }
        )
    }

    /// Notes that no key of it is left in a zone; noted twice it is no error.
    ///
    /// - Throws: `.notFound` when there is no such file system, or it is not going: the note would outlive it.
    package func noteErased(_ id: FileSystemID, in zone: String) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run(
                """
                INSERT OR REPLACE INTO erased_zone(file_system, zone)
                SELECT id, ?2 FROM file_system WHERE id = ?1 AND state <> ?3
                """,
                .text(id.text),
                .text(zone),
                .text(FileSystemRecord.State.available.rawValue)
            )
            guard connection.changes() == 0 else { return }
            throw MetadataError(.notFound, "no file system \(id) is being deleted")
        }
    }
}

extension FileSystemRecord.Placement {
    /// The zones of a Regional file system with a space between; empty for One Zone.
    var zonesText: String {
        switch self {
        case .oneZone: ""
        case .regional(let zones): zones.joined(separator: " ")
        }
    }

    /// As the two columns say it; `nil` when they say both or neither.
    init?(zone: String, zonesText: String) {
        let zones = zonesText.split(separator: " ").map(String.init)
        switch (zone.isEmpty, zones.isEmpty) {
        case (false, true): self = .oneZone(zone)
        case (true, false): self = .regional(zones)
        case (true, true), (false, false): return nil
        }
    }
}
