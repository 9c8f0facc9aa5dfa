import JobScheduler
import Policies

extension Settings {
    /// How many jobs run side by side.
    var jobLimits: JobLimits { SettingName.jobLimits(self[.jobsAtOnce]) ?? .standard }
}

extension SettingName {
    /// `4` for all actions together; `4 backup=2 lifecycle=1` bounds some of them further.
    static func jobLimits(_ text: String) -> JobLimits? {
        func count(_ word: Substring) -> Int? {
            Int(word).flatMap { (1...64).contains($0) ? $0 : nil }
        }
        let words = text.split(whereSeparator: { $0 == " " || $0 == "," })
        guard let total = words.first.flatMap(count) else { return nil }
        var limits = JobLimits(total: total)
        for word in words.dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let action = Job.ActionName(rawValue: String(parts[0])),
                let count = count(parts[1]), limits.byAction[action] == nil
            else { return nil }
            limits.byAction[action] = count
        }
        return limits
    }
}
