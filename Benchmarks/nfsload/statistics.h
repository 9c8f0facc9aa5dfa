#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What one client did in one test.
struct tally {
    uint64_t operations, bytes, errors;
    /// The first error, as people read it; empty without one.
    char first_error[200];
    /// Seconds from the first call of each operation to its last reply.
    float *latencies;
    size_t latency_count, latency_capacity;
};

/// Forgets what was counted and keeps the memory.
void tally_reset(struct tally *tally);
void tally_latency(struct tally *tally, double seconds);
void tally_error(struct tally *tally, const char *format, ...) __attribute__((format(printf, 2, 3)));

/// What all clients did in one test.
struct measurement {
    const char *test;
    /// What is counted: "MiB", "op" or "entry".
    const char *unit;
    int minor, clients, depth;
    double seconds;
    uint64_t operations, bytes, errors;
    double p50_seconds, p99_seconds;
    /// Of the server's process; only where one was named.
    bool has_cpu;
    double cpu_seconds;
};

/// Adds up the clients' tallies, and takes the percentiles of all their latencies.
void measurement_add_up(struct measurement *measurement, struct tally *const *tallies, int count);
/// One line, or one JSON object on a line.
void measurement_print(const struct measurement *measurement, bool as_json);

/// Seconds on the clock that nobody steps.
double now(void);
/// CPU time of all threads of a process, those that have ended too; a process that is gone ends the program.
double cpu_seconds(pid_t process);
