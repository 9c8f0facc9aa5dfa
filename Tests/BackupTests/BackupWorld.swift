import Backup
import BackupVault
import Disk
import FileSystemEngine
import Foundation
import Keyring
import TestKit
import VarveModel

/// A file system and a vault on one disk, under one clock.
final class BackupWorld {
    let disk: any Disk
    let root: String
    let clock = SimulatedClock(Timestamp(seconds: 1_800_000_000))
    let rootKey = RootKey.random()
    private var made = 0
    private(set) var open: [FileSystem] = []

    init(disk: any Disk, root: String) throws {
        self.disk = disk
        self.root = root
        try disk.makeDirectories(root + "/zones")
    }

    /// On a simulated disk that keeps no record.
    static func inMemory(capacity: UInt64 = 1 << 40) throws -> (BackupWorld, SimulatedDisk) {
        let disk = SimulatedDisk(capacity: capacity, recording: false)
        return (try BackupWorld(disk: disk, root: "/var"), disk)
    }

    func makeFileSystem(
        _ change: (inout FileSystemLimits) -> Void = { _ in }
    ) async throws -> FileSystem {
        made += 1
        var limits = FileSystemLimits()
        limits.flushSeconds = nil
        change(&limits)
        let directory = root + "/fs\(made)"
        try disk.makeDirectories(directory)
        let fileSystem = try await FileSystem.create(
            FileSystemConfiguration(
                id: .random(),
                unique: .random(),
                family: .random(),
                dataKey: .random(),
                disk: disk,
                directory: directory,
                zones: [root + "/zones/fs\(made)"],
                clock: clock,
                limits: limits
            )
        )
        open.append(fileSystem)
        return fileSystem
    }

    func makeVault(_ name: String = "main") throws -> Vault {
        try disk.makeDirectories(root + "/vaults")
        return try Vault.create(
            disk: disk,
            directory: root + "/vaults/" + name,
            name: name,
            root: rootKey,
            clock: clock
        )
    }

    func close() async {
        for fileSystem in open { await fileSystem.close() }
        open = []
    }
}

extension [FileName] {
    /// The names of `a/b/c`.
    init(path: String) {
        self = path.split(separator: "/").compactMap { FileName(String($0)) }
    }
}

/// Everything that a backup owes, by path; two trees are equal when their dumps are.
struct TreeDump: Equatable, CustomStringConvertible {
    struct File: Equatable {
        var kind: FileKind
        var permissions: UInt16
        var owner: [UInt32]
        var times: [Timestamp]
        var size: UInt64
        var links: UInt32
        var target: [UInt8]
        var attributes: [String: [UInt8]]
        var data: [Range<UInt64>]
        var content: Int
    }

    var files: [String: File] = [:]
    /// Paths of the same file, by their first one.
    var links: [[String]] = []

    var description: String { "\(files.count) files" }

    /// What differs, path by path.
    func differences(from other: TreeDump) -> [String] {
        var found: [String] = []
        for path in Set(files.keys).union(other.files.keys).sorted()
        where files[path] != other.files[path] {
            found.append("\(path): \(files[path] as Any) != \(other.files[path] as Any)")
        }
        if links != other.links { found.append("links: \(links) != \(other.links)") }
        return Array(found.prefix(5))
    }

    /// Reads a file system at a view.
    static func of(
        _ fileSystem: FileSystem,
        _ path: String = "",
        at view: View = .live
    ) async throws -> TreeDump {
        var dump = TreeDump()
        var names: [InodeNumber: [String]] = [:]
        let root = try await fileSystem.resolve(Array(path: path), at: view, as: .root)
        try await dump.add(root, "", fileSystem, view, &names)
        dump.links = names.values.filter { $0.count > 1 }.map { $0.sorted() }
            .sorted { $0[0] < $1[0] }
        return dump
    }

    private mutating func add(
        _ attributes: Attributes,
        _ path: String,
        _ fileSystem: FileSystem,
        _ view: View,
        _ names: inout [InodeNumber: [String]]
    ) async throws {
        let inode = attributes.inode
        var file = File(
            kind: attributes.kind,
            permissions: attributes.permissions,
            owner: [attributes.uid, attributes.gid],
            times: [attributes.modified, attributes.accessed],
            size: attributes.size,
            links: attributes.kind == .directory ? 0 : attributes.links,
            target: [],
            attributes: [:],
            data: [],
            content: 0
        )
        if attributes.kind == .symlink {
            file.target = try await fileSystem.readSymlink(inode, at: view)
        }
        for name in try await fileSystem.extendedAttributeNames(of: inode, at: view, as: .root) {
            file.attributes[Hex.encode(name)] = try await fileSystem.extendedAttribute(
                name,
                of: inode,
                at: view,
                as: .root
            )
        }
        if attributes.kind == .regular {
            names[inode, default: []].append(path)
            file.data = try await fileSystem.dataRanges(inode, at: view)
            var hasher = Hasher()
            for run in file.data {
                let bytes = try await fileSystem.bulkRead(inode, run, at: view).bytes
                bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
            }
            file.content = hasher.finalize()
        }
        files[path] = file
        guard attributes.kind == .directory else { return }
        var cookie: UInt64 = 0
        while true {
            let page = try await fileSystem.readDirectory(
                inode,
                after: cookie,
                limit: 100,
                at: view,
                as: .root
            )
            for entry in page.entries {
                let below = path + "/" + Hex.encode(entry.name.bytes)
                try await add(entry.attributes, below, fileSystem, view, &names)
            }
            guard let last = page.entries.last, !page.isEnd else { return }
            cookie = last.cookie
        }
    }
}
