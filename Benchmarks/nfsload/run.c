#include "run.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "place.h"

// MARK: One client

static int depth_of(const struct test *test, const struct client *client) {
    // Each READDIR goes on where the last one ended.
    return test->extent == to_the_end ? 1 : client->slot_count;
}

static bool has_more(const struct test *test, const struct client *client) {
    const struct work *work = &client->work;
    switch (test->extent) {
    case by_size: return work->offset < client->options->size_bytes;
    case by_seconds: return now() - work->began < client->options->seconds;
    case by_files: return work->next < client->options->files;
    case to_the_end: return !work->is_at_end;
    }
    return false;
}

static void send_next(const struct test *test, struct client *client, struct slot *slot) {
    struct compound compound = compound_begin(client, slot);
    test->put(&compound, slot);
    compound_send(&compound);
}

// Begins another operation in a slot, while there is one.
static bool begin_operation(const struct test *test, struct client *client, struct slot *slot) {
    if (!has_more(test, client)) return false;
    slot->step = 0;
    slot->index = client->work.next++;
    slot->began = now();
    send_next(test, client, slot);
    return true;
}

static void end_operation(const struct test *test, struct client *client, const struct slot *slot) {
    tally_latency(&client->tally, now() - slot->began);
    // A READDIR has counted its entries.
    if (test->extent != to_the_end) client->tally.operations++;
}

// Keeps every slot at work until there is nothing more to begin and all replies are in.
static void work_through(const struct test *test, struct client *client) {
    int in_flight = 0;
    for (int number = 0; number < depth_of(test, client); number++) {
        in_flight += begin_operation(test, client, &client->slots[number]);
    }
    while (in_flight > 0) {
        struct reply reply = receive_reply(client);
        struct slot *slot = reply.slot;
        if (test->get(client, slot, &reply) == more_to_send) {
            send_next(test, client, slot);
            continue;
        }
        end_operation(test, client, slot);
        in_flight -= !begin_operation(test, client, slot);
    }
    if (test->is_committed) commit_data_file(client);
}

// MARK: All clients

/// What all threads of a test share.
///
/// The barrier opens four times: all are ready; go; all are through; the clocks are read.
struct team {
    const struct test *test;
    pthread_barrier_t barrier;
};

struct member {
    struct team *team;
    struct client *client;
    pthread_t thread;
};

static void *be_client(void *argument) {
    struct member *member = argument;
    struct client *client = member->client;
    const struct test *test = member->team->test;
    if (test->has_data_file) open_data_file(client);
    pthread_barrier_wait(&member->team->barrier);
    pthread_barrier_wait(&member->team->barrier);
    client->work.began = now();
    work_through(test, client);
    pthread_barrier_wait(&member->team->barrier);
    pthread_barrier_wait(&member->team->barrier);
    if (test->has_data_file) close_data_file(client);
    return NULL;
}

static void start(struct member *member, struct team *team, struct client *client) {
    *member = (struct member){.team = team, .client = client};
    tally_reset(&client->tally);
    // Another seed a client, never 0.
    client->work = (struct work){.random = 88172645463325252u + (uint64_t)client->number * 7919};
    int error = pthread_create(&member->thread, NULL, be_client, member);
    if (error != 0) fail("client %d: no thread: %s", client->number, strerror(error));
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
    int count = options->clients;
    struct team team = {.test = test};
    pthread_barrier_init(&team.barrier, NULL, (unsigned)count + 1);
    struct member *members = allocate(NULL, (size_t)count * sizeof *members);
    struct tally **tallies = allocate(NULL, (size_t)count * sizeof *tallies);
    for (int number = 0; number < count; number++) {
        start(&members[number], &team, &clients[number]);
        tallies[number] = &clients[number].tally;
    }
    struct measurement measurement = {
        .test = test->name,
        .unit = test->unit,
        .minor = options->minor,
        .clients = count,
        .depth = depth_of(test, &clients[0]),
    };
    measure(&team, options->server, &measurement);
    for (int number = 0; number < count; number++) pthread_join(members[number].thread, NULL);
    pthread_barrier_destroy(&team.barrier);
    measurement_add_up(&measurement, tallies, count);
    free(members);
    free(tallies);
    return measurement;
}
