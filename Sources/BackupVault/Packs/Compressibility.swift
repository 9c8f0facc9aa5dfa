/// Tells bytes that no compressor shrinks, from a few of them: media, archives, ciphertext.
///
/// The statistic is Pearson's chi-squared of byte counts against the uniform distribution. Compressed and encrypted
/// bytes come near its mean, 255, for 256 equally likely values; text, machine code and structured data exceed it tenfold
/// and more.
enum Compressibility {
    /// 16 samples of 256 bytes, spread evenly: zeros or text of 1/16 of a chunk are met.
    private static let samples = 16
    private static let sampleBytes = 256

    /// Shorter ones are not worth a look: zstd gives them up itself in as much time.
    static let bytesMin = 4 * samples * sampleBytes

    /// 600: fifteen standard deviations (of 22.6) above random bytes; an order-0 coder saves less than 1 % there,
    /// χ² / (2 n ln 2) bits a byte for n = 4,096.
    private static let chiSquaredMax = 600

    /// Whether trying to compress is a waste of time.
    static func isHopeless(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= bytesMin else { return false }
        let stride = (bytes.count - sampleBytes) / (samples - 1)
        return withUnsafeTemporaryAllocation(of: UInt16.self, capacity: 256) { counts in
            counts.initialize(repeating: 0)
            for sample in 0..<samples {
                let start = sample * stride
                for byte in bytes[start..<start + sampleBytes] { counts[Int(byte)] += 1 }
            }
            // χ² = Σ (c − n/256)² / (n/256) = 256/n · Σ c² − n.
            let total = samples * sampleBytes
            let squares = counts.reduce(0) { $0 + Int($1) * Int($1) }
            return squares * 256 / total - total <= chiSquaredMax
        }
    }
}
