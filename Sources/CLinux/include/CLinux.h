#pragma once
// Calls that the Glibc module hides (it is built without _GNU_SOURCE), and those whose errno is
// better not read across the language border. Each returns 0 or a count, or -errno.
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int varve_preallocate(int fd, uint64_t offset, uint64_t length);
int varve_punch(int fd, uint64_t offset, uint64_t length);
/// Starts writing a range of the page cache out, without waiting for it (sync_file_range(2)); what it answers helps nobody.
void varve_begin_writing(int fd, uint64_t offset, uint64_t length);
/// Gives the calling thread slices of its own, of 100 us to 100 ms (sched_setattr(2), Linux 6.12): whoever wakes preempts
/// one with longer slices. Its share of the processor is what it was, and threads that it makes are as any other. An older
/// kernel knows no such slices, which is no error.
void varve_take_slices(uint64_t nanoseconds);
int varve_open(const char *path, int flags, unsigned mode);
int varve_lock_exclusive(int fd);
/// Serves buffers below `mapped_min` bytes from heaps, of which freed ends up to `kept_max` bytes stay.
void varve_keep_buffers(size_t mapped_min, size_t kept_max);

/// Gives the pages of what is free in all heaps back to the kernel.
void varve_give_back(void);
/// Whether the page cache has every page of a range of a file: 1 or 0; -ENOSYS before Linux 6.5.
int varve_is_cached(int fd, uint64_t offset, uint64_t length);
/// Reads from a file what the page cache holds, without waiting for storage (preadv2(2), RWF_NOWAIT): a count, which may be short, or
/// -EAGAIN when the first byte is not there; -EOPNOTSUPP where the file system cannot tell.
long varve_read_cached(int fd, void *buffer, size_t count, uint64_t offset);
/// Runs `body`, which reads `count` mapped bytes of a file: where storage fails them or the file has become shorter, the
/// kernel sends SIGBUS, `body` is left where it is, and the answer is -1. So `body` is C that holds no lock and no memory.
int varve_guard_bus(const void *start, size_t count, void (*body)(void *), void *context);

// Trees of the host, by open directory and name; "." names the directory itself. A symlink is
// never followed.

struct varve_status {
    uint64_t device, inode, links, size, blocks;
    uint32_t mode, uid, gid, device_major, device_minor;
    int64_t accessed, modified;
    uint32_t accessed_nanoseconds, modified_nanoseconds;
};

int varve_openat(int directory, const char *name, int flags, unsigned mode);
int varve_statat(int directory, const char *name, struct varve_status *status);
/// Fills `buffer` with as many linux_dirent64 as fit, going on where the last call ended.
long varve_list(int directory, void *buffer, size_t size);
int varve_mkdirat(int directory, const char *name, unsigned mode);
int varve_mknodat(int directory, const char *name, unsigned mode, uint32_t major, uint32_t minor);
int varve_symlinkat(const char *target, int directory, const char *name);
long varve_readlinkat(int directory, const char *name, void *buffer, size_t size);
int varve_linkat(int from, const char *name, int to, const char *new_name);
// Renames within a directory, never over a name that is taken.
int varve_rename_new(int directory, const char *name, const char *new_name);
int varve_unlinkat(int directory, const char *name, int is_directory);
int varve_chownat(int directory, const char *name, uint32_t uid, uint32_t gid);
int varve_chmodat(int directory, const char *name, unsigned mode);
int varve_utimensat(int directory, const char *name, int64_t accessed, uint32_t accessed_nanoseconds,
                    int64_t modified, uint32_t modified_nanoseconds);
long varve_listxattrat(int directory, const char *name, void *buffer, size_t size);
long varve_getxattrat(int directory, const char *name, const char *attribute, void *buffer, size_t size);
int varve_setxattrat(int directory, const char *name, const char *attribute, const void *value,
                     size_t size);
int varve_removexattrat(int directory, const char *name, const char *attribute);
/// The next data, or hole, at or after `offset`; -ENXIO past the last.
int64_t varve_seek_data(int fd, int64_t offset);
int64_t varve_seek_hole(int fd, int64_t offset);

// Processes.

/// Raises the soft limit of open files as far as the hard one, `most` at the most.
void varve_raise_open_files(long most);
/// The soft limit of open files; INT_MAX where there is none.
long varve_open_files_limit(void);
/// Starts a program as the leader of a session of its own: in /, its input empty, its output and errors to `output`, no
/// other descriptor of ours, signals as a shell would leave them. 0, or -errno.
int varve_spawn(char *const arguments[], char *const environment[], int output, pid_t *child);
/// Sends a signal to all processes of a session; those that made a session of their own are not of it.
void varve_signal_session(pid_t session, int number);
