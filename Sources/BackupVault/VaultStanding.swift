import Keyring
import Synchronization
import VarveModel

/// What a vault is opened by: the three files as they were last seen whole, and what they say.
///
/// Without them nothing opens, so a verify compares them, and a repair puts them back. Others may change
/// two of them meanwhile: a description gains features, a key is wrapped anew.
struct VaultStanding: Sendable {
    private(set) var description: VaultDescription
    private(set) var rootKey: RootKeyID
    private(set) var entrance: [VaultEntrance]

    init(
        description: VaultDescription,
        rootKey: RootKeyID,
        key: [UInt8],
        secret: [UInt8],
        text: [UInt8]
    ) {
        self.description = description
        self.rootKey = rootKey
        entrance = [
            VaultEntrance(.key, key), VaultEntrance(.secret, secret),
            VaultEntrance(.description, text),
        ]
    }

    mutating func set(_ description: VaultDescription, text: [UInt8]) {
        self.description = description
        replace(VaultEntrance(.description, text))
    }

    mutating func set(key: [UInt8], rootKey: RootKeyID) {
        self.rootKey = rootKey
        replace(VaultEntrance(.key, key))
    }

    func bytes(of subject: VaultFinding.Subject) -> [UInt8]? {
        entrance.first { $0.subject == subject }?.bytes
    }

    private mutating func replace(_ file: VaultEntrance) {
        entrance = entrance.map { $0.subject == file.subject ? file : $0 }
    }
}

/// One of the three files that a vault cannot be opened without, byte for byte.
struct VaultEntrance: Sendable, Hashable {
    let subject: VaultFinding.Subject
    let bytes: [UInt8]

    init(_ subject: VaultFinding.Subject, _ bytes: [UInt8]) {
        self.subject = subject
        self.bytes = bytes
    }

    var name: String {
        switch subject {
        case .key: VaultDescription.keyFileName
        case .secret: VaultDescription.secretFileName
        default: VaultDescription.fileName
        }
    }
}

extension Vault {
    var entrance: [VaultEntrance] { standing.withLock { $0.entrance } }

    /// The description as it is on the disk now, or as it was last seen where that does not read, or says less.
    ///
    /// Parity begins and ends; holds, a lock and what else is read-only compatible is only ever gained: a description that
    /// lacks one is an older one that was put back, which a verify names.
    ///
    /// - Throws: `.newerFormat`, `.denied`.
    func presentDescription() throws(VaultError) -> VaultDescription {
        let (known, text) = standing.withLock { ($0.description, $0.bytes(of: .description)) }
        let found: VaultDescription
        let bytes: [UInt8]
        do throws(VaultError) {
            bytes = try files.changes.contents(VaultDescription.fileName)
            if bytes == text { return known }
            found = try VaultDescription(bytes)
            try found.checkSeal(keys: keys)
        } catch {
            // A verify names a description that does not read; the vault is open, and knows what it said.
            switch error.code {
            case .corrupt, .notFound, .failed: return known
            default: throw error
            }
        }
        guard found != known, found.id == known.id, !found.lacks(known) else { return known }
        standing.withLock { $0.set(found, text: bytes) }
        return found
    }

    /// Refuses one of the three files that is neither what was last seen nor what may have become of it since.
    ///
    /// - Throws: `.corrupt`, `.newerFormat`, `.notFound`, `.failed`.
    func check(_ file: VaultEntrance) throws(VaultError) {
        let bytes = try files.changes.contents(file.name)
        if bytes == file.bytes { return }
        guard file.subject == .description else {
            throw VaultError.damaged(file.name, "is not what it was when the vault was opened")
        }
        let found = try VaultDescription(bytes)
        try found.checkSeal(keys: keys)
        guard !found.lacks(standing.withLock { $0.description }) else {
            throw VaultError.damaged(
                file.name,
                "lacks what the vault has: an older one was put back"
            )
        }
    }

    /// Refuses to store what nobody could open later: where changes may arrive late, those of another making of a vault
    /// may have come over this one's.
    ///
    /// - Throws: `.corrupt`, `.notFound`, `.newerFormat`, `.unavailable`.
    func requireOwnEntrance() throws(VaultError) {
        guard files.storage.arrivesLate else { return }
        try requireNoOtherVault()
        try takeOverKey()
        for file in entrance {
            do throws(VaultError) {
                try requireOwn(file)
            } catch {
                guard error.code == .corrupt || error.code == .notFound else { throw error }
                throw VaultError(
                    error.code,
                    "the vault '\(name)' would not open again, so nothing is stored: \(error.message)",
                    remedy:
                        "In this daemon, which still knows it, run 'varve vault verify \(name) --repair'."
                )
            }
        }
    }

    /// Refuses a place where another vault was made later: who opens it finds that one.
    private func requireNoOtherVault() throws(VaultError) {
        for (path, body) in try files.changes.strangers(above: VaultDescription.fileName) {
            guard try describesOther(body) else { continue }
            throw VaultError(
                .corrupt,
                "another vault was made in '\(files.place)' later, by '\(path)': "
                    + "'\(name)' would not open again, so nothing is stored",
                remedy:
                    "If that one holds nothing, remove what its making put into 'changes' at that time; else copy both."
            )
        }
    }

    /// Whether a description is of another vault: one of a newer format, which nobody proved to be this one's, may be.
    private func describesOther(_ body: [UInt8]) throws(VaultError) -> Bool {
        do throws(VaultError) {
            return try VaultDescription(body).id != id
        } catch {
            switch error.code {
            case .newerFormat: return true
            case .corrupt: return false  // What is no description makes no vault.
            default: throw error
            }
        }
    }

    /// Refuses a bucket whose plain description is gone: for older programs, and for a making, it holds no vault.
    func requirePlainDescription() throws(VaultError) {
        guard files.storage.arrivesLate, try presentDescription().namesChanges,
            try files.storage.size(of: VaultDescription.fileName) == nil
        else { return }
        throw VaultError(
            .corrupt,
            "'\(VaultDescription.fileName)' is missing from \(files.place)",
            remedy: "Run 'varve vault verify \(name) --repair', which writes it again."
        )
    }

    private func requireOwn(_ file: VaultEntrance) throws(VaultError) {
        guard file.subject == .key else { return try check(file) }
        // Another process may just have wrapped it by another root key.
        let bytes = try files.changes.contents(file.name)
        guard bytes == file.bytes || DataKey.isWrapped(bytes, for: id) else {
            throw VaultError.damaged(file.name, "is the key of no vault, or of another one")
        }
    }

    /// Has the description say whether there may be parity, durably; within ``exclusively(_:)``.
    ///
    /// - Throws: `.newerFormat`, `.noSpace`, `.failed`, `.denied`.
    func describe(keepingParity keepsParity: Bool) throws(VaultError) {
        let description = try presentDescription()
        guard description.keepsParity != keepsParity else { return }
        try replace(description.keepingParity(keepsParity))
    }

    /// Takes over a key that another process wrapped anew: the description vouches for its bytes.
    func takeOverKey() throws(VaultError) {
        let description = try presentDescription()
        let bytes: [UInt8]
        do throws(VaultError) {
            bytes = try files.changes.contents(VaultDescription.keyFileName)
        } catch {
            // A verify names a key that is missing or does not read; what does not answer is no damage.
            guard !error.saysNothing(of: files.storage) else { throw error }
            return
        }
        guard bytes != standing.withLock({ $0.bytes(of: .key) }),
            let wrapping = description.wrapping(of: bytes),
            let rootKey = RootKeyID(wrapping.rootKey)
        else { return }
        standing.withLock { $0.set(key: bytes, rootKey: rootKey) }
    }

    /// Whether the key that opened the vault is none that the description names.
    func isKeyAnOlderOne() throws(VaultError) -> Bool {
        let description = try presentDescription()
        guard description.rootKeys != nil, let key = standing.withLock({ $0.bytes(of: .key) })
        else {
            return false
        }
        return description.wrapping(of: key) == nil
    }

    /// Puts one of the three files back as it was last seen; others may have changed it since it was looked at.
    ///
    /// - Throws: `.invalid` for a key where there is one, whoever wrapped it: an older one over it might undo a change of the root
    ///   key. `.newerFormat`, `.noSpace`, `.failed`, `.denied`.
    func putBack(_ subject: VaultFinding.Subject) throws(VaultError) {
        try exclusively { () throws(VaultError) in
            try takeOverKey()
            switch subject {
            case .description:
                let keepsParity = try parityFiles.isKeptOrEnding()
                try replace(try presentDescription().keepingParity(keepsParity))
            case .key:
                try requireNoKey()
                try putBackBytes(.key)
            default: try putBackBytes(.secret)
            }
        }
    }

    private func putBackBytes(_ subject: VaultFinding.Subject) throws(VaultError) {
        guard let file = entrance.first(where: { $0.subject == subject }) else { return }
        try files.changes.replace(file.name, with: file.bytes)
    }

    private func requireNoKey() throws(VaultError) {
        let name = VaultDescription.keyFileName
        let found: [UInt8]
        do throws(VaultError) {
            found = try files.changes.contents(name)
        } catch {
            // One that the medium does not give just now may be another root key's.
            guard error.code == .notFound else { throw error }
            return
        }
        guard DataKey.isWrapped(found, for: id) else { return }
        throw VaultError(
            .invalid,
            "'\(name)' is a wrapped key of this vault, and not the one that opened it",
            remedy:
                "If the root key was not changed, it is damaged: put it back from a copy before the daemon ends."
        )
    }

    /// Has each change bear a name of its own from now on, where changes may arrive late; within ``exclusively(_:)``.
    ///
    /// The plain description says so first, which keeps older programs away, and never changes again.
    func nameChanges() throws(VaultError) {
        guard files.storage.arrivesLate else { return }
        let description = try presentDescription()
        guard !description.namesChanges else { return try putBackPlainDescription() }
        let named = description.namingChanges().sealed(keys: keys)
        let text = try named.encoded(keys: keys)
        try files.replace(VaultDescription.fileName, with: text)
        try replace(named)
    }

    private func putBackPlainDescription() throws(VaultError) {
        guard try files.storage.size(of: VaultDescription.fileName) == nil,
            let text = standing.withLock({ $0.bytes(of: .description) })
        else { return }
        do throws(VaultError) {
            try files.replace(VaultDescription.fileName, with: text)
        } catch {
            // A full bucket gets it with a later change: points must go first.
            guard error.code == .noSpace else { throw error }
        }
    }

    /// Writes the description anew, durably; the caller keeps others from doing so.
    func replace(_ description: VaultDescription) throws(VaultError) {
        let sealed = description.sealed(keys: keys)
        let text = try sealed.encoded(keys: keys)
        try files.changes.replace(VaultDescription.fileName, with: text)
        standing.withLock { $0.set(sealed, text: text) }
    }
}
