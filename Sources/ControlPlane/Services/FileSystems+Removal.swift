import Disk
import FileSystemEngine
import Keyring
import LocalAPI
import Logging
import MetadataStore
import VarveModel

/// A zone in which a file system that is deleted could not be erased.
struct AwayZone: Sendable, Hashable {
    let name: String
    /// Why, in words.
    let reason: String
}

/// A file system that is deleted but for its zones that are away.
struct GoingFileSystem: Sendable {
    /// In state `deleting`.
    let record: FileSystemRecord
    /// Not empty.
    let away: [AwayZone]

    /// What it says to whoever asks for it.
    var error: APIError {
        let zones = away.map { "zone '\($0.name)' is away (\($0.reason))" }.joined(separator: "; ")
        return APIError(
            .unavailable,
            "it is deleted, but its key is left where \(zones)",
            remedy:
                "Bring the zone back: the key there is then erased. Where the disk is gone for good: 'varve zone "
                + "repair \(away.first?.name ?? "") --fs \(record.id) --accept-empty', and destroy the disk."
        )
    }
}

/// How file systems go: the key first, in every zone.
extension FileSystems {
    /// Deletes a file system: its key first.
    ///
    /// - Returns: The zones that are away: the record stays until the key is erased there too.
    @discardableResult
    func delete(_ text: String) async throws -> [AwayZone] {
        if let left = going.values.first(where: { $0.record.id.text == text }) {
            await removeAgain(left.record)
            return going[left.record.id]?.away ?? []
        }
        let entry = try entry(text)
        let id = entry.record.id
        guard !returning.contains(id) else {
            throw APIError(
                .busy,
                "file system \(id) is being opened",
                remedy: "Repeat it in a moment."
            )
        }
        leaving.insert(id)
        do {
            // On a full disk a file system must be able to go.
            try reserve?.releaseIfShort()
            try await control.setState(id, .deleting)
        } catch {
            leaving.remove(id)
            throw error
        }
        if case .success(let engine) = entry.engine { await engine.close() }
        await end(entry.ground)
        await endLook(at: entry.record)
        entries[id] = nil
        var record = entry.record
        record.state = .deleting
        try await finishRemoving(record)
        reserve?.restore()
        leaving.remove(id)
        return going[id]?.away ?? []
    }

    /// Has a zone that is being made equal find nothing to copy any more, and waits until it is left alone: what is written there
    /// after the key is erased would be a key again.
    private func endLook(at record: FileSystemRecord) async {
        guard looks[record.id]?.isOver == false, case .regional(let names) = record.placement
        else { return looks[record.id] = nil }
        do {
            let files = try RegionalFiles.known(record, zones: names, settings, state).files
            try await BlockingCalls.runToEnd {
                for zone in files.zones {
                    // Harmless: the removal proper does it again, and tells what it cannot do.
                    try? files.erase(in: zone)
                }
            }
        } catch {
            // The look then ends by itself, later.
            logger.warning("ending a look", metadata: ["error": "\(error)"])
        }
        await looks[record.id]?.endedToEnd()
        looks[record.id] = nil
    }

    /// Removes what is being deleted; what is left of it in zones that are away is listed, and tried again.
    ///
    /// - Throws: Of a One Zone file system: why it cannot be removed.
    func finishRemoving(_ record: FileSystemRecord) async throws {
        let away: [AwayZone]
        switch record.placement {
        case .oneZone:
            away = try await remove(record)
        case .regional(let zones):
            do {
                away = try await remove(record)
            } catch {
                // Of the settings or the control store: it keeps no other file system from being served.
                away = zones.map { AwayZone(name: $0, reason: APIError(error).message) }
            }
        }
        let known = going[record.id]?.away
        going[record.id] = away.isEmpty ? nil : GoingFileSystem(record: record, away: away)
        if away.isEmpty, known != nil {
            logger.notice("file system is gone", metadata: ["fileSystem": "\(record.id)"])
        } else if !away.isEmpty, known != away, let left = going[record.id] {
            logger.warning(
                "a deleted file system is left in zones that are away",
                metadata: ["fileSystem": "\(record.id)", "error": "\(left.error)"]
            )
        }
    }

    /// Tries again to erase what zones that were away have kept.
    func removeAgain(_ record: FileSystemRecord) async {
        guard going[record.id] != nil, !leaving.contains(record.id) else { return }
        leaving.insert(record.id)
        do {
            try await finishRemoving(record)
        } catch {
            // Only of One Zone, which is never left so.
            logger.error("removing", metadata: ["fileSystem": "\(record.id)", "error": "\(error)"])
        }
        leaving.remove(record.id)
    }

    /// Takes an operator's word that a zone's disk is gone for good: what is deleted waits for it no longer.
    ///
    /// Where something of it is there, that is erased, and nothing taken on trust; of a zone that the settings name no more the word
    /// is all there is.
    ///
    /// - Throws: What a disk fails with that is neither there nor gone: unmount it first.
    func giveUp(_ id: FileSystemID, in zone: String) async throws {
        guard let left = going[id], case .regional(let names) = left.record.placement else {
            return
        }
        guard names.contains(zone) else { return }
        let (files, _) = try RegionalFiles.known(left.record, zones: names, settings, state)
        var isThere = false
        if let place = files.zones.first(where: { $0.name == zone }) {
            isThere = try await BlockingCalls.run { try files.isThere(in: place) }
        }
        if !isThere { try await control.noteErased(id, in: zone) }
        await removeAgain(left.record)
    }

    /// Erases keys, removes files, and only then forgets the record: each step may be repeated.
    ///
    /// - Returns: The zones in which that could not be done; the record stays then.
    func remove(_ record: FileSystemRecord) async throws -> [AwayZone] {
        switch record.placement {
        case .oneZone(let zone):
            let ground = FileSystemGround(record, zone: zone, state, reserve: nil)
            let unused = configuration(record, DataKey.random(), ground)
            try await BlockingCalls.runToEnd {
                try ground.keys.erase()
                try FileSystem.removeFiles(of: unused)
            }
        case .regional(let names):
            // A zone that the settings name no more keeps no key of the others.
            let (files, unknown) = try RegionalFiles.known(record, zones: names, settings, state)
            let erased = try await control.erasedZones(of: record.id)
            var away = unknown.filter { !erased.contains($0) }
                .map { AwayZone(name: $0, reason: "it is not among the settings' zones") }
            for zone in files.zones {
                do {
                    try await remove(files, in: zone, isErased: erased.contains(zone.name))
                } catch {
                    away.append(AwayZone(name: zone.name, reason: APIError(error).message))
                }
            }
            guard away.isEmpty else { return away }
        }
        try await lifecycle?.forget(record.id)
        try await control.remove(record.id)
        return []
    }

    /// Erases the key of one zone, notes that, and removes the rest; the mark goes last, by which the copy is known.
    private func remove(
        _ files: RegionalFiles,
        in zone: DiskZone,
        isErased: Bool
    ) async throws {
        let isUnfinished = files.record.state == .creating
        if !isErased {
            try await BlockingCalls.runToEnd {
                // Where its making did not come there is nothing to erase.
                if try isUnfinished && !files.isThere(in: zone) { return }
                try files.erase(in: zone)
            }
            try await control.noteErased(files.record.id, in: zone.name)
        }
        try await BlockingCalls.runToEnd { try files.removeRest(in: zone) }
    }

    /// Removes what nobody was ever served; what cannot be removed is tried again.
    func removeScratch(_ record: FileSystemRecord) async {
        let reason: String
        do {
            let away = try await remove(record)
            guard let first = away.first else { return leftScratch[record.id] = nil }
            reason = "zone '\(first.name)': \(first.reason)"
        } catch {
            reason = "\(error)"
        }
        leftScratch[record.id] = record
        logger.warning(
            "an unfinished file system stays until a later round, or the next start",
            metadata: ["fileSystem": "\(record.id)", "error": "\(reason)"]
        )
    }
}
