#include "compound.h"

#include <string.h>

#include "fail.h"

static void check_sequence(struct client *client, struct slot *slot, struct reply *reply) {
    require_ok(reply, OP_SEQUENCE);
    uint8_t session[session_bytes];
    get_fixed(&reply->results, session, sizeof session);
    uint32_t sequence = get_u32(&reply->results);
    uint32_t number = get_u32(&reply->results);
    skip(&reply->results, 4 + 4 + 4);  // The highest slot, the target, the flags.
    require_whole(reply);
    if (memcmp(session, client->session, sizeof session) != 0 || sequence != slot->sequence ||
        number != (uint32_t)slot->number) {
        fail("client %d: SEQUENCE answers another request (RFC 8881 §18.46.3)", client->number);
    }
}

// MARK: Requests

static struct compound begin(struct client *client, struct slot *slot) {
    struct xdr_writer *call = &client->call;
    // Never the same in one connection, as long as it lasts.
    slot->xid = ++client->calls;
    slot->is_busy = true;
    rpc_begin(call, slot->xid, client->options->uid, client->options->gid);
    put_u32(call, 0);  // An empty tag.
    put_u32(call, (uint32_t)client->options->minor);
    struct compound compound = {.client = client, .count_at = call->count};
    put_u32(call, 0);  // The number of operations: compound_send knows it.
    return compound;
}

struct compound compound_begin(struct client *client, struct slot *slot) {
    struct compound compound = begin(client, slot);
    if (!has_sessions(client)) return compound;
    compound.is_in_session = true;
    struct xdr_writer *call = put_operation(&compound, OP_SEQUENCE);
    put_fixed(call, client->session, session_bytes);
    put_u32(call, ++slot->sequence);
    put_u32(call, (uint32_t)slot->number);
    put_u32(call, (uint32_t)client->slot_count - 1);
    compound.keep_at = call->count;
    put_u32(call, 0);  // Nothing is kept for a retry: there are none.
    return compound;
}

struct compound compound_begin_alone(struct client *client) {
    return begin(client, &client->slots[0]);
}

// Whether it changes names: sa_cachethis is set for these.
static bool is_kept(const struct compound *compound, enum operation operation) {
    if (!compound->client->options->is_persistent || !compound->is_in_session) return false;
    return operation == OP_CREATE || operation == OP_OPEN || operation == OP_REMOVE || operation == OP_RENAME;
}

struct xdr_writer *put_operation(struct compound *compound, enum operation operation) {
    compound->operations++;
    if (is_kept(compound, operation)) replace_u32(&compound->client->call, compound->keep_at, 1);
    put_u32(&compound->client->call, operation);
    return &compound->client->call;
}

void compound_send(struct compound *compound) {
    replace_u32(&compound->client->call, compound->count_at, compound->operations);
    rpc_send(&compound->client->connection, &compound->client->call);
}

// MARK: Replies

static struct slot *slot_of(struct client *client, uint32_t xid) {
    for (int number = 0; number < depth_max; number++) {
        struct slot *slot = &client->slots[number];
        if (slot->is_busy && slot->xid == xid) return slot;
    }
    fail("client %d: a reply to nothing that was asked", client->number);
}

// Reads up to the first result.
static struct reply receive_any(struct client *client) {
    uint32_t xid;
    struct reply reply = {.results = rpc_receive(&client->connection, &xid)};
    reply.slot = slot_of(client, xid);
    reply.slot->is_busy = false;
    uint32_t status = get_u32(&reply.results);
    skip_opaque(&reply.results);
    uint32_t count = get_u32(&reply.results);
    require_whole(&reply);
    if (count == 0) fail("the server refuses a COMPOUND of NFSv4.%d: %s", client->options->minor, status_name(status));
    return reply;
}

struct reply receive_reply(struct client *client) {
    struct reply reply = receive_any(client);
    if (has_sessions(client)) check_sequence(client, reply.slot, &reply);
    return reply;
}

struct reply compound_perform(struct compound *compound) {
    struct client *client = compound->client;
    compound_send(compound);
    struct reply reply = receive_any(client);
    if (compound->is_in_session) check_sequence(client, reply.slot, &reply);
    return reply;
}

uint32_t get_status(struct reply *reply, enum operation operation) {
    uint32_t answered = get_u32(&reply->results);
    uint32_t status = get_u32(&reply->results);
    require_whole(reply);
    if (answered != operation) {
        fail("%s was asked, and %s answers: %s", operation_name(operation), operation_name(answered),
             status_name(status));
    }
    return status;
}

void require_ok(struct reply *reply, enum operation operation) {
    uint32_t status = get_status(reply, operation);
    if (status != NFS4_OK) fail("%s: %s", operation_name(operation), status_name(status));
}

void require_whole(const struct reply *reply) {
    if (reply->results.is_short) fail("a reply ends before its results do");
}
