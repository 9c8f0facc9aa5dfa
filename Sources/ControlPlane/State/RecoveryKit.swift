package import Keyring
package import LocalAPI
package import VarveModel

/// What is to be kept on paper, so that a vault's directory restores on another machine.
package struct RecoveryKit: Sendable {
    /// The vault's name.
    package let vault: String
    /// `nil` where only the key was written down.
    package let id: UniqueID?
    package let rootKey: RootKey
    /// Of a vault in a bucket: without it nobody knows where to look.
    var bucket: BucketPlace?

    package init(vault: String, id: UniqueID, rootKey: RootKey) {
        self.vault = vault
        self.id = id
        self.rootKey = rootKey
    }

    private static let title = "VARVE RECOVERY KIT"
    private static let nameField = "Vault:"
    private static let idField = "Vault id:"
    private static let keyField = "Root key:"

    /// The paper.
    ///
    /// - Parameters:
    ///   - time: When it was made.
    ///   - scope: What else the key opens.
    /// - Returns: Lines of text, the key among them.
    package func text(made time: Timestamp, scope: RootKeyScope) -> String {
        let opens =
            switch scope {
            case .vault: "It opens this vault alone."
            case .daemon:
                "It opens every file system and every vault of this daemon that has no key of its own."
            case .unknown:
                "It opens this vault, and whatever else was made under this key elsewhere."
            }
        let groups = rootKey.written.split(separator: " ")
        let lines = [groups.prefix(9), groups.dropFirst(9)].map {
            "    " + $0.joined(separator: " ")
        }
        return """
            \(RecoveryKit.title)

            Keep this on paper, away from the machine. Whoever holds it and the vault's \(holder) reads all
            backups in it; without it nobody does once the machine is lost.

            \(RecoveryKit.nameField)     \(vault)
            \(RecoveryKit.idField)  \(id.map { Hex.encode($0.bytes) } ?? "")
            Made:      \(TimeText(time).text)\(bucket.map { "\nLies in:   \($0.text)" } ?? "")
            Key name:  \(rootKey.id)
            \(RecoveryKit.keyField)
            \(lines.joined(separator: "\n"))

            \(opens)
            Case does not matter; a mistake in the key is found.

            To restore on a new machine, with \(needed) and this text in the file KIT:
                varved init
                varved serve
                varve vault adopt \(place) --recovery-kit KIT
                varve backup list --vault \(vault)
                varve restore FS:/ --recovery-point ID --to-new FS

            """
    }

    private var holder: String { bucket == nil ? "directory" : "bucket" }

    private var needed: String {
        bucket == nil ? "the vault's directory at DIR" : "the bucket's keys in the file KEYS"
    }

    /// What names the vault to `varve vault adopt`.
    private var place: String {
        guard let location = bucket?.location else { return "DIR" }
        var words = [location.address]
        if let endpoint = location.endpoint { words += ["--endpoint", endpoint] }
        if let region = location.region { words += ["--region", region] }
        if location.isPathStyle == true { words.append("--path-style") }
        return (words + ["--credentials", "KEYS"]).joined(separator: " ")
    }

    /// Reads a paper that was typed in: the root key, and what else of it is there.
    ///
    /// - Throws: `.usage` where no root key is, or one with a mistake.
    package init(_ text: String) throws(APIError) {
        var name = ""
        var id: UniqueID?
        var key = ""
        var isInKey = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let line = line.trimmed
            if let value = line.value(of: RecoveryKit.nameField) {
                name = value
            } else if let value = line.value(of: RecoveryKit.idField) {
                id = Hex.decode(value.lowercased()).flatMap(UniqueID.init(bytes:))
                guard id != nil else {
                    // Not shown: it may be a key on the wrong line.
                    throw APIError(
                        .usage,
                        "what stands as the kit's vault id is none",
                        remedy: RecoveryKit.remedy
                    )
                }
            } else if let value = line.value(of: RecoveryKit.keyField) {
                (isInKey, key) = (true, value)
            } else if isInKey, !line.isEmpty {
                key += line
            } else if !key.isEmpty {
                isInKey = false
            }
        }
        // A paper with nothing but the key on it will do.
        if key.isEmpty { key = text }
        do {
            rootKey = try RootKey(written: key)
        } catch {
            throw APIError(.usage, error.message, remedy: error.remedy)
        }
        vault = name
        self.id = id
    }

    private static let remedy = "Compare it with the paper: 32 digits and letters from a to f."
}

extension Substring {
    /// Without white space at either end.
    fileprivate var trimmed: Substring {
        var text = drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    /// What stands behind a field's name, in whatever case.
    fileprivate func value(of field: String) -> String? {
        guard lowercased().hasPrefix(field.lowercased()) else { return nil }
        return String(dropFirst(field.count).trimmed)
    }
}
