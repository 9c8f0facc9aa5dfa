/// Attributes and their values: fattr4 (RFC 8881 §3.3.7), in ascending order of number.
package struct FileAttributes: XDRValue {
    /// Ascending by attribute, each at most once.
    package let values: [AttributeValue]
    /// What a message named and we do not know; NFS4ERR_ATTRNOTSUPP, unless empty.
    ///
    /// Values have no lengths on the wire, so nothing behind the first of them was read.
    package let unknown: Bitmap

    /// Values in any order; one for an attribute.
    package init(_ values: [AttributeValue]) {
        let sorted = values.sorted { $0.attribute.rawValue < $1.attribute.rawValue }
        for (left, right) in zip(sorted, sorted.dropFirst()) {
            precondition(left.attribute != right.attribute, "an attribute has one value")
        }
        self.values = sorted
        unknown = []
    }

    /// Which attributes have values.
    package var mask: Bitmap {
        var mask = Bitmap()
        for value in values {
            mask.insert(value.attribute.rawValue)
        }
        return mask
    }

    /// The value of one attribute.
    package subscript(_ attribute: Attribute) -> AttributeValue? {
        values.first { $0.attribute == attribute }
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        let mask = try Bitmap(from: &reader)
        var values: [AttributeValue] = []
        let unknown = mask.subtracting(Attribute.known)
        try reader.body("attr_vals", max: NFSLimits.attributeBytesMax) {
            (body: inout XDRReader) throws(XDRError) in
            for number in mask.numbers {
                guard let attribute = Attribute(rawValue: number) else { break }
                values.append(try AttributeValue(attribute, from: &body))
            }
            if !unknown.isEmpty { body.skipRest() }
        }
        self.values = values
        self.unknown = unknown
    }

    package func encode(to writer: inout XDRWriter) {
        mask.encode(to: &writer)
        writer.writeBody { body in
            for value in values {
                value.encode(to: &body)
            }
        }
    }
}

extension XDRWriter {
    /// Writes a fattr4 of those attributes that `write` answers: what GETATTR and READDIR do, without a list or a value in between.
    ///
    /// - Parameters:
    ///   - requested: Attributes asked for; unknown ones are left out (RFC 8881 §18.7.3).
    ///   - write: Is called in ascending order, and writes the attribute's value; `false`, having written nothing, leaves it out.
    package mutating func writeAttributes(
        _ requested: Bitmap,
        write: (Attribute, inout XDRWriter) -> Bool
    ) {
        let known = requested.intersection(Attribute.known)
        var answered = known
        let start = mark
        known.encode(to: &self)
        writeBody { body in
            known.forEach { number in
                guard let attribute = Attribute(rawValue: number), write(attribute, &body) else {
                    answered.remove(number)
                    return
                }
            }
        }
        if answered != known { patch(answered, words: known.wordCount, at: start) }
    }

    /// Replaces a bitmap by a smaller one; the words keep their number, and those at the end may be zero.
    private mutating func patch(_ bitmap: Bitmap, words: Int, at start: Mark) {
        for index in 0..<words {
            patch(bitmap.word(index), at: start.advanced(by: 4 + 4 * index))
        }
    }
}
