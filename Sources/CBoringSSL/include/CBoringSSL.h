#pragma once
// AES-256-GCM by the copy of BoringSSL that swift-nio-ssl compiles (docs/decisions/0006).
//
// BoringSSL's own headers declare hundreds of OpenSSL's names, some with other types. A Swift module that saw both
// might take the one for the other, so it sees these functions alone.
#include <stddef.h>
#include <stdint.h>

/// One key's schedule. Seals and opens may run on it at the same time.
typedef struct varve_gcm varve_gcm;

/// Takes 32 bytes; NULL when memory is short.
varve_gcm *varve_gcm_new(const void *key);

/// Wipes and frees.
void varve_gcm_free(varve_gcm *cipher);

/// Seals `count` bytes into `count` + 16; the same memory or apart from it. Returns 1.
int varve_gcm_seal(const varve_gcm *cipher, const void *plain, size_t count, void *sealed,
                   const void *nonce, const void *header, size_t header_count);

/// Opens `count` + 16 bytes into `count`; the same memory or apart from it.
/// Returns 1, or 0 for a bad tag, with zeros in `plain`.
int varve_gcm_open(const varve_gcm *cipher, const void *sealed, size_t count, void *plain,
                   const void *nonce, const void *header, size_t header_count);

/// Blocks of one record, sealed one after another: each its bytes, then its tag.
struct varve_gcm_run {
    const void *sealed;
    /// Apart from `sealed`.
    void *plain;
    size_t blocks;
    /// Of each block but the last, before sealing.
    size_t block_bytes;
    size_t last_bytes;
    /// A nonce is this number and the block's index, both little-endian.
    uint64_t number;
    uint32_t first_index;
    const void *header;
    size_t header_count;
};

/// Opens them in order. Returns how many did; the block of that index has a bad tag, and zeros in its place.
/// -1 when `sealed` is a mapped file whose bytes could not be read.
long varve_gcm_open_run(const varve_gcm *cipher, const struct varve_gcm_run *run);
