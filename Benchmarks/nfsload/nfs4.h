#pragma once
// Numbers of NFSv4.0 (RFC 7530), 4.1 (RFC 8881) and 4.2 (RFC 7862, which changes none of these).
#include <stdint.h>

/// nfs_opnum4 (RFC 8881 §16.2.1; the first three of the last group are 4.0's alone).
enum operation {
    OP_CLOSE = 4,
    OP_COMMIT = 5,
    OP_CREATE = 6,
    OP_GETATTR = 9,
    OP_GETFH = 10,
    OP_LOOKUP = 15,
    OP_OPEN = 18,
    OP_PUTFH = 22,
    OP_PUTROOTFH = 24,
    OP_READ = 25,
    OP_READDIR = 26,
    OP_REMOVE = 28,
    OP_RENAME = 29,
    OP_SAVEFH = 32,
    OP_WRITE = 38,
    OP_EXCHANGE_ID = 42,
    OP_CREATE_SESSION = 43,
    OP_DESTROY_SESSION = 44,
    OP_SEQUENCE = 53,
    OP_DESTROY_CLIENTID = 57,
    OP_RECLAIM_COMPLETE = 58,
    OP_OPEN_CONFIRM = 20,
    OP_SETCLIENTID = 35,
    OP_SETCLIENTID_CONFIRM = 36,
};

/// nfsstat4, as far as the program decides by it (RFC 8881 §15.1).
enum status {
    NFS4_OK = 0,
    NFS4ERR_NOENT = 2,
    NFS4ERR_EXIST = 17,
    NFS4ERR_NOTEMPTY = 66,
    NFS4ERR_DELAY = 10008,
    NFS4ERR_GRACE = 10013,
    NFS4ERR_RESOURCE = 10018,
    NFS4ERR_NOFILEHANDLE = 10020,
    NFS4ERR_STALE_CLIENTID = 10022,
    NFS4ERR_STALE_STATEID = 10023,
    NFS4ERR_BAD_STATEID = 10025,
    NFS4ERR_BAD_SEQID = 10026,
    NFS4ERR_BADXDR = 10036,
};

enum {
    handle_bytes_max = 128,  // NFS4_FHSIZE
    session_bytes = 16,      // NFS4_SESSIONID_SIZE
    verifier_bytes = 8,      // NFS4_VERIFIER_SIZE
    state_id_bytes = 16,     // A stateid4: its seqid and NFS4_OTHER_SIZE.
};

/// The name by which people look it up, as "NFS4ERR_EXIST"; in a buffer of the thread's own when there is none.
const char *status_name(uint32_t status);
const char *operation_name(uint32_t operation);
