import ArgumentParser
import LocalAPI

/// How a bucket is reached, for commands that name one.
struct BucketOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The object store of a bucket. Default: AWS, in the region.",
            valueName: "url"
        )
    )
    var endpoint: String?

    @Option(help: "The bucket's region. Default: us-east-1, which most other stores take.")
    var region: String?

    @Flag(help: "Name the bucket in the path, and not in the host; the default with --endpoint.")
    var pathStyle = false

    @Option(
        help: ArgumentHelp(
            "Its keys, in a file of the daemon's machine with mode 0600. Default: varved's environment.",
            valueName: "file"
        ),
        transform: Parse.hostPath
    )
    var credentials: [UInt8]?

    /// Whether any of them was given.
    private var isGiven: Bool {
        endpoint != nil || region != nil || pathStyle || credentials != nil
    }

    /// Where a bucket is; without an address nothing may say how to reach one.
    func location(of address: String?) throws -> BucketLocation? {
        guard let address else {
            guard !isGiven else {
                throw APIError(
                    .usage,
                    "--endpoint, --region, --path-style and --credentials are of a vault in a bucket",
                    remedy: "Name the bucket too: s3://BUCKET/PREFIX."
                )
            }
            return nil
        }
        var file: String?
        if let credentials {
            guard let path = String(validating: credentials, as: UTF8.self) else {
                throw APIError(.usage, "the name of the file of credentials is no UTF-8")
            }
            file = path
        }
        return BucketLocation(
            address: address,
            endpoint: endpoint,
            region: region,
            isPathStyle: pathStyle ? true : nil,
            credentials: file
        )
    }
}

extension BucketLocation {
    /// For people: one row a thing.
    var rows: [[String]] {
        [
            ["endpoint", endpoint ?? "AWS"], ["region", region ?? "us-east-1"],
            ["credentials", credentials ?? "varved's environment"],
        ]
    }
}
