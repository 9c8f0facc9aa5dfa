#pragma once
// ONC RPC version 2 over TCP (RFC 5531): calls out, replies in.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xdr.h"

/// One TCP connection and the bytes that have arrived on it.
struct connection {
    int socket;
    uint8_t *bytes;
    /// Unread bytes begin at `start`; the first `taken` of them are the record that was handed out last.
    size_t start, count, capacity, taken;
};

/// Connects; as root from a port below 1024, which servers may ask for (exports(5): `secure`).
///
/// A reply that stays away for `seconds_max` ends the program.
void connection_open(struct connection *connection, const char *host, const char *port, int seconds_max);
void connection_close(struct connection *connection);

/// Begins a call of NFS version 4's COMPOUND: record mark, RPC header, AUTH_SYS (RFC 5531 §9, §8.2 and appendix A).
void rpc_begin(struct xdr_writer *call, uint32_t xid, uint32_t uid, uint32_t gid);
/// Completes the record mark and sends the call.
void rpc_send(struct connection *connection, struct xdr_writer *call);
/// Whether the next reply is there, whole: then `rpc_receive` does not wait.
bool rpc_has_reply(struct connection *connection);
/// Takes what has arrived on the socket, once; waits when nothing has.
void rpc_gather(struct connection *connection);
/// Waits for the next reply; what follows its RPC header is valid until the next call of this function.
struct xdr_reader rpc_receive(struct connection *connection, uint32_t *xid);
