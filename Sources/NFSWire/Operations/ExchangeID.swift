/// EXCHGID4_FLAG_* (RFC 8881 §18.35.1, RFC 7862 §14.1).
package struct ExchangeIDFlags: XDRFlags, Hashable {
    package static let name = "eia_flags"

    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let supportsMovedReferral = ExchangeIDFlags(rawValue: 0x0000_0001)
    package static let supportsMovedMigration = ExchangeIDFlags(rawValue: 0x0000_0002)
    package static let supportsFenceOperations = ExchangeIDFlags(rawValue: 0x0000_0004)
    package static let bindPrincipalToStateID = ExchangeIDFlags(rawValue: 0x0000_0100)
    package static let useNonPNFS = ExchangeIDFlags(rawValue: 0x0001_0000)
    package static let usePNFSMetadata = ExchangeIDFlags(rawValue: 0x0002_0000)
    package static let usePNFSData = ExchangeIDFlags(rawValue: 0x0004_0000)
    /// In arguments alone.
    package static let updateConfirmedRecord = ExchangeIDFlags(rawValue: 0x4000_0000)
    /// In replies alone.
    package static let confirmed = ExchangeIDFlags(rawValue: 0x8000_0000)
}

/// EXCHANGE_ID (RFC 8881 §18.35): a client introduces itself.
package struct ExchangeIDArguments: XDRValue {
    package var owner: ClientOwner
    package var flags: ExchangeIDFlags
    package var protection: StateProtectRequest
    package var implementation: ImplementationID?

    package init(
        owner: ClientOwner,
        flags: ExchangeIDFlags,
        protection: StateProtectRequest,
        implementation: ImplementationID?
    ) {
        self.owner = owner
        self.flags = flags
        self.protection = protection
        self.implementation = implementation
    }

    package static var bytesMin: Int { 24 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        owner = try ClientOwner(from: &reader)
        flags = try ExchangeIDFlags(from: &reader)
        protection = try StateProtectRequest(from: &reader)
        implementation = try reader.optional("eia_client_impl_id")
    }

    package func encode(to writer: inout XDRWriter) {
        owner.encode(to: &writer)
        flags.encode(to: &writer)
        protection.encode(to: &writer)
        writer.write(optional: implementation)
    }
}

/// The client id, and who the server is (RFC 8881 §18.35.2).
package struct ExchangeIDReply: XDRValue {
    package var client: ClientID
    /// What CREATE_SESSION sends.
    package var sequence: UInt32
    package var flags: ExchangeIDFlags
    package var protection: StateProtectGrant
    package var serverOwner: ServerOwner
    package var serverScope: [UInt8]
    package var implementation: ImplementationID?

    package init(
        client: ClientID,
        sequence: UInt32,
        flags: ExchangeIDFlags,
        protection: StateProtectGrant,
        serverOwner: ServerOwner,
        serverScope: [UInt8],
        implementation: ImplementationID?
    ) {
        self.client = client
        self.sequence = sequence
        self.flags = flags
        self.protection = protection
        self.serverOwner = serverOwner
        self.serverScope = serverScope
        self.implementation = implementation
    }

    package static var bytesMin: Int { 40 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        client = try ClientID(from: &reader)
        sequence = try reader.uint32("eir_sequenceid")
        flags = try ExchangeIDFlags(from: &reader)
        protection = try StateProtectGrant(from: &reader)
        serverOwner = try ServerOwner(from: &reader)
        serverScope = try reader.opaque("eir_server_scope", max: NFSLimits.opaqueBytesMax)
        implementation = try reader.optional("eir_server_impl_id")
    }

    package func encode(to writer: inout XDRWriter) {
        client.encode(to: &writer)
        writer.write(sequence)
        flags.encode(to: &writer)
        protection.encode(to: &writer)
        serverOwner.encode(to: &writer)
        writer.write(opaque: serverScope)
        writer.write(optional: implementation)
    }
}
