import FileSystemEngine
import NFSWire
import NIOCore
import VarveModel

/// WRITE and COMMIT (RFC 8881 §18.32, §18.3).
extension CompoundRun {
    func write(_ arguments: WriteArguments) async throws(NFSStatus) -> OperationReply {
        guard case .inode? = current else {
            _ = try object()
            throw .isDirectory
        }
        let object = try writable(current)
        let isOpened = try mayUse(arguments.stateID, on: object, for: .write)
        guard arguments.data.count <= server.limits.dataBytesMax else { throw .fileTooLarge }
        let (_, isPastAll) = arguments.offset.addingReportingOverflow(UInt64(arguments.data.count))
        guard !isPastAll else { throw .invalid }
        let data = arguments.data
        let caller = caller
        do {
            let result = try await engine {
                try await object.fileSystem.engine.write(
                    object.inode,
                    gathering: data,
                    at: arguments.offset,
                    stability: arguments.stability == .unstable ? .unstable : .stable,
                    as: caller,
                    isOpenForWriting: isOpened
                )
            }
            noteKnown(result.attributes)
            return .write(
                WriteReply(
                    count: UInt32(data.count),
                    committed: arguments.stability == .unstable ? .unstable : .fileSync,
                    verifier: Verifier(rawValue: result.verifier.rawValue)
                )
            )
        } catch {
            throw try await refined(error, on: object)
        }
    }

    /// Commits the whole file: the range is a hint of how much must be durable.
    func commit(_ arguments: CommitArguments) async throws(NFSStatus) -> OperationReply {
        guard case .inode(let object)? = current else {
            _ = try object()
            throw .isDirectory
        }
        forgetKnown()
        _ = try await requireRegular(object)
        let engine = object.fileSystem.engine
        // Of the past all is durable.
        guard object.view == .live else {
            return .commit(Verifier(rawValue: engine.verifier.rawValue))
        }
        do {
            let verifier = try await self.engine { try await engine.commit(object.inode) }
            return .commit(Verifier(rawValue: verifier.rawValue))
        } catch .readOnly {
            // Since it failed; what was written before may never be durable.
            throw .inputOutput
        }
    }
}

/// A WRITE's data is sealed out of the buffers in which the socket delivered it.
extension ByteChain: WrittenBytes {
    /// 64 pieces of 16 KiB: what came in more of them is gathered first.
    private static let lentPiecesMax = 64

    package func withPieces<Result>(_ body: ([UnsafeRawBufferPointer]) -> Result) -> Result {
        guard pieceCount <= Self.lentPiecesMax else { return bytes.withPieces(body) }
        return Self.lend(pieces[...], behind: [], body)
    }

    // SAFETY: each piece is lent around the call that lends the next; `body` has them all, and they live as long as that call.
    private static func lend<Result>(
        _ rest: ArraySlice<ByteBuffer>,
        behind lent: [UnsafeRawBufferPointer],
        _ body: ([UnsafeRawBufferPointer]) -> Result
    ) -> Result {
        guard let piece = rest.first else { return body(lent) }
        return piece.withUnsafeReadableBytes {
            lend(rest.dropFirst(), behind: lent + [$0], body)
        }
    }
}
