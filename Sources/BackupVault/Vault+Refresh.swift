import Synchronization
import VarveModel

/// Keeping what is known of the directory fresh.
extension Vault {
    /// What stands in the directory now.
    private struct Directory {
        let generation: Generation
        let packs: Set<UniqueID>
        let indexFiles: Set<String>
        /// Of the packs' files, where the list brought them.
        let sizes: [String: UInt64]?
    }

    /// A pack and what its list says.
    typealias ListedPack = (pack: IndexedPack, entries: [PackEntry])

    /// What a look at the directory brought; taken over in one step at the end.
    private struct News {
        var knownPacks: Set<UniqueID>
        var knownIndexFiles: Set<String>
        var indexLists: [String: IndexList] = [:]
        var packs: [ListedPack] = []
        /// What index files tell of packs whose own lists are asked first.
        var told: [UniqueID: ListedPack] = [:]
        /// What they tell of packs that do not open now: to be told again, and not relied on.
        var unopened: [ListedPack] = []
        /// Packs that stand in a readable index file.
        var listed: Set<UniqueID> = []
        /// Packs that told of themselves.
        var unlisted: Set<UniqueID> = []
        var damagedIndexFiles: [String: VaultError] = [:]
        var damagedPacks: [UniqueID: VaultError] = [:]
    }

    /// Takes in packs that are new; starts from nothing when some are gone or newly condemned.
    ///
    /// Index files spare reading the packs' own lists; whatever they do not tell comes from the packs. Where a
    /// pack's list is damaged, an index file that has it stands in.
    ///
    /// - Parameters:
    ///   - asksPacks: Every pack's own list is read, whatever index files tell.
    ///   - forgetsDamage: What was found damaged is trusted again: it was mended.
    /// - Returns: The packs that were taken in, with their whole lists.
    /// - Throws: `.denied`; `.failed` when not even the folders are listed.
    @discardableResult
    func refresh(
        asksPacks: Bool = false,
        forgetsDamage: Bool = false
    ) throws(VaultError) -> [ListedPack] {
        try refreshing.withLock { _ throws(VaultError) in
            let directory = try readDirectory()
            let condemned = Set(directory.generation.condemned.keys)
            var (isStale, news) = knowledge.withLock { known in
                let packs = known.index.packIDs
                let isStale =
                    asksPacks || forgetsDamage || !packs.isSubset(of: directory.packs)
                    || known.index.condemnedIDs != condemned
                // What a medium did not give is asked for again.
                let damaged = known.damagedPacks.filter { $0.value.code != .failed }.keys
                return (
                    isStale,
                    News(
                        knownPacks: isStale ? [] : packs.union(damaged),
                        knownIndexFiles: isStale ? [] : known.indexFiles
                    )
                )
            }
            isStale = isStale || news.knownPacks.isEmpty
            try takeIndexFiles(directory, into: &news, asksPacks: asksPacks)
            try takeFooters(directory, into: &news)
            let found = news
            let startsAnew = isStale
            knowledge.withLock { known in
                if startsAnew {
                    let damaged = forgetsDamage ? [] : known.index.damaged
                    known = Knowledge()
                    known.index = ChunkIndex(condemned: condemned, damaged: damaged)
                }
                known.generation = directory.generation
                known.indexFiles.formUnion(directory.indexFiles)
                known.indexLists.merge(found.indexLists) { $1 }
                known.indexLists = known.indexLists.filter {
                    directory.indexFiles.contains($0.key)
                }
                known.unlisted = known.unlisted.union(found.unlisted).subtracting(found.listed)
                known.damagedIndexFiles.merge(found.damagedIndexFiles) { $1 }
                known.damagedIndexFiles = known.damagedIndexFiles.filter {
                    directory.indexFiles.contains($0.key)
                }
                known.damagedPacks.merge(found.damagedPacks) { $1 }
                for (pack, entries) in found.packs { known.index.add(pack, entries: entries) }
            }
            // Of a pack that was cut short only what is there was taken in; healed, it has all of its list again.
            return news.packs.map { news.told[$0.pack.id] ?? $0 } + news.unopened
        }
    }

    private func readDirectory() throws(VaultError) -> Directory {
        let generation = try readGeneration()
        let sizes = try files.storage.sizes(in: VaultFiles.Folder.packs.rawValue)
        var names = sizes.map { Array($0.keys) } ?? []
        if sizes == nil { names = try files.list(.packs) }
        let packs = names.filter { $0.hasSuffix(PackFormat.fileEnding) }
            .map { String($0.dropLast(PackFormat.fileEnding.count)) }
            .compactMap(PackFormat.pack(ofFileName:))
        let index = try files.list(.index, ending: IndexFile.ending)
        return Directory(
            generation: generation,
            packs: Set(packs),
            indexFiles: Set(index),
            sizes: sizes
        )
    }

    /// The newest generation; where the medium does not give it, what was known of it.
    ///
    /// Reading needs none. Who writes or prunes asks for it by itself, and ends.
    private func readGeneration() throws(VaultError) -> Generation {
        do throws(VaultError) {
            return try generations.current()
        } catch {
            guard error.code == .failed else { throw error }
            return knowledge.withLock { $0.generation }
        }
    }

    private func takeIndexFiles(
        _ directory: Directory,
        into news: inout News,
        asksPacks: Bool
    ) throws(VaultError) {
        for stem in directory.indexFiles.subtracting(news.knownIndexFiles).sorted() {
            let packs: [(pack: IndexedPack, entries: [PackEntry])]
            do throws(VaultError) {
                packs = try readIndexFile(stem)
            } catch {
                switch error.code {
                case .notFound: continue  // Merged into another since it was listed.
                case .corrupt, .newerFormat, .failed:
                    news.damagedIndexFiles[stem] = error
                    continue
                default: throw error
                }
            }
            let list = IndexList(packs)
            news.indexLists[stem] = list
            news.listed.formUnion(list.packs)
            for found in packs
            where directory.packs.contains(found.pack.id)
                && !news.knownPacks.contains(found.pack.id)
            {
                // One of another length is not what was listed: its own list decides, or names the damage.
                if !asksPacks, try isWhole(found.pack, directory) {
                    news.knownPacks.insert(found.pack.id)
                    news.packs.append(found)
                } else {
                    news.told[found.pack.id] = found
                }
            }
        }
    }

    /// Whether a pack's file is as long as it was when it was listed.
    private func isWhole(
        _ pack: IndexedPack,
        _ directory: Directory
    ) throws(VaultError) -> Bool {
        if let sizes = directory.sizes {
            return sizes[PackFormat.fileName(pack.id)] == pack.fileBytes
        }
        return try files.size(.packs, PackFormat.fileName(pack.id)) == pack.fileBytes
    }

    private func takeFooters(
        _ directory: Directory,
        into news: inout News
    ) throws(VaultError) {
        for id in directory.packs.sorted(by: { $0.bytes.precedes($1.bytes) })
        where !news.knownPacks.contains(id) {
            do throws(VaultError) {
                news.packs.append(try readFooter(id))
                news.unlisted.insert(id)
                news.told[id] = nil
            } catch {
                switch error.code {
                case .notFound: continue  // Pruned since it was listed.
                case .corrupt, .newerFormat, .failed:
                    news.damagedPacks[id] = error
                    if let told = news.told[id].flatMap(readable) {
                        news.packs.append(told)
                    } else if let told = news.told.removeValue(forKey: id) {
                        news.unopened.append(told)
                    }
                default: throw error
                }
            }
        }
    }

    /// What an index file tells of a pack whose own list is damaged, as far as its file reaches; `nil` when nothing
    /// of it opens.
    private func readable(_ told: ListedPack) -> ListedPack? {
        // Without a size or a header nothing of the pack can be read, and its damage is named already.
        guard let size = try? files.size(.packs, PackFormat.fileName(told.pack.id)),
            (try? PackReader(told.pack.id, files: files, keys: keys)) != nil
        else { return nil }
        let entries = told.entries.prefix { UInt64($0.offset) + UInt64($0.stored) <= size }
        return (told.pack, Array(entries))
    }

    /// The lists of some packs as the index has them.
    func knownEntries(of packs: Set<UniqueID>) -> [UniqueID: [PackEntry]] {
        guard !packs.isEmpty else { return [:] }
        return knowledge.withLock { $0.index.entries(of: packs) }
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

    /// Writes an index of some packs durably, as one file or several.
    ///
    /// - Returns: The files' names.
    /// - Throws: `.noSpace`, `.failed`.
    @discardableResult
    func writeIndex(
        _ packs: [(pack: IndexedPack, entries: [PackEntry])]
    ) throws(VaultError) -> [String] {
        var names: [String] = []
        let groups = IndexFile.groups(packs, chunksMax: settings.indexChunksMax)
        for group in groups { names.append(try writeIndexFile(group)) }
        return names
    }

    private func writeIndexFile(
        _ packs: [(pack: IndexedPack, entries: [PackEntry])]
    ) throws(VaultError) -> String {
        let object = UniqueID.random()
        let bytes = SealedObject.seal(
            IndexFile.encode(packs),
            as: .index,
            object: object,
            keys: keys
        )
        let stem = Hex.encode(object.bytes)
        try files.replace(.index, stem + IndexFile.ending, with: bytes)
        knowledge.withLock { known in
            let list = IndexList(packs)
            known.indexFiles.insert(stem)
            known.indexLists[stem] = list
            known.unlisted.subtract(list.packs)
        }
        return stem + IndexFile.ending
    }

    /// Makes the index again, from the packs' own lists.
    ///
    /// - Returns: How many packs it lists.
    /// - Throws: `.noSpace`, `.failed`; a pack whose list is damaged is listed as an old index file tells it, or
    ///   left out, and `verify` names it.
    @discardableResult
    package func rebuildIndex() throws(VaultError) -> Int {
        try requireWritable()
        let old = try files.list(.index, ending: IndexFile.ending)
        let packs = try refresh(asksPacks: true)
        let kept = indexFilesKept(beside: Set(packs.map(\.pack.id)))
        try replaceIndexFiles(old.filter { !kept.contains($0) }, with: packs)
        return packs.count
    }

    /// Index files that stay where others are made: newer ones, and those that the medium does not give just now, as long as they
    /// may tell of a pack that tells nothing of itself.
    func indexFilesKept(beside listed: Set<UniqueID>) -> Set<String> {
        knowledge.withLock { known in
            let isMissed = known.damagedPacks.keys.contains { !listed.contains($0) }
            let kept = known.damagedIndexFiles.filter {
                $0.value.code == .newerFormat || $0.value.code == .failed && isMissed
            }
            return Set(kept.keys)
        }
    }

    /// Writes an index of some packs and drops files whose packs it holds.
    func replaceIndexFiles(
        _ old: [String],
        with packs: [(pack: IndexedPack, entries: [PackEntry])]
    ) throws(VaultError) {
        try writeIndex(packs)
        for stem in old {
            do throws(VaultError) {
                try files.remove(.index, stem + IndexFile.ending)
            } catch {
                // One that the store keeps for a time of its own tells nothing that the others do not.
                guard error.code == .notFound || error.code == .held else { throw error }
            }
        }
        try files.sync(.index)
        knowledge.withLock { known in
            for stem in old { known.damagedIndexFiles[stem] = nil }
        }
        try refresh()
    }
}
