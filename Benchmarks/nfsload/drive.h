#pragma once
#include "client.h"
#include "tests.h"

/// Keeps clients at a test's work, in the calling thread, until all of them are through.
///
/// Several share a thread, so that the load costs as little as it can: it takes its processors from the server that it measures.
void drive(const struct test *test, struct client *clients, int count);
