/// A CB_COMPOUND as the server sends it: CB_COMPOUND4args (RFC 8881 §20, §16.2).
package struct CallbackCompound: Sendable, Equatable {
    /// For people who watch the network.
    package var tag: [UInt8]
    package var version: MinorVersion
    /// What SETCLIENTID gave, in NFSv4.0; 0 later.
    package var callbackIdentifier: UInt32
    package var operations: [CallbackArguments]

    package init(
        tag: [UInt8] = [],
        version: MinorVersion,
        callbackIdentifier: UInt32 = 0,
        operations: [CallbackArguments]
    ) {
        self.tag = tag
        self.version = version
        self.callbackIdentifier = callbackIdentifier
        self.operations = operations
    }

    /// Reads it whole, up to an illegal operation: a client's side.
    package init(from reader: inout XDRReader) throws(XDRError) {
        tag = try reader.opaque("CB_COMPOUND4args.tag", max: NFSLimits.tagBytesMax)
        let minor = try reader.uint32("CB_COMPOUND4args.minorversion")
        guard let version = MinorVersion(rawValue: minor) else {
            throw XDRError(.badValue, "CB_COMPOUND4args.minorversion", at: reader.offset - 4)
        }
        self.version = version
        callbackIdentifier = try reader.uint32("CB_COMPOUND4args.callback_ident")
        let count = try reader.count(
            "CB_COMPOUND4args.argarray",
            max: NFSLimits.operationsMax,
            bytesEach: 4
        )
        operations = []
        for _ in 0..<count {
            let operation = try CallbackArguments(from: &reader, in: version)
            operations.append(operation)
            if case .illegal = operation { break }
        }
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(opaque: tag)
        writer.write(version.rawValue)
        writer.write(callbackIdentifier)
        writer.write(UInt32(operations.count))
        for operation in operations {
            operation.encode(to: &writer)
        }
    }
}

/// What the client answers: CB_COMPOUND4res (RFC 8881 §20).
package struct CallbackCompoundReply: XDRValue {
    /// Of the last result.
    package var status: NFSStatus
    package var tag: [UInt8]
    package var results: [CallbackReply]

    package init(status: NFSStatus, tag: [UInt8] = [], results: [CallbackReply]) {
        self.status = status
        self.tag = tag
        self.results = results
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        status = try NFSStatus(from: &reader)
        tag = try reader.opaque("CB_COMPOUND4res.tag", max: NFSLimits.tagBytesMax)
        results = try reader.array("CB_COMPOUND4res.resarray", max: NFSLimits.operationsMax)
    }

    package func encode(to writer: inout XDRWriter) {
        status.encode(to: &writer)
        writer.write(opaque: tag)
        writer.write(results)
    }
}
