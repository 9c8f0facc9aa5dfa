#include "CBoringSSL.h"

#include <CLinux.h>
#include <CNIOBoringSSL.h>

enum { key_bytes = 32, nonce_bytes = 12, tag_bytes = 16 };

static EVP_AEAD_CTX *context(const varve_gcm *cipher) {
    return (EVP_AEAD_CTX *)cipher;
}

varve_gcm *varve_gcm_new(const void *key) {
    return (varve_gcm *)EVP_AEAD_CTX_new(EVP_aead_aes_256_gcm(), key, key_bytes, tag_bytes);
}

void varve_gcm_free(varve_gcm *cipher) {
    // BoringSSL wipes all memory that it frees.
    EVP_AEAD_CTX_free(context(cipher));
}

int varve_gcm_seal(const varve_gcm *cipher, const void *plain, size_t count, void *sealed,
                   const void *nonce, const void *header, size_t header_count) {
    size_t tag_count = 0;
    int result = EVP_AEAD_CTX_seal_scatter(
        context(cipher), sealed, (uint8_t *)sealed + count, &tag_count, tag_bytes, nonce,
        nonce_bytes, plain, count, NULL, 0, header, header_count);
    return result == 1 && tag_count == tag_bytes;
}

int varve_gcm_open(const varve_gcm *cipher, const void *sealed, size_t count, void *plain,
                   const void *nonce, const void *header, size_t header_count) {
    int result = EVP_AEAD_CTX_open_gather(
        context(cipher), plain, nonce, nonce_bytes, sealed, count,
        (const uint8_t *)sealed + count, tag_bytes, header, header_count);
    // A bad tag is an answer, not an error that the thread's queue should keep.
    if (result != 1) ERR_clear_error();
    return result == 1;
}

struct opening {
    const varve_gcm *cipher;
    const struct varve_gcm_run *run;
    long opened;
};

static size_t bytes_of(const struct varve_gcm_run *run, size_t block) {
    return block + 1 == run->blocks ? run->last_bytes : run->block_bytes;
}

static void put_little_endian(uint8_t *bytes, uint64_t value, size_t count) {
    for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)(value >> 8 * i);
}

static void open_all(void *context_) {
    struct opening *opening = context_;
    const struct varve_gcm_run *run = opening->run;
    const uint8_t *sealed = run->sealed;
    uint8_t *plain = run->plain;
    uint8_t nonce[nonce_bytes];
    put_little_endian(nonce, run->number, 8);
    for (size_t block = 0; block < run->blocks; block++) {
        put_little_endian(nonce + 8, run->first_index + block, 4);
        size_t count = bytes_of(run, block);
        if (!varve_gcm_open(opening->cipher, sealed, count, plain, nonce, run->header, run->header_count)) return;
        sealed += count + tag_bytes;
        plain += count;
        opening->opened++;
    }
}

long varve_gcm_open_run(const varve_gcm *cipher, const struct varve_gcm_run *run) {
    if (run->blocks == 0) return 0;
    struct opening opening = {cipher, run, 0};
    size_t bytes = (run->blocks - 1) * (run->block_bytes + tag_bytes) + run->last_bytes + tag_bytes;
    return varve_guard_bus(run->sealed, bytes, open_all, &opening) == 0 ? opening.opened : -1;
}
