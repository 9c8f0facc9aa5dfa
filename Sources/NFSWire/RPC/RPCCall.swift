/// The head of a call; its arguments follow (RFC 5531 §9).
package struct RPCCall: Sendable, Hashable {
    /// Chosen by the caller, echoed in the reply.
    package var transaction: UInt32
    package var program: UInt32
    package var version: UInt32
    package var procedure: UInt32
    package var credential: RPCCredential

    /// RPC's own version.
    package static let rpcVersion: UInt32 = 2

    package init(
        transaction: UInt32,
        program: UInt32,
        version: UInt32,
        procedure: UInt32,
        credential: RPCCredential
    ) {
        self.transaction = transaction
        self.program = program
        self.version = version
        self.procedure = procedure
        self.credential = credential
    }

    /// Writes the head; the arguments come next.
    package func encode(to writer: inout XDRWriter) {
        writer.write(transaction)
        writer.write(RPCMessage.callType)
        writer.write(Self.rpcVersion)
        writer.write(program)
        writer.write(version)
        writer.write(procedure)
        credential.encode(to: &writer)
        RPCCredential.none.encode(to: &writer)
    }

    /// Reads what follows the message's type and RPC's version.
    init(transaction: UInt32, from reader: inout XDRReader) throws(XDRError) {
        self.transaction = transaction
        program = try reader.uint32("call_body.prog")
        version = try reader.uint32("call_body.vers")
        procedure = try reader.uint32("call_body.proc")
        credential = try RPCCredential(from: &reader)
        // The verifier: with AUTH_NONE and AUTH_SYS it says nothing.
        _ = try reader.uint32("call_body.verf")
        _ = try reader.opaque("call_body.verf", max: NFSLimits.authBodyBytesMax)
    }
}

/// Numbers of the NFSv4 program and of its callbacks (RFC 8881 §2.2, §20).
package enum NFSProgram {
    package static let number: UInt32 = 100_003
    package static let version: UInt32 = 4
    /// NFSPROC4_NULL and CB_NULL.
    package static let null: UInt32 = 0
    /// NFSPROC4_COMPOUND and CB_COMPOUND.
    package static let compound: UInt32 = 1
    /// The version of the callback program, whose number the client chooses.
    package static let callbackVersion: UInt32 = 1
}
