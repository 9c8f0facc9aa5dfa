import LocalAPI
import ObjectStorage

/// What doctor says of the buckets that vaults lie in.
enum BucketChecks {
    /// Whether a bucket answers, lets the vault do what it must, and shows about the same time.
    static func check(_ place: BucketPlace, of vault: String) async throws -> CheckReport {
        let storage = place.storage()
        let check = try await BlockingCalls.run { storage.check() }
        return report(check, place, of: vault)
    }

    static func report(
        _ check: BucketCheck,
        _ place: BucketPlace,
        of vault: String
    ) -> CheckReport {
        let subject = "bucket of vault \(vault), \(place.text)"
        var report = CheckReport(checked: [], found: [])
        let clock = check.clockSeconds.map { "; this machine's clock is \(words($0))" } ?? ""
        let done = check.done.isEmpty ? "nothing" : check.done.joined(separator: ", ")
        let objectLock =
            switch check.keepsLocked {
            case true?: "; Object Lock is on"
            case false?: "; no Object Lock"
            case nil: "; whether it has Object Lock is not known"
            }
        report.checked.append(
            "\(subject): may \(done) (\(place.credentials.text))\(clock)\(objectLock)"
        )
        if check.keepsEverything {
            report.found.append(
                CheckReport.Found(
                    kind: "warning",
                    subject: subject,
                    message:
                        "the bucket's default retention keeps every version, signs of life too, which come every 20 seconds",
                    remedy:
                        "Take the default rule away: a locked vault has the store keep what it needs."
                )
            )
        }
        for refusal in check.refused {
            report.found.append(
                CheckReport.Found(
                    kind: "unavailable",
                    subject: subject,
                    message: "\(refusal.what): \(refusal.error.message)",
                    remedy: refusal.error.remedy
                )
            )
        }
        if check.isClockOff, let seconds = check.clockSeconds {
            report.found.append(
                CheckReport.Found(
                    kind: "warning",
                    subject: subject,
                    message: "this machine's clock is \(words(seconds))",
                    remedy:
                        "Set it right: a store refuses requests that are more than 15 minutes off."
                )
            )
        }
        return report
    }

    private static func words(_ seconds: Int64) -> String {
        switch seconds {
        case -1...1: "the store's"
        case ..<0: "\(-seconds) seconds behind the store's"
        default: "\(seconds) seconds ahead of the store's"
        }
    }
}
