/// READDIR (RFC 8881 §18.23): names in the current directory, with attributes.
package struct ReadDirectoryArguments: XDRValue {
    /// 0 begins.
    package var cookie: UInt64
    package var verifier: Verifier
    /// A hint: bytes of cookies and names.
    package var directoryBytesMax: UInt32
    /// Bytes of the whole READDIR4resok.
    package var bytesMax: UInt32
    package var attributes: Bitmap

    package init(
        cookie: UInt64,
        verifier: Verifier,
        directoryBytesMax: UInt32,
        bytesMax: UInt32,
        attributes: Bitmap
    ) {
        self.cookie = cookie
        self.verifier = verifier
        self.directoryBytesMax = directoryBytesMax
        self.bytesMax = bytesMax
        self.attributes = attributes
    }

    package static var bytesMin: Int { 28 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        cookie = try reader.uint64("cookie")
        verifier = try Verifier(from: &reader)
        directoryBytesMax = try reader.uint32("dircount")
        bytesMax = try reader.uint32("maxcount")
        attributes = try Bitmap(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(cookie)
        verifier.encode(to: &writer)
        writer.write(directoryBytesMax)
        writer.write(bytesMax)
        attributes.encode(to: &writer)
    }
}
