// swift-tools-version: 6.2
import PackageDescription

// The targets, band by band, as ARCHITECTURE.md draws them. An import goes down, never up or
// sideways; `Tests/TidyTests` holds this table against the sources.

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
    // Tests run against the release build, which users run too (docs/decisions/0002).
    .unsafeFlags(["-enable-testing"]),
]

func swift(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// A test target; `resources` are read from the source tree, so they are only kept out of the build.
func tests(
    _ name: String,
    _ dependencies: [Target.Dependency],
    resources: [String] = []
) -> Target {
    .testTarget(
        name: name,
        dependencies: dependencies,
        exclude: resources,
        swiftSettings: settings
    )
}

let argumentParser = Target.Dependency.product(
    name: "ArgumentParser",
    package: "swift-argument-parser"
)
let asyncHTTPClient = Target.Dependency.product(
    name: "AsyncHTTPClient",
    package: "async-http-client"
)
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let serviceLifecycle = Target.Dependency.product(
    name: "ServiceLifecycle",
    package: "swift-service-lifecycle"
)
let unixSignals = Target.Dependency.product(
    name: "UnixSignals",
    package: "swift-service-lifecycle"
)
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "varve",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        // BoringSSL is no product of it: another minor version is looked at before it is taken.
        .package(url: "https://github.com/apple/swift-nio-ssl", .upToNextMinor(from: "2.37.6")),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird",
            from: "2.28.1",
            traits: []
        ),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C: module maps and shims, one Swift home each.
        .systemLibrary(
            name: "CSQLite",
            pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"])]
        ),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(
            name: "COpenSSL",
            pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"])]
        ),
        .systemLibrary(
            name: "CArchive",
            pkgConfig: "libarchive",
            providers: [.apt(["libarchive-dev"])]
        ),
        .systemLibrary(name: "CIsal", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),
        .target(name: "CLinux"),
        // swift-nio-ssl's BoringSSL, for its AES-256-GCM (docs/decisions/0006).
        .target(name: "CBoringSSL", dependencies: [nioSSL, "CLinux"]),

        // Ground.
        swift("VarveModel", []),
        swift("Keyring", ["VarveModel", "COpenSSL", "CBoringSSL"]),
        swift("Disk", ["VarveModel", "CLinux"]),
        swift("Compression", ["VarveModel", "CZstd"]),

        // Pure.
        swift("Policies", ["VarveModel", yams]),
        swift("LocalAPI", ["VarveModel"]),
        swift("NFSWire", ["VarveModel", nioCore]),

        // Stores.
        swift("MetadataStore", ["VarveModel", "Disk", "Keyring", "CSQLite"]),
        swift("SegmentStore", ["VarveModel", "Disk", "Keyring", "Compression"]),
        swift("BackupVault", ["VarveModel", "Disk", "Keyring", "Compression", "CIsal"]),

        // Engine.
        swift(
            "FileSystemEngine",
            ["VarveModel", "Disk", "Keyring", "MetadataStore", "SegmentStore"]
        ),

        // Beside.
        swift(
            "ObjectStorage",
            [
                "VarveModel", "BackupVault", "Disk", "Keyring", asyncHTTPClient, nioCore, nioHTTP1,
                nioPosix,
            ]
        ),
        swift(
            "Backup",
            [
                "VarveModel", "FileSystemEngine", "BackupVault", "Policies", "Disk", "Keyring",
                "Compression", "CArchive",
            ]
        ),
        swift("Lifecycle", ["VarveModel", "FileSystemEngine", "MetadataStore", "Policies"]),
        swift("JobScheduler", ["VarveModel", "MetadataStore", "Policies", logging]),

        // Front-ends.
        swift(
            "NFSServer",
            ["VarveModel", "NFSWire", "FileSystemEngine", "Keyring", nioCore, nioPosix]
        ),
        swift(
            "ControlPlane",
            [
                "VarveModel", "LocalAPI", "Keyring", "Disk", "FileSystemEngine", "Backup",
                "Lifecycle", "ObjectStorage",
                "JobScheduler", "Policies", "MetadataStore", "BackupVault", "CLinux",
                asyncHTTPClient, hummingbird, logging, nioCore, nioHTTP1, nioPosix,
                serviceLifecycle, unixSignals,
            ]
        ),

        // Programs.
        program(
            "varved",
            [
                "VarveModel", "Keyring", "Disk", "ControlPlane", "NFSServer", "LocalAPI",
                argumentParser, logging, serviceLifecycle,
            ]
        ),
        program(
            "varve",
            [
                "VarveModel", "LocalAPI", "Backup", "Disk", "Keyring", argumentParser,
                asyncHTTPClient, nioCore, nioHTTP1,
            ]
        ),

        // Questions to the machine.
        .executableTarget(
            name: "varve-bench",
            dependencies: [
                "VarveModel", "Keyring", "Disk", "Compression", "Policies", "MetadataStore",
                "FileSystemEngine", "BackupVault", "Backup", "Lifecycle", "CSQLite", "COpenSSL",
                argumentParser,
            ],
            path: "Benchmarks",
            exclude: [
                "Baselines", "backup-peers", "backup-peers.sh", "nfs-peer-table.pl", "nfs-peer.sh",
                "nfsload",
            ],
            swiftSettings: settings
        ),

        // Tests.
        .target(
            name: "TestKit",
            dependencies: ["Disk", "VarveModel"],
            path: "Tests/TestKit",
            swiftSettings: settings
        ),
        tests("TidyTests", []),
        tests("VarveModelTests", ["TestKit", "VarveModel"]),
        tests("KeyringTests", ["TestKit", "Keyring", "VarveModel", "COpenSSL"]),
        tests("DiskTests", ["TestKit", "Disk", "VarveModel"]),
        tests("CompressionTests", ["TestKit", "Compression"]),
        tests("PoliciesTests", ["TestKit", "Policies", "VarveModel"], resources: ["Fixtures"]),
        tests(
            "MetadataStoreTests",
            ["TestKit", "MetadataStore", "Disk", "Keyring", "VarveModel"],
            resources: ["Fixtures"]
        ),
        tests(
            "SegmentStoreTests",
            ["TestKit", "SegmentStore", "Compression", "Disk", "Keyring", "VarveModel"],
            resources: ["Fixtures"]
        ),
        tests(
            "BackupVaultTests",
            ["TestKit", "BackupVault", "Compression", "Disk", "Keyring", "VarveModel"],
            resources: ["Fixtures"]
        ),
        tests(
            "ObjectStorageTests",
            ["TestKit", "ObjectStorage", "BackupVault", "Disk", "Keyring", "VarveModel"]
        ),
        tests(
            "FileSystemEngineTests",
            [
                "TestKit", "FileSystemEngine", "MetadataStore", "SegmentStore", "Disk", "Keyring",
                "VarveModel",
            ]
        ),
        tests(
            "BackupTests",
            [
                "TestKit", "Backup", "BackupVault", "FileSystemEngine", "MetadataStore",
                "Policies", "Disk", "Keyring", "Compression", "VarveModel",
            ],
            resources: ["Fixtures"]
        ),
        tests(
            "LifecycleTests",
            [
                "TestKit", "Lifecycle", "FileSystemEngine", "MetadataStore", "Policies", "Disk",
                "Keyring", "VarveModel", "Backup", "BackupVault",
            ]
        ),
        tests(
            "JobSchedulerTests",
            [
                "TestKit", "JobScheduler", "Policies", "MetadataStore", "Disk", "Keyring",
                "VarveModel", logging,
            ]
        ),
        tests("LocalAPITests", ["TestKit", "LocalAPI", "VarveModel"]),
        tests("NFSWireTests", ["TestKit", "NFSWire", "VarveModel", nioCore]),
        tests(
            "NFSServerTests",
            [
                "TestKit", "NFSServer", "NFSWire", "FileSystemEngine", "MetadataStore", "Disk",
                "Keyring", "VarveModel", nioCore, nioPosix,
            ]
        ),
        tests(
            "ControlPlaneTests",
            [
                "TestKit", "ControlPlane", "LocalAPI", "FileSystemEngine", "BackupVault", "Keyring",
                "Disk", "VarveModel", "JobScheduler", "MetadataStore", "Policies", logging, "varve",
                "varved",
            ]
        ),
        tests("ConformanceTests", ["TestKit"]),
    ],
    swiftLanguageModes: [.v6]
)
