// Preloaded into user-mode Linux: lets it set the registers of its processes on processors with AMX.
//
// The kernel takes the extended state of a traced process whole or not at all. User-mode Linux up to 6.9 has 2,696 bytes
// for it, which end before AMX's tiles, so every PTRACE_SETREGSET fails there and the kernel gives up as its first process
// starts. What its buffer lacks is taken from the process itself.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static long (*next)(int, int, void *, void *);
// Not on the stack: a kernel's is small. One processor is all that user-mode Linux has.
static char bytes[64 << 10] __attribute__((aligned(64)));

__attribute__((constructor)) static void find_next(void) {
    next = (long (*)(int, int, void *, void *))dlsym(RTLD_NEXT, "ptrace");
}

static long set_wide(int process, const struct iovec *narrow) {
    struct iovec whole = {bytes, sizeof bytes};
    if (next(PTRACE_GETREGSET, process, (void *)NT_X86_XSTATE, &whole) < 0) return -1;
    memcpy(bytes, narrow->iov_base, narrow->iov_len < whole.iov_len ? narrow->iov_len : whole.iov_len);
    return next(PTRACE_SETREGSET, process, (void *)NT_X86_XSTATE, &whole);
}

long ptrace(enum __ptrace_request request, ...) {
    va_list arguments;
    va_start(arguments, request);
    int process = va_arg(arguments, int);
    void *address = va_arg(arguments, void *);
    void *data = va_arg(arguments, void *);
    va_end(arguments);
    long result = next(request, process, address, data);
    if (result >= 0 || request != PTRACE_SETREGSET || address != (void *)NT_X86_XSTATE) return result;
    return set_wide(process, data);
}
