#include "statistics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fail.h"

// MARK: Tallies

void tally_reset(struct tally *tally) {
    tally->operations = tally->bytes = tally->errors = 0;
    tally->first_error[0] = 0;
    tally->latency_count = 0;
}

void tally_latency(struct tally *tally, double seconds) {
    if (tally->latency_count == tally->latency_capacity) {
        tally->latency_capacity = tally->latency_capacity == 0 ? 4096 : tally->latency_capacity * 2;
        tally->latencies = allocate(tally->latencies, tally->latency_capacity * sizeof *tally->latencies);
    }
    tally->latencies[tally->latency_count++] = (float)seconds;
}

void tally_error(struct tally *tally, const char *format, ...) {
    if (tally->errors++ > 0) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(tally->first_error, sizeof tally->first_error, format, arguments);
    va_end(arguments);
}

// MARK: Measurements

static int compare(const void *left, const void *right) {
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

// The smallest latency that so large a part of all does not exceed.
static double percentile(const float *sorted, size_t count, double part) {
    if (count == 0) return 0;
    size_t rank = (size_t)((double)count * part);
    return sorted[rank < count ? rank : count - 1];
}

static void take_percentiles(struct measurement *measurement, struct tally *const *tallies, int count) {
    size_t total = 0;
    for (int index = 0; index < count; index++) total += tallies[index]->latency_count;
    float *all = allocate(NULL, (total + 1) * sizeof *all);
    size_t filled = 0;
    for (int index = 0; index < count; index++) {
        const struct tally *tally = tallies[index];
        if (tally->latency_count > 0) memcpy(all + filled, tally->latencies, tally->latency_count * sizeof *all);
        filled += tally->latency_count;
    }
    qsort(all, total, sizeof *all, compare);
    measurement->p50_seconds = percentile(all, total, 0.50);
    measurement->p99_seconds = percentile(all, total, 0.99);
    free(all);
}

void measurement_add_up(struct measurement *measurement, struct tally *const *tallies, int count) {
    for (int index = 0; index < count; index++) {
        const struct tally *tally = tallies[index];
        measurement->operations += tally->operations;
        measurement->bytes += tally->bytes;
        measurement->errors += tally->errors;
        if (tally->errors > 0) {
            fprintf(stderr, "nfsload: %s: client %d: errors: %llu, the first: %s\n", measurement->test, index,
                    (unsigned long long)tally->errors, tally->first_error);
        }
    }
    take_percentiles(measurement, tallies, count);
}

static double units(const struct measurement *measurement) {
    bool is_data = strcmp(measurement->unit, "MiB") == 0;
    return is_data ? (double)measurement->bytes / (1 << 20) : (double)measurement->operations;
}

static double cpu_microseconds_per_unit(const struct measurement *measurement) {
    double count = units(measurement);
    return count > 0 ? measurement->cpu_seconds * 1e6 / count : 0;
}

static void print_json(const struct measurement *m) {
    printf("{\"test\":\"%s\",\"minor\":%d,\"clients\":%d,\"depth\":%d,\"unit\":\"%s\",\"rate\":%.3f,\"seconds\":%.6f,"
           "\"operations\":%llu,\"bytes\":%llu,\"errors\":%llu,\"p50Microseconds\":%.1f,\"p99Microseconds\":%.1f,",
           m->test, m->minor, m->clients, m->depth, m->unit, units(m) / m->seconds, m->seconds,
           (unsigned long long)m->operations, (unsigned long long)m->bytes, (unsigned long long)m->errors,
           m->p50_seconds * 1e6, m->p99_seconds * 1e6);
    if (m->has_cpu) printf("\"cpuMicrosecondsPerUnit\":%.3f}\n", cpu_microseconds_per_unit(m));
    else printf("\"cpuMicrosecondsPerUnit\":null}\n");
}

static void print_text(const struct measurement *m) {
    printf("%-9s v4.%d  clients %-3d depth %-3d %10.1f %s/s  p50 %.0f us  p99 %.0f us", m->test, m->minor, m->clients,
           m->depth, units(m) / m->seconds, m->unit, m->p50_seconds * 1e6, m->p99_seconds * 1e6);
    if (m->has_cpu) printf("  server %.1f us/%s", cpu_microseconds_per_unit(m), m->unit);
    printf("  in %.2f s", m->seconds);
    if (m->errors > 0) printf("  ERRORS: %llu", (unsigned long long)m->errors);
    putchar('\n');
}

void measurement_print(const struct measurement *measurement, bool as_json) {
    if (as_json) print_json(measurement);
    else print_text(measurement);
    // A run takes minutes: its lines show as they come, in a file too.
    fflush(stdout);
}

// MARK: Clocks

static double seconds_on(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) != 0) fail("the server's process is gone");
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

double now(void) {
    return seconds_on(CLOCK_MONOTONIC);
}

double cpu_seconds(pid_t process) {
    clockid_t clock;
    if (clock_getcpuclockid(process, &clock) != 0) fail("there is no process %d (--pid)", (int)process);
    return seconds_on(clock);
}
