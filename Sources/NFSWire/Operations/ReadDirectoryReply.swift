/// What READDIR answers, read at once: a client's view (RFC 8881 §18.23.2).
///
/// A server writes entry by entry: `DirectoryBudget`.
package struct ReadDirectoryReply: XDRValue {
    /// One name: entry4.
    package struct Entry: Sendable, Equatable {
        package var cookie: UInt64
        package var name: [UInt8]
        package var attributes: FileAttributes

        package init(cookie: UInt64, name: [UInt8], attributes: FileAttributes) {
            self.cookie = cookie
            self.name = name
            self.attributes = attributes
        }
    }

    package var verifier: Verifier
    package var entries: [Entry]
    package var isAtEnd: Bool

    package init(verifier: Verifier, entries: [Entry], isAtEnd: Bool) {
        self.verifier = verifier
        self.entries = entries
        self.isAtEnd = isAtEnd
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        verifier = try Verifier(from: &reader)
        entries = []
        while try reader.bool("entry4.nextentry") {
            guard entries.count < NFSLimits.directoryEntriesMax else {
                throw XDRError(.tooLong, "dirlist4.entries", at: reader.offset)
            }
            let cookie = try reader.uint64("entry4.cookie")
            let name = try reader.opaque("entry4.name", max: NFSLimits.nameBytesMax)
            let attributes = try FileAttributes(from: &reader)
            entries.append(Entry(cookie: cookie, name: name, attributes: attributes))
        }
        isAtEnd = try reader.bool("dirlist4.eof")
    }

    package func encode(to writer: inout XDRWriter) {
        verifier.encode(to: &writer)
        for entry in entries {
            writer.write(true)
            writer.write(entry.cookie)
            writer.write(opaque: entry.name)
            entry.attributes.encode(to: &writer)
        }
        writer.write(false)
        writer.write(isAtEnd)
    }
}

/// How much a READDIR reply may still take (RFC 8881 §18.23.3).
///
/// `maxcount` bounds the whole READDIR4resok. `dircount` is a hint about cookies and names, which holds after the first entry;
/// 0 is no hint, as in Linux. No entry at all is NFS4ERR_TOOSMALL, for the caller to say.
package struct DirectoryBudget: Sendable {
    /// Entries written.
    package private(set) var entries = 0
    private var bytesLeft: Int
    private var directoryBytesLeft: Int

    /// The verifier, the end of the list, and `eof`.
    private static let frameBytes = 16

    /// - Parameters:
    ///   - bytesMax: The request's `maxcount`, or what else the reply has room for.
    ///   - directoryBytesMax: The request's `dircount`.
    package init(bytesMax: Int, directoryBytesMax: UInt32) {
        bytesLeft = bytesMax - Self.frameBytes
        directoryBytesLeft = directoryBytesMax == 0 ? .max : Int(directoryBytesMax)
    }

    /// How many entries may fit.
    ///
    /// - Parameter attributeBytes: Bytes that the attributes of an entry take at least, a whole fattr4.
    /// - Returns: Just as many as there are where names have up to four bytes.
    package func entriesMax(attributeBytes: Int) -> Int {
        // That it follows, and its cookie; a name and its length.
        let byBytes = max(bytesLeft, 0) / (4 + 8 + Self.nameBytesMin + attributeBytes)
        let byNames = max(directoryBytesLeft / (8 + Self.nameBytesMin), 1)
        return min(byBytes, byNames)
    }

    private static let nameBytesMin = 4 + 4

    /// Whether an entry fits, by its size written; books it if so.
    fileprivate mutating func book(bytes: Int, nameBytes: Int) -> Bool {
        let directoryBytes = 8 + 4 + XDRReader.padded(nameBytes)
        guard bytes <= bytesLeft, entries == 0 || directoryBytes <= directoryBytesLeft else {
            return false
        }
        bytesLeft -= bytes
        directoryBytesLeft -= directoryBytes
        entries += 1
        return true
    }
}

extension XDRWriter {
    /// Begins a READDIR4resok.
    package mutating func beginDirectory(verifier: Verifier) {
        verifier.encode(to: &self)
    }

    /// Writes one entry; answers `false`, and leaves nothing behind, when the budget does not allow it.
    ///
    /// - Parameters:
    ///   - cookie: Where the next READDIR goes on.
    ///   - name: The entry's name.
    ///   - requested: The request's `attr_request`.
    ///   - budget: Is charged for the entry.
    ///   - writeAttribute: Writes an attribute's value, or leaves it out by `false`.
    /// - Returns: Whether the entry was written.
    package mutating func appendEntry(
        cookie: UInt64,
        name: [UInt8],
        attributes requested: Bitmap,
        budget: inout DirectoryBudget,
        write writeAttribute: (Attribute, inout XDRWriter) -> Bool
    ) -> Bool {
        let start = mark
        write(true)
        write(cookie)
        write(opaque: name)
        writeAttributes(requested, write: writeAttribute)
        guard budget.book(bytes: count - start.count, nameBytes: name.count) else {
            rollBack(to: start)
            return false
        }
        return true
    }

    /// Ends the list.
    package mutating func endDirectory(isAtEnd: Bool) {
        write(false)
        write(isAtEnd)
    }
}
