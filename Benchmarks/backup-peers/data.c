// Makes the data of backup-peers.sh, the same for the same seed.
//
//   backup-data image FILE MIB SEED             half of it random, half text that shrinks, in stretches of 64 KiB
//   backup-data scatter FILE MIB COUNT SEED     COUNT blocks of 4 KiB, random, at different places of an image of MIB
//   backup-data scattered DIR MIB COUNT SEED    the same blocks as files DIR/OFFSET
//   backup-data files DIR COUNT SEED            COUNT small files, 1,000 a directory
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { stretch = 64 << 10, block = 4 << 10, words = 4096 };

static uint64_t state;

// SplitMix64 (Steele, Lea, Flood 2014).
static uint64_t next_random(void) {
    uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static void stop(const char *what) {
    fprintf(stderr, "backup-data: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t number(const char *text) {
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*text == 0 || *end != 0) {
        fprintf(stderr, "backup-data: '%s' is no number\n", text);
        exit(64);
    }
    return value;
}

static void fill_random(unsigned char *bytes, size_t count) {
    for (size_t at = 0; at < count; at += 8) {
        uint64_t word = next_random();
        memcpy(bytes + at, &word, 8);
    }
}

// Words of 3 to 10 letters, of which few are frequent.
static void fill_text(char *bytes, size_t count, char dictionary[words][12]) {
    size_t at = 0;
    while (at < count) {
        uint64_t random = next_random();
        const char *word = dictionary[(random & 0xFFF) * (random >> 12 & 0xFFF) >> 12];
        size_t length = strlen(word);
        if (length > count - at) length = count - at;
        memcpy(bytes + at, word, length);
        at += length;
        if (at < count) bytes[at++] = (random >> 40 & 15) == 0 ? '\n' : ' ';
    }
}

static void make_dictionary(char dictionary[words][12]) {
    for (int word = 0; word < words; word++) {
        int length = 3 + (int)(next_random() % 8);
        for (int letter = 0; letter < length; letter++) dictionary[word][letter] = (char)('a' + next_random() % 26);
        dictionary[word][length] = 0;
    }
}

static int make(const char *path, int flags) {
    int file = open(path, O_WRONLY | flags, 0644);
    if (file < 0) stop(path);
    return file;
}

static void put(int file, const void *bytes, size_t count, off_t offset, const char *path) {
    if (pwrite(file, bytes, count, offset) != (ssize_t)count) stop(path);
}

static void make_image(const char *path, uint64_t mebibytes) {
    static char dictionary[words][12], bytes[stretch];
    make_dictionary(dictionary);
    int file = make(path, O_CREAT | O_TRUNC);
    for (uint64_t at = 0; at < mebibytes << 20; at += stretch) {
        if (next_random() & 1) fill_random((unsigned char *)bytes, stretch);
        else fill_text(bytes, stretch, dictionary);
        put(file, bytes, stretch, (off_t)at, path);
    }
    if (close(file) != 0) stop(path);
}

// Each block has a part of the image of its own, so no two meet.
static void scatter(const char *path, uint64_t mebibytes, uint64_t count, int apart) {
    unsigned char bytes[block];
    uint64_t part = (mebibytes << 20) / count / block;
    if (part == 0) {
        fprintf(stderr, "backup-data: the image is too small\n");
        exit(64);
    }
    int file = apart ? -1 : make(path, 0);
    for (uint64_t index = 0; index < count; index++) {
        uint64_t offset = (index * part + next_random() % part) * block;
        fill_random(bytes, block);
        if (!apart) {
            put(file, bytes, block, (off_t)offset, path);
            continue;
        }
        char name[4096];
        snprintf(name, sizeof name, "%s/%llu", path, (unsigned long long)offset);
        int own = make(name, O_CREAT | O_TRUNC);
        put(own, bytes, block, 0, name);
        if (close(own) != 0) stop(name);
    }
    if (!apart && close(file) != 0) stop(path);
}

static void make_files(const char *path, uint64_t count) {
    char name[4096], text[128];
    for (uint64_t index = 0; index < count; index++) {
        snprintf(name, sizeof name, "%s/d%llu", path, (unsigned long long)(index / 1000));
        if (index % 1000 == 0 && mkdir(name, 0755) != 0 && errno != EEXIST) stop(name);
        snprintf(name, sizeof name, "%s/d%llu/f%llu", path, (unsigned long long)(index / 1000), (unsigned long long)index);
        int length = snprintf(text, sizeof text, "file %llu holds %016llx\n", (unsigned long long)index, (unsigned long long)next_random());
        int file = make(name, O_CREAT | O_TRUNC);
        put(file, text, (size_t)length, 0, name);
        if (close(file) != 0) stop(name);
    }
}

int main(int count, char **arguments) {
    const char *verb = count > 1 ? arguments[1] : "";
    if (strcmp(verb, "image") == 0 && count == 5) {
        state = number(arguments[4]);
        make_image(arguments[2], number(arguments[3]));
    } else if ((strcmp(verb, "scatter") == 0 || strcmp(verb, "scattered") == 0) && count == 6) {
        state = number(arguments[5]);
        scatter(arguments[2], number(arguments[3]), number(arguments[4]), verb[7] != 0);
    } else if (strcmp(verb, "files") == 0 && count == 5) {
        state = number(arguments[4]);
        make_files(arguments[2], number(arguments[3]));
    } else {
        fprintf(stderr, "backup-data: see the head of data.c\n");
        return 64;
    }
    return 0;
}
