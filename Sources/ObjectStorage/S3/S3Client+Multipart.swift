/// Uploads in parts: an object is there when the upload is completed, whole.
extension S3Client {
    func beginUpload(_ key: String, attempts: Int? = nil) throws(S3Error) -> String {
        var request = S3Request("POST", key)
        request.query = [("uploads", "")]
        let root = try document(
            try send(request, attempts: attempts),
            "InitiateMultipartUploadResult",
            request
        )
        guard let id = root.value("UploadId"), !id.isEmpty else { throw unreadable(request) }
        return id
    }

    /// Uploads a part.
    ///
    /// - Returns: The part's tag, which the end of the upload names.
    func putPart(
        _ key: String,
        upload: String,
        number: Int,
        _ bytes: [UInt8],
        isWanted: () -> Bool
    ) throws(S3Error) -> String {
        var request = S3Request("PUT", key)
        request.query = [("partNumber", String(number)), ("uploadId", upload)]
        request.body = bytes
        guard let tag = try send(request, isWanted: isWanted).headers["etag"] else {
            throw unreadable(request)
        }
        return tag
    }

    /// Makes the object of its parts.
    ///
    /// - Parameters:
    ///   - key: The object's.
    ///   - upload: Whose parts.
    ///   - tags: Of all parts in order.
    ///   - bytes: How long the object is then.
    /// - Throws: `.failed` when the store has forgotten the upload, and the object is not there as it should be.
    func completeUpload(
        _ key: String,
        upload: String,
        tags: [String],
        bytes: UInt64
    ) throws(S3Error) {
        var request = S3Request("POST", key)
        request.query = [("uploadId", upload)]
        let parts = tags.enumerated().map { number, tag in
            "<Part><PartNumber>\(number + 1)</PartNumber><ETag>\(XMLElement.escaped(tag))</ETag></Part>"
        }
        request.body = Array(
            ("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                + parts.joined() + "</CompleteMultipartUpload>").utf8
        )
        request.headers["content-type"] = "application/xml"
        let answer = try send(request, accepts: [404])
        // The store answers 200 first and may fail then: its document is the proof (AWS S3 API). Of an attempt whose
        // answer was lost the upload is forgotten, and the object is there.
        let isProved =
            answer.status == 200
            && XMLElement(answer.body)?.name == "CompleteMultipartUploadResult"
        let size = isProved ? bytes : try self.size(of: key)
        guard size == bytes else {
            throw S3Error(
                .failed,
                "\(request.text(at: address)): the store has not made, or has forgotten, the upload"
                    + (size.map { ", and the object has \($0) bytes, not \(bytes)" } ?? "")
            )
        }
    }

    /// Drops an upload and its parts; one that is not there is no error.
    func abortUpload(_ key: String, upload: String, attempts: Int? = nil) throws(S3Error) {
        var request = S3Request("DELETE", key)
        request.query = [("uploadId", upload)]
        _ = try send(request, accepts: [404], attempts: attempts)
    }

    /// Uploads under a prefix that were begun and not ended, those of others too.
    func uploads(_ prefix: String) throws(S3Error) -> [(key: String, upload: String)] {
        var request = S3Request("GET", nil)
        request.query = [("uploads", ""), ("prefix", prefix)]
        request.needsProof = false
        // A store that does not know the list keeps what it has; 1,000 a prune are enough.
        let answer = try send(request, accepts: [400, 404, 405, 501])
        guard answer.status == 200 else { return [] }
        return try document(answer, "ListMultipartUploadsResult", request).all("Upload")
            .compactMap { upload in
                guard let key = upload.value("Key"), let id = upload.value("UploadId") else {
                    return nil
                }
                return (key, id)
            }
    }
}
