import FileSystemEngine
import NFSWire

/// What an operation answers, before it is bytes.
enum CompoundAnswer: Sendable {
    case reply(OperationReply)
    /// GETATTR: written attribute by attribute.
    case attributes(Bitmap, ObjectAttributes)
    /// READDIR: written entry by entry, as many as fit.
    case listing(DirectoryListing)
}

extension CompoundReplyWriter {
    /// Adds an answer; `bytesMax` are what the reply may still take.
    mutating func append(_ answer: CompoundAnswer, bytesMax: Int) {
        switch answer {
        case .reply(let reply): append(reply)
        case .attributes(let requested, let object):
            append(.getAttributes) { $0.writeAttributes(requested) { object.write($0, to: &$1) } }
        case .listing(let listing): append(listing, bytesMax: bytesMax)
        }
    }

    private mutating func append(_ listing: DirectoryListing, bytesMax: Int) {
        let before = mark
        // The operation's number and status come on top of READDIR4resok.
        let room = min(Int(listing.bytesMax), bytesMax - 8)
        let isWritten = append(.readDirectory) { listing.write(to: &$0, bytesMax: room) }
        guard !isWritten else { return }
        rollBack(to: before)
        append(.failed(.readDirectory, .tooSmall))
    }
}
