/// CB_GETATTR (RFC 8881 §20.1).
package struct CallbackGetAttributesArguments: XDRValue {
    package var file: NFSFileHandle
    package var attributes: Bitmap

    package init(file: NFSFileHandle, attributes: Bitmap) {
        self.file = file
        self.attributes = attributes
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        file = try NFSFileHandle(from: &reader)
        attributes = try Bitmap(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        file.encode(to: &writer)
        attributes.encode(to: &writer)
    }
}

/// CB_RECALL (RFC 8881 §20.2): give a delegation back.
package struct CallbackRecallArguments: XDRValue {
    package var stateID: StateID
    package var truncate: Bool
    package var file: NFSFileHandle

    package init(stateID: StateID, truncate: Bool, file: NFSFileHandle) {
        self.stateID = stateID
        self.truncate = truncate
        self.file = file
    }

    package static var bytesMin: Int { 24 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        truncate = try reader.bool("truncate")
        file = try NFSFileHandle(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        writer.write(truncate)
        file.encode(to: &writer)
    }
}

/// A kind of change and its description, which stays bytes: notify4 (RFC 8881 §20.4.1).
package struct Notification: XDRValue {
    package var mask: Bitmap
    package var values: [UInt8]

    package init(mask: Bitmap, values: [UInt8]) {
        self.mask = mask
        self.values = values
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        mask = try Bitmap(from: &reader)
        values = try reader.opaque("notify_vals", max: NFSLimits.bodyBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        mask.encode(to: &writer)
        writer.write(opaque: values)
    }
}

/// CB_NOTIFY (RFC 8881 §20.4).
package struct CallbackNotifyArguments: XDRValue {
    package var stateID: StateID
    package var file: NFSFileHandle
    package var changes: [Notification]

    package init(stateID: StateID, file: NFSFileHandle, changes: [Notification]) {
        self.stateID = stateID
        self.file = file
        self.changes = changes
    }

    package static var bytesMin: Int { 24 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        file = try NFSFileHandle(from: &reader)
        changes = try reader.array("cna_changes", max: NFSLimits.listMax)
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        file.encode(to: &writer)
        writer.write(changes)
    }
}

/// CB_PUSH_DELEG (RFC 8881 §20.5).
package struct CallbackPushDelegationArguments: XDRValue {
    package var file: NFSFileHandle
    package var delegation: OpenDelegation

    package init(file: NFSFileHandle, delegation: OpenDelegation) {
        self.file = file
        self.delegation = delegation
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        file = try NFSFileHandle(from: &reader)
        delegation = try OpenDelegation(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        file.encode(to: &writer)
        delegation.encode(to: &writer)
    }
}

/// CB_RECALL_ANY and CB_RECALLABLE_OBJ_AVAIL (RFC 8881 §20.6, §20.7), which take the same.
package struct CallbackRecallAnyArguments: XDRValue {
    package var objectsToKeep: UInt32
    package var types: Bitmap

    package init(objectsToKeep: UInt32, types: Bitmap) {
        self.objectsToKeep = objectsToKeep
        self.types = types
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        objectsToKeep = try reader.uint32("craa_objects_to_keep")
        types = try Bitmap(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(objectsToKeep)
        types.encode(to: &writer)
    }
}

/// CB_WANTS_CANCELLED (RFC 8881 §20.10).
package struct CallbackWantsCancelledArguments: XDRValue {
    package var contended: Bool
    package var resourced: Bool

    package init(contended: Bool, resourced: Bool) {
        self.contended = contended
        self.resourced = resourced
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        contended = try reader.bool("cwca_contended_wants_cancelled")
        resourced = try reader.bool("cwca_resourced_wants_cancelled")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(contended)
        writer.write(resourced)
    }
}

/// CB_NOTIFY_LOCK (RFC 8881 §20.11): a lock that was denied may be had now.
package struct CallbackNotifyLockArguments: XDRValue {
    package var file: NFSFileHandle
    package var owner: StateOwner

    package init(file: NFSFileHandle, owner: StateOwner) {
        self.file = file
        self.owner = owner
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        file = try NFSFileHandle(from: &reader)
        owner = try StateOwner(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        file.encode(to: &writer)
        owner.encode(to: &writer)
    }
}
