/// Where things stand in the files of a sealed database (docs/formats/sealed-sqlite.md).
enum SealedLayout {
    /// SQLite's page, and our block at the head of each file.
    static let pageBytes = 4096
    /// At the end of a page, which SQLite leaves alone: tag 16, start salt 8, counter 8.
    static let reservedBytes = 32
    static let plainBytes = pageBytes - reservedBytes
    static let tagBytes = 16

    /// SQLite's own frame: 24 bytes of header, a page.
    static let frameHeaderBytes = 24
    static let frameBytes = frameHeaderBytes + pageBytes
    /// SQLite's own log header.
    static let logHeaderBytes = 32

    /// A frame as stored: a sealed header of 64 bytes, then the sealed page.
    static let sealedFrameHeaderBytes = 64
    static let sealedFrameBytes = sealedFrameHeaderBytes + pageBytes

    /// In the log's first block, within one sector of its own.
    static let logRecordOffset: UInt64 = 512
    /// In the base's first block: two slots that take turns, each within one sector of its own.
    static let noteOffsets: [UInt64] = [1024, 1536]

    /// Where page `number`, from 1, stands in the base.
    static func offset(ofPage number: UInt32) -> UInt64 {
        UInt64(number) * UInt64(pageBytes)
    }

    /// Where the frame at `index`, from 0, stands in the log.
    static func offset(ofFrame index: UInt64) -> UInt64 {
        UInt64(pageBytes) + index * UInt64(sealedFrameBytes)
    }

    /// Whole frames that a log of `size` bytes has room for.
    static func frames(inLogOf size: UInt64) -> UInt64 {
        size < UInt64(pageBytes) ? 0 : (size - UInt64(pageBytes)) / UInt64(sealedFrameBytes)
    }
}

/// How far the log of a database reached: a restart of the log raises the generation.
package struct WALPosition: Hashable, Comparable, Sendable {
    package let generation: UInt64
    /// Frames of that generation.
    package let frames: UInt64

    package init(generation: UInt64, frames: UInt64) {
        self.generation = generation
        self.frames = frames
    }

    /// Before anything.
    package static let none = WALPosition(generation: 0, frames: 0)

    package static func < (left: WALPosition, right: WALPosition) -> Bool {
        (left.generation, left.frames) < (right.generation, right.frames)
    }
}
