import FoundationEssentials
import LocalAPI
import ObjectStorage

/// What the file `vaults/NAME.s3` says: in which bucket a vault lies (docs/formats/state.md).
///
/// It is text for people too, and holds no secret: credentials stay in their own file, or in the daemon's environment.
struct BucketPlace: Sendable, Hashable {
    let location: BucketLocation
    let address: S3Address

    /// Checks what somebody gives.
    ///
    /// - Throws: `.usage` with what is wrong.
    init(_ location: BucketLocation) throws(APIError) {
        do throws(S3Error) {
            address = try S3Address(
                location.address,
                endpoint: location.endpoint,
                region: location.region,
                style: location.isPathStyle.map { $0 ? .path : .host }
            )
        } catch {
            throw APIError(.usage, error.message, remedy: error.remedy)
        }
        if let path = location.credentials, !path.hasPrefix("/") {
            throw APIError(
                .usage,
                "'\(path)' is no absolute path of a file of credentials",
                remedy: "Write it from the root."
            )
        }
        // As it is understood: `s3://bucket/a//` and `s3://bucket/a` are one place.
        var understood = location
        understood.address = address.text
        if location.endpoint != nil { understood.endpoint = address.endpoint }
        self.location = understood
    }

    /// Where its credentials are kept.
    var credentials: S3CredentialSource {
        location.credentials.map { .file($0) } ?? .environment
    }

    /// For people: `s3://bucket/prefix at https://…`.
    var text: String { "\(address.text) at \(address.endpoint)" }

    /// The storage of the vault there; nothing is asked of it yet.
    func storage() -> BucketStorage {
        let source = credentials
        return BucketStorage(address) { () throws(S3Error) in try source.load() }
    }

    // MARK: The file

    /// As it is written; whoever edits it by hand leaves out what is `null`.
    private struct Text: Codable {
        var format: Int
        var address: String
        var endpoint: String?
        var region: String?
        var pathStyle: Bool?
        var credentials: String?
    }

    private static let format = 1

    func encoded() throws(APIError) -> [UInt8] {
        let text = Text(
            format: BucketPlace.format,
            address: location.address,
            endpoint: location.endpoint,
            region: location.region,
            pathStyle: location.isPathStyle,
            credentials: location.credentials
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(text)) + Array("\n".utf8)
        } catch {
            throw APIError(.failed, "the place of a vault cannot be written as JSON: \(error)")
        }
    }

    /// Reads the file.
    ///
    /// - Throws: `.invalid` with the path and what is wrong; `.newerFormat`.
    init(encoded bytes: [UInt8], path: String) throws(APIError) {
        let text: Text
        do {
            text = try JSONDecoder().decode(Text.self, from: Data(bytes))
        } catch {
            throw APIError(
                .invalid,
                "'\(path)' does not say where a vault lies",
                remedy: "Put it back from a copy, or move it away and adopt the vault again "
                    + "('varve vault adopt s3://BUCKET/PREFIX --recovery-kit FILE')."
            )
        }
        guard text.format <= BucketPlace.format else {
            throw APIError(
                .newerFormat,
                "'\(path)' has format \(text.format), and this Varve knows \(BucketPlace.format)",
                remedy: "Use the newer Varve that wrote it."
            )
        }
        do throws(APIError) {
            try self.init(
                BucketLocation(
                    address: text.address,
                    endpoint: text.endpoint,
                    region: text.region,
                    isPathStyle: text.pathStyle,
                    credentials: text.credentials
                )
            )
        } catch {
            throw APIError(.invalid, "'\(path)': \(error.message)", remedy: error.remedy)
        }
    }
}
