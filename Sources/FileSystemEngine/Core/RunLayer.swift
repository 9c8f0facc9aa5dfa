import MetadataStore
import SegmentStore
import Synchronization
import VarveModel

/// A run of bytes and where they are.
struct DataRun: Sendable, Equatable {
    enum Source: Sendable, Equatable {
        case bytes([UInt8])
        case record(RecordPointer, skip: UInt64)
    }

    /// Bytes of the file.
    let range: Range<UInt64>
    let tile: Int64
    let source: Source
    /// Of a record that another file or tile may have been written for.
    var home: RecordHome?
}

/// What went wrong first, of several threads.
final class FirstFailure: Sendable {
    private let state = Mutex<(any Error)?>(nil)

    var error: (any Error)? { state.withLock { $0 } }

    func note(_ error: any Error) {
        state.withLock { $0 = $0 ?? error }
    }
}

/// Lays runs of bytes over a buffer; later runs over earlier ones.
struct RunLayer: Sendable {
    let segments: SegmentStore
    let inode: InodeNumber
    let runs: [DataRun]

    /// A run's part of what is wanted, in a record.
    private struct Piece {
        let record: RecordAddress
        let identity: RecordIdentity
        let plainRange: Range<Int>
        let target: UnsafeMutableRawBufferPointer
    }

    /// Lays what the runs have of `wanted`.
    func lay(_ wanted: Range<UInt64>, into buffer: UnsafeMutableRawBufferPointer) throws {
        _ = try eachPiece(of: wanted, into: buffer) { piece in
            try segments.read(
                piece.record,
                expecting: piece.identity,
                plainRange: piece.plainRange,
                into: piece.target
            )
            return true
        }
    }

    /// The same without waiting for storage; `false` when something of it is not at hand, or not well.
    func layResident(_ wanted: Range<UInt64>, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        eachPiece(of: wanted, into: buffer) { piece in
            segments.readResident(
                piece.record,
                expecting: piece.identity,
                plainRange: piece.plainRange,
                into: piece.target
            )
        }
    }

    /// Lays bytes that are in memory, and has `read` bring those of records, one run after another until it answers `false`.
    private func eachPiece(
        of wanted: Range<UInt64>,
        into buffer: UnsafeMutableRawBufferPointer,
        _ read: (Piece) throws -> Bool
    ) rethrows -> Bool {
        for run in runs where run.range.overlaps(wanted) {
            let part = run.range.clamped(to: wanted)
            let place = Int(part.lowerBound - wanted.lowerBound)
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[place..<place + part.count])
            let into = Int(part.lowerBound - run.range.lowerBound)
            switch run.source {
            case .bytes(let bytes):
                target.copyBytes(from: bytes[into..<into + part.count])
            case .record(let record, let skip):
                let start = Int(skip) + into
                let piece = Piece(
                    record: RecordAddress(record),
                    identity: RecordIdentity(
                        run.home ?? RecordHome(inode: inode, tile: run.tile)
                    ),
                    plainRange: start..<start + part.count,
                    target: target
                )
                guard try read(piece) else { return false }
            }
        }
        return true
    }
}

extension RecordIdentity {
    /// A restored slice shows an old record under a number of its own, so no number is expected; the
    /// tag binds the record to its place, and the place is never used again.
    static let anySequence: UInt64 = 0

    /// Any record that was written for a file's tile.
    init(_ home: RecordHome) {
        self.init(
            inode: home.inode,
            tile: UInt32(home.tile),
            sequence: RecordIdentity.anySequence
        )
    }
}
