#pragma once
// What the data files hold: bytes that neither compress nor repeat, and that tell of which file and place they are.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { pattern_page_bytes = 4096 };

/// Makes the pattern; once, before any thread.
void pattern_prepare(void);
/// Fills in what file `file` holds at `offset`; offset and count are whole pages.
void pattern_fill(uint8_t *bytes, size_t count, int file, uint64_t offset);
/// Whether whole pages are what `pattern_fill` gives.
bool pattern_matches(const uint8_t *bytes, size_t count, int file, uint64_t offset);
