/// Where a record's bytes are kept; raw values are stored.
package enum Tier: UInt8, Sendable, Hashable, CaseIterable, Codable {
    case standard = 0
    case infrequentAccess = 1
    case archive = 2

    /// The tier's folder beneath a file system's zone directory.
    package var folder: String {
        switch self {
        case .standard: "standard"
        case .infrequentAccess: "ia"
        case .archive: "archive"
        }
    }

    /// Whether it is nearer to Standard than another.
    package func isWarmer(than other: Tier) -> Bool { rawValue < other.rawValue }
}
