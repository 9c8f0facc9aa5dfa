#!/usr/bin/env python3
"""libnfs.py URL: changes what an NFS server offers with libnfs, a client that others wrote, and says what it found; fails at a surprise.

URL as libnfs has it: nfs://HOST/PATH?version=4&nfsport=PORT. Root's alone, whose ports are below 1024. Files are made elsewhere: libnfs 4.0.0
opens what it creates for reading alone.
"""
import ctypes
import errno
import stat
import sys

lib = ctypes.CDLL("libnfs.so.13")
lib.nfs_init_context.restype = ctypes.c_void_p
lib.nfs_get_error.restype = ctypes.c_char_p
lib.nfs_get_error.argtypes = [ctypes.c_void_p]


class Url(ctypes.Structure):
    _fields_ = [("server", ctypes.c_char_p), ("path", ctypes.c_char_p), ("file", ctypes.c_char_p)]


class Stat(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "dev ino mode nlink uid gid rdev size blksize blocks atime mtime ctime "
            "atime_nsec mtime_nsec ctime_nsec used"
        ).split()
    ]


lib.nfs_parse_url_dir.restype = ctypes.POINTER(Url)
lib.nfs_parse_url_dir.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
context = ctypes.c_void_p(lib.nfs_init_context())


def call(name, *arguments, fails=None):
    """Calls a function of libnfs; it succeeds, or fails with an errno."""
    status = getattr(lib, "nfs_" + name)(context, *arguments)
    if fails is None and status < 0:
        sys.exit("%s %s: %d %s" % (name, arguments, status, lib.nfs_get_error(context)))
    if fails is not None and status != -fails:
        sys.exit("%s %s was to fail with %d: %d" % (name, arguments, fails, status))
    return status


def look(path):
    found = Stat()
    call("stat64", path, ctypes.byref(found))
    return found


def expect(condition, what):
    if not condition:
        sys.exit("surprise: " + what)


url = lib.nfs_parse_url_dir(context, sys.argv[1].encode())
expect(url, "the address is none")
call("mount", url.contents.server, url.contents.path)
expect(look(b"/file").size == 3_000_000, "the size of file")

call("mkdir", b"/made")
call("mkdir", b"/made", fails=errno.EEXIST)
expect(stat.S_ISDIR(look(b"/made").mode), "made is no directory")
call("link", b"/file", b"/made/hard")
expect(look(b"/file").nlink == 2, "file has not two names")
expect(look(b"/made/hard").ino == look(b"/file").ino, "hard is another file")
call("symlink", b"../file", b"/made/soft")
target = ctypes.create_string_buffer(100)
call("readlink", b"/made/soft", target, 100)
expect(target.value == b"../file", "the symlink leads to %r" % target.value)
call("rename", b"/made/hard", b"/made/moved")
call("stat64", b"/made/hard", ctypes.byref(Stat()), fails=errno.ENOENT)
call("chmod", b"/made/moved", 0o640)
expect(look(b"/file").mode & 0o7777 == 0o640, "the mode")
call("rmdir", b"/made", fails=errno.ENOTEMPTY)

handle = ctypes.c_void_p()
call("open", b"/made/moved", 2, ctypes.byref(handle))
words = b"written by libnfs"
write = [ctypes.c_uint64(1_000), ctypes.c_uint64(len(words)), words]
expect(call("pwrite", handle, *write) == len(words), "a short write")
call("fsync", handle)
buffer = ctypes.create_string_buffer(len(words))
read = [ctypes.c_uint64(1_000), ctypes.c_uint64(len(words)), buffer]
expect(call("pread", handle, *read) == len(words) and buffer.raw == words, "what was written")
call("close", handle)

call("unlink", b"/made/soft")
call("unlink", b"/made/moved")
call("unlink", b"/made/moved", fails=errno.ENOENT)
call("rmdir", b"/made")
expect(look(b"/file").nlink == 1, "file has not one name")
print("libnfs found what it should")
