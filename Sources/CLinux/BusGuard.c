#define _GNU_SOURCE
#include "CLinux.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

// What a thread reads now that may end in SIGBUS, and where it then goes on.
struct guarded {
    uintptr_t start, end;
    sigjmp_buf landing;
};

static _Thread_local struct guarded *volatile current;
static struct sigaction former;

static void on_bus(int signal, siginfo_t *info, void *context) {
    struct guarded *guarded = current;
    uintptr_t address = (uintptr_t)info->si_addr;
    if (guarded && address >= guarded->start && address < guarded->end) siglongjmp(guarded->landing, 1);
    // Not ours. What was there before decides; where that is the default, the access is made again and ends the process.
    if (former.sa_flags & SA_SIGINFO)
        former.sa_sigaction(signal, info, context);
    else if (former.sa_handler != SIG_DFL && former.sa_handler != SIG_IGN)
        former.sa_handler(signal);
    else
        sigaction(SIGBUS, &former, NULL);
}

static void install(void) {
    struct sigaction ours = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    sigemptyset(&ours.sa_mask);
    sigaction(SIGBUS, &ours, &former);
}

int varve_guard_bus(const void *start, size_t count, void (*body)(void *), void *context) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    struct guarded guarded = {.start = (uintptr_t)start, .end = (uintptr_t)start + count};
    // SA_NODEFER leaves the mask alone, so there is none to be saved: no call into the kernel.
    if (sigsetjmp(guarded.landing, 0) != 0) {
        current = NULL;
        return -1;
    }
    current = &guarded;
    body(context);
    current = NULL;
    return 0;
}
