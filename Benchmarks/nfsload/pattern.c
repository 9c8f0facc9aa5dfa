#include "pattern.h"

#include <string.h>

/// 1 MiB of noise, which every MiB of every file repeats; each page begins with a stamp that does not repeat.
static uint8_t noise[1 << 20];

struct stamp {
    uint64_t file, offset;
};

void pattern_prepare(void) {
    // xorshift64 (Marsaglia, 2003): fast, and no compressor sees through it.
    uint64_t state = 88172645463325252u;
    for (size_t at = 0; at < sizeof noise; at += sizeof state) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        memcpy(noise + at, &state, sizeof state);
    }
}

static const uint8_t *noise_of_page(uint64_t offset) {
    return noise + offset % sizeof noise;
}

void pattern_fill(uint8_t *bytes, size_t count, int file, uint64_t offset) {
    for (size_t at = 0; at < count; at += pattern_page_bytes) {
        struct stamp stamp = {.file = (uint64_t)file, .offset = offset + at};
        memcpy(bytes + at, noise_of_page(stamp.offset), pattern_page_bytes);
        memcpy(bytes + at, &stamp, sizeof stamp);
    }
}

bool pattern_matches(const uint8_t *bytes, size_t count, int file, uint64_t offset) {
    for (size_t at = 0; at < count; at += pattern_page_bytes) {
        struct stamp stamp = {.file = (uint64_t)file, .offset = offset + at};
        size_t rest = pattern_page_bytes - sizeof stamp;
        if (memcmp(bytes + at, &stamp, sizeof stamp) != 0) return false;
        if (memcmp(bytes + at + sizeof stamp, noise_of_page(stamp.offset) + sizeof stamp, rest) != 0) return false;
    }
    return true;
}
