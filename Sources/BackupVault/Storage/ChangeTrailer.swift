import Keyring
import VarveModel

/// The end of a change: revision u64, a tag of 32 bytes over the file's name, the revision and the body, and a magic.
enum ChangeTrailer {
    static let byteCount = 48
    private static let magic = Array("VRVCHANG".utf8)

    static func bytes(
        for body: [UInt8],
        _ revision: UInt64,
        _ name: String,
        _ keys: VaultKeys
    ) -> [UInt8] {
        var writer = ByteWriter(capacity: byteCount)
        writer.append(revision)
        writer.append(bytes: tag(of: body, revision, name, keys))
        writer.append(bytes: magic)
        return writer.bytes
    }

    /// The body of a change; `nil` where it is none of this file and revision.
    static func body(
        of all: [UInt8],
        _ revision: UInt64,
        _ name: String,
        _ keys: VaultKeys
    ) -> [UInt8]? {
        guard let body = unproved(all) else { return nil }
        let expected = bytes(for: body, revision, name, keys)
        return Digest.areEqual(Array(all.suffix(byteCount)), expected) ? body : nil
    }

    /// The same, before anybody has the keys.
    static func unproved(_ all: [UInt8]) -> [UInt8]? {
        guard all.count >= byteCount, Array(all.suffix(magic.count)) == magic else { return nil }
        return Array(all.dropLast(byteCount))
    }

    private static func tag(
        of body: [UInt8],
        _ revision: UInt64,
        _ name: String,
        _ keys: VaultKeys
    ) -> [UInt8] {
        var bytes = ByteWriter()
        bytes.append(counted: Array(name.utf8))
        bytes.append(revision)
        bytes.append(bytes: body)
        return keys.changeTag(bytes.bytes)
    }
}
