import VarveModel

/// Unpacks the parts of an archive as they come, from here or through a socket.
package final class ColdArchiveIntake: Sendable {
    private let input = ArchiveInput()
    private let guide = UnpackingGuide()

    package init() {}

    /// Whether nobody wants more: what unpacks has ended.
    package var isStopped: Bool { input.isStopped }

    /// Takes a part; waits while too much is unread.
    ///
    /// - Throws: `.invalid` for a part that is out of place; `.unsupported` when they say more than is held.
    package func take(_ part: ColdArchivePart) async throws(BackupError) {
        switch part {
        case .asked(let paths): try guide.ask(paths)
        case .sockets(let entries): try guide.add(sockets: entries)
        case .names:
            throw BackupError(.invalid, "names came where bytes were expected")
        case .next(let next): try guide.expect(next)
        case .tar(let bytes): await input.send(bytes)
        case .damaged(let path, let reason, let hasBegun):
            try guide.damage(path, reason, hasBegun: hasBegun)
        case .entries(let count): guide.expect(entries: count)
        case .end: input.finish()
        }
    }

    /// Ends because nothing more comes, though it should.
    package func fail(_ reason: String) {
        input.fail(reason)
    }

    /// Makes what comes; ends with the part that ends them.
    ///
    /// - Parameters:
    ///   - target: Where to; names never lead out of it.
    ///   - existing: What to do with names that are there; `.mirror` only replaces.
    ///   - progress: Told now and then.
    /// - Returns: What was made, what the target refused, and what did not verify.
    /// - Throws: `.invalid` when the parts end too early, and as ``TreeCopy``.
    package func unpack(
        to target: TreeTarget,
        existing: ExistingNames,
        progress: ProgressHandler? = nil
    ) async throws(BackupError) -> TransferReport {
        try await ArchiveStream.read(input, to: target, existing, guide: guide, progress)
    }
}

extension ColdArchive {
    /// Unpacks an archive, or a part of it, on this machine.
    ///
    /// - Parameters:
    ///   - feed: What is asked for.
    ///   - target: Where to; each entry keeps its whole path beneath it.
    ///   - existing: What to do with names that are there.
    ///   - progress: Told now and then.
    /// - Returns: What was made, what the target refused, and what did not verify.
    /// - Throws: As ``ColdArchiveFeed/next()`` and ``TreeCopy``.
    package static func extract(
        _ feed: ColdArchiveFeed,
        to target: TreeTarget,
        existing: ExistingNames,
        progress: ProgressHandler? = nil
    ) async throws(BackupError) -> TransferReport {
        // All of the index first: when it does not verify, not even the target's directory is made.
        try feed.begin()
        let intake = ColdArchiveIntake()
        async let fed = hand(feed, to: intake)
        let unpacked = await unpack(intake, target, existing, progress)
        if let failure = await fed { throw failure }
        return try unpacked.get()
    }

    /// Hands parts over until the last; answers why it could not.
    private static func hand(
        _ feed: ColdArchiveFeed,
        to intake: ColdArchiveIntake
    ) async -> BackupError? {
        do throws(BackupError) {
            while !intake.isStopped, let part = try feed.next() { try await intake.take(part) }
            return nil
        } catch {
            intake.fail(error.message)
            return error
        }
    }

    private static func unpack(
        _ intake: ColdArchiveIntake,
        _ target: TreeTarget,
        _ existing: ExistingNames,
        _ progress: ProgressHandler?
    ) async -> Result<TransferReport, BackupError> {
        do throws(BackupError) {
            return .success(
                try await intake.unpack(to: target, existing: existing, progress: progress)
            )
        } catch {
            return .failure(error)
        }
    }
}
