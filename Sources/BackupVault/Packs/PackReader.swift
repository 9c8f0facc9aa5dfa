import Keyring
import VarveModel

/// One finished pack, open for reading; any thread.
final class PackReader: Sendable {
    let header: PackHeader
    let name: String
    private let file: any StoredFile
    private let sealer: Sealer

    /// Opens a pack and reads its header.
    ///
    /// - Throws: `.notFound` when the file is gone; `.corrupt`, `.newerFormat`.
    convenience init(
        _ pack: UniqueID,
        files: VaultFiles,
        keys: VaultKeys
    ) throws(VaultError) {
        let opened = try files.open(.packs, PackFormat.fileName(pack))
        try self.init(pack, of: opened, keys: keys)
    }

    /// Reads the header of an open file.
    ///
    /// - Throws: `.corrupt`, `.newerFormat`.
    init(_ pack: UniqueID, of file: any StoredFile, keys: VaultKeys) throws(VaultError) {
        self.file = file
        name = "packs/" + PackFormat.fileName(pack)
        let plain = try file.read(count: PackHeader.byteCount, at: 0)
        header = try PackHeader(plain, of: pack, in: keys.vault, name: name)
        sealer = keys.sealer(salt: header.salt, header: plain)
    }

    /// Reads the list of chunks at the pack's end.
    ///
    /// - Throws: `.corrupt` when the end is missing, moved or does not authenticate.
    func entries() throws(VaultError) -> (entries: [PackEntry], fileBytes: UInt64) {
        let size = try file.size()
        let least = UInt64(PackHeader.byteCount + PackFormat.trailerBytes + Sealer.tagBytes)
        guard size >= least else { throw VaultError.damaged(name, "is cut short") }
        let trailer = try file.read(
            count: PackFormat.trailerBytes,
            at: size - UInt64(PackFormat.trailerBytes)
        )
        var reader = ByteReader(trailer)
        guard let offset = reader.read(UInt64.self), let length = reader.read(UInt64.self),
            reader.read(count: 8) == PackFormat.trailerMagic,
            offset >= UInt64(PackHeader.byteCount), length >= UInt64(Sealer.tagBytes),
            length < size, offset < size,
            offset + length + UInt64(PackFormat.trailerBytes) == size
        else { throw VaultError.damaged(name, "does not end as a pack") }
        let sealed = try file.read(count: Int(length), at: offset)
        var place = ByteWriter(capacity: 8)
        place.append(offset)
        let list = try plainFooter(sealed, place: place.bytes)
        var body = ByteReader(list)
        guard let entries = PackEntry.readList(&body), body.remaining == 0,
            offset == entries.last.map({ UInt64($0.offset) + UInt64($0.stored) })
                ?? UInt64(PackHeader.byteCount)
        else { throw VaultError.damaged(name, "lists chunks that cannot be") }
        return (entries, size)
    }

    private func plainFooter(_ sealed: [UInt8], place: [UInt8]) throws(VaultError) -> [UInt8] {
        do throws(KeyringError) {
            return try sealer.open(
                sealed,
                nonce: PackFormat.footerNonce,
                authenticating: place
            )
        } catch {
            throw VaultError.damaged(name, "has a list of chunks that does not authenticate")
        }
    }

    /// The stored bytes of one chunk, opened but not decompressed.
    func payload(of entry: PackEntry, number: Int) throws(VaultError) -> [UInt8] {
        try PackReader.open(
            sealed(of: entry),
            entry: entry,
            number: number,
            name: name,
            with: sealer
        )
    }

    /// The sealed bytes of one chunk.
    func sealed(of entry: PackEntry) throws(VaultError) -> [UInt8] {
        let sealed = try file.read(count: Int(entry.stored), at: UInt64(entry.offset))
        guard sealed.count == Int(entry.stored) else {
            throw VaultError.damaged(name, "is cut short: chunk \(entry.id) is not whole")
        }
        return sealed
    }

    /// Reads a run of the file as it is; fewer bytes only at its end.
    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) throws(VaultError) -> Int {
        try file.read(into: buffer, at: offset)
    }

    /// Opens one chunk's sealed bytes in their own place.
    ///
    /// - Returns: The payload, in the first bytes of `sealed`.
    /// - Throws: `.corrupt`.
    func open(
        _ sealed: UnsafeMutableRawBufferPointer,
        entry: PackEntry,
        number: Int
    ) throws(VaultError) -> UnsafeRawBufferPointer {
        let payload = UnsafeMutableRawBufferPointer(
            rebasing: sealed[..<(sealed.count - Sealer.tagBytes)]
        )
        let header = PackEntry.authenticated(
            id: entry.id,
            length: entry.length,
            codec: entry.codec
        )
        let isAuthentic = header.withUnsafeBytes { header in
            sealer.open(
                UnsafeRawBufferPointer(sealed),
                into: payload,
                nonce: Nonce(number: UInt64(number)),
                authenticating: header
            )
        }
        guard isAuthentic else { throw PackReader.notAuthentic(entry, name: name) }
        return UnsafeRawBufferPointer(payload)
    }

    /// Opens one chunk's sealed bytes, in place of them.
    static func open(
        _ sealed: [UInt8],
        entry: PackEntry,
        number: Int,
        name: String,
        with sealer: Sealer
    ) throws(VaultError) -> [UInt8] {
        let header = PackEntry.authenticated(
            id: entry.id,
            length: entry.length,
            codec: entry.codec
        )
        do throws(KeyringError) {
            return try sealer.open(
                sealed,
                nonce: Nonce(number: UInt64(number)),
                authenticating: header
            )
        } catch {
            throw notAuthentic(entry, name: name)
        }
    }

    private static func notAuthentic(_ entry: PackEntry, name: String) -> VaultError {
        VaultError.damaged(
            name,
            "holds chunk \(entry.id) at \(entry.offset), which does not authenticate"
        )
    }
}
