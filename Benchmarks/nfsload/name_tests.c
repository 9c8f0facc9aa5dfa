#include <stdio.h>
#include <string.h>

#include "operations.h"
#include "tests.h"

/// Steps of one operation; each is a COMPOUND.
enum { step_open, step_confirm, step_close };
enum { step_there, step_back };

enum { name_bytes_max = 32 };

static void file_name(const struct client *client, const struct slot *slot, char kind, char name[name_bytes_max]) {
    snprintf(name, name_bytes_max, "%c%d.%06d", kind, client->number, slot->index);
}

// MARK: null

static void put_null(struct compound *compound, struct slot *slot) {
    (void)slot;
    put_operation(compound, OP_PUTROOTFH);
}

static enum progress get_null(struct client *client, struct slot *slot, struct reply *reply) {
    (void)slot;
    is_ok(client, reply, OP_PUTROOTFH);
    return operation_done;
}

// MARK: create, open

static void put_open_or_close(struct compound *compound, struct slot *slot, enum access access,
                              enum creation creation) {
    struct client *client = compound->client;
    if (slot->step != step_open) {
        put_handle(compound, &slot->file.handle);
        if (slot->step == step_confirm) put_open_confirm(compound, slot, &slot->file);
        else put_close(compound, slot, &slot->file);
        return;
    }
    char name[name_bytes_max];
    file_name(client, slot, 'f', name);
    put_handle(compound, &client->directory);
    put_open(compound, slot, name, access, creation);
    put_get_attributes(compound);
}

static void put_create(struct compound *compound, struct slot *slot) {
    put_open_or_close(compound, slot, access_both, create_new);
}

static void put_open_existing(struct compound *compound, struct slot *slot) {
    put_open_or_close(compound, slot, access_read, create_never);
}

static enum progress get_opened(struct client *client, struct slot *slot, struct reply *reply) {
    if (!check(client, OP_OPEN, get_open(reply, &slot->file))) return operation_done;
    if (!check(client, OP_GETFH, get_handle(reply, &slot->file.handle))) return operation_done;
    is_ok(client, reply, OP_GETATTR);
    slot->step = slot->file.is_to_be_confirmed ? step_confirm : step_close;
    return more_to_send;
}

static enum progress get_open_or_close(struct client *client, struct slot *slot, struct reply *reply) {
    if (!is_ok(client, reply, OP_PUTFH)) return operation_done;
    switch (slot->step) {
    case step_open: return get_opened(client, slot, reply);
    case step_confirm:
        if (!check(client, OP_OPEN_CONFIRM, get_open_confirm(reply, &slot->file))) return operation_done;
        slot->step = step_close;
        return more_to_send;
    default:
        check(client, OP_CLOSE, get_close(reply));
        return operation_done;
    }
}

// MARK: stat

static void put_stat(struct compound *compound, struct slot *slot) {
    char name[name_bytes_max];
    file_name(compound->client, slot, 'f', name);
    put_handle(compound, &compound->client->directory);
    put_lookup(compound, name);
    put_operation(compound, OP_GETFH);
    put_get_attributes(compound);
}

static enum progress get_stat(struct client *client, struct slot *slot, struct reply *reply) {
    if (!is_ok(client, reply, OP_PUTFH) || !is_ok(client, reply, OP_LOOKUP)) return operation_done;
    if (!check(client, OP_GETFH, get_handle(reply, &slot->file.handle))) return operation_done;
    is_ok(client, reply, OP_GETATTR);
    return operation_done;
}

// MARK: readdir

// READDIR as Linux's client asks for names with their attributes (RFC 8881 §18.23).
static void put_read_directory(struct compound *compound, struct slot *slot) {
    enum { names_bytes_max = 32 << 10, reply_bytes_max = 128 << 10 };
    (void)slot;
    struct client *client = compound->client;
    put_handle(compound, &client->directory);
    struct xdr_writer *call = put_operation(compound, OP_READDIR);
    put_u64(call, client->work.cookie);
    put_fixed(call, client->work.cookie_verifier, verifier_bytes);
    put_u32(call, names_bytes_max);
    put_u32(call, reply_bytes_max);
    put_u32(call, 2);
    put_u32(call, attributes_low | attributes_low_of_entry);
    put_u32(call, attributes_high);
}

static enum progress get_read_directory(struct client *client, struct slot *slot, struct reply *reply) {
    (void)slot;
    struct work *work = &client->work;
    // Whatever is wrong, a directory is not gone through twice.
    work->is_at_end = true;
    if (!is_ok(client, reply, OP_PUTFH) || !is_ok(client, reply, OP_READDIR)) return operation_done;
    get_fixed(&reply->results, work->cookie_verifier, verifier_bytes);
    uint64_t entries = 0;
    for (; get_u32(&reply->results) != 0; entries++) {
        work->cookie = get_u64(&reply->results);
        skip_opaque(&reply->results);  // The name, the bitmap and the values of the attributes.
        skip_bitmap(&reply->results);
        skip_opaque(&reply->results);
    }
    work->is_at_end = get_u32(&reply->results) != 0;
    require_whole(reply);
    client->tally.operations += entries;
    if (entries == 0 && !work->is_at_end) {
        tally_error(&client->tally, "READDIR gives neither an entry nor the end");
        work->is_at_end = true;
    }
    return operation_done;
}

// MARK: rename

// There, and in a COMPOUND of its own back again: each counts.
static void put_rename(struct compound *compound, struct slot *slot) {
    char name[name_bytes_max], other[name_bytes_max];
    file_name(compound->client, slot, slot->step == step_there ? 'f' : 'g', name);
    file_name(compound->client, slot, slot->step == step_there ? 'g' : 'f', other);
    put_handle(compound, &compound->client->directory);
    put_operation(compound, OP_SAVEFH);
    struct xdr_writer *call = put_operation(compound, OP_RENAME);
    put_string(call, name);
    put_string(call, other);
}

static enum progress get_rename(struct client *client, struct slot *slot, struct reply *reply) {
    if (!is_ok(client, reply, OP_PUTFH) || !is_ok(client, reply, OP_SAVEFH)) return operation_done;
    if (!is_ok(client, reply, OP_RENAME) || slot->step == step_back) return operation_done;
    slot->step = step_back;
    client->tally.operations++;
    tally_latency(&client->tally, now() - slot->began);
    slot->began = now();
    return more_to_send;
}

// MARK: unlink, rmdir, mkdir

static void put_remove_of(struct compound *compound, struct slot *slot, char kind) {
    char name[name_bytes_max];
    file_name(compound->client, slot, kind, name);
    put_handle(compound, &compound->client->directory);
    put_remove(compound, name);
}

static void put_unlink(struct compound *compound, struct slot *slot) {
    put_remove_of(compound, slot, 'f');
}

static void put_remove_directory(struct compound *compound, struct slot *slot) {
    put_remove_of(compound, slot, 'd');
}

static enum progress get_remove(struct client *client, struct slot *slot, struct reply *reply) {
    (void)slot;
    if (is_ok(client, reply, OP_PUTFH)) is_ok(client, reply, OP_REMOVE);
    return operation_done;
}

static void put_new_directory(struct compound *compound, struct slot *slot) {
    char name[name_bytes_max];
    file_name(compound->client, slot, 'd', name);
    put_handle(compound, &compound->client->directory);
    put_make_directory(compound, name, 0755);
    put_operation(compound, OP_GETFH);
    put_get_attributes(compound);
}

static enum progress get_new_directory(struct client *client, struct slot *slot, struct reply *reply) {
    if (!is_ok(client, reply, OP_PUTFH) || !is_ok(client, reply, OP_CREATE)) return operation_done;
    skip(&reply->results, 4 + 8 + 8);  // change_info4
    skip_bitmap(&reply->results);
    if (!check(client, OP_GETFH, get_handle(reply, &slot->file.handle))) return operation_done;
    is_ok(client, reply, OP_GETATTR);
    return operation_done;
}

// MARK: The tests

const struct test name_tests[] = {
    {
        .name = "create",
        .summary = "OPEN of a new file, and CLOSE, --files times",
        .unit = "op",
        .extent = by_files,
        .put = put_create,
        .get = get_open_or_close,
    },
    {
        .name = "stat",
        .summary = "LOOKUP and GETATTR of each file",
        .unit = "op",
        .extent = by_files,
        .put = put_stat,
        .get = get_stat,
    },
    {
        .name = "open",
        .summary = "OPEN of each file, and CLOSE",
        .unit = "op",
        .extent = by_files,
        .put = put_open_existing,
        .get = get_open_or_close,
    },
    {
        .name = "readdir",
        .summary = "READDIR with attributes, once through; one in flight",
        .unit = "entry",
        .extent = to_the_end,
        .put = put_read_directory,
        .get = get_read_directory,
    },
    {
        .name = "rename",
        .summary = "RENAME of each file, there and back: two operations",
        .unit = "op",
        .extent = by_files,
        .put = put_rename,
        .get = get_rename,
    },
    {
        .name = "unlink",
        .summary = "REMOVE of each file",
        .unit = "op",
        .extent = by_files,
        .put = put_unlink,
        .get = get_remove,
    },
    {
        .name = "mkdir",
        .summary = "CREATE of a directory, --files times",
        .unit = "op",
        .extent = by_files,
        .put = put_new_directory,
        .get = get_new_directory,
    },
    {
        .name = "rmdir",
        .summary = "REMOVE of each directory",
        .unit = "op",
        .extent = by_files,
        .put = put_remove_directory,
        .get = get_remove,
    },
    {
        .name = "null",
        .summary = "PUTROOTFH alone: what any request costs",
        .unit = "op",
        .extent = by_seconds,
        .put = put_null,
        .get = get_null,
    },
};

const int name_test_count = sizeof name_tests / sizeof *name_tests;
