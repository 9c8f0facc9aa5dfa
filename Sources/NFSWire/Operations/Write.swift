/// WRITE (RFC 8881 §18.32): stores bytes in the current file.
package struct WriteArguments: XDRValue {
    package var stateID: StateID
    package var offset: UInt64
    package var stability: StableHow
    /// Slices of the request, uncopied.
    package var data: ByteChain

    package init(
        stateID: StateID,
        offset: UInt64,
        stability: StableHow,
        data: ByteChain
    ) {
        self.stateID = stateID
        self.offset = offset
        self.stability = stability
        self.data = data
    }

    package static var bytesMin: Int { 32 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        offset = try reader.uint64("offset")
        stability = try StableHow(from: &reader)
        data = try reader.payload("data", max: NFSLimits.dataBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        writer.write(offset)
        stability.encode(to: &writer)
        writer.write(payload: data)
    }
}

/// How many bytes were written, and how durably.
package struct WriteReply: XDRValue {
    package var count: UInt32
    package var committed: StableHow
    package var verifier: Verifier

    package init(count: UInt32, committed: StableHow, verifier: Verifier) {
        self.count = count
        self.committed = committed
        self.verifier = verifier
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        count = try reader.uint32("count")
        committed = try StableHow(from: &reader)
        verifier = try Verifier(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(count)
        committed.encode(to: &writer)
        verifier.encode(to: &writer)
    }
}

/// COMMIT (RFC 8881 §18.3): makes unstable writes durable.
///
/// The reply is the write verifier.
package struct CommitArguments: XDRValue {
    package var offset: UInt64
    /// 0: to the end of the file.
    package var count: UInt32

    package init(offset: UInt64, count: UInt32) {
        self.offset = offset
        self.count = count
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        offset = try reader.uint64("offset")
        count = try reader.uint32("count")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(offset)
        writer.write(count)
    }
}

/// How a write on the server's side went: write_response4 (RFC 7862 §15.2.2).
package struct WriteResponse: XDRValue {
    /// Names a copy that goes on; `nil` when it is done.
    package var callbackID: StateID?
    package var count: UInt64
    package var committed: StableHow
    package var verifier: Verifier

    package init(
        callbackID: StateID?,
        count: UInt64,
        committed: StableHow,
        verifier: Verifier
    ) {
        self.callbackID = callbackID
        self.count = count
        self.committed = committed
        self.verifier = verifier
    }

    package static var bytesMin: Int { 24 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        callbackID = try reader.optional("wr_callback_id")
        count = try reader.uint64("wr_count")
        committed = try StableHow(from: &reader)
        verifier = try Verifier(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(optional: callbackID)
        writer.write(count)
        committed.encode(to: &writer)
        verifier.encode(to: &writer)
    }
}

/// A pattern that WRITE_SAME repeats: app_data_block4 (RFC 7862 §8.1.1).
package struct DataBlockPattern: XDRValue {
    package var offset: UInt64
    package var blockSize: UInt64
    package var blockCount: UInt64
    package var blockNumberOffset: UInt64
    package var blockNumber: UInt32
    package var patternOffset: UInt64
    package var pattern: [UInt8]

    package init(
        offset: UInt64,
        blockSize: UInt64,
        blockCount: UInt64,
        blockNumberOffset: UInt64,
        blockNumber: UInt32,
        patternOffset: UInt64,
        pattern: [UInt8]
    ) {
        self.offset = offset
        self.blockSize = blockSize
        self.blockCount = blockCount
        self.blockNumberOffset = blockNumberOffset
        self.blockNumber = blockNumber
        self.patternOffset = patternOffset
        self.pattern = pattern
    }

    package static var bytesMin: Int { 48 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        offset = try reader.uint64("adb_offset")
        blockSize = try reader.uint64("adb_block_size")
        blockCount = try reader.uint64("adb_block_count")
        blockNumberOffset = try reader.uint64("adb_reloff_blocknum")
        blockNumber = try reader.uint32("adb_block_num")
        patternOffset = try reader.uint64("adb_reloff_pattern")
        pattern = try reader.opaque("adb_pattern", max: NFSLimits.bodyBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(offset)
        writer.write(blockSize)
        writer.write(blockCount)
        writer.write(blockNumberOffset)
        writer.write(blockNumber)
        writer.write(patternOffset)
        writer.write(opaque: pattern)
    }
}

/// WRITE_SAME (RFC 7862 §15.12): writes a pattern many times.
package struct WriteSameArguments: XDRValue {
    package var stateID: StateID
    package var stability: StableHow
    package var block: DataBlockPattern

    package init(stateID: StateID, stability: StableHow, block: DataBlockPattern) {
        self.stateID = stateID
        self.stability = stability
        self.block = block
    }

    package static var bytesMin: Int { 68 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        stability = try StableHow(from: &reader)
        block = try DataBlockPattern(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        stability.encode(to: &writer)
        block.encode(to: &writer)
    }
}
