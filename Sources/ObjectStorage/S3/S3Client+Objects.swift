/// Objects: reading, writing, listing, removing.
extension S3Client {
    /// A part of an object, or all of it.
    struct Piece: Sendable {
        let bytes: [UInt8]
        let totalBytes: UInt64
        /// Changes with the object.
        let tag: String?
    }

    /// Reads a range; what lies past the end is left out.
    ///
    /// - Throws: `.notFound`.
    func get(
        _ key: String,
        from offset: UInt64,
        count: Int,
        attempts: Int? = nil
    ) throws(S3Error) -> Piece {
        var request = S3Request("GET", key)
        let end = offset + UInt64(max(count, 1))
        request.headers["range"] = "bytes=\(offset)-\(end - 1)"
        request.range = offset..<end
        let answer = try send(request, accepts: [416], attempts: attempts)
        var told = answer.totalBytes
        if told == nil { told = try size(of: key) }
        guard let total = told else {
            throw S3Error(.notFound, "\(request.text(at: address)): it is gone")
        }
        if answer.status == 416 {
            // Nothing lies at the offset: the object ends before.
            return Piece(bytes: [], totalBytes: total, tag: nil)
        }
        var bytes = answer.body
        if answer.status == 200 {
            // A store may answer with all of it (RFC 9110 §14.2).
            let start = min(bytes.count, Int(clamping: offset))
            bytes = Array(bytes[start..<min(bytes.count, start + count)])
        }
        return Piece(bytes: bytes, totalBytes: total, tag: answer.headers["etag"])
    }

    /// Bytes of an object; `nil` when there is none.
    ///
    /// Anybody on the way may answer 404, and an answer to HEAD has no body that would tell: a list decides then.
    func size(of key: String) throws(S3Error) -> UInt64? {
        let request = S3Request("HEAD", key)
        let answer = try send(request, accepts: [404])
        guard answer.status != 404 else {
            return try list(key).objects.first { $0.key == key }?.bytes
        }
        guard let size = answer.headers["content-length"].flatMap({ UInt64($0) }) else {
            throw unreadable(request)
        }
        return size
    }

    /// Writes an object: whole, or not at all.
    ///
    /// The store compares the body with the SHA-256 that is signed.
    func put(
        _ key: String,
        _ bytes: [UInt8],
        attempts: Int? = nil,
        isWanted: () -> Bool = { true }
    ) throws(S3Error) {
        var request = S3Request("PUT", key)
        request.body = bytes
        _ = try send(request, attempts: attempts, isWanted: isWanted)
    }

    /// Removes an object; one that is not there is no error.
    func delete(
        _ key: String,
        attempts: Int? = nil,
        isWanted: () -> Bool = { true }
    ) throws(S3Error) {
        let request = S3Request("DELETE", key)
        _ = try send(request, accepts: [404], attempts: attempts, isWanted: isWanted)
    }

    /// What lies under a prefix: objects by key with their sizes, and what comes before the next slash of others.
    struct Listing: Sendable {
        var objects: [(key: String, bytes: UInt64)] = []
        var folders: [String] = []
    }

    /// 1,000,000 pages of 1,000: no vault has so many files; a store that repeats itself ends here.
    private static let pagesMax = 1_000_000

    /// Lists what lies under a prefix, page by page (ListObjectsV2).
    func list(_ prefix: String) throws(S3Error) -> Listing {
        var listing = Listing()
        var token: String?
        for _ in 0..<S3Client.pagesMax {
            var request = S3Request("GET", nil)
            request.query = [("list-type", "2"), ("prefix", prefix), ("delimiter", "/")]
            if let token { request.query.append(("continuation-token", token)) }
            let root = try document(try send(request), "ListBucketResult", request)
            for object in root.all("Contents") {
                guard let key = object.value("Key"),
                    let size = object.value("Size").flatMap(UInt64.init)
                else { throw unreadable(request) }
                listing.objects.append((key, size))
            }
            listing.folders += root.all("CommonPrefixes").compactMap { $0.value("Prefix") }
            guard root.value("IsTruncated") == "true" else { return listing }
            guard let next = root.value("NextContinuationToken"), !next.isEmpty, next != token
            else { throw unreadable(request) }
            token = next
        }
        throw S3Error(.failed, "\(address.text): its list does not end")
    }

    func document(
        _ answer: S3Answer,
        _ name: String,
        _ request: S3Request
    ) throws(S3Error) -> XMLElement {
        guard let root = XMLElement(answer.body), root.name == name else {
            throw unreadable(request)
        }
        return root
    }

    func unreadable(_ request: S3Request) -> S3Error {
        S3Error(
            .failed,
            "\(request.text(at: address)): the answer is not what S3 answers",
            remedy: "Look whether '\(address.endpoint)' is the endpoint of an object store."
        )
    }
}
