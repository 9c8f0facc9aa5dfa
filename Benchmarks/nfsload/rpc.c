#include "rpc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fail.h"

enum {
    rpc_version = 2,
    nfs_program = 100003,
    nfs_version = 4,
    nfs_compound = 1,
    auth_none = 0,
    auth_sys = 1,
    message_call = 0,
    reply_accepted = 0,
    accept_success = 0,
    /// 16 MiB: a longer record is no reply to anything that we ask.
    record_bytes_max = 16 << 20,
    /// What a receive has room for at least: some replies at once.
    receive_bytes_min = 256 << 10,
    /// The ports from which Linux's own client speaks (sunrpc.min_resvport and max_resvport).
    privileged_port_min = 665,
    privileged_port_max = 1023,
};

/// Of a record mark (RFC 5531 §11): this fragment is the record's last.
static const uint32_t last_fragment = 0x80000000u;

// MARK: Connecting

// Binds the port and connects; 0, or the errno.
static int connect_from(int socket, int port, const struct addrinfo *server) {
    struct sockaddr_storage own = {.ss_family = (sa_family_t)server->ai_family};
    // The two families have their port at the same place.
    ((struct sockaddr_in *)&own)->sin_port = htons((uint16_t)port);
    // Else a port cannot be bound for a minute after its last connection was closed.
    int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (port != 0 && bind(socket, (struct sockaddr *)&own, server->ai_addrlen) != 0) return errno;
    return connect(socket, server->ai_addr, server->ai_addrlen) == 0 ? 0 : errno;
}

// A connected socket, or -1 with errno.
static int connect_somehow(const struct addrinfo *server) {
    int ports = geteuid() == 0 ? privileged_port_max - privileged_port_min + 1 : 0;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int first = (int)(now.tv_nsec / 1000);
    int tries = ports == 0 ? 1 : ports;
    for (int try = 0; try < tries; try++) {
        int fd = socket(server->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) return -1;
        int port = ports == 0 ? 0 : privileged_port_min + (first + try) % ports;
        errno = connect_from(fd, port, server);
        if (errno == 0) return fd;
        int error = errno;
        close(fd);
        errno = error;
        // The port is taken, or waits for stray segments of its last connection.
        if (error != EADDRINUSE && error != EADDRNOTAVAIL) return -1;
    }
    return -1;
}

void connection_open(struct connection *connection, const char *host, const char *port, int seconds_max) {
    struct addrinfo *servers, hints = {.ai_socktype = SOCK_STREAM};
    int error = getaddrinfo(host, port, &hints, &servers);
    if (error != 0) fail("'%s' port '%s': %s", host, port, gai_strerror(error));
    int fd = -1;
    for (struct addrinfo *server = servers; fd < 0 && server != NULL; server = server->ai_next) {
        fd = connect_somehow(server);
    }
    if (fd < 0) fail("no connection to %s port %s: %s", host, port, strerror(errno));
    freeaddrinfo(servers);
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct timeval patience = {.tv_sec = seconds_max};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    *connection = (struct connection){.socket = fd};
}

void connection_close(struct connection *connection) {
    close(connection->socket);
    free(connection->bytes);
}

// What a send or receive that failed means.
static _Noreturn void lost(const char *what) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) fail("%s: the server does nothing (--timeout)", what);
    if (errno == ECONNRESET || errno == EPIPE) {
        fail("%s: the server closed the connection%s", what,
             geteuid() == 0 ? "" : "; it may take clients at ports below 1024 only, which root alone may use");
    }
    fail("%s: %s", what, strerror(errno));
}

// MARK: Calls

static void put_auth_sys(struct xdr_writer *call, uint32_t uid, uint32_t gid) {
    put_u32(call, auth_sys);
    size_t length_at = call->count;
    put_u32(call, 0);
    put_u32(call, 0);  // A stamp that means nothing.
    put_string(call, "nfsload");
    put_u32(call, uid);
    put_u32(call, gid);
    put_u32(call, 0);  // No further groups.
    replace_u32(call, length_at, (uint32_t)(call->count - length_at - 4));
}

void rpc_begin(struct xdr_writer *call, uint32_t xid, uint32_t uid, uint32_t gid) {
    call->count = 0;
    put_u32(call, 0);  // The record mark: rpc_send knows it.
    put_u32(call, xid);
    put_u32(call, message_call);
    put_u32(call, rpc_version);
    put_u32(call, nfs_program);
    put_u32(call, nfs_version);
    put_u32(call, nfs_compound);
    put_auth_sys(call, uid, gid);
    put_u32(call, auth_none);  // The verifier, and its length.
    put_u32(call, 0);
}

void rpc_send(struct connection *connection, struct xdr_writer *call) {
    replace_u32(call, 0, last_fragment | (uint32_t)(call->count - 4));
    size_t sent = 0;
    while (sent < call->count) {
        ssize_t count = send(connection->socket, call->bytes + sent, call->count - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) lost("send");
        sent += (size_t)count;
    }
}

// MARK: Replies

// Makes room behind the unread bytes, which move to the front when they must.
static void reserve(struct connection *connection, size_t count) {
    if (connection->start + count <= connection->capacity) return;
    if (connection->count > 0) memmove(connection->bytes, connection->bytes + connection->start, connection->count);
    connection->start = 0;
    if (count <= connection->capacity) return;
    connection->capacity = count + receive_bytes_min;
    connection->bytes = allocate(connection->bytes, connection->capacity);
}

// The mark of the fragment that begins at `offset` among the unread bytes.
static uint32_t mark_at(const struct connection *connection, size_t offset) {
    uint32_t mark;
    memcpy(&mark, connection->bytes + connection->start + offset, sizeof mark);
    return ntohl(mark);
}

// Bytes of the next record, marks included, as far as its marks that are there tell: all, once so many are there.
static size_t record_bytes(const struct connection *connection) {
    size_t end = 0;
    while (true) {
        size_t mark_end = end + 4;
        if (connection->count < mark_end) return mark_end;
        uint32_t mark = mark_at(connection, end);
        end = mark_end + (mark & ~last_fragment);
        if (end > record_bytes_max) fail("a reply of more than %d bytes", record_bytes_max);
        if (connection->count < end || (mark & last_fragment) != 0) return end;
    }
}

// Lets go of the record that was handed out last.
static void forget_taken(struct connection *connection) {
    connection->start += connection->taken;
    connection->count -= connection->taken;
    connection->taken = 0;
}

bool rpc_has_reply(struct connection *connection) {
    forget_taken(connection);
    return connection->count >= record_bytes(connection);
}

void rpc_gather(struct connection *connection) {
    forget_taken(connection);
    reserve(connection, record_bytes(connection));
    size_t filled = connection->start + connection->count;
    ssize_t got;
    do {
        got = recv(connection->socket, connection->bytes + filled, connection->capacity - filled, 0);
    } while (got < 0 && errno == EINTR);
    if (got == 0) errno = ECONNRESET;
    if (got <= 0) lost("receive");
    connection->count += (size_t)got;
}

// One record that is there (RFC 5531 §11); the marks between its fragments are taken out.
static struct xdr_reader take_record(struct connection *connection) {
    uint32_t mark = mark_at(connection, 0);
    size_t length = mark & ~last_fragment;
    connection->start += 4;
    connection->count -= 4;
    while ((mark & last_fragment) == 0) {
        mark = mark_at(connection, length);
        uint8_t *gap = connection->bytes + connection->start + length;
        memmove(gap, gap + 4, connection->count - length - 4);
        connection->count -= 4;
        length += mark & ~last_fragment;
    }
    connection->taken = length;
    const uint8_t *bytes = connection->bytes + connection->start;
    return (struct xdr_reader){.at = bytes, .end = bytes + length};
}

struct xdr_reader rpc_receive(struct connection *connection, uint32_t *xid) {
    while (!rpc_has_reply(connection)) rpc_gather(connection);
    struct xdr_reader reply = take_record(connection);
    *xid = get_u32(&reply);
    // No session of ours has a back channel (RFC 8881 §2.10.3.1).
    if (get_u32(&reply) == message_call) fail("the server calls back, though nobody asked it to");
    if (get_u32(&reply) != reply_accepted) fail("the server denies the RPC call, error %u", get_u32(&reply));
    skip(&reply, 4);
    skip_opaque(&reply);
    uint32_t accepted = get_u32(&reply);
    if (accepted != accept_success) fail("the server does not perform the RPC call: accept_stat %u", accepted);
    return reply;
}
