package import VarveModel

/// By what a lock tells how much time has really passed, whatever the time of day says.
package struct LockPace: Sendable {
    /// What a clock that nobody steps shows.
    package struct Reading: Hashable, Sendable {
        /// Names one start of one machine: seconds of different ones say nothing of each other.
        package let start: UniqueID
        package let seconds: UInt64

        package init(start: UniqueID, seconds: UInt64) {
            self.start = start
            self.seconds = seconds
        }

        package var isSimulated: Bool { start.bytes.allSatisfy { $0 == 0 } }
    }

    let reading: @Sendable (_ now: Timestamp) -> Reading

    package init(_ reading: @escaping @Sendable (_ now: Timestamp) -> Reading) {
        self.reading = reading
    }

    /// The machine's clock since its start, which is neither set nor stepped.
    package static let machine = LockPace { _ in
        let seconds = SystemClock.reading().elapsed / 1_000_000_000
        return Reading(start: SystemClock.machineStart, seconds: seconds)
    }

    /// A simulated clock's steps are time that has passed; a lock of a real clock does not go by them.
    package static let simulated = LockPace { now in
        Reading(start: UniqueID.zero, seconds: UInt64(clamping: now.seconds))
    }
}

extension UniqueID {
    fileprivate static let zero: UniqueID = {
        guard let zero = UniqueID(bytes: [UInt8](repeating: 0, count: 16)) else {
            preconditionFailure("an id has 16 bytes")
        }
        return zero
    }()
}
