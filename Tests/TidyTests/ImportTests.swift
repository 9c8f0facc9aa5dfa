import Testing

/// Holds ARCHITECTURE.md's table of bands: an import goes down, never up or sideways.
@Suite struct ImportTests {
    /// What each target may import of ours and of packages, besides `VarveModel`.
    static let table: [String: Set<String>] = [
        "VarveModel": [],
        "Keyring": ["COpenSSL", "CBoringSSL"],
        "Disk": ["CLinux"],
        "Compression": ["CZstd", "CLinux"],
        "Policies": ["Yams"],
        "LocalAPI": [],
        "NFSWire": ["NIOCore"],
        "MetadataStore": ["CSQLite", "Disk", "Keyring"],
        "SegmentStore": ["Disk", "Keyring", "Compression"],
        "BackupVault": ["Disk", "Keyring", "Compression", "CIsal"],
        "FileSystemEngine": ["MetadataStore", "SegmentStore", "Disk", "Keyring"],
        "Backup": [
            "FileSystemEngine", "BackupVault", "Policies", "Disk", "Keyring", "Compression",
            "CArchive", "CLinux",
        ],
        "ObjectStorage": [
            "BackupVault", "Disk", "Keyring", "AsyncHTTPClient", "NIOCore", "NIOHTTP1", "NIOPosix",
        ],
        "Lifecycle": ["FileSystemEngine", "MetadataStore", "Policies"],
        "JobScheduler": ["MetadataStore", "Policies", "Logging"],
        "NFSServer": ["NFSWire", "FileSystemEngine", "Keyring", "NIOCore", "NIOPosix"],
        "ControlPlane": [
            "LocalAPI", "Keyring", "Disk", "FileSystemEngine", "Backup", "Lifecycle",
            "JobScheduler", "ObjectStorage",
            "Policies", "MetadataStore", "BackupVault", "CLinux", "AsyncHTTPClient", "Hummingbird",
            "HummingbirdCore", "HTTPTypes", "Logging", "NIOCore", "NIOHTTP1", "NIOPosix",
            "ServiceLifecycle", "UnixSignals",
        ],
        "varved": [
            "ControlPlane", "NFSServer", "Keyring", "Disk", "LocalAPI", "ArgumentParser", "Logging",
            "ServiceLifecycle",
        ],
        "varve": [
            "LocalAPI", "Backup", "Disk", "Keyring", "ArgumentParser", "AsyncHTTPClient", "NIOCore",
            "NIOHTTP1",
        ],
    ]

    /// What comes with Swift.
    static let toolchain: Set<String> = [
        "Foundation", "FoundationEssentials", "Glibc", "Synchronization", "Swift", "Dispatch",
    ]

    @Test func `every import goes down`() throws {
        for file in SourceTree.sources {
            let allowed = try #require(
                Self.table[file.target],
                "\(file.path): a target without a row in the table"
            )
            for line in file.codeLines {
                guard let name = Self.imported(by: line) else { continue }
                let isAllowed =
                    name == "VarveModel" || allowed.contains(name) || Self.toolchain.contains(name)
                if !isAllowed {
                    Issue.record("\(file.path) imports \(name), not below \(file.target)")
                }
            }
        }
    }

    @Test func `one Swift file sees each C library`() throws {
        let homes = ["CSQLite", "CZstd", "COpenSSL", "CBoringSSL", "CArchive", "CIsal"]
        var seen: [String: Set<String>] = [:]
        for file in SourceTree.sources {
            for line in file.codeLines {
                guard let name = Self.imported(by: line), homes.contains(name) else { continue }
                seen[name, default: []].insert(file.target)
            }
        }
        for home in homes {
            #expect(seen[home, default: []].count <= 1, "\(home) is seen by \(seen[home] ?? [])")
        }
    }

    /// The module that a line imports; `nil` for any other line.
    static func imported(by line: String) -> String? {
        guard line.contains("import ") else { return nil }
        let words = line.split(whereSeparator: { $0 == " " || $0 == "." }).map(String.init)
        guard let index = words.firstIndex(of: "import"), index <= 2, index + 1 < words.count else {
            return nil
        }
        let kinds: Set<String> = [
            "struct", "class", "enum", "protocol", "func", "var", "typealias",
        ]
        let next = words[index + 1]
        let name = kinds.contains(next) && index + 2 < words.count ? words[index + 2] : next
        // An example in a help text imports a directory, not a module.
        return name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" } ? name : nil
    }
}
