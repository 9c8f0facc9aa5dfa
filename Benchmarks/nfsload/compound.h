#pragma once
// COMPOUND: operations in one request, results in one reply (RFC 8881 §16.2, RFC 7530 §15.2).
#include "client.h"

/// A COMPOUND under construction in the client's call buffer.
struct compound {
    struct client *client;
    /// Its reply begins with the result of a SEQUENCE.
    bool is_in_session;
    size_t count_at;
    /// sa_cachethis.
    size_t keep_at;
    uint32_t operations;
};

/// Begins a COMPOUND that is the slot's next request: behind a SEQUENCE where there are sessions (RFC 8881 §18.46).
struct compound compound_begin(struct client *client, struct slot *slot);
/// Begins one that stands outside any session, as those that make and end one do.
struct compound compound_begin_alone(struct client *client);
/// Puts an operation's number; its arguments follow. Answers where they go.
struct xdr_writer *put_operation(struct compound *compound, enum operation operation);
void compound_send(struct compound *compound);

/// A reply that is read result by result; a SEQUENCE's is done with. The COMPOUND's own status is its last result's.
struct reply {
    struct slot *slot;
    struct xdr_reader results;
};

/// Waits for the next reply to any slot.
struct reply receive_reply(struct client *client);
/// Sends, and waits for the reply; nothing else is in flight.
struct reply compound_perform(struct compound *compound);
/// Answers the status of the next result, which must be the operation's; another one ends the program.
uint32_t get_status(struct reply *reply, enum operation operation);
/// As `get_status`, where anything but success ends the program.
void require_ok(struct reply *reply, enum operation operation);
/// Ends the program unless all that was read of the reply was there.
void require_whole(const struct reply *reply);
