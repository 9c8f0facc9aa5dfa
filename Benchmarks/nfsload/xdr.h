#pragma once
// XDR (RFC 4506): big-endian units of four bytes.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Bytes that grow as values are put behind them. Zeroed, it is empty.
struct xdr_writer {
    uint8_t *bytes;
    size_t count, capacity;
};

void put_u32(struct xdr_writer *to, uint32_t value);
void put_u64(struct xdr_writer *to, uint64_t value);
/// As many bytes as both sides know of, a multiple of four (RFC 4506 §4.9).
void put_fixed(struct xdr_writer *to, const void *bytes, size_t count);
/// Length, bytes, padding (RFC 4506 §4.10).
void put_opaque(struct xdr_writer *to, const void *bytes, size_t count);
void put_string(struct xdr_writer *to, const char *text);
/// Length and padding, and room for the bytes between, for the caller to fill before it puts anything else.
uint8_t *put_room(struct xdr_writer *to, size_t count);
/// Puts a value in the place of one that was not known yet.
void replace_u32(struct xdr_writer *in, size_t position, uint32_t value);

/// What is left to be read of a message.
///
/// Past its end everything reads as zero and `is_short` is set, so that whoever reads asks once, at the end.
struct xdr_reader {
    const uint8_t *at, *end;
    bool is_short;
};

uint32_t get_u32(struct xdr_reader *from);
uint64_t get_u64(struct xdr_reader *from);
void get_fixed(struct xdr_reader *from, void *bytes, size_t count);
/// The bytes stay where they are; `count` gets their number.
const uint8_t *get_opaque(struct xdr_reader *from, uint32_t *count);
void skip(struct xdr_reader *from, size_t count);
void skip_opaque(struct xdr_reader *from);
/// A bitmap4 (RFC 8881 §3.2): words behind their number.
void skip_bitmap(struct xdr_reader *from);
