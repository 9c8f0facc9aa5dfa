#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "nfs4.h"
#include "options.h"
#include "rpc.h"
#include "statistics.h"
#include "xdr.h"

struct handle {
    uint32_t count;
    uint8_t bytes[handle_bytes_max];
};

struct open_file {
    struct handle handle;
    uint8_t state_id[state_id_bytes];
    /// 4.0: its open-owner is new to the server, which wants an OPEN_CONFIRM (RFC 7530 §16.18).
    bool is_to_be_confirmed;
};

/// One request in flight: a slot of the session (RFC 8881 §2.10.6.1); in 4.0, an open-owner that works alone.
struct slot {
    int number;
    bool is_busy;
    uint32_t xid;
    /// Of the last request: sa_sequenceid; in 4.0 the next of the open-owner (RFC 7530 §9.1.7).
    uint32_t sequence, open_sequence;
    /// What one operation of a test does with several COMPOUNDs: which comes next, 0 for none begun.
    int step;
    double began;
    /// Which of the test's operations, and where in the file.
    int index;
    uint64_t offset;
    uint32_t count;
    struct open_file file;
};

/// How far a client has come in a test.
struct work {
    double began;
    int next;
    uint64_t offset;
    uint64_t random;
    /// READDIR: where it goes on, and whether there is no more.
    uint64_t cookie;
    uint8_t cookie_verifier[verifier_bytes];
    bool is_at_end;
    /// Of the test's first WRITE: another one means that the server has restarted (RFC 8881 §18.3.3).
    bool has_write_verifier;
    uint8_t write_verifier[verifier_bytes];
};

/// One NFS client: a connection, a client id, a session; one thread works with them, and maybe with others' too.
struct client {
    int number;
    const struct options *options;
    struct connection connection;
    struct xdr_writer call;
    uint32_t calls;
    uint64_t client_id;
    uint8_t session[session_bytes];
    int slot_count;
    struct slot slots[depth_max];
    /// At most so much data in one READ or WRITE of a sequential test.
    uint32_t block_bytes;
    struct handle parent, directory;
    struct open_file data;
    struct work work;
    struct tally tally;
};

static inline bool has_sessions(const struct client *client) {
    return client->options->minor > 0;
}
