#include "run.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "drive.h"
#include "fail.h"
#include "place.h"

/// What all threads of a test share.
///
/// The barrier opens four times: all are ready; go; all are through; the clocks are read.
struct team {
    const struct test *test;
    pthread_barrier_t barrier;
};

/// A thread, and the clients that it drives.
struct member {
    struct team *team;
    struct client *clients;
    int count;
    pthread_t thread;
};

static void *be_member(void *argument) {
    struct member *member = argument;
    const struct test *test = member->team->test;
    for (int number = 0; test->has_data_file && number < member->count; number++) {
        open_data_file(&member->clients[number]);
    }
    pthread_barrier_wait(&member->team->barrier);
    pthread_barrier_wait(&member->team->barrier);
    drive(test, member->clients, member->count);
    pthread_barrier_wait(&member->team->barrier);
    pthread_barrier_wait(&member->team->barrier);
    for (int number = 0; test->has_data_file && number < member->count; number++) {
        close_data_file(&member->clients[number]);
    }
    return NULL;
}

static void prepare(struct client *client) {
    tally_reset(&client->tally);
    // Another seed a client, never 0.
    client->work = (struct work){.random = 88172645463325252u + (uint64_t)client->number * 7919};
}

static void start(struct member *member) {
    int error = pthread_create(&member->thread, NULL, be_member, member);
    if (error != 0) fail("no thread: %s", strerror(error));
}

// The clients are dealt out to the threads in equal runs, as far as they can be equal.
static void start_all(struct member *members, int threads, struct team *team, struct client *clients, int count) {
    for (int number = 0; number < threads; number++) {
        int first = count * number / threads, end = count * (number + 1) / threads;
        members[number] = (struct member){.team = team, .clients = &clients[first], .count = end - first};
        start(&members[number]);
    }
}

// Opens the barrier that the clients wait at, and times what they do until all wait at the next but one.
static void measure(struct team *team, pid_t server, struct measurement *measurement) {
    pthread_barrier_wait(&team->barrier);
    double cpu = server == 0 ? 0 : cpu_seconds(server);
    double began = now();
    pthread_barrier_wait(&team->barrier);
    pthread_barrier_wait(&team->barrier);
    measurement->seconds = now() - began;
    measurement->has_cpu = server != 0;
    if (server != 0) measurement->cpu_seconds = cpu_seconds(server) - cpu;
    pthread_barrier_wait(&team->barrier);
}

struct measurement run_test(struct client *clients, const struct options *options, const struct test *test) {
    int count = options->clients, threads = options->threads < count ? options->threads : count;
    struct team team = {.test = test};
    pthread_barrier_init(&team.barrier, NULL, (unsigned)threads + 1);
    struct member *members = allocate(NULL, (size_t)threads * sizeof *members);
    struct tally **tallies = allocate(NULL, (size_t)count * sizeof *tallies);
    for (int number = 0; number < count; number++) {
        prepare(&clients[number]);
        tallies[number] = &clients[number].tally;
    }
    start_all(members, threads, &team, clients, count);
    struct measurement measurement = {
        .test = test->name,
        .unit = test->unit,
        .minor = options->minor,
        .clients = count,
        // Each READDIR goes on where the last one ended.
        .depth = test->extent == to_the_end ? 1 : clients[0].slot_count,
    };
    measure(&team, options->server, &measurement);
    for (int number = 0; number < threads; number++) pthread_join(members[number].thread, NULL);
    pthread_barrier_destroy(&team.barrier);
    measurement_add_up(&measurement, tallies, count);
    free(members);
    free(tallies);
    return measurement;
}
