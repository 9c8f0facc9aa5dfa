#include "xdr.h"

#include <arpa/inet.h>
#include <string.h>

#include "fail.h"

// What follows a run of bytes up to the next unit of four.
static size_t padding(size_t count) {
    return (4 - count % 4) % 4;
}

static uint8_t *grow(struct xdr_writer *to, size_t count) {
    if (to->count + count > to->capacity) {
        to->capacity = (to->count + count) * 2;
        to->bytes = allocate(to->bytes, to->capacity);
    }
    uint8_t *room = to->bytes + to->count;
    to->count += count;
    return room;
}

void put_u32(struct xdr_writer *to, uint32_t value) {
    uint32_t big = htonl(value);
    memcpy(grow(to, 4), &big, 4);
}

void put_u64(struct xdr_writer *to, uint64_t value) {
    put_u32(to, (uint32_t)(value >> 32));
    put_u32(to, (uint32_t)value);
}

void put_fixed(struct xdr_writer *to, const void *bytes, size_t count) {
    memcpy(grow(to, count), bytes, count);
}

uint8_t *put_room(struct xdr_writer *to, size_t count) {
    put_u32(to, (uint32_t)count);
    uint8_t *room = grow(to, count + padding(count));
    memset(room + count, 0, padding(count));
    return room;
}

void put_opaque(struct xdr_writer *to, const void *bytes, size_t count) {
    memcpy(put_room(to, count), bytes, count);
}

void put_string(struct xdr_writer *to, const char *text) {
    put_opaque(to, text, strlen(text));
}

void replace_u32(struct xdr_writer *in, size_t position, uint32_t value) {
    uint32_t big = htonl(value);
    memcpy(in->bytes + position, &big, 4);
}

// The next bytes, or NULL when there are not so many.
static const uint8_t *take(struct xdr_reader *from, size_t count) {
    if ((size_t)(from->end - from->at) < count) {
        from->at = from->end;
        from->is_short = true;
        return NULL;
    }
    const uint8_t *bytes = from->at;
    from->at += count;
    return bytes;
}

uint32_t get_u32(struct xdr_reader *from) {
    uint32_t big = 0;
    get_fixed(from, &big, 4);
    return ntohl(big);
}

uint64_t get_u64(struct xdr_reader *from) {
    uint64_t high = get_u32(from);
    return high << 32 | get_u32(from);
}

void get_fixed(struct xdr_reader *from, void *bytes, size_t count) {
    const uint8_t *found = take(from, count);
    if (found == NULL) memset(bytes, 0, count);
    else memcpy(bytes, found, count);
}

const uint8_t *get_opaque(struct xdr_reader *from, uint32_t *count) {
    *count = get_u32(from);
    const uint8_t *bytes = take(from, *count + padding(*count));
    if (bytes == NULL) *count = 0;
    return bytes;
}

void skip(struct xdr_reader *from, size_t count) {
    take(from, count);
}

void skip_opaque(struct xdr_reader *from) {
    uint32_t count;
    get_opaque(from, &count);
}

void skip_bitmap(struct xdr_reader *from) {
    skip(from, 4 * (size_t)get_u32(from));
}
