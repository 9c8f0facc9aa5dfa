/// Gives the zone that leads a start what most others have where it alone differs.
///
/// Acknowledged bytes are the same in all members of the newest epoch but for rot, and bytes that nobody was
/// answered for may be there or not, page by page. So a page that two have alike is as good as the leader's, or better.
struct ZoneVote {
    private static let blockBytes = 1 << 20
    private static let pageBytes = 4096

    let leader: DiskZone
    /// Of the newest epoch too.
    let others: [DiskZone]

    /// Bytes written to the leader, which are not durable before its file is synced.
    private(set) var written: UInt64 = 0

    init(leader: DiskZone, others: [DiskZone]) {
        self.leader = leader
        self.others = others
    }

    /// Compares one file, where each zone has it of one size: one that another took the place of in some is no rot.
    ///
    /// - Throws: What the leader failed with; where a zone cannot be asked, nobody votes.
    mutating func settle(_ name: String) throws(DiskError) {
        guard others.count > 1, try size(of: name, in: leader) != nil else { return }
        let own = try leader.disk.open(leader.directory + "/" + name, .readWrite)
        defer { own.close() }
        let size = try own.size()
        var files: [any DiskFile] = []
        defer { for file in files { file.close() } }
        for zone in others {
            // Harmless: the file is not voted on without this zone, and is compared afterwards.
            guard let file = try? zone.disk.open(zone.directory + "/" + name, .read) else { return }
            files.append(file)
            file.dropResident()
            // Harmless: as above.
            guard (try? file.size()) == size else { return }
        }
        own.dropResident()
        var start: UInt64 = 0
        while start < size {
            let count = Int(min(UInt64(ZoneVote.blockBytes), size - start))
            // Harmless: what does not read has no vote, the leader's own too.
            let bytes = (try? own.read(count: count, at: start)) ?? []
            let votes = files.compactMap { try? $0.read(count: count, at: start) }
                .filter { $0.count == count }
            if votes.contains(where: { $0 != bytes }) { try settle(bytes, votes, start, own) }
            start += UInt64(count)
        }
    }

    private func size(of name: String, in zone: DiskZone) throws(DiskError) -> UInt64? {
        let status = try zone.disk.status(of: zone.directory + "/" + name)
        return status?.kind == .file ? status?.size : nil
    }

    /// One block: `bytes` of the leader, empty where it does not read.
    private mutating func settle(
        _ bytes: [UInt8],
        _ votes: [[UInt8]],
        _ offset: UInt64,
        _ own: any DiskFile
    ) throws(DiskError) {
        guard let count = votes.first?.count else { return }
        for page in stride(from: 0, to: count, by: ZoneVote.pageBytes) {
            let range = page..<min(page + ZoneVote.pageBytes, count)
            let mine = range.upperBound <= bytes.count ? bytes[range] : []
            var most: (bytes: ArraySlice<UInt8>, count: Int) = ([], 1)
            for vote in votes {
                let same = votes.count { $0[range] == vote[range] }
                if same > most.count { most = (vote[range], same) }
            }
            let agreeing = 1 + votes.count { $0[range] == mine }
            guard most.count > agreeing, most.bytes != mine else { continue }
            try own.write(Array(most.bytes), at: offset + UInt64(page))
            written += UInt64(range.count)
        }
    }
}
