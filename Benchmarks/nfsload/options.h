#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { depth_max = 128 };

/// What the command line asks for.
struct options {
    const char *host, *port, *path;
    /// 0, 1 or 2: NFSv4.0, 4.1, 4.2.
    int minor;
    int clients, depth;
    /// That drive the clients; more than there are clients are not started.
    int threads;
    /// Of each client's data file, and of one READ or WRITE of the sequential tests.
    uint64_t size_bytes;
    uint32_t block_bytes;
    int files, seconds, reply_seconds_max;
    /// The server's process, whose CPU time is measured; 0 for none.
    pid_t server;
    uint32_t uid, gid;
    bool is_directory_shared, keeps_files, prints_json;
    /// Sessions outlive the server, with the replies to what changes names (RFC 8881 §2.10.6.5).
    bool is_persistent;
    /// Names of tests, at least one.
    char **tests;
    int test_count;
};

/// Reads the command line; on `--help`, or what it does not understand, it says so and ends the program (0 or 64).
struct options read_options(int count, char **arguments);
