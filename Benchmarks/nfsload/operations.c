#include "operations.h"

#include <stdio.h>
#include <string.h>

#include "fail.h"

// MARK: Handles, names, attributes

void put_handle(struct compound *compound, const struct handle *handle) {
    put_opaque(put_operation(compound, OP_PUTFH), handle->bytes, handle->count);
}

uint32_t get_handle(struct reply *reply, struct handle *handle) {
    uint32_t status = get_status(reply, OP_GETFH);
    if (status != NFS4_OK) return status;
    const uint8_t *bytes = get_opaque(&reply->results, &handle->count);
    require_whole(reply);
    if (handle->count > handle_bytes_max) fail("a file handle of %u bytes (RFC 8881 §3.1: 128)", handle->count);
    memcpy(handle->bytes, bytes, handle->count);
    return NFS4_OK;
}

void put_get_attributes(struct compound *compound) {
    struct xdr_writer *call = put_operation(compound, OP_GETATTR);
    put_u32(call, 2);
    put_u32(call, attributes_low);
    put_u32(call, attributes_high);
}

void put_mode(struct xdr_writer *to, uint32_t mode) {
    put_u32(to, 2);
    put_u32(to, 0);
    put_u32(to, 1u << 1);  // mode is attribute 33 (RFC 8881 §6.2.4).
    put_u32(to, 4);
    put_u32(to, mode);
}

void put_lookup(struct compound *compound, const char *name) {
    put_string(put_operation(compound, OP_LOOKUP), name);
}

void put_make_directory(struct compound *compound, const char *name, uint32_t mode) {
    enum { type_directory = 2 };  // NF4DIR
    struct xdr_writer *call = put_operation(compound, OP_CREATE);
    put_u32(call, type_directory);
    put_string(call, name);
    put_mode(call, mode);
}

void put_remove(struct compound *compound, const char *name) {
    put_string(put_operation(compound, OP_REMOVE), name);
}

// MARK: Opens

// seqid: 4.1 leaves it to the slot, and wants 0 or ignores it (RFC 8881 §18.16.3).
static uint32_t open_sequence(const struct compound *compound, const struct slot *slot) {
    return has_sessions(compound->client) ? 0 : slot->open_sequence;
}

// An operation with a seqid has been answered: only these leave the open-owner's where it was (RFC 7530 §9.1.7).
static void advance_open_sequence(struct slot *slot, uint32_t status) {
    switch (status) {
    case NFS4ERR_STALE_CLIENTID:
    case NFS4ERR_STALE_STATEID:
    case NFS4ERR_BAD_STATEID:
    case NFS4ERR_BAD_SEQID:
    case NFS4ERR_BADXDR:
    case NFS4ERR_RESOURCE:
    case NFS4ERR_NOFILEHANDLE: break;
    default: slot->open_sequence++;
    }
}

static void put_open_owner(struct compound *compound, const struct slot *slot) {
    struct xdr_writer *call = &compound->client->call;
    char owner[32];
    snprintf(owner, sizeof owner, "slot %d", slot->number);
    put_u64(call, compound->client->client_id);
    put_string(call, owner);
}

// openflag4 (RFC 8881 §18.16.1).
static void put_creation(struct xdr_writer *call, enum creation creation) {
    enum { unchecked = 0, guarded = 1 };
    put_u32(call, creation != create_never);
    if (creation == create_never) return;
    put_u32(call, creation == create_new ? guarded : unchecked);
    put_mode(call, 0644);
}

void put_open(struct compound *compound, struct slot *slot, const char *name, enum access access,
              enum creation creation) {
    enum { want_no_delegation = 0x400, deny_none = 0, claim_null = 0 };
    struct xdr_writer *call = put_operation(compound, OP_OPEN);
    put_u32(call, open_sequence(compound, slot));
    // 4.0 cannot say that it wants none; without a callback that answers it gets none.
    put_u32(call, access | (has_sessions(compound->client) ? want_no_delegation : 0));
    put_u32(call, deny_none);
    put_open_owner(compound, slot);
    put_creation(call, creation);
    put_u32(call, claim_null);
    put_string(call, name);
    put_operation(compound, OP_GETFH);
}

void put_open_confirm(struct compound *compound, struct slot *slot, const struct open_file *file) {
    struct xdr_writer *call = put_operation(compound, OP_OPEN_CONFIRM);
    put_fixed(call, file->state_id, state_id_bytes);
    put_u32(call, slot->open_sequence);
}

void put_close(struct compound *compound, struct slot *slot, const struct open_file *file) {
    struct xdr_writer *call = put_operation(compound, OP_CLOSE);
    put_u32(call, open_sequence(compound, slot));
    put_fixed(call, file->state_id, state_id_bytes);
}

// open_delegation4 (RFC 8881 §18.16.2): there is none, and maybe a reason why.
static void skip_no_delegation(struct reply *reply) {
    enum { none = 0, none_with_reason = 3, contention = 1, resource = 2 };
    uint32_t type = get_u32(&reply->results);
    if (type == none) return;
    if (type != none_with_reason) fail("OPEN: the server delegates a file, which nobody asked for");
    uint32_t reason = get_u32(&reply->results);
    if (reason == contention || reason == resource) skip(&reply->results, 4);
}

uint32_t get_open(struct reply *reply, struct open_file *file) {
    enum { wants_confirmation = 2 };  // OPEN4_RESULT_CONFIRM
    uint32_t status = get_status(reply, OP_OPEN);
    advance_open_sequence(reply->slot, status);
    if (status != NFS4_OK) return status;
    get_fixed(&reply->results, file->state_id, state_id_bytes);
    skip(&reply->results, 4 + 8 + 8);  // change_info4
    file->is_to_be_confirmed = (get_u32(&reply->results) & wants_confirmation) != 0;
    skip_bitmap(&reply->results);
    skip_no_delegation(reply);
    require_whole(reply);
    return NFS4_OK;
}

// The result of an operation that moves a file's state id on.
static uint32_t get_state_id(struct reply *reply, enum operation operation, uint8_t *state_id) {
    uint32_t status = get_status(reply, operation);
    advance_open_sequence(reply->slot, status);
    if (status == NFS4_OK) get_fixed(&reply->results, state_id, state_id_bytes);
    require_whole(reply);
    return status;
}

uint32_t get_open_confirm(struct reply *reply, struct open_file *file) {
    file->is_to_be_confirmed = false;
    return get_state_id(reply, OP_OPEN_CONFIRM, file->state_id);
}

uint32_t get_close(struct reply *reply) {
    uint8_t unused[state_id_bytes];
    return get_state_id(reply, OP_CLOSE, unused);
}
