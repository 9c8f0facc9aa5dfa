import LocalAPI

/// A bounded queue of byte pieces between one writer and one reader.
actor ArchivePieces {
    private var pieces: [[UInt8]] = []
    private var bytes = 0
    private var end: Result<Void, APIError>?
    private var reader: CheckedContinuation<Void, Never>?
    /// Nobody reads any more.
    private var isAbandoned = false
    private var writer: CheckedContinuation<Void, Never>?

    /// 4 MiB: four pieces of what is read at a time; the writer then waits.
    private static let bytesMax = 4 << 20

    /// Adds a piece; waits while the queue is full.
    func put(_ piece: [UInt8]) async throws {
        while bytes >= ArchivePieces.bytesMax, !isAbandoned {
            await withCheckedContinuation { writer = $0 }
        }
        if isAbandoned { throw CancellationError() }
        pieces.append(piece)
        bytes += piece.count
        reader?.resume()
        reader = nil
    }

    /// Ends the queue, well or with an error.
    func finish(_ error: APIError?) {
        end = error.map { .failure($0) } ?? .success(())
        reader?.resume()
        reader = nil
    }

    /// The next piece; `nil` at the end.
    func next() async throws -> [UInt8]? {
        while pieces.isEmpty {
            if let end {
                try end.get()
                return nil
            }
            await withCheckedContinuation { reader = $0 }
        }
        let piece = pieces.removeFirst()
        bytes -= piece.count
        writer?.resume()
        writer = nil
        return piece
    }

    /// Gives up reading: a waiting writer goes on, and is refused.
    func abandon() {
        isAbandoned = true
        writer?.resume()
        writer = nil
    }
}
