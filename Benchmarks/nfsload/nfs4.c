#include "nfs4.h"

#include <stddef.h>
#include <stdio.h>

struct name {
    uint32_t number;
    const char *text;
};

static const struct name statuses[] = {
    {0, "NFS4_OK"},
    {1, "NFS4ERR_PERM"},
    {2, "NFS4ERR_NOENT"},
    {5, "NFS4ERR_IO"},
    {13, "NFS4ERR_ACCESS"},
    {17, "NFS4ERR_EXIST"},
    {20, "NFS4ERR_NOTDIR"},
    {21, "NFS4ERR_ISDIR"},
    {22, "NFS4ERR_INVAL"},
    {27, "NFS4ERR_FBIG"},
    {28, "NFS4ERR_NOSPC"},
    {30, "NFS4ERR_ROFS"},
    {63, "NFS4ERR_NAMETOOLONG"},
    {66, "NFS4ERR_NOTEMPTY"},
    {69, "NFS4ERR_DQUOT"},
    {70, "NFS4ERR_STALE"},
    {10001, "NFS4ERR_BADHANDLE"},
    {10003, "NFS4ERR_BAD_COOKIE"},
    {10004, "NFS4ERR_NOTSUPP"},
    {10005, "NFS4ERR_TOOSMALL"},
    {10006, "NFS4ERR_SERVERFAULT"},
    {10008, "NFS4ERR_DELAY"},
    {10011, "NFS4ERR_EXPIRED"},
    {10013, "NFS4ERR_GRACE"},
    {10015, "NFS4ERR_SHARE_DENIED"},
    {10016, "NFS4ERR_WRONGSEC"},
    {10017, "NFS4ERR_CLID_INUSE"},
    {10018, "NFS4ERR_RESOURCE"},
    {10020, "NFS4ERR_NOFILEHANDLE"},
    {10021, "NFS4ERR_MINOR_VERS_MISMATCH"},
    {10022, "NFS4ERR_STALE_CLIENTID"},
    {10023, "NFS4ERR_STALE_STATEID"},
    {10024, "NFS4ERR_OLD_STATEID"},
    {10025, "NFS4ERR_BAD_STATEID"},
    {10026, "NFS4ERR_BAD_SEQID"},
    {10032, "NFS4ERR_ATTRNOTSUPP"},
    {10036, "NFS4ERR_BADXDR"},
    {10038, "NFS4ERR_OPENMODE"},
    {10044, "NFS4ERR_OP_ILLEGAL"},
    {10047, "NFS4ERR_ADMIN_REVOKED"},
    {10052, "NFS4ERR_BADSESSION"},
    {10053, "NFS4ERR_BADSLOT"},
    {10063, "NFS4ERR_SEQ_MISORDERED"},
    {10065, "NFS4ERR_REQ_TOO_BIG"},
    {10066, "NFS4ERR_REP_TOO_BIG"},
    {10070, "NFS4ERR_TOO_MANY_OPS"},
    {10071, "NFS4ERR_OP_NOT_IN_SESSION"},
    {10074, "NFS4ERR_CLIENTID_BUSY"},
    {10078, "NFS4ERR_DEADSESSION"},
};

static const struct name operations[] = {
    {OP_CLOSE, "CLOSE"},
    {OP_COMMIT, "COMMIT"},
    {OP_CREATE, "CREATE"},
    {OP_GETATTR, "GETATTR"},
    {OP_GETFH, "GETFH"},
    {OP_LOOKUP, "LOOKUP"},
    {OP_OPEN, "OPEN"},
    {OP_PUTFH, "PUTFH"},
    {OP_PUTROOTFH, "PUTROOTFH"},
    {OP_READ, "READ"},
    {OP_READDIR, "READDIR"},
    {OP_REMOVE, "REMOVE"},
    {OP_RENAME, "RENAME"},
    {OP_SAVEFH, "SAVEFH"},
    {OP_WRITE, "WRITE"},
    {OP_EXCHANGE_ID, "EXCHANGE_ID"},
    {OP_CREATE_SESSION, "CREATE_SESSION"},
    {OP_DESTROY_SESSION, "DESTROY_SESSION"},
    {OP_SEQUENCE, "SEQUENCE"},
    {OP_DESTROY_CLIENTID, "DESTROY_CLIENTID"},
    {OP_RECLAIM_COMPLETE, "RECLAIM_COMPLETE"},
    {OP_OPEN_CONFIRM, "OPEN_CONFIRM"},
    {OP_SETCLIENTID, "SETCLIENTID"},
    {OP_SETCLIENTID_CONFIRM, "SETCLIENTID_CONFIRM"},
};

static const char *name_of(uint32_t number, const struct name *names, size_t count, const char *kind, char *buffer) {
    for (size_t index = 0; index < count; index++) {
        if (names[index].number == number) return names[index].text;
    }
    snprintf(buffer, 32, "%s %u", kind, number);
    return buffer;
}

const char *status_name(uint32_t status) {
    static _Thread_local char buffer[32];
    return name_of(status, statuses, sizeof statuses / sizeof *statuses, "status", buffer);
}

const char *operation_name(uint32_t operation) {
    static _Thread_local char buffer[32];
    return name_of(operation, operations, sizeof operations / sizeof *operations, "operation", buffer);
}
