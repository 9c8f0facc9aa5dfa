import Synchronization

/// Looking after the files of the lock.
extension Vault {
    /// What is wrong with them, by file.
    ///
    /// A copy that is behind the other was left so by a crash or a full disk: it counts for nothing, and the next writing
    /// mends it.
    func lockFindings() throws(VaultError) -> [(file: String, error: VaultError)] {
        // Before the files, which only become newer.
        let seen = lockSeen.withLock { $0 }
        let found = try lockFiles.all()
        let isNamed = try has(feature: VaultFeature.lock)
        if !isNamed, seen == nil, found.allSatisfy({ $0.record.isMissing }) { return [] }
        let newest = LockRecord.newest(of: found)?.revision ?? 0
        let isOld = newest < seen?.revision ?? 0
        var wrong: [(file: String, error: VaultError)] = []
        for (name, record) in found {
            switch record {
            case .success:
                guard isOld else { continue }
                wrong.append((name, VaultError.damaged(name, "is an older one than there was")))
            case .failure(let error):
                // Before the description names it a lock is being made, and keeps nothing.
                if error.code == .notFound, !isNamed { continue }
                let missing = VaultError.damaged(name, "is missing, and the vault is not without")
                wrong.append((name, error.code == .notFound ? missing : error))
            }
        }
        if !isNamed, LockRecord.newest(of: found)?.lock != nil {
            let what = "does not say that the vault has a lock"
            wrong.append((LockFiles.names[0], VaultError.damaged("vault.json", what)))
        }
        return wrong
    }

    /// Writes both files, and the description's bit, again: as this vault object knows them, or by the one that reads.
    ///
    /// - Throws: `.corrupt` when neither is; `.noSpace`, `.denied`, `.failed`.
    func repairLock() throws(VaultError) {
        try exclusively { () throws(VaultError) in
            let found = try lockFiles.all()
            // A newer program's are not written over.
            if found.contains(where: { $0.record.isNewer }) { return try requireLockReadable() }
            let written = LockRecord.newest(of: found)
            let seen = lockSeen.withLock { $0 }
            let known = [written, seen].compactMap { $0 }.max { $0.revision < $1.revision }
            guard let known else {
                try requireLockReadable()
                return
            }
            try lockFiles.write(known)
            lockSeen.withLock { $0 = known }
            try require(feature: VaultFeature.lock)
        }
    }
}
