/// What each of several zones answered to one call.
typealias ZoneResults<Value> = [(zone: Int, result: Result<Value, DiskError>)]

/// What the disk answers for them.
enum ZonedAnswer<Value> {
    /// A majority did it, and who did not is out, durably.
    case done([(zone: Int, value: Value)])
    /// Too few had room: these did it all the same, and must undo it.
    case full(DiskError, doneBy: [Int])
}

extension ZonedMembers {
    /// Makes one answer of what each member said: the one that a majority of all zones gives; the others leave.
    ///
    /// - Throws: What they answered alike, or the refusal when no majority agrees.
    func answer<Value>(_ results: ZoneResults<Value>) throws(DiskError) -> ZonedAnswer<Value> {
        var done: [(zone: Int, value: Value)] = []
        var answers: [(zone: Int, error: DiskError)] = []
        var faults: [(zone: Int, reason: ZonedStanding.Reason)] = []
        for (zone, result) in results {
            switch result {
            case .success(let value): done.append((zone, value))
            case .failure(let error) where error.isAnswer && isThere(zone, error):
                answers.append((zone, error))
            case .failure(let error): faults.append((zone, .failed(error.message)))
            }
        }
        if done.count >= majority {
            try expel(faults + answers.map { ($0.zone, ZonedStanding.Reason($0.error)) })
            return .done(done)
        }
        let full = answers.filter { $0.error.code == .noSpace }
        if let first = full.first, full.count + done.count >= majority {
            let others = answers.filter { $0.error.code != .noSpace }
            try expel(faults + others.map { ($0.zone, .failed($0.error.message)) })
            return .full(first.error, doneBy: done.map(\.zone))
        }
        for (_, error) in answers where error.code != .noSpace {
            let same = answers.filter { $0.error.isSame(as: error) }
            guard same.count >= majority else { continue }
            let others = answers.filter { !$0.error.isSame(as: error) }
            try expel(
                faults + others.map { ($0.zone, .failed($0.error.message)) }
                    + done.map { ($0.zone, .failed("did what others refused: \(error.message)")) }
            )
            throw error
        }
        stop(faults + answers.map { ($0.zone, .failed($0.error.message)) })
        throw refusal
    }

    /// Makes one answer of a sync, which nobody can undo or try again: whatever a zone failed it with, it is out.
    ///
    /// - Throws: The refusal, when less than a majority did it; what all answered alike, but that there is no room.
    func synced(_ zones: [Int], _ failures: [DiskError?]) throws(DiskError) {
        let failed = zip(zones, failures).compactMap { zone, error in
            error.map { (zone: zone, reason: ZonedStanding.Reason($0)) }
        }
        guard zones.count - failed.count < majority else { return try expel(failed) }
        guard let first = failures.compactMap({ $0 }).first else {
            // Who stopped changes took the others away; or the file was closed.
            if isStopped { throw refusal }
            throw DiskError(.failed, "sync beneath '\(root)': too few zones hold it", errno: 9)
        }
        if zones.count >= majority, first.isAnswer, first.code != .noSpace,
            failures.allSatisfy({ $0?.isSame(as: first) == true }),
            zones.allSatisfy({ isThere($0, first) })
        {
            throw first
        }
        stop(failed)
        throw refusal
    }

    /// Whether a zone that does not find something is there itself: one whose disk is not mounted finds nothing.
    private func isThere(_ zone: Int, _ error: DiskError) -> Bool {
        guard error.code == .notFound else { return true }
        let path = zones[zone].directory + "/" + ZoneFile.name
        // Harmless: a zone that cannot say so is not believed.
        return (try? zones[zone].disk.status(of: path)) != nil
    }

    /// As ``answer(_:)``, for calls that nobody can undo: who did it when most had no room leaves.
    func settled<Value>(
        _ results: ZoneResults<Value>
    ) throws(DiskError) -> [(zone: Int, value: Value)] {
        switch try answer(results) {
        case .done(let done): return done
        case .full(let error, let doneBy):
            try expel(doneBy.map { ($0, .failed("did what others had no room for")) })
            throw error
        }
    }
}

extension DiskError {
    /// Whether this is the file system's word about the call, which all zones give alike, and no failure of a zone.
    var isAnswer: Bool {
        switch code {
        case .notFound, .exists, .noSpace, .busy: true
        case .denied, .powerCut: false
        // EXDEV, EISDIR, EINVAL, ENFILE, EMFILE, EFBIG, ENAMETOOLONG, ENOSYS, ENOTEMPTY, EOPNOTSUPP.
        case .failed: [18, 21, 22, 23, 24, 27, 36, 38, 39, 95].contains(errno)
        }
    }

    func isSame(as other: DiskError) -> Bool { code == other.code && errno == other.errno }
}
