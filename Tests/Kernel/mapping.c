// mapping FILE EXPECTED ROUNDS: writes 8 MiB of FILE through two shared mappings, and the same bytes to EXPECTED by write(2).
//
// Each round stores a run of bytes somewhere through one mapping and reads it through the other (mmap(2): MAP_SHARED), and syncs now and then.
// At the half it makes the file that $STRIKE names, at which the host kills the server. Ends with 1 at the first surprise.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { bytes = 8 << 20, page = 4096 };

static void require(int holds, const char *what) {
    if (holds) return;
    perror(what);
    exit(1);
}

static uint64_t next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

int main(int count, char **words) {
    require(count == 4, "usage: mapping FILE EXPECTED ROUNDS");
    const int rounds = atoi(words[3]);
    int file = open(words[1], O_RDWR | O_CREAT | O_TRUNC, 0644);
    require(file >= 0 && ftruncate(file, bytes) == 0, words[1]);
    unsigned char *one = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    unsigned char *two = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    unsigned char *model = calloc(1, bytes);
    require(one != MAP_FAILED && two != MAP_FAILED && model != NULL, "mmap");
    uint64_t state = 88172645463325252u;
    for (int round = 0; round < rounds; round++) {
        const char *strike = getenv("STRIKE");
        if (round == rounds / 2 && strike != NULL) {
            int made = open(strike, O_WRONLY | O_CREAT, 0644);
            require(made >= 0, strike);
            close(made);
        }
        const size_t start = next(&state) % bytes, rest = bytes - start;
        const size_t length = 1 + next(&state) % (rest < 3 * page ? rest : 3 * page);
        for (size_t at = start; at < start + length; at++) model[at] = (unsigned char)next(&state);
        memcpy((round & 1 ? two : one) + start, model + start, length);
        if (memcmp((round & 1 ? one : two) + start, model + start, length) != 0) {
            fprintf(stderr, "round %d: the other mapping shows other bytes\n", round);
            return 1;
        }
        if (round % 64 == 63) require(msync(one, bytes, MS_SYNC) == 0, "msync");
    }
    require(memcmp(one, model, bytes) == 0, "compare the mapping with what was written");
    require(msync(one, bytes, MS_SYNC) == 0, "msync");
    require(munmap(one, bytes) == 0 && munmap(two, bytes) == 0 && close(file) == 0, "close");
    FILE *expected = fopen(words[2], "w");
    require(expected != NULL && fwrite(model, 1, bytes, expected) == bytes && fclose(expected) == 0, words[2]);
    return 0;
}
