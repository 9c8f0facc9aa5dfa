#pragma once
#include <stdbool.h>

#include "client.h"
#include "compound.h"

/// What bounds a test.
enum extent { by_size, by_seconds, by_files, to_the_end };

/// What a reply leaves to be done of its operation.
enum progress { operation_done, more_to_send };

/// One kind of operation that a client performs over and over, in each of its slots.
struct test {
    const char *name, *summary;
    /// What is counted: "MiB", "op" or "entry".
    const char *unit;
    enum extent extent;
    /// It works on the client's data file, which is open then.
    bool has_data_file;
    /// What it wrote is committed before its time ends.
    bool is_committed;
    /// Puts the operations of the slot's next COMPOUND.
    void (*put)(struct compound *compound, struct slot *slot);
    /// Reads the reply; what is wrong with it goes to the client's tally.
    enum progress (*get)(struct client *client, struct slot *slot, struct reply *reply);
};

extern const struct test data_tests[], name_tests[];
extern const int data_test_count, name_test_count;

/// NULL when there is none of that name.
const struct test *find_test(const char *name);
/// In the order in which all are run: what one makes, a later one finds.
const struct test *test_at(int index);
int test_count(void);
/// One line a test, for --help.
void print_tests(void);

/// Reads the next result; anything but success goes to the client's tally.
bool is_ok(struct client *client, struct reply *reply, enum operation operation);
/// Whether a status that was read is success; anything else goes to the client's tally.
bool check(struct client *client, enum operation operation, uint32_t status);
/// COMMIT of the whole data file (RFC 8881 §18.3): the server must still be the one that took the writes.
void put_commit(struct compound *compound);
void get_commit(struct client *client, struct reply *reply);
