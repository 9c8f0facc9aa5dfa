/// What answers on the socket.
package struct DaemonVersion: Codable, Sendable, Hashable {
    package var version: String
    package var state: String
    package var process: Int32
    package var isSimulated: Bool

    package init(version: String, state: String, process: Int32, isSimulated: Bool) {
        self.version = version
        self.state = state
        self.process = process
        self.isSimulated = isSimulated
    }
}

/// What a check found.
package struct CheckReport: Codable, Sendable, Hashable {
    /// One thing that was found.
    package struct Found: Codable, Sendable, Hashable {
        /// `damage`, `inconsistency`, `leak`, `unavailable` (a store that does not answer, or refuses: of what it holds
        /// nothing is known) or `warning`; warnings do not change the exit code.
        package var kind: String
        /// The file system, vault or file that is meant.
        package var subject: String
        package var message: String
        package var remedy: String

        package init(kind: String, subject: String, message: String, remedy: String) {
            self.kind = kind
            self.subject = subject
            self.message = message
            self.remedy = remedy
        }
    }

    /// What was looked at, in words.
    package var checked: [String]
    package var found: [Found]

    package init(checked: [String], found: [Found]) {
        self.checked = checked
        self.found = found
    }
}

/// What time it is for the daemon.
package struct ClockDescription: Codable, Sendable, Hashable {
    package var now: TimeText
    package var isSimulated: Bool
    /// Seconds by which the machine's clock is ahead (below zero: behind) while it is not followed.
    package var refusedSeconds: Int64?

    package init(now: TimeText, isSimulated: Bool, refusedSeconds: Int64? = nil) {
        self.now = now
        self.isSimulated = isSimulated
        self.refusedSeconds = refusedSeconds
    }
}

/// Moves a simulated clock.
package struct AdvanceClock: Codable, Sendable, Hashable {
    package var seconds: Int64

    package init(seconds: Int64) {
        self.seconds = seconds
    }
}

/// What happened on the way.
package struct AdvanceReport: Codable, Sendable, Hashable {
    package var from: TimeText
    package var to: TimeText
    package var runs: [JobRunDescription]

    package init(from: TimeText, to: TimeText, runs: [JobRunDescription]) {
        self.from = from
        self.to = to
        self.runs = runs
    }
}

/// Where NFS is served, for who wants to mount.
package struct NFSDescription: Codable, Sendable, Hashable {
    /// The address that the daemon listens on; `nil` when `nfs` is `off`.
    package var host: String?
    package var port: Int?
    /// Whether only clients at ports below 1024 are let in (`nfsPorts`).
    package var requiresPrivilegedPorts: Bool

    package init(host: String?, port: Int?, requiresPrivilegedPorts: Bool) {
        self.host = host
        self.port = port
        self.requiresPrivilegedPorts = requiresPrivilegedPorts
    }
}
