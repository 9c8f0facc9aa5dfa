/// What the server bounds, and by how much: over a limit a client gets the protocol's own error, never a hang.
///
/// What a message may hold at most is `NFSWire`'s (`NFSLimits`).
package struct ServerLimits: Sendable, Hashable {
    // MARK: Connections

    /// One more takes the place of the one that was silent for longest, if that was for `connectionIdleSeconds`; otherwise it is closed.
    package var connectionsMax = 4_096
    /// Of one address; more are closed as they come: Linux makes 16 at most to one server.
    package var connectionsPerAddressMax = 1_024
    /// Two leases: whoever is alive has said something.
    package var connectionIdleSeconds: Int64 = 60
    /// Clients at ports from 1024 on, which any user of their machine may take, are turned away.
    ///
    /// AUTH_SYS believes what a client says of its user: a kernel's client speaks from a port that only root may take, and is as
    /// good as that machine's root. exports(5) calls it `secure`.
    package var requiresPrivilegedPorts = false
    /// Requests of one connection that run or wait; more stay in the socket.
    package var requestsInFlightMax = 256
    /// Requests of all connections of one event loop that run; more wait.
    ///
    /// As many as the engine puts in one transaction.
    package var requestsPerLoopMax = 512
    /// 64 MiB: bytes of one connection's requests that run or wait, and of the replies that they may have; more stay in the socket.
    ///
    /// READs of 1 MiB for nearly all of the 64 slots that Linux's client uses. A request counts with the longest reply that its session
    /// allows, one whose reply is to be kept with 8 KiB.
    package var requestBytesInFlightMax = 64 << 20
    /// 512 MiB: the same of all connections together, and of replies that clients do not take; one request of each is let in all the same.
    package var requestBytesOfAllMax = 512 << 20
    /// 1 MiB of data and 64 KiB of all else: a longer record ends the connection.
    package var recordBytesMax = (1 << 20) + (64 << 10)

    // MARK: Data

    /// 1 MiB: what maxread and maxwrite say, as Linux's client takes at most.
    package var dataBytesMax = 1 << 20

    /// 64 MiB: what one COPY between two file systems moves; more is for the client to ask again, whose slot it holds meanwhile.
    package var copyBytesMax: UInt64 = 64 << 20

    // MARK: Sessions

    /// Client ids, confirmed or not; more are told to come again (NFS4ERR_DELAY).
    package var clientsMax = 16_384
    package var sessionsPerClientMax = 64
    /// 128 requests in flight a session; Linux asks for 64.
    package var slotsMax = 128
    /// Operations of a COMPOUND: ca_maxoperations.
    package var operationsMax = 64
    /// 8 KiB: a reply that is kept for a retry; of 128 slots 1 MiB a session.
    package var cachedReplyBytesMax = 8 << 10
    /// 1 GiB: what the slots of all sessions may keep together, counted as if each were full.
    ///
    /// That is 4,000 sessions of Linux's client, which asks for 64 slots and 3 KiB. A session is promised what it is granted (RFC 8881 §2.10.6.1.3), so none is made without room for it: of the last eighth of what is left
    /// it gets fewer slots, one at least; where that does not fit, NFS4ERR_DELAY.
    package var sessionBytesOfAllMax = 1 << 30
    /// A reply or request that cannot be longer holds no operation but SEQUENCE (NFS4ERR_TOOSMALL).
    package var channelBytesMin = 256

    /// A day: what was kept of a change for its retry after a restart is forgotten then.
    package var receiptSeconds: Int64 = 86_400

    // MARK: Replies of NFSv4.0

    /// Replies kept of what one address and port sent: four times what a connection may have in flight.
    package var keptRepliesPerSenderMax = 1_024
    /// Addresses with ports whose replies are kept; beyond it the one silent for longest is forgotten.
    package var keptReplySendersMax = 4_096
    /// 32 MiB: bytes of all replies that are kept.
    package var keptReplyBytesMax = 32 << 20

    // MARK: State

    /// Opens of one client; over it NFS4ERR_DELAY.
    package var opensPerClientMax = 65_536
    /// Lock state ids of one client.
    package var locksPerClientMax = 65_536
    /// Ranges that one client has locked, of all files, and of one file that all have.
    package var lockRangesPerClientMax = 65_536
    package var lockRangesPerFileMax = 65_536
    /// 1,048,576: opens of all clients, some 1 GiB with all that hangs on them; as many lock state ids, and as many ranges.
    ///
    /// Before anybody is refused, clients whose lease is over go, those silent for longest first; then NFS4ERR_DELAY.
    package var statesOfAllMax = 1 << 20

    // MARK: Leases

    /// Renewed by any SEQUENCE.
    ///
    /// Half a minute costs nobody anything, since what has expired is taken away only when it is wanted.
    package var leaseSeconds: Int64 = 30
    /// A lease and a half after a start: every client that lives has been heard of by then.
    package var graceSeconds: Int64 = 45
    /// A day: an expired client keeps its state so long while nobody asks for what it holds.
    package var courtesySeconds: Int64 = 86_400

    // MARK: Directories

    /// Entries fetched for one READDIR.
    package var directoryEntriesMax = 2_048

    package init() {}
}
