#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int varve_preallocate(int fd, uint64_t offset, uint64_t length) {
    int result;
    do result = fallocate(fd, 0, (off_t)offset, (off_t)length);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : -errno;
}

int varve_punch(int fd, uint64_t offset, uint64_t length) {
    int result;
    do result = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : -errno;
}

void varve_begin_writing(int fd, uint64_t offset, uint64_t length) {
    // Errors of the writing itself are the next fdatasync's to tell.
    (void)sync_file_range(fd, (off_t)offset, (off_t)length, SYNC_FILE_RANGE_WRITE);
}

int varve_open(const char *path, int flags, unsigned mode) {
    int fd;
    do fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd >= 0 ? fd : -errno;
}

int varve_lock_exclusive(int fd) {
    return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
}

void varve_keep_buffers(size_t mapped_min, size_t kept_max) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, (int)mapped_min);
    mallopt(M_TRIM_THRESHOLD, (int)kept_max);
#else
    (void)mapped_min;
    (void)kept_max;
#endif
}

void varve_give_back(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

int varve_is_cached(int fd, uint64_t offset, uint64_t length) {
    // cachestat(2) is younger than Debian 12's headers; one number serves all architectures.
    enum { cachestat_call = 451 };
    struct {
        uint64_t offset, length;
    } range = {offset, length};
    struct {
        uint64_t cached, dirty, written_back, evicted, recently_evicted;
    } found;
    if (syscall(cachestat_call, fd, &range, &found, 0) != 0) return -errno;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t pages = (offset + length + page - 1) / page - offset / page;
    return found.cached == pages;
}

long varve_read_cached(int fd, void *buffer, size_t count, uint64_t offset) {
    struct iovec part = {buffer, count};
    ssize_t result;
    do result = preadv2(fd, &part, 1, (off_t)offset, RWF_NOWAIT);
    while (result < 0 && errno == EINTR);
    return result >= 0 ? result : -errno;
}
