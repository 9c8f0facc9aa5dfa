/// GETDEVICEINFO (RFC 8881 §18.40).
package struct GetDeviceInfoArguments: XDRValue {
    package var device: DeviceID
    package var layoutType: UInt32
    package var bytesMax: UInt32
    package var notifyTypes: Bitmap

    package init(
        device: DeviceID,
        layoutType: UInt32,
        bytesMax: UInt32,
        notifyTypes: Bitmap
    ) {
        self.device = device
        self.layoutType = layoutType
        self.bytesMax = bytesMax
        self.notifyTypes = notifyTypes
    }

    package static var bytesMin: Int { 28 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        device = try DeviceID(from: &reader)
        layoutType = try reader.uint32("gdia_layout_type")
        bytesMax = try reader.uint32("gdia_maxcount")
        notifyTypes = try Bitmap(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        device.encode(to: &writer)
        writer.write(layoutType)
        writer.write(bytesMax)
        notifyTypes.encode(to: &writer)
    }
}

/// A device's address.
package struct GetDeviceInfoReply: XDRValue {
    package var address: LayoutBody
    package var notification: Bitmap

    package init(address: LayoutBody, notification: Bitmap) {
        self.address = address
        self.notification = notification
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        address = try LayoutBody(from: &reader)
        notification = try Bitmap(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        address.encode(to: &writer)
        notification.encode(to: &writer)
    }
}

/// GETDEVICELIST (RFC 8881 §18.41).
package struct GetDeviceListArguments: XDRValue {
    package var layoutType: UInt32
    package var devicesMax: UInt32
    package var cookie: UInt64
    package var verifier: Verifier

    package init(
        layoutType: UInt32,
        devicesMax: UInt32,
        cookie: UInt64,
        verifier: Verifier
    ) {
        self.layoutType = layoutType
        self.devicesMax = devicesMax
        self.cookie = cookie
        self.verifier = verifier
    }

    package static var bytesMin: Int { 24 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        layoutType = try reader.uint32("gdla_layout_type")
        devicesMax = try reader.uint32("gdla_maxdevices")
        cookie = try reader.uint64("gdla_cookie")
        verifier = try Verifier(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(layoutType)
        writer.write(devicesMax)
        writer.write(cookie)
        verifier.encode(to: &writer)
    }
}

/// Devices of a file system.
package struct GetDeviceListReply: XDRValue {
    package var cookie: UInt64
    package var verifier: Verifier
    package var devices: [DeviceID]
    package var isAtEnd: Bool

    package init(
        cookie: UInt64,
        verifier: Verifier,
        devices: [DeviceID],
        isAtEnd: Bool
    ) {
        self.cookie = cookie
        self.verifier = verifier
        self.devices = devices
        self.isAtEnd = isAtEnd
    }

    package static var bytesMin: Int { 24 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        cookie = try reader.uint64("gdlr_cookie")
        verifier = try Verifier(from: &reader)
        devices = try reader.array("gdlr_deviceid_list", max: NFSLimits.listMax)
        isAtEnd = try reader.bool("gdlr_eof")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(cookie)
        verifier.encode(to: &writer)
        writer.write(devices)
        writer.write(isAtEnd)
    }
}
