import Disk
import Synchronization
import VarveModel

/// Keeping what is known of the directory fresh.
extension Vault {
    /// What stands in the directory now.
    private struct Directory {
        let generation: Generation
        let packs: Set<UniqueID>
        let indexFiles: Set<String>
    }

    /// What a look at the directory brought; taken over in one step at the end.
    private struct News {
        var knownPacks: Set<UniqueID>
        var knownIndexFiles: Set<String>
        var packs: [(pack: IndexedPack, entries: [PackEntry])] = []
        var damagedIndexFiles: [String: VaultError] = [:]
        var damagedPacks: [UniqueID: VaultError] = [:]
    }

    /// Takes in packs that are new; starts from nothing when some are gone or newly condemned.
    ///
    /// Index files spare reading the footers; whatever they do not tell comes from the packs.
    func refresh(ignoringIndexFiles: Bool = false) throws(VaultError) {
        try refreshing.withLock { _ throws(VaultError) in
            let directory = try readDirectory()
            let condemned = Set(directory.generation.condemned.keys)
            var (isStale, news) = knowledge.withLock { known in
                let packs = known.index.packIDs
                let isStale =
                    ignoringIndexFiles || !packs.isSubset(of: directory.packs)
                    || known.index.condemnedIDs != condemned
                let damaged = Set(known.damagedPacks.keys)
                return (
                    isStale,
                    News(
                        knownPacks: isStale ? [] : packs.union(damaged),
                        knownIndexFiles: isStale ? [] : known.indexFiles
                    )
                )
            }
            isStale = isStale || news.knownPacks.isEmpty
            if !ignoringIndexFiles { try takeIndexFiles(directory, into: &news) }
            try takeFooters(directory, into: &news)
            let found = news
            let startsAnew = isStale
            knowledge.withLock { known in
                if startsAnew {
                    let damaged = known.index.damaged
                    known = Knowledge()
                    known.index = ChunkIndex(condemned: condemned, damaged: damaged)
                }
                known.generation = directory.generation
                known.indexFiles.formUnion(directory.indexFiles)
                known.damagedIndexFiles.merge(found.damagedIndexFiles) { $1 }
                known.damagedPacks.merge(found.damagedPacks) { $1 }
                for (pack, entries) in found.packs { known.index.add(pack, entries: entries) }
            }
        }
    }

    private func readDirectory() throws(VaultError) -> Directory {
        let generation = try generations.current()
        let packs = try files.list(.packs, ending: PackFormat.fileEnding)
            .compactMap(PackFormat.pack(ofFileName:))
        let index = try files.list(.index, ending: IndexFile.ending)
        return Directory(generation: generation, packs: Set(packs), indexFiles: Set(index))
    }

    private func takeIndexFiles(
        _ directory: Directory,
        into news: inout News
    ) throws(VaultError) {
        for stem in directory.indexFiles.subtracting(news.knownIndexFiles).sorted() {
            let packs: [(pack: IndexedPack, entries: [PackEntry])]
            do throws(VaultError) {
                packs = try readIndexFile(stem)
            } catch {
                switch error.code {
                case .notFound: continue  // Merged into another since it was listed.
                case .corrupt, .newerFormat:
                    news.damagedIndexFiles[stem] = error
                    continue
                default: throw error
                }
            }
            for found in packs
            where directory.packs.contains(found.pack.id)
                && !news.knownPacks.contains(found.pack.id)
            {
                // One of another length is not what was listed: its own list decides, or names the damage.
                guard try isWhole(found.pack) else { continue }
                news.knownPacks.insert(found.pack.id)
                news.packs.append(found)
            }
        }
    }

    /// Whether a pack's file is as long as it was when it was listed.
    private func isWhole(_ pack: IndexedPack) throws(VaultError) -> Bool {
        let path = files.path(.packs, PackFormat.fileName(pack.id))
        let found = try onDisk { () throws(DiskError) in try files.disk.status(of: path) }
        return found?.size == pack.fileBytes
    }

    private func takeFooters(
        _ directory: Directory,
        into news: inout News
    ) throws(VaultError) {
        for id in directory.packs.sorted(by: { $0.bytes.precedes($1.bytes) })
        where !news.knownPacks.contains(id) {
            do throws(VaultError) {
                news.packs.append(try readFooter(id))
            } catch {
                switch error.code {
                case .notFound: continue  // Pruned since it was listed.
                case .corrupt, .newerFormat: news.damagedPacks[id] = error
                default: throw error
                }
            }
        }
    }

    func readFooter(
        _ id: UniqueID
    ) throws(VaultError) -> (pack: IndexedPack, entries: [PackEntry]) {
        let reader = try PackReader(id, files: files, keys: keys)
        let (entries, size) = try reader.entries()
        let pack = IndexedPack(header: reader.header, fileBytes: size, chunks: entries.count)
        return (pack, entries)
    }

    func readIndexFile(
        _ stem: String
    ) throws(VaultError) -> [(pack: IndexedPack, entries: [PackEntry])] {
        let name = "index/" + stem + IndexFile.ending
        let bytes = try files.contents(.index, stem + IndexFile.ending)
        let object = Hex.decode(stem).flatMap(UniqueID.init)
        let opened = try SealedObject.open(
            bytes,
            as: .index,
            object: object,
            name: name,
            keys: keys
        )
        guard let packs = IndexFile.decode(opened.body) else {
            throw VaultError.damaged(name, "holds what no writer wrote")
        }
        return packs
    }

    /// Writes an index file durably.
    func writeIndexFile(
        _ packs: [(pack: IndexedPack, entries: [PackEntry])]
    ) throws(VaultError) {
        let object = UniqueID.random()
        let bytes = SealedObject.seal(
            IndexFile.encode(packs),
            as: .index,
            object: object,
            keys: keys
        )
        let stem = Hex.encode(object.bytes)
        try files.replace(.index, stem + IndexFile.ending, with: bytes)
        knowledge.withLock { _ = $0.indexFiles.insert(stem) }
    }

    /// Makes one index file of all, from the packs' own lists.
    ///
    /// - Throws: `.noSpace`, `.failed`; a damaged pack is left out, and `verify` names it.
    package func rebuildIndex() throws(VaultError) {
        let old = try files.list(.index, ending: IndexFile.ending)
        try refresh(ignoringIndexFiles: true)
        var packs: [(pack: IndexedPack, entries: [PackEntry])] = []
        for pack in knowledge.withLock({ $0.index.packs }) {
            packs.append(try readFooter(pack.id))
        }
        try replaceIndexFiles(old, with: packs)
    }

    /// Writes one index file and drops others whose packs it holds.
    func replaceIndexFiles(
        _ old: [String],
        with packs: [(pack: IndexedPack, entries: [PackEntry])]
    ) throws(VaultError) {
        try writeIndexFile(packs)
        for stem in old {
            do throws(VaultError) {
                try files.remove(.index, stem + IndexFile.ending)
            } catch {
                guard error.code == .notFound else { throw error }
            }
        }
        try files.sync(.index)
        try refresh()
    }
}
