/// Why the daemon, or `varve` itself, refused: what goes to the user.
package struct APIError: Error, Sendable, Hashable, Codable, CustomStringConvertible {
    /// What a program can tell apart.
    package enum Code: String, Sendable, Hashable, CaseIterable, Codable {
        case usage
        case notFound
        case exists
        case denied
        /// The daemon opens host paths for root and its own user alone; stream instead.
        case hostPathRefused
        case notDirectory
        case isDirectory
        case notEmpty
        case invalid
        case noSpace
        case tooLarge
        case readOnly
        case stale
        case corrupt
        case busy
        case wrongKey
        case newerFormat
        case unsupported
        case unavailable
        case failed
    }

    package let code: Code
    /// Names the things involved.
    package let message: String
    /// The user's next step; empty when there is none.
    package let remedy: String

    package init(_ code: Code, _ message: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }

    /// Whether it is bytes that are not what was written.
    package var isDamage: Bool { code == .corrupt }

    /// What `varve` exits with.
    package var exitStatus: ExitStatus {
        switch code {
        case .usage: .usage
        case .corrupt: .found
        case .notFound, .exists, .denied, .hostPathRefused, .notDirectory, .isDirectory, .notEmpty,
            .invalid, .noSpace,
            .tooLarge, .readOnly, .stale, .busy, .wrongKey, .newerFormat, .unsupported,
            .unavailable,
            .failed:
            .failed
        }
    }

    /// The HTTP status that carries it.
    package var httpStatus: Int {
        switch code {
        case .usage, .invalid, .notDirectory, .isDirectory: 400
        case .denied, .hostPathRefused: 403
        case .notFound, .stale: 404
        case .exists, .notEmpty, .busy: 409
        case .tooLarge: 413
        case .unsupported: 501
        case .unavailable: 503
        case .noSpace: 507
        case .readOnly, .corrupt, .wrongKey, .newerFormat, .failed: 500
        }
    }
}

/// What a command ends with.
package enum ExitStatus: Int32, Sendable, Hashable, CaseIterable {
    case done = 0
    case failed = 1
    /// Found damage or a difference: damage is the graver news, so this wins over what else went wrong.
    case found = 2
    /// Done in part; what was left out is listed.
    case partly = 3
    /// EX_USAGE of sysexits.h.
    case usage = 64
}
