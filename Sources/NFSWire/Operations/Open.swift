/// What an open is for, and which delegation the client would like (RFC 8881 §18.16.1).
package struct ShareAccess: XDRFlags, Hashable {
    package static let name = "share_access"

    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let read = ShareAccess(rawValue: 0x0000_0001)
    package static let write = ShareAccess(rawValue: 0x0000_0002)
    package static let wantSignalWhenAvailable = ShareAccess(rawValue: 0x0001_0000)
    package static let wantPushWhenUncontended = ShareAccess(rawValue: 0x0002_0000)

    package static let both: ShareAccess = [.read, .write]

    /// The access alone, 0 to 3.
    package var access: ShareAccess { intersection(.both) }

    /// OPEN4_SHARE_ACCESS_WANT_*: 0 no preference, 1 read, 2 write, 3 any, 4 none, 5 cancel.
    package var wantedDelegation: UInt32 { rawValue >> 8 & 0xFF }
}

/// What an open denies to others (RFC 8881 §18.16.1).
package struct ShareDeny: XDRFlags, Hashable {
    package static let name = "share_deny"

    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let read = ShareDeny(rawValue: 1)
    package static let write = ShareDeny(rawValue: 2)
}

/// open_delegation_type4 (RFC 8881 §18.16.1).
package enum OpenDelegationType: UInt32, XDREnumeration, Hashable {
    package static let name = "open_delegation_type4"

    case none = 0
    case read = 1
    case write = 2
    /// OPEN_DELEGATE_NONE_EXT, since 4.1.
    case noneExtended = 3
}

/// EXCLUSIVE4_1: a verifier and attributes: creatverfattr (RFC 8881 §18.16.1).
package struct CreateVerifierAttributes: XDRValue {
    package var verifier: Verifier
    package var attributes: FileAttributes

    package init(verifier: Verifier, attributes: FileAttributes) {
        self.verifier = verifier
        self.attributes = attributes
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        verifier = try Verifier(from: &reader)
        attributes = try FileAttributes(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        verifier.encode(to: &writer)
        attributes.encode(to: &writer)
    }
}

/// How OPEN creates: createhow4 (RFC 8881 §18.16.1).
package enum OpenCreation: XDRValue {
    /// An existing file is opened.
    case unchecked(FileAttributes)
    /// An existing file is an error.
    case guarded(FileAttributes)
    /// An existing file is an error unless it was made with this verifier.
    case exclusive(Verifier)
    /// The same with attributes, since 4.1.
    case exclusiveWithAttributes(CreateVerifierAttributes)

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("createmode4") {
        case 0: self = .unchecked(try FileAttributes(from: &reader))
        case 1: self = .guarded(try FileAttributes(from: &reader))
        case 2: self = .exclusive(try Verifier(from: &reader))
        case 3: self = .exclusiveWithAttributes(try CreateVerifierAttributes(from: &reader))
        default: throw XDRError(.badValue, "createmode4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .unchecked(let value):
            writer.write(UInt32(0))
            value.encode(to: &writer)
        case .guarded(let value):
            writer.write(UInt32(1))
            value.encode(to: &writer)
        case .exclusive(let value):
            writer.write(UInt32(2))
            value.encode(to: &writer)
        case .exclusiveWithAttributes(let value):
            writer.write(UInt32(3))
            value.encode(to: &writer)
        }
    }
}

/// A delegation and a name: open_claim_delegate_cur4 (RFC 8881 §18.16.1).
package struct DelegateCurrentClaim: XDRValue {
    package var stateID: StateID
    package var name: [UInt8]

    package init(stateID: StateID, name: [UInt8]) {
        self.stateID = stateID
        self.name = name
    }

    package static var bytesMin: Int { 20 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        name = try reader.opaque("file", max: NFSLimits.nameBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        writer.write(opaque: name)
    }
}

/// By which right, and on what, OPEN works: open_claim4 (RFC 8881 §18.16.1).
package enum OpenClaim: XDRValue {
    /// CLAIM_NULL: a name in the current directory.
    case name([UInt8])
    /// CLAIM_PREVIOUS: reclaims an open of before the server restarted, on the current file.
    case previous(OpenDelegationType)
    /// CLAIM_DELEGATE_CUR.
    case delegateCurrent(DelegateCurrentClaim)
    /// CLAIM_DELEGATE_PREV.
    case delegatePrevious([UInt8])
    /// CLAIM_FH: the current file, since 4.1.
    case fileHandle
    /// CLAIM_DELEG_CUR_FH, since 4.1.
    case delegateCurrentFileHandle(StateID)
    /// CLAIM_DELEG_PREV_FH, since 4.1.
    case delegatePreviousFileHandle

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("open_claim_type4") {
        case 0: self = .name(try reader.opaque("file", max: NFSLimits.nameBytesMax))
        case 1: self = .previous(try OpenDelegationType(from: &reader))
        case 2: self = .delegateCurrent(try DelegateCurrentClaim(from: &reader))
        case 3:
            self = .delegatePrevious(
                try reader.opaque("file_delegate_prev", max: NFSLimits.nameBytesMax)
            )
        case 4: self = .fileHandle
        case 5: self = .delegateCurrentFileHandle(try StateID(from: &reader))
        case 6: self = .delegatePreviousFileHandle
        default: throw XDRError(.badValue, "open_claim_type4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .name(let value):
            writer.write(UInt32(0))
            writer.write(opaque: value)
        case .previous(let value):
            writer.write(UInt32(1))
            value.encode(to: &writer)
        case .delegateCurrent(let value):
            writer.write(UInt32(2))
            value.encode(to: &writer)
        case .delegatePrevious(let value):
            writer.write(UInt32(3))
            writer.write(opaque: value)
        case .fileHandle:
            writer.write(UInt32(4))
        case .delegateCurrentFileHandle(let value):
            writer.write(UInt32(5))
            value.encode(to: &writer)
        case .delegatePreviousFileHandle:
            writer.write(UInt32(6))
        }
    }
}

/// OPEN (RFC 8881 §18.16): opens, and maybe creates, a regular file.
package struct OpenArguments: XDRValue {
    /// Of the open owner in 4.0; ignored in 4.1.
    package var sequence: UInt32
    package var access: ShareAccess
    package var deny: ShareDeny
    package var owner: StateOwner
    /// `nil` for OPEN4_NOCREATE.
    package var creation: OpenCreation?
    package var claim: OpenClaim

    package init(
        sequence: UInt32,
        access: ShareAccess,
        deny: ShareDeny,
        owner: StateOwner,
        creation: OpenCreation?,
        claim: OpenClaim
    ) {
        self.sequence = sequence
        self.access = access
        self.deny = deny
        self.owner = owner
        self.creation = creation
        self.claim = claim
    }

    package static var bytesMin: Int { 32 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        sequence = try reader.uint32("seqid")
        access = try ShareAccess(from: &reader)
        deny = try ShareDeny(from: &reader)
        owner = try StateOwner(from: &reader)
        creation = try reader.optional("openhow")
        claim = try OpenClaim(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(sequence)
        access.encode(to: &writer)
        deny.encode(to: &writer)
        owner.encode(to: &writer)
        writer.write(optional: creation)
        claim.encode(to: &writer)
    }
}

/// What the client learns of an open (RFC 8881 §18.16.2).
package struct OpenFlags: XDRFlags, Hashable {
    package static let name = "rflags"

    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// OPEN_CONFIRM must follow, 4.0 alone.
    package static let confirm = OpenFlags(rawValue: 0x02)
    package static let lockTypePOSIX = OpenFlags(rawValue: 0x04)
    package static let preserveUnlinked = OpenFlags(rawValue: 0x08)
    package static let mayNotifyLock = OpenFlags(rawValue: 0x20)
}

/// An open (RFC 8881 §18.16.2).
package struct OpenReply: XDRValue {
    package var stateID: StateID
    package var change: ChangeInfo
    package var flags: OpenFlags
    package var attributesSet: Bitmap
    package var delegation: OpenDelegation

    package init(
        stateID: StateID,
        change: ChangeInfo,
        flags: OpenFlags,
        attributesSet: Bitmap,
        delegation: OpenDelegation
    ) {
        self.stateID = stateID
        self.change = change
        self.flags = flags
        self.attributesSet = attributesSet
        self.delegation = delegation
    }

    package static var bytesMin: Int { 48 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        change = try ChangeInfo(from: &reader)
        flags = try OpenFlags(from: &reader)
        attributesSet = try Bitmap(from: &reader)
        delegation = try OpenDelegation(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        change.encode(to: &writer)
        flags.encode(to: &writer)
        attributesSet.encode(to: &writer)
        delegation.encode(to: &writer)
    }
}
