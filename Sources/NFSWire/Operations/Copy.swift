/// CLONE (RFC 7862 §15.13): the saved file's bytes become the current file's, by reference.
package struct CloneArguments: XDRValue {
    package var source: StateID
    package var destination: StateID
    package var sourceOffset: UInt64
    package var destinationOffset: UInt64
    /// 0: to the end of the source.
    package var count: UInt64

    package init(
        source: StateID,
        destination: StateID,
        sourceOffset: UInt64,
        destinationOffset: UInt64,
        count: UInt64
    ) {
        self.source = source
        self.destination = destination
        self.sourceOffset = sourceOffset
        self.destinationOffset = destinationOffset
        self.count = count
    }

    package static var bytesMin: Int { 56 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        source = try StateID(from: &reader)
        destination = try StateID(from: &reader)
        sourceOffset = try reader.uint64("cl_src_offset")
        destinationOffset = try reader.uint64("cl_dst_offset")
        count = try reader.uint64("cl_count")
    }

    package func encode(to writer: inout XDRWriter) {
        source.encode(to: &writer)
        destination.encode(to: &writer)
        writer.write(sourceOffset)
        writer.write(destinationOffset)
        writer.write(count)
    }
}

/// COPY (RFC 7862 §15.2): from the saved file to the current one.
package struct CopyArguments: XDRValue {
    package var source: StateID
    package var destination: StateID
    package var sourceOffset: UInt64
    package var destinationOffset: UInt64
    /// 0: to the end of the source.
    package var count: UInt64
    package var isConsecutive: Bool
    package var isSynchronous: Bool
    /// None for a copy within the server.
    package var sourceServers: [NetworkLocation]

    package init(
        source: StateID,
        destination: StateID,
        sourceOffset: UInt64,
        destinationOffset: UInt64,
        count: UInt64,
        isConsecutive: Bool,
        isSynchronous: Bool,
        sourceServers: [NetworkLocation]
    ) {
        self.source = source
        self.destination = destination
        self.sourceOffset = sourceOffset
        self.destinationOffset = destinationOffset
        self.count = count
        self.isConsecutive = isConsecutive
        self.isSynchronous = isSynchronous
        self.sourceServers = sourceServers
    }

    package static var bytesMin: Int { 68 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        source = try StateID(from: &reader)
        destination = try StateID(from: &reader)
        sourceOffset = try reader.uint64("ca_src_offset")
        destinationOffset = try reader.uint64("ca_dst_offset")
        count = try reader.uint64("ca_count")
        isConsecutive = try reader.bool("ca_consecutive")
        isSynchronous = try reader.bool("ca_synchronous")
        sourceServers = try reader.array("ca_source_server", max: NFSLimits.listMax)
    }

    package func encode(to writer: inout XDRWriter) {
        source.encode(to: &writer)
        destination.encode(to: &writer)
        writer.write(sourceOffset)
        writer.write(destinationOffset)
        writer.write(count)
        writer.write(isConsecutive)
        writer.write(isSynchronous)
        writer.write(sourceServers)
    }
}

/// How a copy was or must be done: copy_requirements4 (RFC 7862 §15.2.2).
package struct CopyRequirements: XDRValue {
    package var isConsecutive: Bool
    package var isSynchronous: Bool

    package init(isConsecutive: Bool, isSynchronous: Bool) {
        self.isConsecutive = isConsecutive
        self.isSynchronous = isSynchronous
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        isConsecutive = try reader.bool("cr_consecutive")
        isSynchronous = try reader.bool("cr_synchronous")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(isConsecutive)
        writer.write(isSynchronous)
    }
}

/// What was copied.
package struct CopyReply: XDRValue {
    package var response: WriteResponse
    package var requirements: CopyRequirements

    package init(response: WriteResponse, requirements: CopyRequirements) {
        self.response = response
        self.requirements = requirements
    }

    package static var bytesMin: Int { 32 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        response = try WriteResponse(from: &reader)
        requirements = try CopyRequirements(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        response.encode(to: &writer)
        requirements.encode(to: &writer)
    }
}

/// COPY_NOTIFY (RFC 7862 §15.3): another server will read the current file.
package struct CopyNotifyArguments: XDRValue {
    package var source: StateID
    package var destinationServer: NetworkLocation

    package init(source: StateID, destinationServer: NetworkLocation) {
        self.source = source
        self.destinationServer = destinationServer
    }

    package static var bytesMin: Int { 20 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        source = try StateID(from: &reader)
        destinationServer = try NetworkLocation(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        source.encode(to: &writer)
        destinationServer.encode(to: &writer)
    }
}

/// What the other server says when it comes.
package struct CopyNotifyReply: XDRValue {
    package var lease: NFSTime
    package var stateID: StateID
    package var sourceServers: [NetworkLocation]

    package init(lease: NFSTime, stateID: StateID, sourceServers: [NetworkLocation]) {
        self.lease = lease
        self.stateID = stateID
        self.sourceServers = sourceServers
    }

    package static var bytesMin: Int { 32 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        lease = try NFSTime(from: &reader)
        stateID = try StateID(from: &reader)
        sourceServers = try reader.array("cnr_source_server", max: NFSLimits.listMax)
    }

    package func encode(to writer: inout XDRWriter) {
        lease.encode(to: &writer)
        stateID.encode(to: &writer)
        writer.write(sourceServers)
    }
}

/// OFFLOAD_STATUS (RFC 7862 §15.9): how far a copy is.
package struct OffloadStatusReply: XDRValue {
    package var count: UInt64
    /// How it ended, once it did.
    package var complete: NFSStatus?

    package init(count: UInt64, complete: NFSStatus?) {
        self.count = count
        self.complete = complete
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        count = try reader.uint64("osr_count")
        complete = try reader.optional("osr_complete")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(count)
        writer.write(optional: complete)
    }
}

/// ALLOCATE and DEALLOCATE (RFC 7862 §15.1, §15.4): room for, or a hole in, the current file.
package struct AllocateArguments: XDRValue {
    package var stateID: StateID
    package var offset: UInt64
    package var length: UInt64

    package init(stateID: StateID, offset: UInt64, length: UInt64) {
        self.stateID = stateID
        self.offset = offset
        self.length = length
    }

    package static var bytesMin: Int { 32 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        offset = try reader.uint64("aa_offset")
        length = try reader.uint64("aa_length")
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        writer.write(offset)
        writer.write(length)
    }
}
