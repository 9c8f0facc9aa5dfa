#include "tests.h"

#include <stdio.h>
#include <string.h>

int test_count(void) {
    return data_test_count + name_test_count;
}

const struct test *test_at(int index) {
    return index < data_test_count ? &data_tests[index] : &name_tests[index - data_test_count];
}

const struct test *find_test(const char *name) {
    for (int index = 0; index < test_count(); index++) {
        if (strcmp(test_at(index)->name, name) == 0) return test_at(index);
    }
    return NULL;
}

void print_tests(void) {
    for (int index = 0; index < test_count(); index++) {
        printf("  %-10s %s\n", test_at(index)->name, test_at(index)->summary);
    }
}

bool check(struct client *client, enum operation operation, uint32_t status) {
    if (status != NFS4_OK) tally_error(&client->tally, "%s: %s", operation_name(operation), status_name(status));
    return status == NFS4_OK;
}

bool is_ok(struct client *client, struct reply *reply, enum operation operation) {
    return check(client, operation, get_status(reply, operation));
}
