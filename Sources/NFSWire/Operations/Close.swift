/// CLOSE (RFC 8881 §18.2, RFC 7530 §16.2): ends an open.
///
/// The reply is a state id, of no use in 4.1.
package struct CloseArguments: XDRValue {
    /// Of the open owner in 4.0; ignored in 4.1.
    package var sequence: UInt32
    package var stateID: StateID

    package init(sequence: UInt32, stateID: StateID) {
        self.sequence = sequence
        self.stateID = stateID
    }

    package static var bytesMin: Int { 20 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        sequence = try reader.uint32("seqid")
        stateID = try StateID(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(sequence)
        stateID.encode(to: &writer)
    }
}

/// OPEN_DOWNGRADE (RFC 8881 §18.18): gives up some of an open's access and denial.
package struct OpenDowngradeArguments: XDRValue {
    package var stateID: StateID
    /// Of the open owner in 4.0; ignored in 4.1.
    package var sequence: UInt32
    package var access: ShareAccess
    package var deny: ShareDeny

    package init(
        stateID: StateID,
        sequence: UInt32,
        access: ShareAccess,
        deny: ShareDeny
    ) {
        self.stateID = stateID
        self.sequence = sequence
        self.access = access
        self.deny = deny
    }

    package static var bytesMin: Int { 28 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        sequence = try reader.uint32("seqid")
        access = try ShareAccess(from: &reader)
        deny = try ShareDeny(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        writer.write(sequence)
        access.encode(to: &writer)
        deny.encode(to: &writer)
    }
}

/// OPEN_CONFIRM (RFC 7530 §16.18): the first open of an owner is meant; 4.0 alone.
package struct OpenConfirmArguments: XDRValue {
    package var stateID: StateID
    package var sequence: UInt32

    package init(stateID: StateID, sequence: UInt32) {
        self.stateID = stateID
        self.sequence = sequence
    }

    package static var bytesMin: Int { 20 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        sequence = try reader.uint32("seqid")
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        writer.write(sequence)
    }
}
