import Glibc
import LocalAPI
import NIOCore

/// A descriptor's bytes, 256 KiB at a time, with progress.
struct DescriptorBytes: AsyncSequence, Sendable {
    let descriptor: Int32
    /// What is going on, in a word.
    let phase: String

    struct AsyncIterator: AsyncIteratorProtocol {
        let descriptor: Int32
        let phase: String
        private var sent: UInt64 = 0
        private var shown: UInt64 = 0
        private let total: UInt64?

        init(descriptor: Int32, phase: String) {
            self.descriptor = descriptor
            self.phase = phase
            total = DescriptorBytes.size(of: descriptor)
        }

        mutating func next() async throws -> ByteBuffer? {
            var buffer = ByteBufferAllocator().buffer(capacity: 256 << 10)
            var failure: Int32 = 0
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 256 << 10) { bytes in
                while true {
                    let count = read(descriptor, bytes.baseAddress, bytes.count)
                    if count >= 0 { return count }
                    guard errno == EINTR else {
                        failure = errno
                        return 0
                    }
                }
            }
            guard failure == 0 else {
                throw APIError(.failed, "read the source: \(String(cString: strerror(failure)))")
            }
            sent += UInt64(buffer.readableBytes)
            // Every 4 MiB, since a terminal is slower than a socket, and the end.
            let isEnd = buffer.readableBytes == 0
            if sent - shown >= 4 << 20 || (isEnd && sent > shown) {
                shown = sent
                ProgressLine.show(Progress(phase: phase, bytes: sent, bytesTotal: total))
            }
            return isEnd ? nil : buffer
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(descriptor: descriptor, phase: phase)
    }

    /// What a regular file has before its reading begins; `nil` of anything else.
    private static func size(of descriptor: Int32) -> UInt64? {
        var status = Glibc.stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        return UInt64(status.st_size)
    }
}
