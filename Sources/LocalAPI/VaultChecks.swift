/// Asks to check a vault.
package struct VerifyVault: Codable, Sendable, Hashable {
    package var vault: String
    /// Opens every chunk too.
    package var readsData: Bool
    /// Opens every chunk of this part of the packs, above 0 up to 1; `nil` for what `readsData` says.
    package var sample: Double?
    /// Which packs a sample takes; `nil` draws one, which the answer tells.
    package var seed: UInt64?
    /// Heals what is found, as far as parity and other files of the vault allow.
    package var repairs: Bool
    /// Other vaults that may still have what is lost.
    package var from: [String]
    /// Whether the file systems here are asked too.
    package var isFromLive: Bool

    package init(
        vault: String,
        readsData: Bool,
        sample: Double? = nil,
        seed: UInt64? = nil,
        repairs: Bool = false,
        from: [String] = [],
        isFromLive: Bool = false
    ) {
        self.vault = vault
        self.readsData = readsData
        self.sample = sample
        self.seed = seed
        self.repairs = repairs
        self.from = from
        self.isFromLive = isFromLive
    }
}

/// Asks for a vault.
package struct CreateVault: Codable, Sendable, Hashable {
    package var vault: String
    /// Of parity to data, above 0 up to 1; `nil` for none.
    package var parity: Double?
    /// `nil` for a directory among the daemon's vaults.
    package var bucket: BucketLocation?

    package init(vault: String, parity: Double? = nil, bucket: BucketLocation? = nil) {
        self.vault = vault
        self.parity = parity
        self.bucket = bucket
    }
}

/// Says how much parity a vault keeps from now on.
package struct SetParity: Codable, Sendable, Hashable {
    package var vault: String
    /// Of parity to data, above 0 up to 1; `nil` for none.
    package var share: Double?

    package init(vault: String, share: Double?) {
        self.vault = vault
        self.share = share
    }
}

/// What saying so did.
package struct ParityReport: Codable, Sendable, Hashable {
    /// Packs and manifests that were given parity.
    package var files: UInt64

    package init(files: UInt64) {
        self.files = files
    }
}

/// What a check of a vault found.
package struct VaultReport: Codable, Sendable, Hashable {
    /// What was looked at, in words.
    package var checked: [String]
    package var found: [CheckReport.Found]
    /// What recovery points have lost by it, by creation of the point.
    package var lost: [LostFiles]
    /// Of a sample: the same seed takes the same packs again.
    package var seed: UInt64?
    /// What a repair healed, a line each; `found` and `lost` are what was left then.
    package var healed: [String]

    package init(
        checked: [String],
        found: [CheckReport.Found],
        lost: [LostFiles],
        seed: UInt64? = nil,
        healed: [String] = []
    ) {
        self.checked = checked
        self.found = found
        self.lost = lost
        self.seed = seed
        self.healed = healed
    }
}

/// What one recovery point has lost.
package struct LostFiles: Codable, Sendable, Hashable {
    /// One path, and what of it.
    package struct Part: Codable, Sendable, Hashable {
        package var path: EscapedBytes
        /// `content`, `xattrs`, `inode` (attributes and content, or some of it) or `names` (of this directory).
        package var what: String
        /// Of content: the bytes, each pair from where and how many.
        package var ranges: [[UInt64]]

        package init(path: EscapedBytes, what: String, ranges: [[UInt64]] = []) {
            self.path = path
            self.what = what
            self.ranges = ranges
        }
    }

    package var point: String
    package var fileSystem: String
    package var fileSystemName: String
    package var instant: TimeText
    /// By path; of very many the first.
    package var parts: [Part]
    /// Those besides counted.
    package var partCount: UInt64
    /// Whether nothing else of the point is lost: a verify names only so many keys of each point.
    package var isComplete: Bool

    package init(
        point: String,
        fileSystem: String,
        fileSystemName: String,
        instant: TimeText,
        parts: [Part],
        partCount: UInt64,
        isComplete: Bool
    ) {
        self.point = point
        self.fileSystem = fileSystem
        self.fileSystemName = fileSystemName
        self.instant = instant
        self.parts = parts
        self.partCount = partCount
        self.isComplete = isComplete
    }
}

/// What making an index again did.
package struct IndexReport: Codable, Sendable, Hashable {
    /// Packs that it lists.
    package var packs: UInt64

    package init(packs: UInt64) {
        self.packs = packs
    }
}

extension LostFiles {
    /// How many parts are lost, in words.
    package var countText: String { isComplete ? "\(partCount)" : "at least \(partCount)" }
}

extension LostFiles.Part {
    /// The path, and what of it is lost, in words.
    package var text: String {
        switch what {
        case "content":
            let some = ranges.prefix(8).map { "\($0[0])+\($0[1])" }.joined(separator: ", ")
            return "\(path.text) (bytes \(some)\(ranges.count > 8 ? ", …" : ""))"
        case "xattrs": return "\(path.text) (extended attributes)"
        case "names": return "\(path.text) (names in it)"
        default: return path.text
        }
    }
}
