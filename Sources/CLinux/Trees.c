#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define RESULT(call) ((call) == 0 ? 0 : -errno)
#define COUNT(call) ({ long count = (call); count >= 0 ? count : -errno; })

int varve_openat(int directory, const char *name, int flags, unsigned mode) {
    int fd;
    do fd = openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW, mode);
    while (fd < 0 && errno == EINTR);
    return fd >= 0 ? fd : -errno;
}

int varve_statat(int directory, const char *name, struct varve_status *status) {
    struct stat found;
    if (fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW) != 0) return -errno;
    *status = (struct varve_status){
        .device = found.st_dev,
        .inode = found.st_ino,
        .links = found.st_nlink,
        .size = (uint64_t)found.st_size,
        .blocks = (uint64_t)found.st_blocks,
        .mode = found.st_mode,
        .uid = found.st_uid,
        .gid = found.st_gid,
        .device_major = major(found.st_rdev),
        .device_minor = minor(found.st_rdev),
        .accessed = found.st_atim.tv_sec,
        .modified = found.st_mtim.tv_sec,
        .accessed_nanoseconds = (uint32_t)found.st_atim.tv_nsec,
        .modified_nanoseconds = (uint32_t)found.st_mtim.tv_nsec,
    };
    return 0;
}

long varve_list(int directory, void *buffer, size_t size) {
    return COUNT(syscall(SYS_getdents64, directory, buffer, size));
}

int varve_mkdirat(int directory, const char *name, unsigned mode) {
    return RESULT(mkdirat(directory, name, mode));
}

int varve_mknodat(int directory, const char *name, unsigned mode, uint32_t major, uint32_t minor) {
    return RESULT(mknodat(directory, name, mode, makedev(major, minor)));
}

int varve_symlinkat(const char *target, int directory, const char *name) {
    return RESULT(symlinkat(target, directory, name));
}

long varve_readlinkat(int directory, const char *name, void *buffer, size_t size) {
    return COUNT(readlinkat(directory, name, buffer, size));
}

int varve_linkat(int from, const char *name, int to, const char *new_name) {
    return RESULT(linkat(from, name, to, new_name, 0));
}

int varve_rename_new(int directory, const char *name, const char *new_name) {
    if (renameat2(directory, name, directory, new_name, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return -errno;
    // Not every file system knows the flag; a link is refused for a taken name too.
    if (linkat(directory, name, directory, new_name, 0) != 0) return -errno;
    return RESULT(unlinkat(directory, name, 0));
}

int varve_unlinkat(int directory, const char *name, int is_directory) {
    return RESULT(unlinkat(directory, name, is_directory ? AT_REMOVEDIR : 0));
}

int varve_chownat(int directory, const char *name, uint32_t uid, uint32_t gid) {
    return RESULT(fchownat(directory, name, uid, gid, AT_SYMLINK_NOFOLLOW));
}

// The path of what `fd` is open on, which the l-calls below do not follow further.
static void descriptor_path(char *path, size_t size, int fd, const char *name) {
    if (name == NULL) snprintf(path, size, "/proc/self/fd/%d", fd);
    else snprintf(path, size, "/proc/self/fd/%d/%s", fd, name);
}

enum { PATH_SIZE = 320 };  // "/proc/self/fd/", ten digits, a slash, 255 bytes and a NUL.

int varve_chmodat(int directory, const char *name, unsigned mode) {
    // By way of an O_PATH descriptor, so that a symlink put in the name's place is not followed.
    int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return -errno;
    char path[PATH_SIZE];
    descriptor_path(path, sizeof path, fd, NULL);
    int result = RESULT(chmod(path, mode));
    close(fd);
    return result;
}

int varve_utimensat(int directory, const char *name, int64_t accessed, uint32_t accessed_nanoseconds,
                    int64_t modified, uint32_t modified_nanoseconds) {
    struct timespec times[2] = {{accessed, accessed_nanoseconds}, {modified, modified_nanoseconds}};
    return RESULT(utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW));
}

long varve_listxattrat(int directory, const char *name, void *buffer, size_t size) {
    char path[PATH_SIZE];
    descriptor_path(path, sizeof path, directory, name);
    return COUNT(llistxattr(path, buffer, size));
}

long varve_getxattrat(int directory, const char *name, const char *attribute, void *buffer, size_t size) {
    char path[PATH_SIZE];
    descriptor_path(path, sizeof path, directory, name);
    return COUNT(lgetxattr(path, attribute, buffer, size));
}

int varve_setxattrat(int directory, const char *name, const char *attribute, const void *value,
                     size_t size) {
    char path[PATH_SIZE];
    descriptor_path(path, sizeof path, directory, name);
    return RESULT(lsetxattr(path, attribute, value, size, 0));
}

int varve_removexattrat(int directory, const char *name, const char *attribute) {
    char path[PATH_SIZE];
    descriptor_path(path, sizeof path, directory, name);
    return RESULT(lremovexattr(path, attribute));
}

int64_t varve_seek_data(int fd, int64_t offset) {
    off_t found = lseek(fd, offset, SEEK_DATA);
    return found >= 0 ? found : -errno;
}

int64_t varve_seek_hole(int fd, int64_t offset) {
    off_t found = lseek(fd, offset, SEEK_HOLE);
    return found >= 0 ? found : -errno;
}
