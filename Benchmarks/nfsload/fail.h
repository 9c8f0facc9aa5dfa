#pragma once

/// Says on standard error what went wrong and ends the program with status 1.
///
/// For what leaves nothing to measure: no connection, a reply that is none, a server that says nothing.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// Memory that is there; without any, the program ends.
void *allocate(void *old, unsigned long count);
