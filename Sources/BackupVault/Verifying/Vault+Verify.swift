import Dispatch
import Synchronization
import VarveModel

/// Looking for damage.
extension Vault {
    /// Checks the vault, and names what is damaged and which recovery points need it.
    ///
    /// - Parameter readData: Read, open, decompress and hash every chunk, on every core; otherwise
    ///   only structure: description, index, generations, the packs' lists, manifests, map nodes, and
    ///   that every chunk referred to is there.
    /// - Returns: Findings; none means that every recovery point restores.
    /// - Throws: `.failed`, `.denied` when the storage itself does not answer.
    package func verify(readData: Bool) throws(VaultError) -> VerifyReport {
        dropCaches()
        try refresh()
        var verifier = Verifier(self)
        try verifier.checkSmallFiles()
        try verifier.checkPacks(readData: readData)
        try verifier.checkPoints()
        try verifier.nameAffected()
        return verifier.report
    }
}

/// One run of a verify.
private struct Verifier {
    private(set) var report = VerifyReport()
    private let vault: Vault
    /// Chunks that no pack gives back whole, with the place of their finding.
    private var lost: [ChunkID: Int] = [:]
    private var points: [RecoveryPoint] = []

    init(_ vault: Vault) {
        self.vault = vault
    }

    private mutating func find(
        _ subject: VaultFinding.Subject,
        file: String,
        chunk: ChunkID? = nil,
        _ error: VaultError
    ) {
        report.findings.append(
            VaultFinding(
                subject: subject,
                file: file,
                chunk: chunk,
                message: error.message,
                remedy: error.remedy
            )
        )
    }

    // MARK: Small files

    mutating func checkSmallFiles() throws(VaultError) {
        do throws(VaultError) {
            let bytes = try vault.files.contents(VaultDescription.fileName)
            try VaultDescription(bytes).checkSeal(keys: vault.keys)
        } catch {
            find(.description, file: VaultDescription.fileName, error)
        }
        for stem in try vault.files.list(.index, ending: IndexFile.ending) {
            do throws(VaultError) {
                _ = try vault.readIndexFile(stem)
            } catch {
                find(
                    .index,
                    file: "index/" + stem + IndexFile.ending,
                    VaultError(
                        error.code,
                        error.message,
                        remedy: "Nothing is lost: rebuild the index from the packs."
                    )
                )
            }
        }
        for number in try vault.generations.numbers() {
            do throws(VaultError) {
                _ = try vault.generations.read(number)
            } catch {
                guard error.code != .notFound else { continue }
                let file = "generations/" + Generation.fileName(number)
                find(
                    .generation,
                    file: file,
                    VaultError(error.code, error.message, remedy: "Nothing is lost: run a prune.")
                )
            }
        }
        let listing = try vault.listing()
        points = listing.points
        report.recoveryPoints = points.count
        for damaged in listing.damaged {
            find(.manifest, file: "manifests/" + Manifest.fileName(damaged.id), damaged.error)
        }
        try checkHolds(Set(points.map(\.id) + listing.damaged.map(\.id)))
    }

    /// Every hold reads, and what is held is there.
    private mutating func checkHolds(_ present: Set<RecoveryPointID>) throws(VaultError) {
        for id in try vault.holdFiles.ids() {
            let file = "holds/" + HoldList.fileName(id)
            do throws(VaultError) {
                let holds = try vault.holds(of: id)
                guard !holds.isEmpty, !present.contains(id) else { continue }
                throw VaultError(
                    .corrupt,
                    "recovery point \(id) is held by \(PointHold.names(holds)), and its manifest is gone",
                    remedy:
                        "Restore 'manifests/\(Manifest.fileName(id))' from a copy; or take the holds away."
                )
            } catch {
                find(.hold, file: file, error)
            }
        }
    }

    // MARK: Packs

    /// What was found in one pack.
    private struct PackOutcome: Sendable {
        let pack: UniqueID
        var error: VaultError?
        var good: [ChunkID] = []
        var bad: [(id: ChunkID, error: VaultError)] = []
        var bytes: UInt64 = 0
    }

    mutating func checkPacks(readData: Bool) throws(VaultError) {
        let packs = try vault.files.list(.packs, ending: PackFormat.fileEnding)
            .compactMap(PackFormat.pack(ofFileName:))
        report.packs = packs.count
        let outcomes = Mutex<[PackOutcome]>([])
        let vault = vault
        DispatchQueue.concurrentPerform(iterations: packs.count) { place in
            let outcome = Verifier.check(packs[place], of: vault, readData: readData)
            outcomes.withLock { $0.append(outcome) }
        }
        let inOrder = outcomes.withLock { $0 }.sorted { $0.pack.bytes.precedes($1.pack.bytes) }
        let good = Set(inOrder.flatMap(\.good))
        for outcome in inOrder {
            let file = "packs/" + PackFormat.fileName(outcome.pack)
            if let error = outcome.error, error.code != .notFound {
                find(.pack, file: file, error)
            }
            for (id, error) in outcome.bad {
                vault.noteDamaged(id, in: outcome.pack)
                if !good.contains(id), lost[id] == nil { lost[id] = report.findings.count }
                find(.chunk, file: file, chunk: id, error)
            }
            report.chunksRead += outcome.good.count + outcome.bad.count
            report.bytesRead += outcome.bytes
        }
    }

    private static func check(_ pack: UniqueID, of vault: Vault, readData: Bool) -> PackOutcome {
        var outcome = PackOutcome(pack: pack)
        do throws(VaultError) {
            let reader = try PackReader(pack, files: vault.files, keys: vault.keys)
            let (entries, size) = try reader.entries()
            outcome.bytes = size
            guard readData else { return outcome }
            for (number, entry) in entries.enumerated() {
                do throws(VaultError) {
                    let payload = try reader.payload(of: entry, number: number)
                    let plain = try vault.compression.plain(
                        payload,
                        entry: entry,
                        name: reader.name
                    )
                    guard plain.withUnsafeBytes({ vault.keys.chunkID(of: $0) }) == entry.id else {
                        throw VaultError.damaged(
                            reader.name,
                            "holds chunk \(entry.id) with other content"
                        )
                    }
                    outcome.good.append(entry.id)
                } catch {
                    outcome.bad.append((entry.id, error))
                }
            }
        } catch {
            outcome.error = error
        }
        return outcome
    }

    // MARK: Recovery points

    /// Walks every distinct node, and looks up every chunk that values refer to.
    mutating func checkPoints() throws(VaultError) {
        var seen: Set<ChunkID> = []
        for point in points {
            for (_, map) in point.maps.sorted(by: { $0.key < $1.key }) {
                checkNodes(map, seen: &seen)
            }
        }
        report.nodes = seen.count
    }

    private mutating func checkNodes(_ map: MapRoot, seen: inout Set<ChunkID>) {
        var waiting = [(map.node, map.level)]
        while let (reference, level) = waiting.popLast() {
            guard seen.insert(reference.id).inserted else { continue }
            do throws(VaultError) {
                let node = try Vault.node(reference, try vault.readUncached(reference.id))
                guard node.level == level else {
                    throw VaultError(
                        .corrupt,
                        "chunk \(reference.id) is a node of level \(node.level), not \(level)"
                    )
                }
                switch node.items {
                case .leaf(let entries): for entry in entries { check(entry.value.chunks) }
                case .branch(let children):
                    for child in children { waiting.append((child.node, level - 1)) }
                }
            } catch {
                lose(reference.id, .node, error)
            }
        }
    }

    private mutating func check(_ chunks: [ChunkReference]) {
        for chunk in chunks {
            guard let (place, _) = vault.place(of: chunk.id) else {
                lose(
                    chunk.id,
                    .chunk,
                    VaultError(
                        .corrupt,
                        "chunk \(chunk.id) is in no readable pack",
                        remedy: "Restore the missing or damaged pack from a copy."
                    )
                )
                continue
            }
            if place.length == chunk.length { continue }
            lose(
                chunk.id,
                .chunk,
                VaultError(
                    .corrupt,
                    "chunk \(chunk.id) holds \(place.length) bytes, a reference says "
                        + "\(chunk.length)"
                )
            )
        }
    }

    private mutating func lose(
        _ id: ChunkID,
        _ subject: VaultFinding.Subject,
        _ error: VaultError
    ) {
        guard lost[id] == nil else { return }
        lost[id] = report.findings.count
        let file = vault.place(of: id).map { "packs/" + PackFormat.fileName($0.pack.id) } ?? ""
        find(subject, file: file, chunk: id, error)
    }

    // MARK: Who is affected

    /// Tells each lost chunk's finding which parts of which points need it.
    mutating func nameAffected() throws(VaultError) {
        guard !lost.isEmpty else { return }
        var clean: Set<ChunkID> = []
        for point in points {
            for (name, map) in point.maps.sorted(by: { $0.key < $1.key }) {
                _ = nameAffected(
                    in: MapChild(key: [], node: map.node, entryCount: map.count),
                    of: point,
                    map: name,
                    clean: &clean
                )
            }
        }
    }

    /// Answers whether nothing beneath the node is lost; such nodes are not walked again.
    private mutating func nameAffected(
        in child: MapChild,
        of point: RecoveryPoint,
        map: String,
        clean: inout Set<ChunkID>
    ) -> Bool {
        if clean.contains(child.node.id) { return true }
        if let place = lost[child.node.id] {
            add(place, point, map: map, key: child.key, isSubtree: true)
            return false
        }
        // A node that does not open is among the lost ones.
        guard let node = try? vault.node(child.node) else { return false }
        var isClean = true
        switch node.items {
        case .leaf(let entries):
            for entry in entries {
                let places = Set(entry.value.chunks.compactMap { lost[$0.id] })
                for place in places.sorted() {
                    add(place, point, map: map, key: entry.key, isSubtree: false)
                    isClean = false
                }
            }
        case .branch(let children):
            for child in children {
                let below = nameAffected(in: child, of: point, map: map, clean: &clean)
                isClean = below && isClean
            }
        }
        if isClean { clean.insert(child.node.id) }
        return isClean
    }

    private mutating func add(
        _ place: Int,
        _ point: RecoveryPoint,
        map: String,
        key: [UInt8],
        isSubtree: Bool
    ) {
        report.findings[place].affectedCount += 1
        guard report.findings[place].affected.count < VaultFinding.affectedMax else { return }
        report.findings[place].affected.append(
            AffectedPart(
                point: point.id,
                source: point.source,
                labels: point.labels,
                map: map,
                key: key,
                isSubtree: isSubtree
            )
        )
    }
}
