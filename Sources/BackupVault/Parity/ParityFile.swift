import Compression
import Keyring
import VarveModel

/// What stands in a parity file besides parity: whose it is, how it is divided, and a checksum of each block.
struct ParityTable: Sendable, Hashable {
    /// The file that it is for, within the vault.
    let name: String
    let fileBytes: Int
    let shape: ParityShape
    /// SHA-256 of the file: what is healed must be it, byte for byte.
    let digest: [UInt8]
    /// CRC-32C of each block: those of the data with its zeros, then those of the parity.
    let sums: [UInt32]

    /// counted name, file bytes u64, block bytes u32, k u16, m u16, stripes u32, digest 32, then the sums, u32 each.
    func encoded() -> [UInt8] {
        var bytes = ByteWriter(capacity: 64 + name.utf8.count + 4 * sums.count)
        bytes.append(counted: Array(name.utf8))
        bytes.append(UInt64(fileBytes))
        bytes.append(UInt32(shape.blockBytes))
        bytes.append(UInt16(shape.dataRuns))
        bytes.append(UInt16(shape.parityRuns))
        bytes.append(UInt32(shape.stripes))
        bytes.append(bytes: digest)
        for sum in sums { bytes.append(sum) }
        return bytes.bytes
    }

    init(name: String, fileBytes: Int, shape: ParityShape, digest: [UInt8], sums: [UInt32]) {
        self.name = name
        self.fileBytes = fileBytes
        self.shape = shape
        self.digest = digest
        self.sums = sums
    }

    /// `nil` for anything that no writer could have written.
    init?(_ body: [UInt8]) {
        var reader = ByteReader(body)
        guard
            let name = reader.readCounted(max: 256)
                .flatMap({ String(validating: $0, as: UTF8.self) }),
            let fileBytes = reader.read(UInt64.self),
            fileBytes <= 1 << 32, let blockBytes = reader.read(UInt32.self),
            let dataRuns = reader.read(UInt16.self), let parityRuns = reader.read(UInt16.self),
            let stripes = reader.read(UInt32.self),
            let shape = ParityShape(
                blockBytes: Int(blockBytes),
                dataRuns: Int(dataRuns),
                parityRuns: Int(parityRuns),
                stripes: Int(stripes),
                fileBytes: Int(fileBytes)
            ), let digest = reader.read(count: Digest.count)
        else { return nil }
        let count = (shape.dataRuns + shape.parityRuns) * shape.stripes
        guard reader.remaining == 4 * count else { return nil }
        self.init(
            name: name,
            fileBytes: Int(fileBytes),
            shape: shape,
            digest: digest,
            sums: (0..<count).map { _ in reader.read(UInt32.self) ?? 0 }
        )
    }
}

/// A parity file: the sealed table, the parity, the table again, where that begins.
///
/// Damage to any one place of it leaves one table. All of it is sealed or parity of what is sealed, so that it tells
/// nothing of content (docs/formats/vault.md).
enum ParityFile {
    static let ending = ".parity"
    private static let endMagic = Array("VRVPAEND".utf8)
    /// Bytes of the table u64, magic 8.
    private static let trailerBytes = 16

    /// Makes the parity of a file.
    ///
    /// - Parameters:
    ///   - bytes: The whole file; not empty.
    ///   - name: Of the file, within the vault.
    ///   - share: Of parity to data.
    ///   - keys: The vault's.
    /// - Returns: All bytes of the parity file.
    static func encode(_ bytes: [UInt8], of name: String, share: Double, keys: VaultKeys) -> [UInt8]
    {
        let shape = ParityShape(fileBytes: bytes.count, share: share)
        let blocks = ParityBlocks(shape)
        blocks.fill(data: bytes)
        blocks.computeParity()
        let table = ParityTable(
            name: name,
            fileBytes: bytes.count,
            shape: shape,
            digest: Digest.sha256(bytes),
            sums: blocks.sums
        )
        let sealed = SealedObject.seal(table.encoded(), as: .parity, object: .random(), keys: keys)
        var file = ByteWriter(capacity: 2 * sealed.count + shape.parityBytes + trailerBytes)
        file.append(bytes: sealed)
        file.append(bytes: blocks.parity)
        file.append(bytes: sealed)
        file.append(bytes: trailer(sealed.count))
        return file.bytes
    }

    /// What is read of a parity file to see that it is there and opens.
    struct Beginning {
        /// The first table, as far as the file gives it.
        let table: [UInt8]
        /// The file's last bytes.
        let trailer: [UInt8]
        let fileBytes: Int
    }

    /// How long a parity file's table is, by its first bytes; `nil` where no table begins.
    static func tableBytes(_ first: [UInt8]) -> Int? { SealedObject.byteCount(of: first[...]) }
    /// As many bytes of a parity file tell how long its table is.
    static let firstBytes = SealedObject.headerBytes
    static let endBytes = trailerBytes

    /// Refuses a parity file whose first table, length or end is not what was written; its parity is not looked at.
    ///
    /// - Throws: `.corrupt`, `.newerFormat`.
    static func check(
        _ file: Beginning,
        of name: String,
        label: String,
        keys: VaultKeys
    ) throws(VaultError) {
        let table = try table(file.table, of: name, label: label, keys: keys)
        guard file.trailer == trailer(file.table.count),
            file.fileBytes == 2 * file.table.count + table.shape.parityBytes + trailerBytes
        else {
            throw VaultError.damaged(
                label,
                "has another length, or another end, than its table says"
            )
        }
    }

    private static func table(
        _ sealed: [UInt8],
        of name: String,
        label: String,
        keys: VaultKeys
    ) throws(VaultError) -> ParityTable {
        let opened = try SealedObject.open(sealed, as: .parity, name: label, keys: keys)
        guard let found = ParityTable(opened.body), found.name == name else {
            throw VaultError.damaged(label, "is not the parity of '\(name)'")
        }
        return found
    }

    private static func trailer(_ tableBytes: Int) -> [UInt8] {
        var trailer = ByteWriter(capacity: trailerBytes)
        trailer.append(UInt64(tableBytes))
        trailer.append(bytes: endMagic)
        return trailer.bytes
    }

    /// Reads a parity file, from whichever of its tables is whole.
    ///
    /// - Parameters:
    ///   - file: All bytes of it.
    ///   - name: The file that it must be for.
    ///   - label: The parity file, for messages.
    ///   - keys: The vault's.
    /// - Returns: The table, the parity as it is, and whether the file is as it was written.
    /// - Throws: `.corrupt`, `.newerFormat`.
    static func decode(
        _ file: [UInt8],
        of name: String,
        label: String,
        keys: VaultKeys
    ) throws(VaultError) -> (table: ParityTable, parity: ArraySlice<UInt8>, isWhole: Bool) {
        var failure: VaultError?
        for table in tables(in: file) {
            do throws(VaultError) {
                let found = try ParityFile.table(
                    Array(table.bytes),
                    of: name,
                    label: label,
                    keys: keys
                )
                let count = found.shape.parityBytes
                let start = table.isFirst ? table.bytes.count : table.bytes.startIndex - count
                guard start >= 0 else {
                    throw VaultError.damaged(label, "is cut short")
                }
                let parity = file.dropFirst(start).prefix(count)
                guard table.isFirst, file.count == 2 * start + count + trailerBytes else {
                    return (found, parity, false)
                }
                let end = Array(table.bytes) + trailer(start)
                return (found, parity, Array(file.suffix(end.count)) == end)
            } catch {
                failure = failure ?? error
            }
        }
        throw failure ?? VaultError.damaged(label, "is cut short")
    }

    /// Where the two tables may stand.
    private static func tables(
        in file: [UInt8]
    ) -> [(bytes: ArraySlice<UInt8>, isFirst: Bool)] {
        var found: [(bytes: ArraySlice<UInt8>, isFirst: Bool)] = []
        if let count = SealedObject.byteCount(of: file[...]), count <= file.count {
            found.append((file[..<count], true))
        }
        var trailer = ByteReader(file.suffix(trailerBytes))
        if let count = trailer.read(UInt64.self), trailer.read(count: 8) == endMagic,
            count <= UInt64(max(0, file.count - trailerBytes))
        {
            let end = file.count - trailerBytes
            found.append((file[(end - Int(count))..<end], false))
        }
        return found
    }

    /// Heals a file by its parity.
    ///
    /// - Parameters:
    ///   - bytes: What is there of the file, of any length; what does not read may be anything.
    ///   - table: The file's.
    ///   - parity: The parity as it is.
    /// - Returns: The file as it was, and how many blocks of it were not; `nil` when too many are damaged.
    static func heal(
        _ bytes: [UInt8],
        by table: ParityTable,
        _ parity: ArraySlice<UInt8>
    ) -> (bytes: [UInt8], blocks: Int)? {
        let blocks = ParityBlocks(table.shape)
        blocks.fill(data: bytes.prefix(table.fileBytes))
        blocks.fill(parity: parity)
        guard let healed = blocks.heal(by: table.sums) else { return nil }
        let found = blocks.data(table.fileBytes)
        return Digest.sha256(found) == table.digest ? (found, healed) : nil
    }

    /// Whether the parity is as it was written.
    static func isWhole(_ parity: ArraySlice<UInt8>, by table: ParityTable) -> Bool {
        let size = table.shape.blockBytes
        guard parity.count == table.shape.parityBytes else { return false }
        return parity.withUnsafeBytes { bytes in
            let sums = table.sums.suffix(parity.count / size)
            return sums.enumerated().allSatisfy { place, sum in
                CRC32C.checksum(
                    UnsafeRawBufferPointer(rebasing: bytes[place * size..<(place + 1) * size])
                ) == sum
            }
        }
    }
}

/// The blocks of one file and of its parity, in memory; one thread's.
private final class ParityBlocks {
    private let shape: ParityShape
    private let bytes: UnsafeMutablePointer<UInt8>
    private let count: Int

    init(_ shape: ParityShape) {
        self.shape = shape
        count = shape.dataBytes + shape.parityBytes
        // SAFETY: owned by this object alone, initialised here, freed in deinit.
        bytes = .allocate(capacity: count)
        bytes.initialize(repeating: 0, count: count)
    }

    deinit {
        bytes.deallocate()
    }

    private func fill(_ source: some Collection<UInt8>, at place: Int) {
        let target = UnsafeMutableBufferPointer(start: bytes + place, count: source.count)
        _ = target.update(fromContentsOf: source)
    }

    func fill(data: some Collection<UInt8>) { fill(data, at: 0) }
    func fill(parity: some Collection<UInt8>) { fill(parity, at: shape.dataBytes) }

    func data(_ count: Int) -> [UInt8] {
        Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    var parity: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: bytes + shape.dataBytes, count: shape.parityBytes)
    }

    private func runs(_ numbers: Range<Int>, from stripe: Int = 0) -> [UnsafeMutablePointer<UInt8>]
    {
        numbers.map { bytes + $0 * shape.runBytes + stripe * shape.blockBytes }
    }

    /// All stripes at once: a run's blocks lie one behind the other.
    func computeParity() {
        let all = shape.dataRuns + shape.parityRuns
        shape.code.encode(
            runs(0..<shape.dataRuns),
            into: runs(shape.dataRuns..<all),
            length: shape.runBytes
        )
    }

    private func sum(_ block: Int) -> UInt32 {
        CRC32C.checksum(
            UnsafeRawBufferPointer(
                start: bytes + block * shape.blockBytes,
                count: shape.blockBytes
            )
        )
    }

    /// Of every block.
    var sums: [UInt32] { (0..<count / shape.blockBytes).map(sum) }

    /// Fills the data blocks whose sums are wrong.
    ///
    /// - Returns: How many they were; `nil` when a stripe has too few whole blocks.
    func heal(by sums: [UInt32]) -> Int? {
        var wrong: [Int: Set<Int>] = [:]
        for block in 0..<sums.count where sum(block) != sums[block] {
            wrong[block % shape.stripes, default: []].insert(block / shape.stripes)
        }
        let all = 0..<(shape.dataRuns + shape.parityRuns)
        var healed = 0
        for (stripe, missing) in wrong {
            let isDone = shape.code.restore(
                runs(all, from: stripe),
                missing: missing,
                length: shape.blockBytes
            )
            guard isDone else { return nil }
            healed += missing.count(where: { $0 < shape.dataRuns })
        }
        return healed
    }
}
