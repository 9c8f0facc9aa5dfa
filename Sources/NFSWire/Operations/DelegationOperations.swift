/// nfs_modified_limit4 (RFC 8881 §18.16.2).
package struct ModifiedLimit: XDRValue {
    package var blocks: UInt32
    package var bytesPerBlock: UInt32

    package init(blocks: UInt32, bytesPerBlock: UInt32) {
        self.blocks = blocks
        self.bytesPerBlock = bytesPerBlock
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        blocks = try reader.uint32("num_blocks")
        bytesPerBlock = try reader.uint32("bytes_per_block")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(blocks)
        writer.write(bytesPerBlock)
    }
}

/// How much a client may hold back: nfs_space_limit4 (RFC 8881 §18.16.2).
package enum SpaceLimit: XDRValue {
    case fileSize(UInt64)
    case blocks(ModifiedLimit)

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("limit_by4") {
        case 1: self = .fileSize(try reader.uint64("filesize"))
        case 2: self = .blocks(try ModifiedLimit(from: &reader))
        default: throw XDRError(.badValue, "limit_by4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .fileSize(let value):
            writer.write(UInt32(1))
            writer.write(value)
        case .blocks(let value):
            writer.write(UInt32(2))
            value.encode(to: &writer)
        }
    }
}

/// open_read_delegation4 (RFC 8881 §18.16.2).
package struct ReadDelegation: XDRValue {
    package var stateID: StateID
    package var isRecalled: Bool
    package var permissions: AccessControlEntry

    package init(stateID: StateID, isRecalled: Bool, permissions: AccessControlEntry) {
        self.stateID = stateID
        self.isRecalled = isRecalled
        self.permissions = permissions
    }

    package static var bytesMin: Int { 36 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        isRecalled = try reader.bool("recall")
        permissions = try AccessControlEntry(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        writer.write(isRecalled)
        permissions.encode(to: &writer)
    }
}

/// open_write_delegation4 (RFC 8881 §18.16.2).
package struct WriteDelegation: XDRValue {
    package var stateID: StateID
    package var isRecalled: Bool
    package var limit: SpaceLimit
    package var permissions: AccessControlEntry

    package init(
        stateID: StateID,
        isRecalled: Bool,
        limit: SpaceLimit,
        permissions: AccessControlEntry
    ) {
        self.stateID = stateID
        self.isRecalled = isRecalled
        self.limit = limit
        self.permissions = permissions
    }

    package static var bytesMin: Int { 40 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        isRecalled = try reader.bool("recall")
        limit = try SpaceLimit(from: &reader)
        permissions = try AccessControlEntry(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        writer.write(isRecalled)
        limit.encode(to: &writer)
        permissions.encode(to: &writer)
    }
}

/// Why there is no delegation: open_none_delegation4 (RFC 8881 §18.16.2).
package enum NoDelegation: XDRValue {
    case notWanted
    /// Whether the server will push one.
    case contention(Bool)
    /// Whether the server will say when it can.
    case resource(Bool)
    case fileType
    case writeFileType
    case upgrade
    case downgrade
    case cancelled
    case isDirectory

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("why_no_delegation4") {
        case 0: self = .notWanted
        case 1: self = .contention(try reader.bool("ond_server_will_push_deleg"))
        case 2: self = .resource(try reader.bool("ond_server_will_signal_avail"))
        case 3: self = .fileType
        case 4: self = .writeFileType
        case 5: self = .upgrade
        case 6: self = .downgrade
        case 7: self = .cancelled
        case 8: self = .isDirectory
        default: throw XDRError(.badValue, "why_no_delegation4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .notWanted:
            writer.write(UInt32(0))
        case .contention(let value):
            writer.write(UInt32(1))
            writer.write(value)
        case .resource(let value):
            writer.write(UInt32(2))
            writer.write(value)
        case .fileType:
            writer.write(UInt32(3))
        case .writeFileType:
            writer.write(UInt32(4))
        case .upgrade:
            writer.write(UInt32(5))
        case .downgrade:
            writer.write(UInt32(6))
        case .cancelled:
            writer.write(UInt32(7))
        case .isDirectory:
            writer.write(UInt32(8))
        }
    }
}

/// What delegation an open brought: open_delegation4 (RFC 8881 §18.16.2).
package indirect enum OpenDelegation: XDRValue {
    case none
    case read(ReadDelegation)
    case write(WriteDelegation)
    /// Since 4.1.
    case noneExtended(NoDelegation)

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("open_delegation_type4") {
        case 0: self = .none
        case 1: self = .read(try ReadDelegation(from: &reader))
        case 2: self = .write(try WriteDelegation(from: &reader))
        case 3: self = .noneExtended(try NoDelegation(from: &reader))
        default: throw XDRError(.badValue, "open_delegation_type4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .none:
            writer.write(UInt32(0))
        case .read(let value):
            writer.write(UInt32(1))
            value.encode(to: &writer)
        case .write(let value):
            writer.write(UInt32(2))
            value.encode(to: &writer)
        case .noneExtended(let value):
            writer.write(UInt32(3))
            value.encode(to: &writer)
        }
    }
}

/// By which right WANT_DELEGATION asks: deleg_claim4 (RFC 8881 §18.49.1).
package enum DelegationClaim: XDRValue {
    case previous(OpenDelegationType)
    case fileHandle
    case delegatePreviousFileHandle

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("open_claim_type4") {
        case 1: self = .previous(try OpenDelegationType(from: &reader))
        case 4: self = .fileHandle
        case 6: self = .delegatePreviousFileHandle
        default: throw XDRError(.badValue, "open_claim_type4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .previous(let value):
            writer.write(UInt32(1))
            value.encode(to: &writer)
        case .fileHandle:
            writer.write(UInt32(4))
        case .delegatePreviousFileHandle:
            writer.write(UInt32(6))
        }
    }
}

/// WANT_DELEGATION (RFC 8881 §18.49).
///
/// The reply is an `OpenDelegation`.
package struct WantDelegationArguments: XDRValue {
    package var want: UInt32
    package var claim: DelegationClaim

    package init(want: UInt32, claim: DelegationClaim) {
        self.want = want
        self.claim = claim
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        want = try reader.uint32("wda_want")
        claim = try DelegationClaim(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(want)
        claim.encode(to: &writer)
    }
}

/// GET_DIR_DELEGATION (RFC 8881 §18.39).
package struct GetDirectoryDelegationArguments: XDRValue {
    package var signalWhenAvailable: Bool
    package var notificationTypes: Bitmap
    package var childAttributeDelay: NFSTime
    package var directoryAttributeDelay: NFSTime
    package var childAttributes: Bitmap
    package var directoryAttributes: Bitmap

    package init(
        signalWhenAvailable: Bool,
        notificationTypes: Bitmap,
        childAttributeDelay: NFSTime,
        directoryAttributeDelay: NFSTime,
        childAttributes: Bitmap,
        directoryAttributes: Bitmap
    ) {
        self.signalWhenAvailable = signalWhenAvailable
        self.notificationTypes = notificationTypes
        self.childAttributeDelay = childAttributeDelay
        self.directoryAttributeDelay = directoryAttributeDelay
        self.childAttributes = childAttributes
        self.directoryAttributes = directoryAttributes
    }

    package static var bytesMin: Int { 40 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        signalWhenAvailable = try reader.bool("gdda_signal_deleg_avail")
        notificationTypes = try Bitmap(from: &reader)
        childAttributeDelay = try NFSTime(from: &reader)
        directoryAttributeDelay = try NFSTime(from: &reader)
        childAttributes = try Bitmap(from: &reader)
        directoryAttributes = try Bitmap(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(signalWhenAvailable)
        notificationTypes.encode(to: &writer)
        childAttributeDelay.encode(to: &writer)
        directoryAttributeDelay.encode(to: &writer)
        childAttributes.encode(to: &writer)
        directoryAttributes.encode(to: &writer)
    }
}

/// GET_DIR_DELEGATION4resok (RFC 8881 §18.39.2).
package struct DirectoryDelegation: XDRValue {
    package var verifier: Verifier
    package var stateID: StateID
    package var notificationTypes: Bitmap
    package var childAttributes: Bitmap
    package var directoryAttributes: Bitmap

    package init(
        verifier: Verifier,
        stateID: StateID,
        notificationTypes: Bitmap,
        childAttributes: Bitmap,
        directoryAttributes: Bitmap
    ) {
        self.verifier = verifier
        self.stateID = stateID
        self.notificationTypes = notificationTypes
        self.childAttributes = childAttributes
        self.directoryAttributes = directoryAttributes
    }

    package static var bytesMin: Int { 36 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        verifier = try Verifier(from: &reader)
        stateID = try StateID(from: &reader)
        notificationTypes = try Bitmap(from: &reader)
        childAttributes = try Bitmap(from: &reader)
        directoryAttributes = try Bitmap(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        verifier.encode(to: &writer)
        stateID.encode(to: &writer)
        notificationTypes.encode(to: &writer)
        childAttributes.encode(to: &writer)
        directoryAttributes.encode(to: &writer)
    }
}

/// A delegation, or that there is none for now (RFC 8881 §18.39.2).
package enum GetDirectoryDelegationReply: XDRValue {
    case granted(DirectoryDelegation)
    /// Whether the server will say when it can.
    case unavailable(Bool)

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("gddrnf4_status") {
        case 0: self = .granted(try DirectoryDelegation(from: &reader))
        case 1: self = .unavailable(try reader.bool("gddrnf_will_signal_deleg_avail"))
        default: throw XDRError(.badValue, "gddrnf4_status", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .granted(let value):
            writer.write(UInt32(0))
            value.encode(to: &writer)
        case .unavailable(let value):
            writer.write(UInt32(1))
            writer.write(value)
        }
    }
}
