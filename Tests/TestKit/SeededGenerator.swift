private import Glibc

/// SplitMix64: the same seed gives the same run, so a failure replays.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// `count` bytes.
    package mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &self) }
    }
}

/// The seed of a run: `VARVE_SEED` replays one, otherwise `fallback`, which is fixed so that CI is stable.
package func testSeed(default fallback: UInt64) -> UInt64 {
    guard let text = getenv("VARVE_SEED"), let seed = UInt64(String(cString: text)) else {
        return fallback
    }
    return seed
}
