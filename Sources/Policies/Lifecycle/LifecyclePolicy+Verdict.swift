package import VarveModel

/// What the rules say of one file.
extension LifecyclePolicy {
    /// Whether a file moves now, and where to.
    ///
    /// The days are those of UTC: a file read at any time of the 1st is due for `AFTER_30_DAYS`
    /// from the 31st on; only for `AFTER_1_DAY` a whole day must have passed. Both ages count from the last access in
    /// Standard (AWS EFS LifecyclePolicy); an access that brings a file back is one.
    package func verdict(on file: LifecycleFile, now: Timestamp) -> LifecycleVerdict {
        if let pattern = exclude.first(where: { $0.matches(file.path) }) {
            return LifecycleVerdict(decision: .stayExcluded(by: pattern))
        }
        guard include.isEmpty || include.contains(where: { $0.matches(file.path) }) else {
            return LifecycleVerdict(decision: .stayNotIncluded)
        }
        var chosen: LifecycleRule?
        // When a rule fits that is passed over for the file's age alone.
        var grown: Int64?
        for rule in rules where rule.fits(file) {
            let time = rule.oldEnough(file)
            if time <= now {
                chosen = rule
                break
            }
            grown = min(grown ?? .max, time.day)
        }
        var verdict = verdict(on: file, chosen, now)
        verdict.rule = chosen?.name
        if let grown { verdict.again = min(verdict.again ?? .max, grown) }
        if file.tier != .standard, file.held > 0, verdict.target == nil {
            let day = now.day + LifecyclePolicy.heldDays
            verdict.again = min(verdict.again ?? .max, day)
        }
        return verdict
    }

    /// Nobody tells when the last other file that shows a record is gone or cold: a look each month finds out.
    private static let heldDays: Int64 = 30

    private func verdict(
        on file: LifecycleFile,
        _ rule: LifecycleRule?,
        _ now: Timestamp
    ) -> LifecycleVerdict {
        let pattern = pins.first { $0.matches(file.path) }
        if file.isPinned || pattern != nil {
            let isThere = file.tier == .standard && file.writtenElsewhere == nil
            return LifecycleVerdict(
                decision: isThere ? .stayPinned(by: pattern) : .promotePinned(by: pattern)
            )
        }
        let transitions = rule?.transitions ?? self.transitions
        guard file.tier != .standard, let used = file.usedDay else {
            var verdict = aged(file, rule, transitions, since: file.accessDay, now)
            verdict.keepsUses = file.uses > 0 && transitions.isPromotedOnAccess
            return verdict
        }
        return usedVerdict(file, rule, transitions, used, now)
    }

    /// Of a file in a colder tier that was used there.
    private func usedVerdict(
        _ file: LifecycleFile,
        _ rule: LifecycleRule?,
        _ transitions: LifecycleTransitions,
        _ used: Int64,
        _ now: Timestamp
    ) -> LifecycleVerdict {
        guard transitions.isPromotedOnAccess else {
            var verdict = aged(file, rule, transitions, since: file.accessDay, now)
            // Further uses of a day are not told: what is written later today is looked at tomorrow.
            if used >= now.day { verdict = verdict.keptUntil(day: now.day + 1) }
            return verdict
        }
        var swept: Int?
        if let files = limits.wholeTreeFiles {
            if used >= now.day {
                return LifecycleVerdict(decision: .stayUsedToday(wholeTreeFiles: files))
                    .keptUntil(day: now.day + 1)
            }
            if file.coldFilesUsed > files { swept = file.coldFilesUsed }
        }
        let uses = swept == nil ? file.uses : file.uses - 1
        guard uses >= limits.usesToPromote else {
            var verdict = aged(file, rule, transitions, since: file.accessDay, now)
            if case .stayUntil = verdict.decision {
                verdict.decision =
                    swept.map { .stayUsedByWholeTree(files: $0, on: used) }
                    ?? .stayUsedTooSeldom(days: uses, of: limits.usesToPromote)
            }
            verdict.keepsUses = uses > 0
            verdict.dropsLastUse = swept != nil
            return verdict
        }
        let access = max(used, file.accessDay)
        // It would leave again at once.
        if let days = transitions.daysMin, now.day - access >= Int64(days) {
            var verdict = aged(file, rule, transitions, since: access, now)
            verdict.access = access
            return verdict
        }
        if let until = residence(file, now) {
            return LifecycleVerdict(decision: .stayMovedLately(until: until))
                .keptUntil(day: max(until.day, now.day))
        }
        return LifecycleVerdict(decision: .promote(usedOn: used), keepsUses: true)
    }

    /// What age alone does to a file.
    private func aged(
        _ file: LifecycleFile,
        _ rule: LifecycleRule?,
        _ transitions: LifecycleTransitions,
        since access: Int64,
        _ now: Timestamp
    ) -> LifecycleVerdict {
        let minimum = rule?.minimumSize ?? minimumSize
        guard file.size >= minimum else {
            let verdict = LifecycleVerdict(decision: .stayTooSmall(minimum: minimum))
            return settled(file, transitions, now, or: verdict)
        }
        let days = Int(max(0, now.day - access))
        guard let tier = transitions.colderTier(than: file.tier, daysWithoutAccess: days) else {
            let need = transitions.daysForNextMove(from: file.tier)
            let verdict = LifecycleVerdict(
                decision: .stayUntil(daysWithoutAccess: days, days: need, since: access),
                again: need.map { access + Int64($0) }
            )
            return settled(file, transitions, now, or: verdict)
        }
        func stays(_ decision: LifecycleVerdict.Decision, _ until: Timestamp) -> LifecycleVerdict {
            LifecycleVerdict(decision: decision, again: max(until.day, now.day))
        }
        let quiet = file.lastWrite.adding(seconds: limits.writeQuarantine)
        if now < quiet { return stays(.stayWrittenLately(until: quiet), quiet) }
        if let until = residence(file, now) {
            return stays(.stayMovedLately(until: until), until)
        }
        if file.tier == .standard, let (times, until) = rest(file, now) {
            return stays(.stayCameBackOften(times: times, until: until), until)
        }
        return LifecycleVerdict(
            decision: .demote(to: tier, daysWithoutAccess: days, since: access)
        )
    }

    /// Data that was written to a cold file may leave Standard again after the quarantine (AWS EFS: 24 hours).
    ///
    /// Of a file in Standard, what lies elsewhere comes at once.
    private func settled(
        _ file: LifecycleFile,
        _ transitions: LifecycleTransitions,
        _ now: Timestamp,
        or verdict: LifecycleVerdict
    ) -> LifecycleVerdict {
        guard let written = file.writtenElsewhere else { return verdict }
        if file.tier == .standard {
            guard transitions.daysMin != nil else { return verdict }
            return LifecycleVerdict(decision: .settle(in: .standard, written: written))
        }
        let quiet = written.adding(seconds: limits.writeQuarantine)
        guard now < quiet else {
            return LifecycleVerdict(decision: .settle(in: file.tier, written: written))
        }
        return LifecycleVerdict(
            decision: .stayWrittenLately(until: quiet),
            again: min(verdict.again ?? .max, max(quiet.day, now.day))
        )
    }

    /// Until when a file resides in its tier; `nil` when it may leave.
    private func residence(_ file: LifecycleFile, _ now: Timestamp) -> Timestamp? {
        guard limits.minimumResidency > 0, let moved = file.movedAt else { return nil }
        let until = moved.adding(seconds: limits.minimumResidency)
        return now < until ? until : nil
    }

    /// How often a file came back, and until when it rests for that.
    private func rest(_ file: LifecycleFile, _ now: Timestamp) -> (times: Int, until: Timestamp)? {
        guard let guarded = limits.thrashGuard else { return nil }
        let recent = file.returns.filter { $0.adding(seconds: guarded.within) > now }
        guard recent.count >= guarded.returns else { return nil }
        let last = recent[recent.count - guarded.returns]
        return (recent.count, last.adding(seconds: guarded.within))
    }
}

extension LifecycleVerdict {
    /// The same, asked again on a day at the latest, with the uses that are known now.
    fileprivate func keptUntil(day: Int64) -> LifecycleVerdict {
        var verdict = self
        verdict.again = min(again ?? .max, day)
        verdict.keepsUses = true
        return verdict
    }
}
