import Synchronization
import VarveModel

/// The data of a file that is too large to be held: stretch by stretch, several at a time where the sink bears it.
extension TreeTransfer {
    /// 4 MiB: a tile of a recovery point, so no chunk is opened for two stretches.
    private var stretchBytes: UInt64 { 4 << 20 }
    /// 1 MiB: what one read moves, and what the engine seals as one record.
    private var pieceBytes: UInt64 { 1 << 20 }
    /// 4: so many of one file keep the processors busy.
    private var stretchesMax: Int { min(4, sink.workersMax) }
    /// 16 MiB beside the 1 MiB of each file: what all files together may hold for it.
    private var besidesMax: Int { 16 }

    /// Copies runs of a file.
    ///
    /// - Returns: The end of the last byte that was written; the source may have shrunk meanwhile.
    func copyData(
        _ runs: [Range<UInt64>],
        from input: Source.File,
        to file: Sink.File
    ) async throws(TreeFailure) -> UInt64 {
        let result = await withTaskGroup(of: Result<UInt64, TreeFailure>.self) { group in
            await copy(runs, input, file, &group)
        }
        return try result.get()
    }

    private func copy(
        _ runs: [Range<UInt64>],
        _ input: Source.File,
        _ file: Sink.File,
        _ group: inout TaskGroup<Result<UInt64, TreeFailure>>
    ) async -> Result<UInt64, TreeFailure> {
        var progress = StretchProgress()
        for run in runs {
            var at = run.lowerBound
            while at < run.upperBound, progress.failure == nil {
                let end = min(run.upperBound, (at / stretchBytes + 1) * stretchBytes)
                while !mayBegin(beside: progress.inFlight) {
                    guard let result = await group.next() else { break }
                    note(result, &progress)
                }
                let stretch = at..<end
                progress.inFlight += 1
                group.addTask { await self.attempt(stretch, input, file) }
                at = end
            }
        }
        while let result = await group.next() { note(result, &progress) }
        return progress.failure.map { .failure($0) } ?? .success(progress.written)
    }

    /// The first stretch of a file always may; further ones share what all files may have beside theirs.
    private func mayBegin(beside inFlight: Int) -> Bool {
        guard inFlight > 0 else { return true }
        guard inFlight < stretchesMax else { return false }
        return besides.withLock { count in
            guard count < besidesMax else { return false }
            count += 1
            return true
        }
    }

    private func note(_ result: Result<UInt64, TreeFailure>, _ progress: inout StretchProgress) {
        progress.inFlight -= 1
        if progress.inFlight > 0 { besides.withLock { $0 -= 1 } }
        switch result {
        case .success(let end): progress.written = max(progress.written, end)
        case .failure(let failure): progress.failure = progress.failure ?? failure
        }
    }

    private func attempt(
        _ stretch: Range<UInt64>,
        _ input: Source.File,
        _ file: Sink.File
    ) async -> Result<UInt64, TreeFailure> {
        do throws(TreeFailure) {
            return .success(try await copy(stretch, from: input, to: file))
        } catch {
            return .failure(error)
        }
    }

    /// Copies one stretch; answers the end of what was written, 0 when nothing was.
    private func copy(
        _ stretch: Range<UInt64>,
        from input: Source.File,
        to file: Sink.File
    ) async throws(TreeFailure) -> UInt64 {
        var at = stretch.lowerBound
        var written: UInt64 = 0
        while at < stretch.upperBound {
            if state.withLock({ $0.fatal != nil }) { throw stopped }
            let bytes = try await input.read(at..<min(at + pieceBytes, stretch.upperBound))
            guard !bytes.isEmpty else { break }
            try await sink.write(bytes, at: at, to: file)
            at += UInt64(bytes.count)
            written = at
            let amount = UInt64(bytes.count)
            count { $0.bytes += amount }
        }
        return written
    }
}

/// How far the stretches of one file are.
private struct StretchProgress {
    var inFlight = 0
    /// The end of the last byte written.
    var written: UInt64 = 0
    var failure: TreeFailure?
}
