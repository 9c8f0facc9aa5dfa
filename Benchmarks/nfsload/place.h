#pragma once
#include "client.h"

/// Finds --path and makes the client's directory in it, or finds that from an earlier run.
void client_settle(struct client *client);
/// Opens the client's data file, which is made when it is missing.
void open_data_file(struct client *client);
void close_data_file(struct client *client);
/// Removes the data file, and the directory when nothing is left in it.
void client_clear(struct client *client);
