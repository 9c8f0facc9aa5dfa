import VarveModel

/// A numbered state of the vault's condemned packs; only a prune makes the next one.
///
/// A writer never lets anything new refer to a pack that its generation condemns. A condemned pack
/// is deleted once every writer that began before its condemnation has ended.
struct Generation: Sendable, Hashable {
    let number: UInt64
    /// Pack → the generation that condemned it; ``unstamped`` in one that a later prune did not know of.
    let condemned: [UniqueID: UInt64]

    /// Greater than any generation that a lease can bear: such a pack stays until a prune condemns it anew.
    static let unstamped = UInt64.max

    static let first = Generation(number: 0, condemned: [:])
    static let ending = ".generation"

    var fileName: String { Generation.fileName(number) }
    static func fileName(_ number: UInt64) -> String { Generation.stem(number) + ending }

    /// Sixteen digits, so that names sort as numbers.
    static func stem(_ number: UInt64) -> String {
        Hex.encode((0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) })
    }

    static func number(ofStem stem: String) -> UInt64? {
        stem.utf8.count == 16 ? UInt64(stem, radix: 16) : nil
    }

    /// number u64, count u32, then pack 16 and generation u64 each, sorted by pack.
    func encoded() -> [UInt8] {
        var bytes = ByteWriter()
        bytes.append(number)
        bytes.append(UInt32(condemned.count))
        for (pack, since) in condemned.sorted(by: {
            $0.key.bytes.lexicographicallyPrecedes($1.key.bytes)
        }) {
            bytes.append(bytes: pack.bytes)
            bytes.append(since)
        }
        return bytes.bytes
    }

    init(number: UInt64, condemned: [UniqueID: UInt64]) {
        self.number = number
        self.condemned = condemned
    }

    init?(decoding body: [UInt8]) {
        var reader = ByteReader(body)
        guard let number = reader.read(UInt64.self), let count = reader.read(UInt32.self),
            Int(count) == reader.remaining / 24, reader.remaining.isMultiple(of: 24)
        else { return nil }
        var condemned: [UniqueID: UInt64] = [:]
        for _ in 0..<count {
            guard let pack = reader.read(count: 16).flatMap(UniqueID.init),
                let since = reader.read(UInt64.self), since <= number
            else { return nil }
            condemned[pack] = since
        }
        self.init(number: number, condemned: condemned)
    }
}

/// Reads and writes the generations of one vault.
struct GenerationFiles: Sendable {
    let files: VaultFiles
    let keys: VaultKeys

    /// The numbers there are, ascending.
    func numbers() throws(VaultError) -> [UInt64] {
        try files.list(.generations, ending: Generation.ending)
            .compactMap(Generation.number(ofStem:)).sorted()
    }

    /// The newest generation.
    ///
    /// One that is damaged counts with no condemned packs: only a prune deletes packs, and it
    /// believes the same; `verify` names the damage.
    func current() throws(VaultError) -> Generation {
        // Between listing and reading a prune may have replaced the newest; once more suffices to
        // meet the one that replaced it, and a third time means that prunes follow each other.
        for _ in 0..<8 {
            let numbers = try numbers()
            guard let newest = numbers.last else { return .first }
            do throws(VaultError) {
                let generation = try read(newest)
                return try files.storage.arrivesLate
                    ? joined(generation, numbers.dropLast()) : generation
            } catch {
                switch error.code {
                case .notFound: continue
                case .corrupt: return Generation(number: newest, condemned: [:])
                default: throw error
                }
            }
        }
        throw VaultError(.locked, "the vault's generations change faster than they are read")
    }

    /// A generation with what others condemn that its maker did not know of: one that arrived late, or was made by a
    /// prune that had been taken for dead.
    private func joined(
        _ newest: Generation,
        _ others: some Sequence<UInt64>
    ) throws(VaultError) -> Generation {
        var condemned = newest.condemned
        for number in others {
            do throws(VaultError) {
                for pack in try read(number).condemned.keys where condemned[pack] == nil {
                    condemned[pack] = Generation.unstamped
                }
            } catch {
                // Gone since it was listed: a newer one, which the next look finds, has what it said.
                guard error.code == .notFound || error.code == .corrupt else { throw error }
            }
        }
        return Generation(number: newest.number, condemned: condemned)
    }

    func read(_ number: UInt64) throws(VaultError) -> Generation {
        let name = Generation.fileName(number)
        let bytes = try files.contents(.generations, name)
        let label = "generations/" + name
        let opened = try SealedObject.open(bytes, as: .generation, name: label, keys: keys)
        guard let generation = Generation(decoding: opened.body), generation.number == number
        else { throw VaultError.damaged(label, "holds what no prune wrote") }
        return generation
    }

    /// Makes a generation the newest, durably, and drops the older ones.
    func write(_ generation: Generation) throws(VaultError) {
        let bytes = SealedObject.seal(
            generation.encoded(),
            as: .generation,
            object: .random(),
            keys: keys
        )
        try files.replace(.generations, generation.fileName, with: bytes)
        let numbers = try numbers()
        guard !files.storage.arrivesLate || numbers.last == generation.number else {
            throw VaultError(
                .locked,
                "another prune of the vault '\(files.place)' came in between",
                remedy: "Wait for it to end."
            )
        }
        for number in numbers where number < generation.number {
            try files.remove(.generations, Generation.fileName(number))
        }
    }
}
