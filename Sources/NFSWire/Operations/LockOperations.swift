/// nfs_lock_type4 (RFC 8881 §18.10.1).
package enum LockType: UInt32, XDREnumeration, Hashable {
    package static let name = "nfs_lock_type4"

    case read = 1
    case write = 2
    /// READW_LT: the client will come again.
    case readWaiting = 3
    /// WRITEW_LT: the client will come again.
    case writeWaiting = 4
}

/// open_to_lock_owner4 (RFC 8881 §18.10.1).
package struct NewLockOwner: XDRValue {
    package var openSequence: UInt32
    package var openStateID: StateID
    package var lockSequence: UInt32
    package var owner: StateOwner

    package init(
        openSequence: UInt32,
        openStateID: StateID,
        lockSequence: UInt32,
        owner: StateOwner
    ) {
        self.openSequence = openSequence
        self.openStateID = openStateID
        self.lockSequence = lockSequence
        self.owner = owner
    }

    package static var bytesMin: Int { 36 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        openSequence = try reader.uint32("open_seqid")
        openStateID = try StateID(from: &reader)
        lockSequence = try reader.uint32("lock_seqid")
        owner = try StateOwner(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(openSequence)
        openStateID.encode(to: &writer)
        writer.write(lockSequence)
        owner.encode(to: &writer)
    }
}

/// exist_lock_owner4 (RFC 8881 §18.10.1).
package struct ExistingLockOwner: XDRValue {
    package var stateID: StateID
    package var sequence: UInt32

    package init(stateID: StateID, sequence: UInt32) {
        self.stateID = stateID
        self.sequence = sequence
    }

    package static var bytesMin: Int { 20 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        sequence = try reader.uint32("lock_seqid")
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        writer.write(sequence)
    }
}

/// Who locks: locker4 (RFC 8881 §18.10.1).
package enum Locker: XDRValue {
    case new(NewLockOwner)
    case existing(ExistingLockOwner)

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.bool("new_lock_owner") {
        case true: self = .new(try NewLockOwner(from: &reader))
        case false: self = .existing(try ExistingLockOwner(from: &reader))
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .new(let value):
            writer.write(true)
            value.encode(to: &writer)
        case .existing(let value):
            writer.write(false)
            value.encode(to: &writer)
        }
    }
}

/// LOCK (RFC 8881 §18.10): locks bytes of the current file.
///
/// The reply is a lock state id, or `LockDenied`.
package struct LockArguments: XDRValue {
    package var type: LockType
    package var isReclaim: Bool
    package var offset: UInt64
    /// 2^64 - 1: to the end of any file.
    package var length: UInt64
    package var locker: Locker

    package init(
        type: LockType,
        isReclaim: Bool,
        offset: UInt64,
        length: UInt64,
        locker: Locker
    ) {
        self.type = type
        self.isReclaim = isReclaim
        self.offset = offset
        self.length = length
        self.locker = locker
    }

    package static var bytesMin: Int { 28 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        type = try LockType(from: &reader)
        isReclaim = try reader.bool("reclaim")
        offset = try reader.uint64("offset")
        length = try reader.uint64("length")
        locker = try Locker(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        type.encode(to: &writer)
        writer.write(isReclaim)
        writer.write(offset)
        writer.write(length)
        locker.encode(to: &writer)
    }
}

/// The lock in the way: LOCK4denied (RFC 8881 §18.10.2).
package struct LockDenied: XDRValue {
    package var offset: UInt64
    package var length: UInt64
    package var type: LockType
    package var owner: StateOwner

    package init(offset: UInt64, length: UInt64, type: LockType, owner: StateOwner) {
        self.offset = offset
        self.length = length
        self.type = type
        self.owner = owner
    }

    package static var bytesMin: Int { 32 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        offset = try reader.uint64("offset")
        length = try reader.uint64("length")
        type = try LockType(from: &reader)
        owner = try StateOwner(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(offset)
        writer.write(length)
        type.encode(to: &writer)
        owner.encode(to: &writer)
    }
}

/// LOCKT (RFC 8881 §18.11): asks whether this lock would be granted.
package struct LockTestArguments: XDRValue {
    package var type: LockType
    package var offset: UInt64
    package var length: UInt64
    package var owner: StateOwner

    package init(type: LockType, offset: UInt64, length: UInt64, owner: StateOwner) {
        self.type = type
        self.offset = offset
        self.length = length
        self.owner = owner
    }

    package static var bytesMin: Int { 32 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        type = try LockType(from: &reader)
        offset = try reader.uint64("offset")
        length = try reader.uint64("length")
        owner = try StateOwner(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        type.encode(to: &writer)
        writer.write(offset)
        writer.write(length)
        owner.encode(to: &writer)
    }
}

/// LOCKU (RFC 8881 §18.12).
///
/// The reply is the lock state id.
package struct UnlockArguments: XDRValue {
    package var type: LockType
    /// Of the lock owner in 4.0; ignored in 4.1.
    package var sequence: UInt32
    package var stateID: StateID
    package var offset: UInt64
    package var length: UInt64

    package init(
        type: LockType,
        sequence: UInt32,
        stateID: StateID,
        offset: UInt64,
        length: UInt64
    ) {
        self.type = type
        self.sequence = sequence
        self.stateID = stateID
        self.offset = offset
        self.length = length
    }

    package static var bytesMin: Int { 40 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        type = try LockType(from: &reader)
        sequence = try reader.uint32("seqid")
        stateID = try StateID(from: &reader)
        offset = try reader.uint64("offset")
        length = try reader.uint64("length")
    }

    package func encode(to writer: inout XDRWriter) {
        type.encode(to: &writer)
        writer.write(sequence)
        stateID.encode(to: &writer)
        writer.write(offset)
        writer.write(length)
    }
}
