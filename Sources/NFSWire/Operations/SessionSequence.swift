/// SEQUENCE (RFC 8881 §18.46): which request of which slot this COMPOUND is.
package struct SequenceArguments: XDRValue, Hashable {
    package var session: SessionID
    package var sequence: UInt32
    package var slot: UInt32
    package var highestSlot: UInt32
    package var cacheReply: Bool

    package init(
        session: SessionID,
        sequence: UInt32,
        slot: UInt32,
        highestSlot: UInt32,
        cacheReply: Bool
    ) {
        self.session = session
        self.sequence = sequence
        self.slot = slot
        self.highestSlot = highestSlot
        self.cacheReply = cacheReply
    }

    package static var bytesMin: Int { 32 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        session = try SessionID(from: &reader)
        sequence = try reader.uint32("sa_sequenceid")
        slot = try reader.uint32("sa_slotid")
        highestSlot = try reader.uint32("sa_highest_slotid")
        cacheReply = try reader.bool("sa_cachethis")
    }

    package func encode(to writer: inout XDRWriter) {
        session.encode(to: &writer)
        writer.write(sequence)
        writer.write(slot)
        writer.write(highestSlot)
        writer.write(cacheReply)
    }
}

/// What the client should look into: SEQ4_STATUS_* (RFC 8881 §18.46.3).
package struct SequenceStatusFlags: XDRFlags, Hashable {
    package static let name = "sr_status_flags"

    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let callbackPathDown = SequenceStatusFlags(rawValue: 0x0001)
    package static let callbackContextsExpiring = SequenceStatusFlags(rawValue: 0x0002)
    package static let callbackContextsExpired = SequenceStatusFlags(rawValue: 0x0004)
    package static let allStateRevoked = SequenceStatusFlags(rawValue: 0x0008)
    package static let someStateRevoked = SequenceStatusFlags(rawValue: 0x0010)
    package static let adminStateRevoked = SequenceStatusFlags(rawValue: 0x0020)
    package static let recallableStateRevoked = SequenceStatusFlags(rawValue: 0x0040)
    package static let leaseMoved = SequenceStatusFlags(rawValue: 0x0080)
    package static let restartReclaimNeeded = SequenceStatusFlags(rawValue: 0x0100)
    package static let callbackPathDownSession = SequenceStatusFlags(rawValue: 0x0200)
    package static let backChannelFault = SequenceStatusFlags(rawValue: 0x0400)
    package static let deviceIDChanged = SequenceStatusFlags(rawValue: 0x0800)
    package static let deviceIDDeleted = SequenceStatusFlags(rawValue: 0x1000)
}

/// SEQUENCE4resok (RFC 8881 §18.46.2).
package struct SequenceReply: XDRValue, Hashable {
    package var session: SessionID
    package var sequence: UInt32
    package var slot: UInt32
    package var highestSlot: UInt32
    package var targetHighestSlot: UInt32
    package var status: SequenceStatusFlags

    package init(
        session: SessionID,
        sequence: UInt32,
        slot: UInt32,
        highestSlot: UInt32,
        targetHighestSlot: UInt32,
        status: SequenceStatusFlags
    ) {
        self.session = session
        self.sequence = sequence
        self.slot = slot
        self.highestSlot = highestSlot
        self.targetHighestSlot = targetHighestSlot
        self.status = status
    }

    package static var bytesMin: Int { 36 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        session = try SessionID(from: &reader)
        sequence = try reader.uint32("sr_sequenceid")
        slot = try reader.uint32("sr_slotid")
        highestSlot = try reader.uint32("sr_highest_slotid")
        targetHighestSlot = try reader.uint32("sr_target_highest_slotid")
        status = try SequenceStatusFlags(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        session.encode(to: &writer)
        writer.write(sequence)
        writer.write(slot)
        writer.write(highestSlot)
        writer.write(targetHighestSlot)
        status.encode(to: &writer)
    }
}

/// SET_SSV (RFC 8881 §18.47).
///
/// The reply is a digest.
package struct SetStateSecretArguments: XDRValue {
    package var secret: [UInt8]
    package var digest: [UInt8]

    package init(secret: [UInt8], digest: [UInt8]) {
        self.secret = secret
        self.digest = digest
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        secret = try reader.opaque("ssa_ssv", max: NFSLimits.bodyBytesMax)
        digest = try reader.opaque("ssa_digest", max: NFSLimits.bodyBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(opaque: secret)
        writer.write(opaque: digest)
    }
}

/// TEST_STATEID (RFC 8881 §18.48).
package struct TestStateIDsArguments: XDRValue {
    package var stateIDs: [StateID]

    package init(stateIDs: [StateID]) {
        self.stateIDs = stateIDs
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateIDs = try reader.array("ts_stateids", max: NFSLimits.stateIDsMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(stateIDs)
    }
}

/// The status of each.
package struct TestStateIDsReply: XDRValue {
    package var statuses: [NFSStatus]

    package init(statuses: [NFSStatus]) {
        self.statuses = statuses
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        statuses = try reader.array("tsr_status_codes", max: NFSLimits.stateIDsMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(statuses)
    }
}

/// RECLAIM_COMPLETE (RFC 8881 §18.51): the client has reclaimed all it had.
package struct ReclaimCompleteArguments: XDRValue {
    /// Only of the current file system, after a migration.
    package var oneFileSystem: Bool

    package init(oneFileSystem: Bool) {
        self.oneFileSystem = oneFileSystem
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        oneFileSystem = try reader.bool("rca_one_fs")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(oneFileSystem)
    }
}
