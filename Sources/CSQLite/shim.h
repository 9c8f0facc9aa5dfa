#ifndef VARVE_CSQLITE_SHIM_H
#define VARVE_CSQLITE_SHIM_H

#include <sqlite3.h>

/// What SQLite allocates for a file of our VFS: its own part first, then the Swift object behind it.
typedef struct varve_sqlite_file {
    sqlite3_file base;
    void *owner;
} varve_sqlite_file;

// Extended codes are sums of macros, which Swift does not import.
static const int VARVE_SQLITE_IOERR_DELETE = SQLITE_IOERR_DELETE;
static const int VARVE_SQLITE_IOERR_CORRUPTFS = SQLITE_IOERR_CORRUPTFS;
static const int VARVE_SQLITE_IOERR_SHORT_READ = SQLITE_IOERR_SHORT_READ;
static const int VARVE_SQLITE_IOERR_WRITE = SQLITE_IOERR_WRITE;
static const int VARVE_SQLITE_IOERR_TRUNCATE = SQLITE_IOERR_TRUNCATE;
static const int VARVE_SQLITE_IOERR_FSYNC = SQLITE_IOERR_FSYNC;
static const int VARVE_SQLITE_IOERR_FSTAT = SQLITE_IOERR_FSTAT;
static const int VARVE_SQLITE_IOERR_SHMLOCK = SQLITE_IOERR_SHMLOCK;

/// Several threads, a connection to one of them at a time; no counting of memory under a global lock.
static inline int varve_sqlite_configure(void) {
    int result = sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    if (result == SQLITE_OK) result = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    return result;
}

/// SQLITE_TRANSIENT is a cast that Swift does not import: SQLite copies the bytes.
static inline int varve_sqlite_bind_blob(
    sqlite3_stmt *statement, int index, const void *bytes, sqlite3_uint64 count
) {
    if (count == 0) return sqlite3_bind_zeroblob(statement, index, 0);
    return sqlite3_bind_blob64(statement, index, bytes, count, SQLITE_TRANSIENT);
}

static inline int varve_sqlite_bind_text(
    sqlite3_stmt *statement, int index, const char *text, sqlite3_uint64 count
) {
    return sqlite3_bind_text64(statement, index, text, count, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/// Orders all loads and stores before it before all after it.
static inline void varve_sqlite_fence(void) {
    __sync_synchronize();
}

#endif
