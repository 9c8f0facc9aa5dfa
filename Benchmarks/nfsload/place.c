#include "place.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fail.h"
#include "operations.h"

enum {
    retry_milliseconds = 200,
    /// Two minutes: longer than the grace period of a server that has just started.
    retries_max = 120 * 1000 / retry_milliseconds,
};

// What is in flight while nothing is measured goes through one slot.
static struct slot *only_slot(struct client *client) {
    return &client->slots[0];
}

// Whether the server has asked to come again (RFC 8881 §15.1.1.3, §15.1.9); waits then.
static bool has_to_wait(uint32_t status, int tries) {
    if (status != NFS4ERR_DELAY && status != NFS4ERR_GRACE) return false;
    if (tries >= retries_max) return false;
    struct timespec time = {.tv_nsec = retry_milliseconds * 1000000L};
    nanosleep(&time, NULL);
    return true;
}

static void directory_name(const struct client *client, char *name, size_t size) {
    if (client->options->is_directory_shared) snprintf(name, size, "nfsload.shared");
    else snprintf(name, size, "nfsload.%d", client->number);
}

static void data_file_name(const struct client *client, char *name, size_t size) {
    snprintf(name, size, "data.%d", client->number);
}

// MARK: The directory

static void require_path(const struct client *client, const char *what, uint32_t status) {
    if (status != NFS4_OK) fail("--path '%s': %s: %s", client->options->path, what, status_name(status));
}

// One step of the path, from the root or the directory reached so far.
static void walk(struct client *client, const char *name) {
    struct compound compound = compound_begin(client, only_slot(client));
    if (name == NULL) put_operation(&compound, OP_PUTROOTFH);
    else put_handle(&compound, &client->parent);
    if (name != NULL) put_lookup(&compound, name);
    put_operation(&compound, OP_GETFH);
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, name == NULL ? OP_PUTROOTFH : OP_PUTFH);
    if (name != NULL) require_path(client, name, get_status(&reply, OP_LOOKUP));
    require_path(client, "GETFH", get_handle(&reply, &client->parent));
}

static void walk_path(struct client *client) {
    char path[4096];
    if (strlen(client->options->path) >= sizeof path) fail("--path is longer than %zu bytes", sizeof path - 1);
    strcpy(path, client->options->path);
    walk(client, NULL);
    char *rest;
    for (char *name = strtok_r(path, "/", &rest); name != NULL; name = strtok_r(NULL, "/", &rest)) walk(client, name);
}

static uint32_t make_directory(struct client *client, const char *name) {
    struct compound compound = compound_begin(client, only_slot(client));
    put_handle(&compound, &client->parent);
    put_make_directory(&compound, name, 0777);
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, OP_PUTFH);
    return get_status(&reply, OP_CREATE);
}

static void find_directory(struct client *client, const char *name) {
    struct compound compound = compound_begin(client, only_slot(client));
    put_handle(&compound, &client->parent);
    put_lookup(&compound, name);
    put_operation(&compound, OP_GETFH);
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, OP_PUTFH);
    require_path(client, name, get_status(&reply, OP_LOOKUP));
    require_path(client, name, get_handle(&reply, &client->directory));
}

void client_settle(struct client *client) {
    walk_path(client);
    char name[32];
    directory_name(client, name, sizeof name);
    uint32_t status = make_directory(client, name);
    for (int tries = 0; has_to_wait(status, tries); tries++) status = make_directory(client, name);
    if (status != NFS4ERR_EXIST) require_path(client, name, status);
    find_directory(client, name);
}

// MARK: The data file

static uint32_t try_to_open(struct client *client, const char *name) {
    struct slot *slot = only_slot(client);
    struct compound compound = compound_begin(client, slot);
    put_handle(&compound, &client->directory);
    put_open(&compound, slot, name, access_both, create_if_missing);
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, OP_PUTFH);
    uint32_t status = get_open(&reply, &client->data);
    if (status != NFS4_OK) return status;
    return get_handle(&reply, &client->data.handle);
}

static void confirm(struct client *client) {
    struct slot *slot = only_slot(client);
    struct compound compound = compound_begin(client, slot);
    put_handle(&compound, &client->data.handle);
    put_open_confirm(&compound, slot, &client->data);
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, OP_PUTFH);
    uint32_t status = get_open_confirm(&reply, &client->data);
    if (status != NFS4_OK) fail("OPEN_CONFIRM of the data file: %s", status_name(status));
}

void open_data_file(struct client *client) {
    char name[32];
    data_file_name(client, name, sizeof name);
    uint32_t status = try_to_open(client, name);
    for (int tries = 0; has_to_wait(status, tries); tries++) status = try_to_open(client, name);
    if (status != NFS4_OK) fail("OPEN of '%s': %s", name, status_name(status));
    if (client->data.is_to_be_confirmed) confirm(client);
}

void close_data_file(struct client *client) {
    struct slot *slot = only_slot(client);
    struct compound compound = compound_begin(client, slot);
    put_handle(&compound, &client->data.handle);
    put_close(&compound, slot, &client->data);
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, OP_PUTFH);
    uint32_t status = get_close(&reply);
    if (status != NFS4_OK) fail("CLOSE of the data file: %s", status_name(status));
}

// MARK: The end

static uint32_t remove_name(struct client *client, const struct handle *directory, const char *name) {
    struct compound compound = compound_begin(client, only_slot(client));
    put_handle(&compound, directory);
    put_remove(&compound, name);
    struct reply reply = compound_perform(&compound);
    require_ok(&reply, OP_PUTFH);
    return get_status(&reply, OP_REMOVE);
}

void client_clear(struct client *client) {
    char name[32];
    data_file_name(client, name, sizeof name);
    uint32_t status = remove_name(client, &client->directory, name);
    // The tests may not have needed one.
    if (status != NFS4_OK && status != NFS4ERR_NOENT) fail("REMOVE of '%s': %s", name, status_name(status));
    directory_name(client, name, sizeof name);
    status = remove_name(client, &client->parent, name);
    if (status == NFS4_OK) return;
    if (status != NFS4ERR_NOTEMPTY) fail("REMOVE of '%s': %s", name, status_name(status));
    // A shared directory goes with the last client.
    bool others_follow = client->options->is_directory_shared && client->number + 1 < client->options->clients;
    if (!others_follow) fprintf(stderr, "nfsload: '%s' stays: the tests left files in it\n", name);
}
