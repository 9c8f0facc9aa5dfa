package import VarveModel

/// How a scrub goes about it.
package struct ScrubOptions: Sendable, Hashable {
    /// Bytes that are read a second at most, all zones together; `nil`: as fast as it goes.
    package var bytesPerSecond: UInt64?

    package init(bytesPerSecond: UInt64? = nil) {
        self.bytesPerSecond = bytesPerSecond
    }
}

/// How far a scrub has come.
package struct ScrubProgress: Sendable, Hashable {
    package enum Stage: Sendable, Hashable, CaseIterable {
        /// Pages of the metadata and its log.
        case metadata
        /// Headers and tables of the segments.
        case segments
        /// Files' bytes.
        case records
    }

    package let stage: Stage
    /// All zones together.
    package let bytesRead: UInt64
    /// About what there is to read, all zones together.
    package let bytesTotal: UInt64
    /// Places that were put right so far.
    package let healed: Int
    /// Places that no zone can give so far.
    package let lost: Int
}

/// What a scrub has found, and put right.
package struct ScrubReport: Sendable, Hashable {
    /// Bytes that did not verify in one zone, put right from another.
    package struct Healed: Sendable, Hashable {
        package let zone: String
        package let bytes: UInt64
        /// Names the file there, and where in it.
        package let message: String
    }

    /// Bytes that no zone can give.
    package struct Lost: Sendable, Hashable {
        /// From the root of the file system, with a leading slash; `nil` of a file without a name, and of what is no file's.
        package let path: String?
        package let inode: InodeNumber?
        /// Bytes of that file; `nil` of what is no file's.
        package let range: Range<UInt64>?
        package let segment: SegmentID?
        /// The zones that were asked.
        package let zones: [String]
        /// Names all of it, and why each zone could not.
        package let message: String
        /// The operator's next step.
        package let remedy: String
    }

    /// All zones together.
    package internal(set) var bytesRead: UInt64 = 0
    /// The first ``listedMax``; ``healedCount`` and ``healedBytes`` count all.
    package internal(set) var healed: [Healed] = []
    package internal(set) var healedCount = 0
    package internal(set) var healedBytes: UInt64 = 0
    /// The first ``listedMax``; ``lostCount`` counts all.
    package internal(set) var lost: [Lost] = []
    package internal(set) var lostCount = 0
    /// Whether it came to its end; `false` when its task was cancelled.
    package internal(set) var isComplete = false

    /// Enough to see what is wrong; a broken disk breaks everything.
    package static let listedMax = 1_000
}
