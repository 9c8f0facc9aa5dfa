import VarveModel

/// What was found in one pack.
struct PackOutcome: Sendable {
    let pack: UniqueID
    /// The pack's own damage: its header, its list, its end.
    var error: VaultError?
    /// Whether the header is damaged: without it nothing of the pack opens.
    var isUnreadable = false
    /// Whether the list is damaged: only an index leads to its chunks.
    var isUnlisted = false
    var good = 0
    var bad: [(id: ChunkID, error: VaultError)] = []
    var bytes: UInt64 = 0
}

/// Reads packs from front to end, and checks what is in them; one thread's.
///
/// It holds one run of a pack (1 MiB and a chunk) and one plain chunk, whatever a pack has.
final class PackCheck {
    private let vault: Vault
    private var sealed: UnsafeMutableRawBufferPointer
    private var plain: UnsafeMutableRawBufferPointer

    /// 1 MiB a read: few calls, and the kernel reads ahead of them.
    private static let runBytes = 1 << 20

    init(_ vault: Vault) {
        self.vault = vault
        // SAFETY: owned by this object alone, grown by `reserve`, freed in deinit.
        sealed = .allocate(byteCount: PackCheck.runBytes, alignment: 16)
        plain = .allocate(byteCount: PackCheck.runBytes, alignment: 16)
    }

    deinit {
        sealed.deallocate()
        plain.deallocate()
    }

    /// Checks a pack's header, list and end, and every chunk when `readsChunks`.
    ///
    /// Chunks of a pack whose own list is damaged are not looked at.
    func check(_ pack: UniqueID, readsChunks: Bool) -> PackOutcome {
        var outcome = PackOutcome(pack: pack)
        guard let reader = open(&outcome) else { return outcome }
        do throws(VaultError) {
            let (entries, _) = try reader.entries()
            if readsChunks { check(entries, reader, into: &outcome) }
        } catch {
            outcome.error = error
            outcome.isUnlisted = true
        }
        return outcome
    }

    /// Checks the chunks of a pack whose own list is damaged, by what an index file told of it.
    func check(_ outcome: PackOutcome, listedElsewhere entries: [PackEntry]) -> PackOutcome {
        var outcome = outcome
        guard let reader = open(&outcome) else { return outcome }
        check(entries, reader, into: &outcome)
        return outcome
    }

    private func open(_ outcome: inout PackOutcome) -> PackReader? {
        do throws(VaultError) {
            return try PackReader(outcome.pack, files: vault.files, keys: vault.keys)
        } catch {
            outcome.error = error
            // One that is gone was pruned meanwhile.
            outcome.isUnreadable = error.code != .notFound
            return nil
        }
    }

    private func check(
        _ entries: [PackEntry],
        _ reader: PackReader,
        into outcome: inout PackOutcome
    ) {
        outcome.bytes = entries.last.map { UInt64($0.offset) + UInt64($0.stored) } ?? 0
        var first = 0
        while first < entries.count {
            let end = PackCheck.endOfRun(from: first, in: entries)
            check(first..<end, of: entries, reader, into: &outcome)
            first = end
        }
    }

    /// Chunks lie without gaps, so that a run of them is one read.
    private static func endOfRun(from first: Int, in entries: [PackEntry]) -> Int {
        var bytes = 0
        var end = first
        while end < entries.count, end == first || bytes + Int(entries[end].stored) <= runBytes {
            bytes += Int(entries[end].stored)
            end += 1
        }
        return end
    }

    private func check(
        _ run: Range<Int>,
        of entries: [PackEntry],
        _ reader: PackReader,
        into outcome: inout PackOutcome
    ) {
        let start = Int(entries[run.lowerBound].offset)
        let last = entries[run.upperBound - 1]
        let count = Int(last.offset) + Int(last.stored) - start
        PackCheck.reserve(count, &sealed)
        let target = UnsafeMutableRawBufferPointer(rebasing: sealed[..<count])
        // Where a medium fails within the run, each chunk is read by itself: the others are whole.
        let isRead = (try? reader.read(into: target, at: UInt64(start))) == count
        for number in run {
            let entry = entries[number]
            do throws(VaultError) {
                if isRead {
                    let place = Int(entry.offset) - start
                    let bytes = UnsafeMutableRawBufferPointer(
                        rebasing: target[place..<place + Int(entry.stored)]
                    )
                    try check(bytes, entry, number, reader)
                } else {
                    var bytes = try reader.sealed(of: entry)
                    try check(&bytes, entry, number, reader)
                }
                outcome.good += 1
            } catch {
                outcome.bad.append((entry.id, error))
            }
        }
    }

    private func check(
        _ bytes: inout [UInt8],
        _ entry: PackEntry,
        _ number: Int,
        _ reader: PackReader
    ) throws(VaultError) {
        let result = bytes.withUnsafeMutableBytes { buffer -> Result<Void, VaultError> in
            do throws(VaultError) {
                return .success(try check(buffer, entry, number, reader))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Opens a chunk in place, decompresses and hashes it.
    private func check(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ entry: PackEntry,
        _ number: Int,
        _ reader: PackReader
    ) throws(VaultError) {
        let payload = try reader.open(bytes, entry: entry, number: number)
        PackCheck.reserve(Int(entry.length), &plain)
        let found = try vault.compression.plain(
            payload,
            entry: entry,
            scratch: UnsafeMutableRawBufferPointer(rebasing: plain[..<Int(entry.length)]),
            name: reader.name
        )
        guard vault.keys.chunkID(of: found) == entry.id else {
            throw VaultError.damaged(
                reader.name,
                "holds chunk \(entry.id) with other content"
            )
        }
    }

    private static func reserve(_ count: Int, _ buffer: inout UnsafeMutableRawBufferPointer) {
        guard buffer.count < count else { return }
        buffer.deallocate()
        buffer = .allocate(byteCount: count, alignment: 16)
    }
}
