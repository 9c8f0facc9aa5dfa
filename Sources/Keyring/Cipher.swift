private import CBoringSSL

/// AES-256-GCM under one key, for any number of threads at once.
///
/// The one file that sees BoringSSL, whose kernels use the wide AES instructions of today's processors;
/// those of Debian's OpenSSL do not (docs/decisions/0006).
final class Cipher: Sendable {
    // SAFETY: made in init, freed (and wiped) in deinit, and only read between; BoringSSL lets seals
    // and opens run on one context at the same time.
    private nonisolated(unsafe) let context: OpaquePointer

    init(_ key: SecretBytes) {
        guard let made = key.withBytes({ varve_gcm_new($0.baseAddress) }) else {
            preconditionFailure("AES-256-GCM could not be set up")
        }
        context = made
    }

    deinit {
        varve_gcm_free(context)
    }

    /// Seals into `plain.count + 16` bytes, the last 16 of which become the tag.
    func seal(
        _ plain: UnsafeRawBufferPointer,
        into sealed: UnsafeMutableRawBufferPointer,
        nonce: Nonce,
        header: UnsafeRawBufferPointer
    ) {
        let result = nonce.withBytes { nonce in
            varve_gcm_seal(
                context,
                plain.baseAddress,
                plain.count,
                sealed.baseAddress,
                nonce,
                header.baseAddress,
                header.count
            )
        }
        // Going on would risk writing plain bytes.
        precondition(result == 1, "AES-256-GCM could not seal")
    }

    /// Opens into 16 bytes fewer; on a bad tag they become zeros and the answer is false.
    func open(
        _ sealed: UnsafeRawBufferPointer,
        into plain: UnsafeMutableRawBufferPointer,
        nonce: Nonce,
        header: UnsafeRawBufferPointer
    ) -> Bool {
        let result = nonce.withBytes { nonce in
            varve_gcm_open(
                context,
                sealed.baseAddress,
                plain.count,
                plain.baseAddress,
                nonce,
                header.baseAddress,
                header.count
            )
        }
        return result == 1
    }

    /// Opens blocks that stand one after another, each followed by its tag; see ``Sealer/openRun(_:)``.
    func open(_ run: SealedRun) -> SealedRun.Outcome {
        var parts = varve_gcm_run()
        parts.sealed = run.sealed.baseAddress
        parts.plain = run.plain.baseAddress
        parts.blocks = run.blocks.count
        parts.block_bytes = run.blockBytes
        parts.last_bytes = run.plain.count - (run.blocks.count - 1) * run.blockBytes
        parts.number = run.number
        parts.first_index = UInt32(run.blocks.lowerBound)
        parts.header = run.header.baseAddress
        parts.header_count = run.header.count
        return switch varve_gcm_open_run(context, &parts) {
        case run.blocks.count: .opened
        case ..<0: .unreadable
        case let opened: .notAuthentic(block: run.blocks.lowerBound + opened)
        }
    }
}
