package import BackupVault
import Synchronization
import VarveModel

/// Who lives, and who has what for itself.
extension BucketStorage {
    package func beginSign(_ name: String) throws(VaultError) -> (any SignOfLife)? {
        try signs.begin(key(name))
    }

    /// Watches each sign until it changes, goes, or has stood still for so long that its owner has given up.
    package func living(
        _ names: [String],
        bury: (String) throws(VaultError) -> Void
    ) throws(VaultError) -> [String] {
        var living: [String] = []
        var watched: [(name: String, sign: SeenSign)] = []
        var waiting = names
        while true {
            var undecided: [String] = []
            for name in waiting {
                guard !signs.isOwn(key(name)) else {
                    living.append(name)
                    continue
                }
                let known = watched.first { $0.name == name }?.sign
                switch try look(at: name, known) {
                case .gone: continue
                case .lives: living.append(name)
                case .dead:
                    try bury(name)
                    try remove(name)
                case .undecided(let sign):
                    watched.removeAll { $0.name == name }
                    watched.append((name, sign))
                    undecided.append(name)
                }
            }
            if undecided.isEmpty { break }
            waiting = undecided
            client.clock.pause(nanoseconds: times.refresh / 2)
        }
        return names.filter(living.contains)
    }

    /// A sign as it was first seen.
    private struct SeenSign {
        let bytes: [UInt8]
        /// After the look that brought it.
        let since: Int64
    }

    private enum Verdict {
        case gone, lives, dead
        case undecided(SeenSign)
    }

    private func look(at name: String, _ known: SeenSign?) throws(VaultError) -> Verdict {
        let began = client.clock.now()
        let bytes: [UInt8]
        do throws(VaultError) {
            bytes = try contents(name, limit: 1 << 16)
        } catch {
            guard error.code == .notFound else { throw error }
            return .gone
        }
        guard let known else {
            return .undecided(SeenSign(bytes: bytes, since: client.clock.now()))
        }
        if bytes != known.bytes { return .lives }
        return began - known.since >= times.dead ? .dead : .undecided(known)
    }

    /// Each who asks puts up a claim of its own, and looks at the others': of two that ask at once at least one sees
    /// the other.
    ///
    /// Who sees another withdraws, and asks again if that one was dead or has withdrawn too.
    package func exclude(_ name: String) throws(VaultError) -> (any Exclusion)? {
        guard excluding.withLock({ $0.insert(name).inserted }) else { return nil }
        do throws(VaultError) {
            for _ in 0..<BucketStorage.claimsMax {
                if let held = try claim(name) { return held }
                let others = try claims(name)
                guard try living(others, bury: { _ throws(VaultError) in }).isEmpty else { break }
                // Two that withdrew from each other do not meet again for long.
                client.clock.pause(nanoseconds: Int64.random(in: 0...BucketStorage.claimPauseMax))
            }
        } catch {
            excluding.withLock { _ = $0.remove(name) }
            throw error
        }
        excluding.withLock { _ = $0.remove(name) }
        return nil
    }

    /// 8 times: two that meet by chance part after the first or second.
    private static let claimsMax = 8
    /// 500 ms.
    private static let claimPauseMax: Int64 = 500_000_000

    private func claim(_ name: String) throws(VaultError) -> BucketExclusion? {
        let own = "\(name)-\(Hex.encode(UniqueID.random().bytes))"
        let sign = try beginClaim(own)
        do throws(VaultError) {
            if try claims(name).allSatisfy({ $0 == own }) {
                return BucketExclusion(sign: sign, name: name, storage: self)
            }
        } catch {
            sign.end()
            throw error
        }
        sign.end()
        return nil
    }

    /// In a full bucket the reserve makes room for the claim, and for what a prune or a deletion writes.
    private func beginClaim(_ own: String) throws(VaultError) -> BucketSign {
        do throws(VaultError) {
            let sign = try signs.begin(key(own))
            keepReserve()
            return sign
        } catch {
            guard error.code == .noSpace, try dropReserve() else { throw error }
            return try signs.begin(key(own))
        }
    }

    /// The names of all claims.
    private func claims(_ name: String) throws(VaultError) -> [String] {
        let parts = name.split(separator: "/", maxSplits: 1).map(String.init)
        return try list(parts[0]).filter { $0.hasPrefix(parts[1] + "-") }
            .map { "\(parts[0])/\($0)" }
    }
}

extension BucketStorage {
    /// Refuses to change anything while a claim that this work relies on may have been given away; those of other work
    /// are its own affair.
    func requireClaims() throws(VaultError) {
        for case let claim as BucketExclusion in HeldClaims.current where claim.storage === self {
            try claim.check()
        }
    }

    /// Whether none of them may have been given away.
    var hasClaims: Bool {
        do throws(VaultError) {
            try requireClaims()
            return true
        } catch {
            return false
        }
    }
}

/// A claim that stands alone.
private struct BucketExclusion: Exclusion {
    let sign: BucketSign
    let name: String
    let storage: BucketStorage

    func check() throws(VaultError) { try sign.check(isSure: false) }

    func release() {
        sign.end()
        storage.excluding.withLock { _ = $0.remove(name) }
    }
}
