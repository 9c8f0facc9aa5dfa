/// GETATTR (RFC 8881 §18.7): attributes of the current object.
package struct GetAttributesArguments: XDRValue {
    package var attributes: Bitmap

    package init(attributes: Bitmap) {
        self.attributes = attributes
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        attributes = try Bitmap(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        attributes.encode(to: &writer)
    }
}

/// SETATTR (RFC 8881 §18.30): sets attributes of the current object.
package struct SetAttributesArguments: XDRValue {
    /// Of the open through which a size is set.
    package var stateID: StateID
    package var attributes: FileAttributes

    package init(stateID: StateID, attributes: FileAttributes) {
        self.stateID = stateID
        self.attributes = attributes
    }

    package static var bytesMin: Int { 20 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        attributes = try FileAttributes(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        attributes.encode(to: &writer)
    }
}

/// How it ended, and which attributes were set: given on failure too (RFC 8881 §18.30.2).
package struct SetAttributesReply: XDRValue {
    package var status: NFSStatus
    package var attributesSet: Bitmap

    package init(status: NFSStatus, attributesSet: Bitmap) {
        self.status = status
        self.attributesSet = attributesSet
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        status = try NFSStatus(from: &reader)
        attributesSet = try Bitmap(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        status.encode(to: &writer)
        attributesSet.encode(to: &writer)
    }
}

/// VERIFY and NVERIFY (RFC 8881 §18.31, §18.15): go on only if these attributes are the same, or are not.
package struct VerifyArguments: XDRValue {
    package var attributes: FileAttributes

    package init(attributes: FileAttributes) {
        self.attributes = attributes
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        attributes = try FileAttributes(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        attributes.encode(to: &writer)
    }
}

/// OPENATTR (RFC 8881 §18.17): the directory of the current object's named attributes.
package struct OpenAttributeDirectoryArguments: XDRValue {
    package var create: Bool

    package init(create: Bool) {
        self.create = create
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        create = try reader.bool("createdir")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(create)
    }
}
