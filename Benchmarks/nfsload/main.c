// nfsload: a load generator for NFSv4 in user space; see nfsload --help.
//
// From the wire up: xdr, rpc, nfs4 (numbers), compound, operations; session and place make a client ready;
// data_tests and name_tests say what a test sends and expects; drive keeps it going, run times it; statistics counts.
#include <stdlib.h>

#include "fail.h"
#include "pattern.h"
#include "place.h"
#include "run.h"
#include "session.h"

static struct client *make_clients(const struct options *options) {
    struct client *clients = allocate(NULL, (size_t)options->clients * sizeof *clients);
    for (int number = 0; number < options->clients; number++) {
        client_join(&clients[number], options, number);
        client_settle(&clients[number]);
    }
    return clients;
}

static void dismiss(struct client *clients, const struct options *options) {
    for (int number = 0; number < options->clients; number++) {
        if (!options->keeps_files) client_clear(&clients[number]);
        client_leave(&clients[number]);
    }
}

// The test's part of the exit code: whether anything went wrong.
static bool is_run_well(struct client *clients, const struct options *options, const struct test *test) {
    struct measurement measurement = run_test(clients, options, test);
    measurement_print(&measurement, options->prints_json);
    return measurement.errors == 0;
}

int main(int count, char **arguments) {
    struct options options = read_options(count, arguments);
    // A process that is not there is told before any file is made.
    if (options.server != 0) cpu_seconds(options.server);
    pattern_prepare();
    struct client *clients = make_clients(&options);
    bool is_well = true;
    int tests = options.test_count == 0 ? test_count() : options.test_count;
    for (int index = 0; index < tests; index++) {
        const struct test *test = options.test_count == 0 ? test_at(index) : find_test(options.tests[index]);
        is_well &= is_run_well(clients, &options, test);
    }
    dismiss(clients, &options);
    free(clients);
    return is_well ? 0 : 1;
}
