/// How much of a vault a verify reads.
package enum VerifyScope: Sendable, Hashable {
    /// Description, index, generations, the packs' lists, manifests, map nodes, and that every chunk
    /// referred to is there.
    case structure
    /// That, and every chunk of some packs.
    ///
    /// The same seed takes the same packs while the vault is as it is.
    ///
    /// - fraction: Of the number of packs, above 0 up to 1; at least one is read.
    case sample(fraction: Double, seed: UInt64)
    /// That, and every chunk of every pack: read, opened, decompressed and hashed.
    case everything

    /// Which of `packs` are read whole; they are given in an order that stays.
    func chosen<Pack: Hashable>(of packs: [Pack]) -> Set<Pack> {
        switch self {
        case .structure: return []
        case .everything: return Set(packs)
        case .sample(let fraction, let seed):
            guard !packs.isEmpty else { return [] }
            var generator = SampleGenerator(seed: seed)
            let wanted = (Double(packs.count) * fraction).rounded(.up)
            let count = max(1, min(packs.count, Int(wanted)))
            return Set(packs.shuffled(using: &generator).prefix(count))
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): one seed, one sample.
package struct SampleGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// How far a verify has come.
package struct VerifyProgress: Sendable, Hashable {
    /// What it is about.
    package enum Phase: String, Sendable, Hashable {
        case packs, points
    }

    package let phase: Phase
    package let done: Int
    package let total: Int
    /// Bytes of packs read so far.
    package let bytes: UInt64
}
