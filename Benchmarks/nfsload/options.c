#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests.h"

/// EX_USAGE of sysexits.h, as every program of the house answers a command line that it does not understand.
enum { exit_usage = 64 };

static const char usage[] =
    "nfsload: a load generator for NFSv4.0, 4.1 and 4.2 over TCP, in user space.\n"
    "\n"
    "USAGE: nfsload [option]... [TEST]...\n"
    "\n"
    "Each client is a connection and a client id with a session of its own, and works in a directory of its own,\n"
    "nfsload.N beneath --path. Without tests, all run, in this order:\n"
    "\n";

static const char option_usage[] =
    "\n"
    "  --host HOST           the server (127.0.0.1)\n"
    "  --port PORT           where it listens (2049)\n"
    "  --path PATH           the directory of the server's name space to work in (/)\n"
    "  --minor 0|1|2         NFSv4.0, 4.1 or 4.2 (1)\n"
    "  --clients N           (1)\n"
    "  --threads N           that drive the clients (one a processor)\n"
    "  --depth N             requests of one client in flight (1)\n"
    "  --size MIB            of each client's data file (256)\n"
    "  --block KIB           of one READ or WRITE of the sequential tests (1024)\n"
    "  --files N             files of each client (1000)\n"
    "  --seconds S           how long null and the random tests run (5)\n"
    "  --timeout S           how long a reply may stay away before the program gives up (60)\n"
    "  --pid PID             the server's process: its CPU time per operation is measured too\n"
    "  --uid UID             who the clients say they are (you)\n"
    "  --persistent          sessions that outlive the server: replies to what changes names are kept (4.1, 4.2)\n"
    "  --shared-directory    all clients work in one directory, nfsload.shared\n"
    "  --keep                leaves the files, so that another run with the same options finds them\n"
    "  --json                prints one JSON object a test\n"
    "  --help\n"
    "\n"
    "As root it speaks from ports below 1024, without which many servers turn a client away.\n"
    "What it reads it compares with what seqwrite wrote. A run that reads what an earlier one\n"
    "kept needs the same --size and --clients.\n"
    "Exit: 0 when every operation did what it should, 1 when one did not or the server is lost, 64 usage.\n"
    "\n"
    "EXAMPLES\n"
    "  nfsload --path /fs-0123456789abcdef0 seqwrite seqread randread\n"
    "  nfsload --port 22049 --path /export --clients 16 --files 500 create stat unlink\n"
    "  nfsload --minor 0 --pid $(pidof ganesha.nfsd) --json > results\n";

static _Noreturn void show_help(void) {
    fputs(usage, stdout);
    print_tests();
    fputs(option_usage, stdout);
    exit(0);
}

static _Noreturn __attribute__((format(printf, 1, 2))) void refuse(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("nfsload: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("; 'nfsload --help' tells more\n", stderr);
    va_end(arguments);
    exit(exit_usage);
}

static long number(const char *option, const char *text, long min, long max) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || value < min || value > max) {
        refuse("--%s takes a number from %ld to %ld, not '%s'", option, min, max, text);
    }
    return value;
}

enum which {
    option_host,
    option_port,
    option_path,
    option_minor,
    option_clients,
    option_threads,
    option_depth,
    option_size,
    option_block,
    option_files,
    option_seconds,
    option_timeout,
    option_pid,
    option_uid,
    option_persistent,
    option_shared,
    option_keep,
    option_json,
    option_help,
};

static const struct option long_options[] = {
    [option_host] = {"host", required_argument, NULL, option_host},
    [option_port] = {"port", required_argument, NULL, option_port},
    [option_path] = {"path", required_argument, NULL, option_path},
    [option_minor] = {"minor", required_argument, NULL, option_minor},
    [option_clients] = {"clients", required_argument, NULL, option_clients},
    [option_threads] = {"threads", required_argument, NULL, option_threads},
    [option_depth] = {"depth", required_argument, NULL, option_depth},
    [option_size] = {"size", required_argument, NULL, option_size},
    [option_block] = {"block", required_argument, NULL, option_block},
    [option_files] = {"files", required_argument, NULL, option_files},
    [option_seconds] = {"seconds", required_argument, NULL, option_seconds},
    [option_timeout] = {"timeout", required_argument, NULL, option_timeout},
    [option_pid] = {"pid", required_argument, NULL, option_pid},
    [option_uid] = {"uid", required_argument, NULL, option_uid},
    [option_persistent] = {"persistent", no_argument, NULL, option_persistent},
    [option_shared] = {"shared-directory", no_argument, NULL, option_shared},
    [option_keep] = {"keep", no_argument, NULL, option_keep},
    [option_json] = {"json", no_argument, NULL, option_json},
    [option_help] = {"help", no_argument, NULL, option_help},
    {0},
};

static void take(struct options *options, enum which which, const char *value) {
    const char *name = long_options[which].name;
    switch (which) {
    case option_host: options->host = value; break;
    case option_port: options->port = value; break;
    case option_path: options->path = value; break;
    case option_minor: options->minor = (int)number(name, value, 0, 2); break;
    case option_clients: options->clients = (int)number(name, value, 1, 4096); break;
    case option_threads: options->threads = (int)number(name, value, 1, 4096); break;
    case option_depth: options->depth = (int)number(name, value, 1, depth_max); break;
    case option_size: options->size_bytes = (uint64_t)number(name, value, 1, 1 << 20) << 20; break;
    case option_block: options->block_bytes = (uint32_t)number(name, value, 4, 1024) << 10; break;
    case option_files: options->files = (int)number(name, value, 1, 999999); break;
    case option_seconds: options->seconds = (int)number(name, value, 1, 3600); break;
    case option_timeout: options->reply_seconds_max = (int)number(name, value, 1, 3600); break;
    case option_pid: options->server = (pid_t)number(name, value, 1, 1 << 30); break;
    case option_uid: options->uid = (uint32_t)number(name, value, 0, UINT32_MAX); break;
    case option_persistent: options->is_persistent = true; break;
    case option_shared: options->is_directory_shared = true; break;
    case option_keep: options->keeps_files = true; break;
    case option_json: options->prints_json = true; break;
    case option_help: show_help();
    }
}

struct options read_options(int count, char **arguments) {
    struct options options = {
        .host = "127.0.0.1",
        .port = "2049",
        .path = "/",
        .minor = 1,
        .clients = 1,
        .threads = (int)sysconf(_SC_NPROCESSORS_ONLN),
        .depth = 1,
        .size_bytes = 256 << 20,
        .block_bytes = 1 << 20,
        .files = 1000,
        .seconds = 5,
        .reply_seconds_max = 60,
        .uid = geteuid(),
        .gid = getegid(),
    };
    int which;
    opterr = 0;
    while ((which = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
        if (which == '?') refuse("'%s' is no option, or misses its value", arguments[optind - 1]);
        take(&options, (enum which)which, optarg);
    }
    if (options.is_persistent && options.minor == 0) refuse("NFSv4.0 has no sessions that could be --persistent");
    if (options.block_bytes % 4096 != 0) refuse("--block takes whole pages, multiples of 4");
    options.tests = arguments + optind;
    options.test_count = count - optind;
    for (int index = 0; index < options.test_count; index++) {
        if (find_test(options.tests[index]) == NULL) refuse("'%s' is no test", options.tests[index]);
    }
    return options;
}
