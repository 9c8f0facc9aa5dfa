#pragma once
#include "client.h"

/// Connects and makes itself known: a client id and, from 4.1 on, a session.
void client_join(struct client *client, const struct options *options, int number);
/// Gives session and client id back, and closes the connection; the client holds no memory any more.
void client_leave(struct client *client);
