#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compound.h"
#include "fail.h"

enum {
    /// The first of the program numbers that are nobody's (RFC 5531: transient); nothing answers there.
    callback_program = 0x40000000,
    /// What a request or reply of 1 MiB of data may have beside it.
    overhead_bytes_max = 64 << 10,
    /// What a WRITE's COMPOUND has beside its data.
    write_overhead_bytes = 1 << 10,
    operations_max = 16,
};

// What tells this client from all that are or were (RFC 8881 §2.4).
static void put_client_owner(struct xdr_writer *call, const struct client *client) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    put_u64(call, (uint64_t)now.tv_sec << 32 | (uint64_t)now.tv_nsec);
    char owner[64];
    snprintf(owner, sizeof owner, "nfsload %d.%ld client %d", (int)getpid(), (long)now.tv_sec, client->number);
    put_string(call, owner);
}

// MARK: 4.0

// RFC 7530 §16.33
static void set_client_id(struct client *client, uint8_t verifier[verifier_bytes]) {
    struct compound compound = compound_begin_alone(client);
    struct xdr_writer *call = put_operation(&compound, OP_SETCLIENTID);
    put_client_owner(call, client);
    put_u32(call, callback_program);
    put_string(call, "tcp");
    put_string(call, "127.0.0.1.0.0");  // Port 0: no delegation is ever recalled, as none is given.
    put_u32(call, 1);
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, OP_SETCLIENTID);
    client->client_id = get_u64(&reply.results);
    get_fixed(&reply.results, verifier, verifier_bytes);
    require_whole(&reply);
}

// RFC 7530 §16.34
static void confirm_client_id(struct client *client, const uint8_t verifier[verifier_bytes]) {
    struct compound compound = compound_begin_alone(client);
    struct xdr_writer *call = put_operation(&compound, OP_SETCLIENTID_CONFIRM);
    put_u64(call, client->client_id);
    put_fixed(call, verifier, verifier_bytes);
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, OP_SETCLIENTID_CONFIRM);
}

// MARK: 4.1

// RFC 8881 §18.35; answers eir_sequenceid, with which the session is made.
static uint32_t exchange_id(struct client *client) {
    enum { no_protection = 0 };  // SP4_NONE
    struct compound compound = compound_begin_alone(client);
    struct xdr_writer *call = put_operation(&compound, OP_EXCHANGE_ID);
    put_client_owner(call, client);
    put_u32(call, 0);
    put_u32(call, no_protection);
    put_u32(call, 0);  // No implementation id.
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, OP_EXCHANGE_ID);
    client->client_id = get_u64(&reply.results);
    uint32_t sequence = get_u32(&reply.results);
    require_whole(&reply);
    return sequence;
}

// channel_attrs4 (RFC 8881 §18.36.1)
static void put_channel(struct xdr_writer *call, uint32_t requests_max) {
    put_u32(call, 0);  // No padding in front of data.
    put_u32(call, (1 << 20) + overhead_bytes_max);
    put_u32(call, (1 << 20) + overhead_bytes_max);
    put_u32(call, 4096);
    put_u32(call, operations_max);
    put_u32(call, requests_max);
    put_u32(call, 0);  // No RDMA.
}

// Takes what the server grants of the fore channel: slots, and the longest request and reply.
static void get_channel(struct client *client, struct xdr_reader *from) {
    skip(from, 4);
    uint32_t request_bytes_max = get_u32(from);
    uint32_t reply_bytes_max = get_u32(from);
    skip(from, 4);
    uint32_t operations = get_u32(from);
    uint32_t slots = get_u32(from);
    if (operations < 8) fail("CREATE_SESSION: the server takes %u operations in a COMPOUND; 8 are needed", operations);
    if (slots == 0) fail("CREATE_SESSION: the server grants no slot");
    if (slots < (uint32_t)client->slot_count) client->slot_count = (int)slots;
    uint32_t message_bytes_max = request_bytes_max < reply_bytes_max ? request_bytes_max : reply_bytes_max;
    if (message_bytes_max < 4096 + write_overhead_bytes) {
        fail("CREATE_SESSION: messages of %u bytes are too short", message_bytes_max);
    }
    // Whole pages: the pattern is checked by them.
    uint32_t data_bytes_max = (message_bytes_max - write_overhead_bytes) & ~4095u;
    if (data_bytes_max < client->block_bytes) client->block_bytes = data_bytes_max;
}

enum { persistent = 1 };  // CREATE_SESSION4_FLAG_PERSIST

// RFC 8881 §18.36
static void create_session(struct client *client, uint32_t sequence) {
    struct compound compound = compound_begin_alone(client);
    struct xdr_writer *call = put_operation(&compound, OP_CREATE_SESSION);
    put_u64(call, client->client_id);
    put_u32(call, sequence);
    put_u32(call, client->options->is_persistent ? persistent : 0);  // No back channel.
    put_channel(call, (uint32_t)client->slot_count);
    put_channel(call, 1);
    put_u32(call, callback_program);
    put_u32(call, 1);
    put_u32(call, 0);  // AUTH_NONE
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, OP_CREATE_SESSION);
    get_fixed(&reply.results, client->session, session_bytes);
    skip(&reply.results, 4);  // The sequence.
    uint32_t flags = get_u32(&reply.results);
    get_channel(client, &reply.results);
    require_whole(&reply);
    if (client->options->is_persistent && (flags & persistent) == 0) {
        fail("CREATE_SESSION: the server's sessions do not outlive it");
    }
}

// Without it a server may keep a new client waiting as if it had something to reclaim (RFC 8881 §18.51.3).
static void reclaim_nothing(struct client *client) {
    struct compound compound = compound_begin(client, &client->slots[0]);
    put_u32(put_operation(&compound, OP_RECLAIM_COMPLETE), 0);
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, OP_RECLAIM_COMPLETE);
}

// RFC 8881 §18.37
static void destroy_session(struct client *client) {
    struct compound compound = compound_begin_alone(client);
    put_fixed(put_operation(&compound, OP_DESTROY_SESSION), client->session, session_bytes);
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, OP_DESTROY_SESSION);
}

// RFC 8881 §18.50
static void destroy_client_id(struct client *client) {
    struct compound compound = compound_begin_alone(client);
    put_u64(put_operation(&compound, OP_DESTROY_CLIENTID), client->client_id);
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, OP_DESTROY_CLIENTID);
}

// MARK: Both

void client_join(struct client *client, const struct options *options, int number) {
    *client = (struct client){
        .number = number,
        .options = options,
        .slot_count = options->depth,
        .block_bytes = options->block_bytes,
    };
    for (int slot = 0; slot < depth_max; slot++) client->slots[slot].number = slot;
    connection_open(&client->connection, options->host, options->port, options->reply_seconds_max);
    if (has_sessions(client)) {
        create_session(client, exchange_id(client));
        reclaim_nothing(client);
    } else {
        uint8_t verifier[verifier_bytes];
        set_client_id(client, verifier);
        confirm_client_id(client, verifier);
    }
}

void client_leave(struct client *client) {
    // 4.0 has no way to say that a client id is done with; its lease ends.
    if (has_sessions(client)) {
        destroy_session(client);
        destroy_client_id(client);
    }
    connection_close(&client->connection);
    free(client->call.bytes);
    free(client->tally.latencies);
}
