import Disk
import FileSystemEngine
import LocalAPI
import Logging
import MetadataStore
import VarveModel

/// Looks after zones that are out: brings them back when they are, and opens anew what had lost its majority.
extension FileSystems {
    /// The Regional file systems that nobody looks after at this moment.
    func zonesDue() -> [FileSystemID] {
        entries.values.filter { $0.zones != nil && looks[$0.record.id]?.isOver != false }
            .map(\.record.id)
    }

    /// Probes the zones of a file system that are out, and makes those equal that are back; waits when somebody does already.
    ///
    /// Who is cancelled does not wait for the end; then it goes on alone until the zones are closed.
    ///
    /// - Returns: Why it failed, if it did; a zone that stays out is no failure.
    @discardableResult
    func lookAfterZones(of id: FileSystemID) async -> APIError? {
        guard let ground = entries[id]?.ground, let zones = ground.zones,
            !leaving.contains(id), !returning.contains(id)
        else { return nil }
        let look: ZoneLook
        if let running = looks[id], !running.isOver {
            look = running
        } else {
            look = ZoneLook()
            looks[id] = look
            BlockingCalls.begin { look.run(zones, ground) }
        }
        guard await look.ended() else { return nil }
        if looks[id] === look { looks[id] = nil }
        tell(id, look.failure)
        await openAnewIfOutlived(id)
        return look.failure
    }

    /// Opens a file system anew if its zones refused changes since it was opened, and take them again.
    ///
    /// While another look runs on the disk that would be closed, that is left to who waits for that look, or to the next round.
    private func openAnewIfOutlived(_ id: FileSystemID) async {
        guard looks[id]?.isOver != false, entries[id]?.ground?.isOutlived == true else { return }
        await openAnew(id)
    }

    /// Lets a zone in that holds nothing of a file system: the next look fills it anew.
    ///
    /// - Throws: `.busy` while the file system is being opened or deleted; what the disk of its zones answers.
    func admit(_ zone: String, to id: FileSystemID) async throws {
        guard let zones = entries[id]?.zones, !leaving.contains(id), !returning.contains(id) else {
            throw APIError(
                .busy,
                "file system \(id) is being opened or deleted: zone '\(zone)' is not filled",
                remedy: "Repeat it in a moment."
            )
        }
        guard Self.isEmpty(zone, of: zones) else { return }
        // Of this disk as it is now: once it is closed it admits nobody.
        try await BlockingCalls.runToEnd { try zones.admit(zone: zone) }
    }

    /// Whether what stands in a zone is nobody's: that alone is filled anew, and only on the operator's word.
    static func isEmpty(_ name: String, of zones: ZonedDisk) -> Bool {
        guard let zone = zones.standing.zones.first(where: { $0.name == name }),
            case .out(let reason, _) = zone.state
        else { return false }
        switch reason {
        case .absent, .damaged: return true
        case .foreign, .failed, .full, .stale: return false
        }
    }

    /// Tells of a look that failed, once.
    private func tell(_ id: FileSystemID, _ failure: APIError?) {
        guard failedLooks[id] != failure?.message else { return }
        failedLooks[id] = failure?.message
        guard let failure else { return }
        logger.warning(
            "looking after zones failed",
            metadata: ["fileSystem": "\(id)", "error": "\(failure)"]
        )
    }

    /// Closes a file system whose zones had refused changes, and opens it on what all of them hold.
    ///
    /// What was open through that trusts no sync any more, so that it would refuse changes for ever.
    private func openAnew(_ id: FileSystemID) async {
        guard let entry = entries[id], !returning.contains(id), !leaving.contains(id) else {
            return
        }
        returning.insert(id)
        defer { returning.remove(id) }
        // Clients find it closed, and wait, rather than gone.
        if case .success(let engine) = entry.engine { await engine.close() }
        await end(entry.ground)
        guard let again = await openedUnlessClosing(entry) else { return }
        entries[id] = again
        switch again.engine {
        case .success:
            logger.notice(
                "file system is opened anew: a majority of its zones is back",
                metadata: ["fileSystem": "\(id)"]
            )
        case .failure(let error):
            logger.error(
                "file system does not open anew",
                metadata: ["fileSystem": "\(id)", "error": "\(error)"]
            )
        }
    }

    // MARK: Answers

    /// All of them, and those that are deleted but for zones that are away.
    func listed() -> [Entry] {
        let left = going.values.map { Entry(record: $0.record, engine: .failure($0.error)) }
            .sorted { $0.record.id < $1.record.id }
        return all() + left
    }

    /// As ``entry(_:)``; by its id also one that is deleted but for zones that are away.
    func listedEntry(_ text: String) throws(APIError) -> Entry {
        if let left = going.values.first(where: { $0.record.id.text == text }) {
            return Entry(record: left.record, engine: .failure(left.error))
        }
        return try entry(text)
    }

    /// The zones that keep a deleted file system; `nil` of one that is not deleted.
    func away(of id: FileSystemID) -> [AwayZone]? { going[id]?.away }

    /// The disk of zones that a file system stands on at this moment.
    func zones(of id: FileSystemID) -> ZonedDisk? { entries[id]?.zones }

    /// Since when its zones are looked after; `nil` when nobody does.
    func look(at id: FileSystemID) -> ZoneLook? { looks[id] }
}
