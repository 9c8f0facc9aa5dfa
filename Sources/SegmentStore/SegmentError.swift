package import Disk
import VarveModel

/// Why the segment store refused, or could not.
package struct SegmentError: Error, Sendable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: Sendable, Hashable, CaseIterable {
        /// Bytes on disk do not verify: the message names zone, tier, segment, offset and record.
        case corrupt
        /// A segment's file is not there.
        case missing
        /// A segment opens under another data key only.
        case wrongKey
        /// A segment of a format, or with a feature, that this Varve does not know.
        case newerFormat
        /// The disk is full; nothing half-written is visible.
        case noSpace
        /// The disk takes no changes (EROFS), as one in zones of which too few are there; nothing was written.
        case readOnly
        /// A sync failed: what was written since the last one may be lost, so nothing more is taken.
        case suspect
        /// The medium or the kernel failed.
        case failed
        /// The caller asked for what cannot be.
        case invalid
    }

    package let code: Code
    /// Names the things involved.
    package let message: String
    /// The operator's next step.
    package let remedy: String

    package init(_ code: Code, _ message: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }
}

extension SegmentError {
    /// What a failing disk means for a segment.
    package init(_ error: DiskError, _ doing: String) {
        switch error.code {
        case .noSpace:
            self.init(
                .noSpace,
                "\(doing): \(error.message)",
                remedy: "Free space on that disk, or delete snapshots and files."
            )
        case .notFound:
            self.init(
                .missing,
                "\(doing): \(error.message)",
                remedy: "Run 'varved doctor'; restore from a recovery point what it names."
            )
        case .denied where error.isReadOnly:
            self.init(.readOnly, "\(doing): \(error.message)", remedy: error.remedy)
        case .exists, .denied, .busy, .failed, .powerCut:
            self.init(
                .failed,
                "\(doing): \(error.message)",
                remedy: "Look for I/O errors of that disk in the system's log."
            )
        }
    }

    /// The remedy of everything that does not verify.
    static let damageRemedy =
        "Run 'varved doctor' for what is affected; restore it from a recovery point."

    /// Every append after a failed sync.
    static func suspect(_ directory: String) -> SegmentError {
        SegmentError(
            .suspect,
            "segments in '\(directory)' take no more: a sync failed",
            remedy: "Look for I/O errors of that disk, then restart the daemon."
        )
    }
}

extension Tier {
    /// The tier in messages.
    var word: String { folder }
}
