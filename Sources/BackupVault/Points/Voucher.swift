import VarveModel

/// The body of a voucher: what the manifest of its point says, without its maps (docs/formats/vault.md).
enum Voucher {
    static let ending = ".voucher"

    static func fileName(_ point: RecoveryPointID) -> String { point.description + ending }

    static func encode(_ draft: RecoveryPointDraft) -> [UInt8] {
        var said = draft
        said.maps = [:]
        return Manifest.encode(said)
    }

    /// `nil` for anything that no writer could have written.
    static func decode(_ body: [UInt8]) -> RecoveryPointDraft? {
        guard let said = Manifest.decode(body), said.maps.isEmpty else { return nil }
        return said
    }
}

/// The vouchers of one vault: beside each manifest, a small file that says that its point was published.
///
/// A voucher comes when the name of its manifest is durable, and goes, durably, before the manifest does. So one without
/// its manifest, and without a record of cold storage, says that the manifest was lost, and no crash does.
struct VoucherFiles: Sendable {
    let files: VaultFiles
    let keys: VaultKeys

    /// The points that have vouchers, also such that do not read.
    func ids() throws(VaultError) -> [RecoveryPointID] {
        try files.list(.vouchers, ending: Voucher.ending).compactMap { RecoveryPointID($0) }
    }

    func exists(_ point: RecoveryPointID) throws(VaultError) -> Bool {
        try files.exists(.vouchers, Voucher.fileName(point))
    }

    /// What a point's manifest said, without its maps.
    ///
    /// - Throws: `.notFound`, `.corrupt`, `.newerFormat`, `.failed`.
    func read(_ point: RecoveryPointID) throws(VaultError) -> RecoveryPointDraft {
        let name = Voucher.fileName(point)
        let label = "\(VaultFiles.Folder.vouchers)/\(name)"
        let opened = try SealedObject.open(
            try files.contents(.vouchers, name),
            as: .voucher,
            object: point.unique,
            name: label,
            keys: keys
        )
        guard let said = Voucher.decode(opened.body) else {
            throw VaultError.damaged(label, "holds what no writer wrote")
        }
        return said
    }

    /// Writes a point's voucher: its bytes are durable, its name is with the folder's next sync.
    ///
    /// A power cut that takes the name leaves a point without a voucher, which the next prune gives it: that costs a
    /// sync less. Only while nobody can remove the manifest.
    func write(_ point: RecoveryPoint) throws(VaultError) {
        let name = Voucher.fileName(point.id)
        // Under a name of its own, so that what a crash left of another one hinders nothing.
        let openName = "\(name).\(Hex.encode(UniqueID.random().bytes)).new"
        let file = try files.begin(.vouchers, name, as: openName, isReadBack: false)
        do throws(VaultError) {
            try file.finish(
                SealedObject.seal(
                    Voucher.encode(point.draft),
                    as: .voucher,
                    object: point.id.unique,
                    keys: keys
                )
            )
        } catch {
            file.discard()
            throw error
        }
    }

    /// Removes a point's voucher, durably, before its manifest goes.
    func remove(_ point: RecoveryPointID) throws(VaultError) {
        do throws(VaultError) {
            try files.remove(.vouchers, Voucher.fileName(point))
        } catch {
            // Where the store keeps it for a time of its own, the point's mark says that it counts for nothing.
            let isKept = error.code == .held && files.storage.arrivesLate
            guard error.code == .notFound || isKept else { throw error }
        }
        do throws(VaultError) {
            // Also where it was gone: whoever removed it may have died before that was durable.
            try files.sync(.vouchers)
        } catch {
            // A vault from before vouchers, or a copy without empty folders.
            guard error.code == .notFound else { throw error }
        }
    }
}
