/// What keeps a policy from moving too soon, too often or too much.
package struct LifecycleLimits: Hashable, Sendable {
    /// A file that came back so often within a time stays in Standard until the time has passed.
    package struct ThrashGuard: Hashable, Sendable {
        package let returns: Int
        /// Seconds.
        package let within: Int64

        package init(returns: Int, within: Int64) {
            self.returns = returns
            self.within = within
        }
    }

    /// Seconds after the last write during which a file does not move.
    package let writeQuarantine: Int64
    /// Seconds that a file stays in a tier at least once it was moved there.
    package let minimumResidency: Int64
    /// On how many days a file in a colder tier must be used before it comes back.
    package let usesToPromote: Int
    /// What is brought back at most.
    package let promotion: ByteRate?
    /// What is moved to colder tiers at most.
    package let demotion: ByteRate?
    package let thrashGuard: ThrashGuard?
    /// When more cold files than this are used on one day, a reader of whole trees was there, which promotes nothing.
    package let wholeTreeFiles: Int?

    /// 24 hours, as EFS leaves a written file in Standard.
    package static let writeQuarantineDefault: Int64 = 86_400

    package init(
        writeQuarantine: Int64 = LifecycleLimits.writeQuarantineDefault,
        minimumResidency: Int64 = 0,
        usesToPromote: Int = 1,
        promotion: ByteRate? = nil,
        demotion: ByteRate? = nil,
        thrashGuard: ThrashGuard? = nil,
        wholeTreeFiles: Int? = nil
    ) {
        self.writeQuarantine = writeQuarantine
        self.minimumResidency = minimumResidency
        self.usesToPromote = usesToPromote
        self.promotion = promotion
        self.demotion = demotion
        self.thrashGuard = thrashGuard
        self.wholeTreeFiles = wholeTreeFiles
    }
}

/// So many bytes an hour or a day, as `100GiB/d`.
package struct ByteRate: Hashable, Sendable, CustomStringConvertible {
    package let bytes: UInt64
    /// 1 or 24: the clock's hours, in UTC, that are looked at together.
    package let hours: Int64

    package init(bytes: UInt64, hours: Int64) {
        precondition(hours == 1 || hours == 24, "a rate is by the hour or by the day")
        self.bytes = bytes
        self.hours = hours
    }

    /// Reads `100GiB/d` or `4GiB/h`.
    ///
    /// - Throws: `.badValue`.
    package init(_ text: String) throws(PolicyError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let hours = ["h": Int64(1), "d": 24][String(parts[1])] else {
            throw PolicyError(
                .badValue,
                "'\(PolicyNode.shortened(text))' is no rate",
                remedy: "Write a size and /h or /d, as 100GiB/d."
            )
        }
        let bytes = try Quantity.bytes(String(parts[0]))
        guard bytes > 0 else {
            throw PolicyError(
                .badValue,
                "the rate '\(PolicyNode.shortened(text))' lets nothing move",
                remedy: "Give more than 0 bytes, or leave the transition out."
            )
        }
        self.init(bytes: bytes, hours: hours)
    }

    package var description: String { "\(bytes) bytes \(hours == 1 ? "an hour" : "a day")" }
}
