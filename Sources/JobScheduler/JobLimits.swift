package import Policies

/// How many jobs run side by side; those beyond wait for their turn.
package struct JobLimits: Sendable, Hashable {
    /// Of all actions together.
    package var total: Int
    /// Of one action; one that is not named has no bound of its own.
    package var byAction: [Job.ActionName: Int]

    package init(total: Int, byAction: [Job.ActionName: Int] = [:]) {
        precondition(
            total >= 1 && byAction.values.allSatisfy { $0 >= 1 },
            "a job must be able to run"
        )
        self.total = total
        self.byAction = byAction
    }

    /// 4: backups keep all processors at work by themselves, so that more of them at once only share these.
    package static let standard = JobLimits(total: 4)

    /// Whether one more of an action may begin beside those that run.
    ///
    /// Snapshots take milliseconds and are named for the instant that they are due at: unless `byAction` names them they
    /// wait for nobody and hold up nobody.
    package func haveRoom(for action: Job.ActionName, beside running: [Job.ActionName]) -> Bool {
        func counts(_ action: Job.ActionName) -> Bool {
            action != .snapshot || byAction[.snapshot] != nil
        }
        guard counts(action) else { return true }
        return running.count(where: counts) < total
            && running.count(where: { $0 == action }) < byAction[action] ?? .max
    }
}
