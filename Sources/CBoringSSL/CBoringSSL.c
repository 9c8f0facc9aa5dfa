#include "CBoringSSL.h"

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
