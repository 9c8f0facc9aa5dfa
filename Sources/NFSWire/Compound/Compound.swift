/// A whole COMPOUND as a client sends it: COMPOUND4args (RFC 8881 §16.2).
///
/// A server reads it with `CompoundReader`.
package struct Compound: Sendable, Equatable {
    /// For people who watch the network.
    package var tag: [UInt8]
    package var version: MinorVersion
    package var operations: [OperationArguments]

    package init(
        tag: [UInt8] = [],
        version: MinorVersion,
        operations: [OperationArguments]
    ) {
        self.tag = tag
        self.version = version
        self.operations = operations
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(opaque: tag)
        writer.write(version.rawValue)
        writer.write(UInt32(operations.count))
        for operation in operations {
            operation.encode(to: &writer)
        }
    }
}

/// A whole reply as a client reads it: COMPOUND4res (RFC 8881 §16.2).
///
/// A server writes it with `CompoundReplyWriter`.
package struct CompoundReply: XDRValue {
    /// Of the last result.
    package var status: NFSStatus
    package var tag: [UInt8]
    package var results: [OperationReply]

    package init(status: NFSStatus, tag: [UInt8] = [], results: [OperationReply]) {
        self.status = status
        self.tag = tag
        self.results = results
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        status = try NFSStatus(from: &reader)
        tag = try reader.opaque("COMPOUND4res.tag", max: NFSLimits.tagBytesMax)
        results = try reader.array("COMPOUND4res.resarray", max: NFSLimits.operationsMax)
    }

    package func encode(to writer: inout XDRWriter) {
        status.encode(to: &writer)
        writer.write(opaque: tag)
        writer.write(results)
    }
}
