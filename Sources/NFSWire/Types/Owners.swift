/// A transport and an address in universal form: netaddr4 (RFC 8881 §3.3.9).
package struct NetworkAddress: XDRValue, Hashable {
    /// `tcp` or `tcp6`.
    package var networkID: [UInt8]
    /// `h1.h2.h3.h4.p1.p2` (RFC 5665 §5.2.3.3).
    package var address: [UInt8]

    package init(networkID: [UInt8], address: [UInt8]) {
        self.networkID = networkID
        self.address = address
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        networkID = try reader.opaque("na_r_netid", max: NFSLimits.addressBytesMax)
        address = try reader.opaque("na_r_addr", max: NFSLimits.addressBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(opaque: networkID)
        writer.write(opaque: address)
    }
}

/// Who a client is, by its own account: client_owner4 (RFC 8881 §2.4), and nfs_client_id4 of NFSv4.0 (RFC 7530 §9.1.1), which
/// is the same on the wire.
package struct ClientOwner: XDRValue, Hashable {
    /// Changes when the client restarts.
    package var verifier: Verifier
    /// Stays.
    package var owner: [UInt8]

    package init(verifier: Verifier, owner: [UInt8]) {
        self.verifier = verifier
        self.owner = owner
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        verifier = try Verifier(from: &reader)
        owner = try reader.opaque("co_ownerid", max: NFSLimits.opaqueBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        verifier.encode(to: &writer)
        writer.write(opaque: owner)
    }
}

/// Who a server is, for trunking: server_owner4 (RFC 8881 §2.5).
package struct ServerOwner: XDRValue, Hashable {
    package var minorID: UInt64
    package var majorID: [UInt8]

    package init(minorID: UInt64, majorID: [UInt8]) {
        self.minorID = minorID
        self.majorID = majorID
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        minorID = try reader.uint64("so_minor_id")
        majorID = try reader.opaque("so_major_id", max: NFSLimits.opaqueBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(minorID)
        writer.write(opaque: majorID)
    }
}

/// Who holds an open or a lock: state_owner4, open_owner4, lock_owner4 (RFC 8881 §3.3.12).
package struct StateOwner: XDRValue, Hashable {
    /// Ignored by 4.1 servers, which know the session's client.
    package var client: ClientID
    package var owner: [UInt8]

    package init(client: ClientID, owner: [UInt8]) {
        self.client = client
        self.owner = owner
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        client = try ClientID(from: &reader)
        owner = try reader.opaque("owner", max: NFSLimits.opaqueBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        client.encode(to: &writer)
        writer.write(opaque: owner)
    }
}

/// Who wrote an implementation: nfs_impl_id4 (RFC 8881 §3.3.4).
package struct ImplementationID: XDRValue, Hashable {
    package var domain: [UInt8]
    package var name: [UInt8]
    package var date: NFSTime

    package init(domain: [UInt8], name: [UInt8], date: NFSTime) {
        self.domain = domain
        self.name = name
        self.date = date
    }

    package static var bytesMin: Int { 20 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        domain = try reader.opaque("nii_domain", max: NFSLimits.nameBytesMax)
        name = try reader.opaque("nii_name", max: NFSLimits.nameBytesMax)
        date = try NFSTime(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(opaque: domain)
        writer.write(opaque: name)
        date.encode(to: &writer)
    }
}

/// Where an NFSv4.0 client listens for callbacks: cb_client4 (RFC 7530 §2.2.11).
package struct CallbackClient: XDRValue, Hashable {
    package var program: UInt32
    package var location: NetworkAddress

    package init(program: UInt32, location: NetworkAddress) {
        self.program = program
        self.location = location
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        program = try reader.uint32("cb_program")
        location = try NetworkAddress(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(program)
        location.encode(to: &writer)
    }
}
