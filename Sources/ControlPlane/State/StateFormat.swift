import Keyring
package import LocalAPI
package import VarveModel

/// What the `format` file of a state directory says: the last thing that `init` writes.
///
/// A directory with it is whole; one without is not a state directory yet (docs/formats/state.md).
package struct StateFormat: Sendable, Hashable {
    /// Names the directory in seals and logs.
    package let id: UniqueID
    package let created: Timestamp
    /// Where the simulated clock began, for ever; `nil` for the machine's own clock.
    package let simulatedStart: Timestamp?

    package init(id: UniqueID, created: Timestamp, simulatedStart: Timestamp?) {
        self.id = id
        self.created = created
        self.simulatedStart = simulatedStart
    }

    // magic "VRVSTATE" (8), format u32, compat u64, read-only-compat u64, incompat u64, id (16),
    // created i64 + u32, simulated u8, start i64 + u32, SHA-256 of what precedes (32): 109 bytes.
    private static let magic = Array("VRVSTATE".utf8)
    private static let format: UInt32 = 1

    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 109)
        writer.append(bytes: StateFormat.magic)
        writer.append(StateFormat.format)
        for _ in 0..<3 { writer.append(UInt64(0)) }
        writer.append(bytes: id.bytes)
        writer.append(created.seconds)
        writer.append(created.nanoseconds)
        writer.append(UInt8(simulatedStart == nil ? 0 : 1))
        writer.append(simulatedStart?.seconds ?? 0)
        writer.append(simulatedStart?.nanoseconds ?? 0)
        writer.append(bytes: Digest.sha256(writer.bytes))
        return writer.bytes
    }

    /// Reads a format file.
    ///
    /// - Throws: `.newerFormat` for one of a newer Varve, which is then never touched; `.corrupt`.
    package init(encoded bytes: [UInt8], path: String) throws(APIError) {
        var reader = ByteReader(bytes)
        guard reader.read(count: 8) == StateFormat.magic, let format = reader.read(UInt32.self)
        else {
            throw APIError(
                .corrupt,
                "'\(path)' is not the format file of a state directory",
                remedy:
                    "Name the directory that 'varved init' made, or restore the file from a copy."
            )
        }
        guard format <= StateFormat.format else {
            throw StateFormat.newer("format \(format)", path)
        }
        guard let body = StateFormat.body(&reader, bytes) else {
            throw APIError(
                .corrupt,
                "'\(path)' is cut short or was changed",
                remedy: "Restore it from a copy of the state directory; nothing was touched."
            )
        }
        guard body.incompatible == 0 else {
            throw StateFormat.newer("features 0x\(String(body.incompatible, radix: 16))", path)
        }
        self = body.format
    }

    private static func newer(_ what: String, _ path: String) -> APIError {
        APIError(
            .newerFormat,
            "the state directory of '\(path)' has \(what), made by a newer Varve; this one reads format 1",
            remedy: "Use the Varve that wrote it, or a newer one. Nothing was touched."
        )
    }

    private static func body(
        _ reader: inout ByteReader,
        _ bytes: [UInt8]
    ) -> (incompatible: UInt64, format: StateFormat)? {
        guard reader.read(UInt64.self) != nil, reader.read(UInt64.self) != nil,
            let incompatible = reader.read(UInt64.self),
            let id = reader.read(count: 16).flatMap({ UniqueID(bytes: $0) }),
            let created = time(&reader), let simulated = reader.read(UInt8.self), simulated <= 1,
            let start = time(&reader), let digest = reader.read(count: 32),
            digest == Digest.sha256(Array(bytes.prefix(bytes.count - reader.remaining - 32)))
        else { return nil }
        return (
            incompatible,
            StateFormat(id: id, created: created, simulatedStart: simulated == 1 ? start : nil)
        )
    }

    private static func time(_ reader: inout ByteReader) -> Timestamp? {
        guard let seconds = reader.read(Int64.self), let nanoseconds = reader.read(UInt32.self),
            nanoseconds < 1_000_000_000
        else { return nil }
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }
}
