package import BackupVault
package import FileSystemEngine
import VarveModel

/// Proves that a recovery point restores: a sample of its files is restored, and what came back is held against the point.
///
/// Content is held against the point's chunk ids, which the vault's key made of the bytes when they were backed up, and,
/// where the source still has that version of the file in its history, against that too.
package struct RestoreTest: Sendable {
    /// Which files.
    package struct Sample: Sendable, Hashable {
        package var filesMax: Int
        /// Of all files together; a file that does not fit any more is passed by.
        package var bytesMax: UInt64
        /// One seed, one sample.
        package var seed: UInt64

        package init(filesMax: Int, bytesMax: UInt64, seed: UInt64) {
            self.filesMax = filesMax
            self.bytesMax = bytesMax
            self.seed = seed
        }
    }

    let vault: Vault
    let point: RecoveryPoint
    /// The file system that was backed up; `nil` when it is gone.
    let source: FileSystem?
    /// An empty one.
    let scratch: FileSystem

    package init(vault: Vault, point: RecoveryPoint, source: FileSystem?, scratch: FileSystem) {
        self.vault = vault
        self.point = point
        self.source = source
        self.scratch = scratch
    }

    /// Restores a sample into the scratch file system and compares it.
    ///
    /// Choosing costs a walk of all names of the point; what is restored is the sample alone.
    ///
    /// - Returns: What was compared and what differs; what does not restore is a difference.
    /// - Throws: `.notFound` when the point is gone, `.noSpace`, `.cancelled`, and what the scratch file system refuses.
    package func run(_ sample: Sample) async throws(BackupError) -> RestoreVerdict {
        // Reading a vault blocks, so all of this runs on threads of its own.
        try await withTaskExecutorPreference(HostThreads.shared) {
            () async throws(BackupError) -> RestoreVerdict in
            let hold = try await hold()
            do throws(BackupError) {
                let verdict = try await run(sample, now: hold?.epoch)
                try await release(hold)
                return verdict
            } catch {
                // The first error tells more; a hold ends with the process at the latest.
                try? await release(hold)
                throw error
            }
        }
    }

    /// An instant of the source that stands still while it is compared.
    private func hold() async throws(BackupError) -> Hold? {
        do throws(FileSystemError) {
            return try await source?.hold()
        } catch {
            throw BackupError(error)
        }
    }

    private func release(_ hold: Hold?) async throws(BackupError) {
        guard let hold else { return }
        do throws(FileSystemError) {
            try await source?.release(hold)
        } catch {
            throw BackupError(error)
        }
    }

    private func run(
        _ sample: Sample,
        now: Epoch?
    ) async throws(BackupError) -> RestoreVerdict {
        var verdict = RestoreVerdict()
        let tree = try PointTree.open(point.id, of: vault)
        let files = try choose(sample, of: tree, &verdict)
        guard !files.isEmpty else { return verdict }
        let report = try await TreeCopy.run(
            from: .recoveryPoint(vault, point, path: []),
            selecting: TreeSelection(patterns: [], items: files.map(\.path)),
            to: .fileSystem(scratch, path: [], .root)
        )
        for omission in report.omissions {
            verdict.differ(omission.path, "\(omission.call): \(omission.reason)")
        }
        let left = Set(report.omissions.map(\.path))
        for file in files where !left.contains(RestoreVerdict.text(file.path)) {
            if Task.isCancelled { throw BackupError(.cancelled, "the caller gave up") }
            try await compare(file, of: tree, now: now, &verdict)
        }
        return verdict
    }

    /// A file of the point, by its path.
    struct Chosen: Sendable {
        let path: [FileName]
        let attributes: Attributes
    }

    /// Chooses files at random, each of the point's as likely (Vitter, "Random sampling with a reservoir", algorithm R).
    func choose(
        _ sample: Sample,
        of tree: PointTree,
        _ verdict: inout RestoreVerdict
    ) throws(BackupError) -> [Chosen] {
        var generator = SampleGenerator(seed: sample.seed)
        var chosen: [Chosen] = []
        var seen = 0
        let walk = PointWalk(tree, from: [], .root) { _ in true }
        while let page = walk.next() {
            if Task.isCancelled { throw BackupError(.cancelled, "the caller gave up") }
            verdict.namesSeen += page.count
            for found in page where found.entry.attributes.kind == .regular {
                seen += 1
                let file = Chosen(path: found.path, attributes: found.entry.attributes)
                if chosen.count < sample.filesMax {
                    chosen.append(file)
                } else if case let at = Int.random(in: 0..<seen, using: &generator),
                    at < chosen.count
                {
                    chosen[at] = file
                }
            }
        }
        verdict.filesSeen = seen
        for damage in walk.damage.first {
            verdict.differ(RestoreVerdict.text(damage.path), damage.error.message)
        }
        // The root has no name; a map of inodes that has more than it belongs to a tree that has names.
        let entries = point.maps[PointFormat.inodes]?.count ?? 0
        if verdict.namesSeen == 0, verdict.differenceCount == 0, entries > 1 {
            verdict.differ([], "no name leads to what the \(entries) entries of its inodes hold")
        }
        var left = sample.bytesMax
        let fitting = chosen.shuffled(using: &generator).filter { file in
            guard file.attributes.size <= left else { return false }
            left -= file.attributes.size
            return true
        }
        verdict.filesPassedBy = chosen.count - fitting.count
        return fitting
    }

    /// Holds one file that was restored against the point, and the source as it is `now` and was.
    func compare(
        _ file: Chosen,
        of tree: PointTree,
        now: Epoch? = nil,
        _ verdict: inout RestoreVerdict
    ) async throws(BackupError) {
        let path = RestoreVerdict.text(file.path)
        let wanted = file.attributes
        do throws(FileSystemError) {
            let restored = try await scratch.resolve(file.path, as: .root, followLast: false)
            let same =
                restored.kind == wanted.kind && restored.size == wanted.size
                && restored.permissions == wanted.permissions && restored.uid == wanted.uid
                && restored.gid == wanted.gid && restored.modified == wanted.modified
            if !same { verdict.differ(path, "kind, size, owner, permissions or times differ") }
            var history = try await version(of: wanted, now: now)
            var at: UInt64 = 0
            while at < wanted.size {
                if Task.isCancelled { throw FileSystemError(.failed, "the caller gave up") }
                let range = at..<min(wanted.size, at + PointFormat.tileBytes)
                let bytes = try await scratch.bulkRead(restored.inode, range, at: .live).bytes
                if let complaint = complaint(about: bytes, range, of: wanted.inode, tree) {
                    verdict.differ(path, complaint)
                    break
                }
                if let view = history {
                    let past = try await pastBytes(of: wanted.inode, range, at: view)
                    if let past, past != bytes {
                        verdict.differ(path, "bytes \(range) differ from the source's history")
                        break
                    }
                    if past == nil { history = nil }
                }
                verdict.bytes += UInt64(bytes.count)
                at = range.upperBound
            }
            if history != nil { verdict.filesInHistory += 1 }
        } catch {
            guard error.code == .corrupt || error.code == .notFound else {
                throw BackupError(error)
            }
            verdict.differ(path, error.message)
        }
        verdict.files += 1
    }

    /// A retained instant at which the source shows just this version of a file; `nil` when none does any more.
    ///
    /// A value of the change attribute is never used twice for a file (RFC 8881 §5.8.1.4), so that a version of the same
    /// value is the same.
    private func version(
        of file: Attributes,
        now: Epoch?
    ) async throws(FileSystemError) -> View? {
        guard let source, let now else { return nil }
        do throws(FileSystemError) {
            let same = try await source.history(of: file.inode).last {
                $0.attributes.change == file.change
            }
            guard let same else { return nil }
            // What lives may be written while it is compared.
            let instant = same.isLive ? now : same.epoch
            let seen = try await source.attributes(of: file.inode, at: .past(instant))
            return seen.change == file.change ? .past(instant) : nil
        } catch {
            guard error.code == .stale || error.code == .notFound else { throw error }
            return nil
        }
    }

    /// Bytes of the source's past; `nil` when that instant is no longer retained.
    private func pastBytes(
        of inode: InodeNumber,
        _ range: Range<UInt64>,
        at view: View
    ) async throws(FileSystemError) -> [UInt8]? {
        guard let source else { return nil }
        do throws(FileSystemError) {
            return try await source.bulkRead(inode, range, at: view).bytes
        } catch {
            guard error.code == .stale else { throw error }
            return nil
        }
    }

    /// Holds one tile's bytes against the extents that the point has of it; `nil` when they are the same.
    private func complaint(
        about bytes: [UInt8],
        _ range: Range<UInt64>,
        of inode: InodeNumber,
        _ tree: PointTree
    ) -> String? {
        guard bytes.count == range.count else {
            return "\(bytes.count) of \(range.count) bytes came back"
        }
        do throws(TreeFailure) {
            let tile = UInt32(range.lowerBound / PointFormat.tileBytes)
            let found = try tree.source.tile(tile, of: inode)
            var at = 0
            for extent in found?.extents ?? [] {
                guard let piece = extent.clipped(to: 0..<UInt32(bytes.count)) else { continue }
                let (low, high) = (Int(piece.range.lowerBound), Int(piece.range.upperBound))
                guard low >= at, bytes[at..<low].allSatisfy({ $0 == 0 }) else {
                    return "a hole before byte \(range.lowerBound + UInt64(low)) is none"
                }
                guard try isSame(Array(bytes[low..<high]), piece) else {
                    let start = range.lowerBound
                    return
                        "bytes \(start + UInt64(low))..<\(start + UInt64(high)) are not those of "
                        + "chunk \(piece.chunk.id)"
                }
                at = high
            }
            return bytes[at...].allSatisfy { $0 == 0 } ? nil : "a hole at the end is none"
        } catch {
            return error.reason
        }
    }

    /// A whole chunk is known by its id; of a part of one, the bytes are compared with the vault's, which its id vouches for.
    private func isSame(
        _ bytes: [UInt8],
        _ piece: PointTile.Extent
    ) throws(TreeFailure) -> Bool {
        if bytes.count == piece.chunk.length { return vault.isContent(bytes, of: piece.chunk.id) }
        let skip = Int(piece.skip)
        do throws(VaultError) {
            return try vault.read(piece.chunk, range: skip..<skip + bytes.count) == bytes
        } catch {
            throw TreeFailure(call: "read", errno: SystemError.failed, reason: error.message)
        }
    }
}

/// What a restore test found.
package struct RestoreVerdict: Sendable, Hashable {
    /// A file that did not come back as it was.
    package struct Difference: Sendable, Hashable {
        /// From the point's root, in bytes.
        package let path: [UInt8]
        package let what: String
    }

    /// Names of the point, of whatever kind.
    package internal(set) var namesSeen = 0
    /// Regular files of the point, by name.
    package internal(set) var filesSeen = 0
    /// Files that were chosen and not tested, since the sample's bytes were used up.
    package internal(set) var filesPassedBy = 0
    /// Files that were restored and compared.
    package internal(set) var files = 0
    /// Of them, those that were compared with the source's history, too.
    package internal(set) var filesInHistory = 0
    /// Bytes that were compared and are the same.
    package internal(set) var bytes: UInt64 = 0
    /// The first of them.
    package internal(set) var differences: [Difference] = []
    package internal(set) var differenceCount = 0

    /// 20: more are counted.
    package static let differencesMax = 20

    mutating func differ(_ path: [UInt8], _ what: String) {
        differenceCount += 1
        if differences.count < RestoreVerdict.differencesMax {
            differences.append(Difference(path: path, what: what))
        }
    }

    /// A path as reports have it: names with a slash between.
    static func text(_ path: [FileName]) -> [UInt8] {
        Array(path.map(\.bytes).joined(separator: [UInt8(ascii: "/")]))
    }
}
