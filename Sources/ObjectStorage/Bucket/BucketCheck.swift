import BackupVault
import VarveModel

/// What a bucket lets a vault do, asked of the bucket itself.
package struct BucketCheck: Sendable {
    /// What it refused.
    package struct Refusal: Sendable {
        /// As `list` or `write`.
        package let what: String
        package let error: S3Error
    }

    /// What was tried and done, in words.
    package fileprivate(set) var done: [String] = []
    package fileprivate(set) var refused: [Refusal] = []
    /// By how many seconds this machine's clock is ahead of the store's (below zero: behind); `nil` where it shows
    /// none.
    package fileprivate(set) var clockSeconds: Int64?

    /// Whether the store itself can keep what a vault's lock keeps; `nil` where that could not be asked.
    package fileprivate(set) var keepsLocked: Bool?
    /// Whether the bucket keeps each new version for a time, signs of life too, which come every 20 seconds.
    package fileprivate(set) var keepsEverything = false

    /// 60 s: a store refuses what is signed more than 15 minutes off its own time (AWS, `RequestTimeTooSkewed`).
    package static let clockSecondsMax: Int64 = 60

    /// Whether the machine's clock needs a look before the store refuses it.
    package var isClockOff: Bool {
        clockSeconds.map { abs($0) > BucketCheck.clockSecondsMax } ?? false
    }
}

extension BucketStorage {
    /// A small object that no part of a vault is; one that a check could not remove is written over by the next one.
    static let probeName = "leases/doctor.probe"
    private static let probe = Array("varve doctor\n".utf8)
    /// 20 minutes: it is ahead by the store's clock too, which may differ by 15.
    private static let probeKeptSeconds: Int64 = 1_200
    /// 2: as ``reach()``.
    private static let probeAttempts = 2

    /// Lists, writes, reads, begins and drops an upload, and removes; what one of them is refused does not hinder the
    /// next.
    package func check() -> BucketCheck {
        var check = BucketCheck()
        attempt("list", &check) { () throws(S3Error) in try probeList() }
        // Who may not even list, or does not answer, is not asked for more.
        guard check.refused.isEmpty else { return check }
        let key = key(BucketStorage.probeName)
        let attempts = BucketStorage.probeAttempts
        attempt("write", &check) { () throws(S3Error) in
            try client.put(key, BucketStorage.probe, attempts: attempts)
            return nil
        }
        attempt("read", &check) { () throws(S3Error) in
            try probeRead(key)
            return nil
        }
        attempt("upload in parts", &check) { () throws(S3Error) in
            let upload = try client.beginUpload(key, attempts: attempts)
            try client.abortUpload(key, upload: upload, attempts: attempts)
            return nil
        }
        // Harmless: who may not ask has a vault all the same, and is told that Object Lock is not known.
        if let lock = try? client.objectLock(attempts: attempts) {
            check.keepsLocked = lock != .absent
            check.keepsEverything = lock == .enabled(hasDefaultRule: true)
        }
        if check.keepsLocked == true {
            attempt("keep by Object Lock", &check) { () throws(S3Error) in
                let until = client.wallClock.now().adding(seconds: BucketStorage.probeKeptSeconds)
                try client.retain(key, S3Retention(mode: .governance, until: until))
                return nil
            }
        }
        attempt("remove", &check) { () throws(S3Error) in
            try client.delete(key, attempts: attempts)
            return nil
        }
        return check
    }

    /// Does one thing; its answer may show the store's clock.
    private func attempt(
        _ what: String,
        _ check: inout BucketCheck,
        _ body: () throws(S3Error) -> Int64?
    ) {
        do throws(S3Error) {
            if let seconds = try body() { check.clockSeconds = seconds }
            check.done.append(what)
        } catch {
            check.refused.append(BucketCheck.Refusal(what: what, error: error))
        }
    }

    /// Lists one name; answers by how much our clock is ahead.
    private func probeList() throws(S3Error) -> Int64? {
        var request = S3Request("GET", nil)
        request.query = [("list-type", "2"), ("prefix", key("")), ("max-keys", "1")]
        let answer = try client.send(request, attempts: BucketStorage.probeAttempts)
        _ = try client.document(answer, "ListBucketResult", request)
        guard let there = answer.headers["date"].flatMap(HTTPDate.seconds) else { return nil }
        return client.wallClock.now().seconds - there
    }

    private func probeRead(_ key: String) throws(S3Error) {
        let attempts = BucketStorage.probeAttempts
        do throws(S3Error) {
            let piece = try client.get(key, from: 0, count: 1 << 10, attempts: attempts)
            guard piece.bytes == BucketStorage.probe else {
                throw S3Error(
                    .failed,
                    "'\(key)' of \(place) does not read as it was written",
                    remedy:
                        "Look into the object store's log: nothing that it keeps can be relied on."
                )
            }
        } catch {
            // Another check, of another machine, has just removed it.
            guard error.code == .notFound else { throw error }
        }
    }
}
