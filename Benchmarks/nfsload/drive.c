#include "drive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "fail.h"

enum { events_max = 64 };

// MARK: One client

// A client at work: requests of it are in flight, until its last one is answered.
struct driven {
    struct client *client;
    int in_flight;
    bool is_committing;
};

static int depth_of(const struct test *test, const struct client *client) {
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

// Commits what the client has written, once nothing else of it is in flight.
static void commit_if_due(const struct test *test, struct driven *driven) {
    if (driven->in_flight > 0 || driven->is_committing || !test->is_committed) return;
    struct compound compound = compound_begin(driven->client, &driven->client->slots[0]);
    put_commit(&compound);
    compound_send(&compound);
    driven->is_committing = true;
    driven->in_flight = 1;
}

static void begin_work(const struct test *test, struct driven *driven) {
    struct client *client = driven->client;
    client->work.began = now();
    for (int number = 0; number < depth_of(test, client); number++) {
        driven->in_flight += begin_operation(test, client, &client->slots[number]);
    }
    commit_if_due(test, driven);
}

// Takes one reply, and sends what follows it.
static void take_reply(const struct test *test, struct driven *driven) {
    struct client *client = driven->client;
    struct reply reply = receive_reply(client);
    struct slot *slot = reply.slot;
    if (driven->is_committing) {
        get_commit(client, &reply);
        driven->in_flight = 0;
        return;
    }
    if (test->get(client, slot, &reply) == more_to_send) return send_next(test, client, slot);
    end_operation(test, client, slot);
    driven->in_flight -= !begin_operation(test, client, slot);
    commit_if_due(test, driven);
}

static void take_replies(const struct test *test, struct driven *driven) {
    rpc_gather(&driven->client->connection);
    while (driven->in_flight > 0 && rpc_has_reply(&driven->client->connection)) take_reply(test, driven);
}

// MARK: All of a thread's

// Waits until some of them have replies.
static int await_some(int epoll, struct epoll_event *events, int seconds_max) {
    while (true) {
        int ready = epoll_wait(epoll, events, events_max, seconds_max * 1000);
        if (ready > 0) return ready;
        if (ready == 0) fail("receive: the server does nothing (--timeout)");
        if (errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    }
}

static void drive_many(const struct test *test, struct driven *driven, int count, int seconds_max) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) fail("epoll_create1: %s", strerror(errno));
    int busy = 0;
    for (int number = 0; number < count; number++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &driven[number]};
        int error = epoll_ctl(epoll, EPOLL_CTL_ADD, driven[number].client->connection.socket, &event);
        if (error != 0) fail("epoll_ctl: %s", strerror(errno));
        busy += driven[number].in_flight > 0;
    }
    while (busy > 0) {
        struct epoll_event events[events_max];
        int ready = await_some(epoll, events, seconds_max);
        for (int index = 0; index < ready; index++) {
            struct driven *one = events[index].data.ptr;
            take_replies(test, one);
            busy -= one->in_flight == 0;
        }
    }
    close(epoll);
}

void drive(const struct test *test, struct client *clients, int count) {
    struct driven *driven = allocate(NULL, (size_t)count * sizeof *driven);
    for (int number = 0; number < count; number++) {
        driven[number] = (struct driven){.client = &clients[number]};
        begin_work(test, &driven[number]);
    }
    if (count > 1) {
        drive_many(test, driven, count, clients[0].options->reply_seconds_max);
    } else {
        while (driven[0].in_flight > 0) take_replies(test, &driven[0]);
    }
    free(driven);
}
