#pragma once
#include "client.h"
#include "tests.h"

/// Runs one test with all clients at once, and answers what they did together.
///
/// They begin at one moment, when each has opened its file; the time ends when the last one is through.
struct measurement run_test(struct client *clients, const struct options *options, const struct test *test);
