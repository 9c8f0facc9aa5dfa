/// A request that led to a callback: referring_call4 (RFC 8881 §20.9.1).
package struct ReferringCall: XDRValue {
    package var sequence: UInt32
    package var slot: UInt32

    package init(sequence: UInt32, slot: UInt32) {
        self.sequence = sequence
        self.slot = slot
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        sequence = try reader.uint32("rc_sequenceid")
        slot = try reader.uint32("rc_slotid")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(sequence)
        writer.write(slot)
    }
}

/// Such requests of one session: referring_call_list4 (RFC 8881 §20.9.1).
package struct ReferringCallList: XDRValue {
    package var session: SessionID
    package var calls: [ReferringCall]

    package init(session: SessionID, calls: [ReferringCall]) {
        self.session = session
        self.calls = calls
    }

    package static var bytesMin: Int { 20 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        session = try SessionID(from: &reader)
        calls = try reader.array("rcl_referring_calls", max: NFSLimits.listMax)
    }

    package func encode(to writer: inout XDRWriter) {
        session.encode(to: &writer)
        writer.write(calls)
    }
}

/// CB_SEQUENCE (RFC 8881 §20.9).
package struct CallbackSequenceArguments: XDRValue {
    package var session: SessionID
    package var sequence: UInt32
    package var slot: UInt32
    package var highestSlot: UInt32
    package var cacheReply: Bool
    package var referringCalls: [ReferringCallList]

    package init(
        session: SessionID,
        sequence: UInt32,
        slot: UInt32,
        highestSlot: UInt32,
        cacheReply: Bool,
        referringCalls: [ReferringCallList]
    ) {
        self.session = session
        self.sequence = sequence
        self.slot = slot
        self.highestSlot = highestSlot
        self.cacheReply = cacheReply
        self.referringCalls = referringCalls
    }

    package static var bytesMin: Int { 36 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        session = try SessionID(from: &reader)
        sequence = try reader.uint32("csa_sequenceid")
        slot = try reader.uint32("csa_slotid")
        highestSlot = try reader.uint32("csa_highest_slotid")
        cacheReply = try reader.bool("csa_cachethis")
        referringCalls = try reader.array("csa_referring_call_lists", max: NFSLimits.listMax)
    }

    package func encode(to writer: inout XDRWriter) {
        session.encode(to: &writer)
        writer.write(sequence)
        writer.write(slot)
        writer.write(highestSlot)
        writer.write(cacheReply)
        writer.write(referringCalls)
    }
}

/// CB_SEQUENCE4resok (RFC 8881 §20.9.2).
package struct CallbackSequenceReply: XDRValue {
    package var session: SessionID
    package var sequence: UInt32
    package var slot: UInt32
    package var highestSlot: UInt32
    package var targetHighestSlot: UInt32

    package init(
        session: SessionID,
        sequence: UInt32,
        slot: UInt32,
        highestSlot: UInt32,
        targetHighestSlot: UInt32
    ) {
        self.session = session
        self.sequence = sequence
        self.slot = slot
        self.highestSlot = highestSlot
        self.targetHighestSlot = targetHighestSlot
    }

    package static var bytesMin: Int { 32 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        session = try SessionID(from: &reader)
        sequence = try reader.uint32("csr_sequenceid")
        slot = try reader.uint32("csr_slotid")
        highestSlot = try reader.uint32("csr_highest_slotid")
        targetHighestSlot = try reader.uint32("csr_target_highest_slotid")
    }

    package func encode(to writer: inout XDRWriter) {
        session.encode(to: &writer)
        writer.write(sequence)
        writer.write(slot)
        writer.write(highestSlot)
        writer.write(targetHighestSlot)
    }
}
