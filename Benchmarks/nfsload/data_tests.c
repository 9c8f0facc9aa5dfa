#include <string.h>

#include "operations.h"
#include "pattern.h"
#include "tests.h"

/// stable_how4 (RFC 8881 §18.32.1)
enum stability { unstable = 0, file_sync = 2 };

// MARK: Where

// The next block of the file, the last one as long as is left.
static void take_next_block(struct client *client, struct slot *slot) {
    uint64_t left = client->options->size_bytes - client->work.offset;
    slot->offset = client->work.offset;
    slot->count = left < client->block_bytes ? (uint32_t)left : client->block_bytes;
    client->work.offset += slot->count;
}

// Any page of the file.
static void take_random_page(struct client *client, struct slot *slot) {
    uint64_t random = client->work.random;
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    client->work.random = random;
    slot->offset = random % (client->options->size_bytes / pattern_page_bytes) * pattern_page_bytes;
    slot->count = pattern_page_bytes;
}

// MARK: READ

// RFC 8881 §18.22
static void put_read(struct compound *compound, const struct slot *slot) {
    struct open_file *data = &compound->client->data;
    put_handle(compound, &data->handle);
    struct xdr_writer *call = put_operation(compound, OP_READ);
    put_fixed(call, data->state_id, state_id_bytes);
    put_u64(call, slot->offset);
    put_u32(call, slot->count);
}

static void put_sequential_read(struct compound *compound, struct slot *slot) {
    take_next_block(compound->client, slot);
    put_read(compound, slot);
}

static void put_random_read(struct compound *compound, struct slot *slot) {
    take_random_page(compound->client, slot);
    put_read(compound, slot);
}

static enum progress get_read(struct client *client, struct slot *slot, struct reply *reply) {
    if (!is_ok(client, reply, OP_PUTFH) || !is_ok(client, reply, OP_READ)) return operation_done;
    skip(&reply->results, 4);  // Whether that was the end.
    uint32_t count;
    const uint8_t *bytes = get_opaque(&reply->results, &count);
    require_whole(reply);
    client->tally.bytes += count;
    unsigned long long offset = slot->offset;
    if (count != slot->count) {
        tally_error(&client->tally, "READ of %u bytes at %llu gives %u (seqwrite fills the file)", slot->count, offset,
                    count);
    } else if (!pattern_matches(bytes, count, client->number, slot->offset)) {
        tally_error(&client->tally, "READ of %u bytes at %llu gives others than were written", count, offset);
    }
    return operation_done;
}

// MARK: WRITE

// RFC 8881 §18.32, with the GETATTR that Linux's client puts behind it.
static void put_write(struct compound *compound, const struct slot *slot, enum stability stability) {
    struct client *client = compound->client;
    put_handle(compound, &client->data.handle);
    struct xdr_writer *call = put_operation(compound, OP_WRITE);
    put_fixed(call, client->data.state_id, state_id_bytes);
    put_u64(call, slot->offset);
    put_u32(call, stability);
    pattern_fill(put_room(call, slot->count), slot->count, client->number, slot->offset);
    put_get_attributes(compound);
}

static void put_sequential_write(struct compound *compound, struct slot *slot) {
    take_next_block(compound->client, slot);
    put_write(compound, slot, unstable);
}

static void put_random_write(struct compound *compound, struct slot *slot) {
    take_random_page(compound->client, slot);
    put_write(compound, slot, unstable);
}

static void put_stable_write(struct compound *compound, struct slot *slot) {
    take_random_page(compound->client, slot);
    put_write(compound, slot, file_sync);
}

// One write verifier for all of a test: else what was written before is lost, maybe (RFC 8881 §18.32.3).
static void check_verifier(struct client *client, struct reply *reply) {
    struct work *work = &client->work;
    uint8_t verifier[verifier_bytes];
    get_fixed(&reply->results, verifier, sizeof verifier);
    require_whole(reply);
    if (work->has_write_verifier && memcmp(verifier, work->write_verifier, sizeof verifier) != 0) {
        tally_error(&client->tally, "the write verifier has changed: the server has restarted");
    }
    memcpy(work->write_verifier, verifier, sizeof verifier);
    work->has_write_verifier = true;
}

static enum progress get_any_write(struct client *client, struct slot *slot, struct reply *reply,
                                   enum stability asked) {
    if (!is_ok(client, reply, OP_PUTFH) || !is_ok(client, reply, OP_WRITE)) return operation_done;
    uint32_t count = get_u32(&reply->results);
    uint32_t stability = get_u32(&reply->results);
    check_verifier(client, reply);
    client->tally.bytes += count;
    unsigned long long offset = slot->offset;
    if (count != slot->count) {
        tally_error(&client->tally, "WRITE of %u bytes at %llu takes %u", slot->count, offset, count);
    } else if (stability < asked) {
        tally_error(&client->tally, "WRITE at %llu is less stable than was asked: %u", offset, stability);
    }
    is_ok(client, reply, OP_GETATTR);
    return operation_done;
}

static enum progress get_write(struct client *client, struct slot *slot, struct reply *reply) {
    return get_any_write(client, slot, reply, unstable);
}

static enum progress get_stable_write(struct client *client, struct slot *slot, struct reply *reply) {
    return get_any_write(client, slot, reply, file_sync);
}

void put_commit(struct compound *compound) {
    put_handle(compound, &compound->client->data.handle);
    struct xdr_writer *call = put_operation(compound, OP_COMMIT);
    put_u64(call, 0);
    put_u32(call, 0);  // To the end.
}

void get_commit(struct client *client, struct reply *reply) {
    if (is_ok(client, reply, OP_PUTFH) && is_ok(client, reply, OP_COMMIT)) check_verifier(client, reply);
}

// MARK: The tests

const struct test data_tests[] = {
    {
        .name = "seqwrite",
        .summary = "WRITE of --block, unstable, from the file's start to --size; one COMMIT",
        .unit = "MiB",
        .extent = by_size,
        .has_data_file = true,
        .is_committed = true,
        .put = put_sequential_write,
        .get = get_write,
    },
    {
        .name = "seqread",
        .summary = "READ of --block, from the file's start to --size; every byte is checked",
        .unit = "MiB",
        .extent = by_size,
        .has_data_file = true,
        .put = put_sequential_read,
        .get = get_read,
    },
    {
        .name = "randread",
        .summary = "READ of 4 KiB anywhere in the file; every byte is checked",
        .unit = "op",
        .extent = by_seconds,
        .has_data_file = true,
        .put = put_random_read,
        .get = get_read,
    },
    {
        .name = "randwrite",
        .summary = "WRITE of 4 KiB, unstable, anywhere in the file; one COMMIT",
        .unit = "op",
        .extent = by_seconds,
        .has_data_file = true,
        .is_committed = true,
        .put = put_random_write,
        .get = get_write,
    },
    {
        .name = "syncwrite",
        .summary = "WRITE of 4 KiB, FILE_SYNC, anywhere in the file",
        .unit = "op",
        .extent = by_seconds,
        .has_data_file = true,
        .put = put_stable_write,
        .get = get_stable_write,
    },
};

const int data_test_count = sizeof data_tests / sizeof *data_tests;
