/// Where a vault lies that is in an S3 bucket; it holds no secret.
package struct BucketLocation: Codable, Sendable, Hashable {
    /// `s3://BUCKET/PREFIX`.
    package var address: String
    /// The URL of the store; absent for AWS's own of the region.
    package var endpoint: String?
    /// Absent for `us-east-1`, which stores without regions take too.
    package var region: String?
    /// Whether the bucket stands in the path and not in the host's name; absent for what suits the endpoint.
    package var isPathStyle: Bool?
    /// A file of the daemon's machine, absolute; absent for the daemon's environment.
    package var credentials: String?

    package init(
        address: String,
        endpoint: String? = nil,
        region: String? = nil,
        isPathStyle: Bool? = nil,
        credentials: String? = nil
    ) {
        self.address = address
        self.endpoint = endpoint
        self.region = region
        self.isPathStyle = isPathStyle
        self.credentials = credentials
    }
}
