package import Disk

/// What every disk owes its callers; the real one and the simulated one both pass.
package final class DiskContract {
    private let disk: any Disk
    private let root: String
    private var violations: [String] = []

    private init(_ disk: any Disk, _ root: String) {
        self.disk = disk
        self.root = root
    }

    /// Tries everything beneath an existing empty directory; names what the disk got wrong.
    package static func violations(of disk: any Disk, in directory: String) throws -> [String] {
        let contract = DiskContract(disk, directory)
        try contract.checkOpening()
        try contract.checkBytes()
        try contract.checkSpace()
        try contract.checkNames()
        try contract.checkOpenFilesOutliveNames()
        try contract.checkLocks()
        return contract.violations
    }

    private func expect(_ isMet: Bool, _ clause: String) {
        if !isMet { violations.append(clause) }
    }

    private func expect(
        _ code: DiskError.Code,
        _ clause: String,
        _ body: () throws(DiskError) -> Void
    ) {
        do throws(DiskError) {
            try body()
            violations.append("\(clause): no error")
        } catch {
            expect(error.code == code, "\(clause): \(error.code), not \(code)")
        }
    }

    private func checkOpening() throws {
        let path = root + "/opened"
        expect(.notFound, "open for reading wants a file") { () throws(DiskError) in
            _ = try disk.open(path, .read)
        }
        expect(.notFound, "open for writing wants a file") { () throws(DiskError) in
            _ = try disk.open(path, .readWrite)
        }
        expect(.notFound, "creating wants a directory") { () throws(DiskError) in
            _ = try disk.open(root + "/none/opened", .create)
        }
        let file = try disk.open(path, .create)
        try file.write([1, 2, 3], at: 0)
        file.close()
        expect(.exists, "createNew wants no file") { () throws(DiskError) in
            _ = try disk.open(path, .createNew)
        }
        for mode in [DiskOpenMode.read, .readWrite, .create] {
            let again = try disk.open(path, mode)
            expect(try again.size() == 3, "opening with \(mode) never truncates")
            again.close()
        }
        try disk.remove(path)
        expect(try disk.status(of: path) == nil, "a removed file has no status")
        expect(.notFound, "removing wants a file") { () throws(DiskError) in
            try disk.remove(path)
        }
    }

    private func checkBytes() throws {
        let file = try disk.open(root + "/bytes", .createNew)
        defer { file.close() }
        expect(try file.size() == 0, "a new file is empty")
        try file.write([UInt8](repeating: 7, count: 10), at: 10_000)
        expect(try file.size() == 10_010, "a write past the end grows the file")
        expect(try file.read(count: 4, at: 9_998) == [0, 0, 7, 7], "a hole reads as zeros")
        expect(try file.read(count: 100, at: 10_005).count == 5, "a read ends with the file")
        expect(try file.read(count: 100, at: 20_000).isEmpty, "nothing is past the end")
        try file.write([9], at: 10_001)
        expect(try file.read(count: 3, at: 10_000) == [7, 9, 7], "a write replaces bytes")
        try file.truncate(to: 10_002)
        try file.truncate(to: 10_006)
        expect(
            try file.read(count: 10, at: 10_000) == [7, 9, 0, 0, 0, 0],
            "what a truncation cut off is zeros when the file grows again"
        )
        let large = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &>> 3) }
        try file.write(large, at: 4_095)
        expect(try file.read(count: 70_000, at: 4_095) == large, "large writes read back")
        try file.sync()
        let status = try disk.status(of: root + "/bytes")
        expect(status?.kind == .file && status?.size == 74_095, "status shows kind and size")
    }

    private func checkSpace() throws {
        let file = try disk.open(root + "/space", .createNew)
        defer { file.close() }
        try file.preallocate(0..<1 << 20)
        expect(try file.size() == 1 << 20, "preallocation grows the file")
        expect(
            try file.read(count: 8, at: 4_092) == [UInt8](repeating: 0, count: 8),
            "preallocated bytes are zeros"
        )
        let before = try disk.status(of: root + "/space")?.allocated ?? 0
        expect(before >= 1 << 20, "preallocated space is held")
        try file.write([UInt8](repeating: 5, count: 1 << 20), at: 0)
        try file.punch(1_000..<(1 << 19) + 1_000)
        try file.sync()
        expect(try file.size() == 1 << 20, "punching leaves the size")
        expect(
            try file.read(count: 3, at: 999) == [5, 0, 0]
                && file.read(count: 3, at: (1 << 19) + 998) == [0, 0, 5],
            "exactly the punched bytes are zeros"
        )
        let after = try disk.status(of: root + "/space")?.allocated ?? 0
        expect(after + (1 << 18) < before, "punching gives space back")
        let space = try disk.space(at: root)
        expect(space.available <= space.total, "no more is available than there is")
    }

    private func checkNames() throws {
        try disk.makeDirectory(root + "/a")
        try disk.makeDirectory(root + "/a")
        try disk.makeDirectories(root + "/a/b/c")
        expect(.notFound, "a directory wants a parent") { () throws(DiskError) in
            try disk.makeDirectory(root + "/none/d")
        }
        try disk.replace(root + "/a/file", with: [1])
        try disk.replace(root + "/a/file", with: [2, 3])
        expect(try disk.contents(of: root + "/a/file") == [2, 3], "replace leaves the new bytes")
        expect(try disk.list(root + "/a") == ["b", "file"], "list is sorted and complete")
        try disk.replace(root + "/a/b/other", with: [4])
        try disk.rename(root + "/a/file", to: root + "/a/b/other")
        expect(
            try disk.contents(of: root + "/a/b/other") == [2, 3]
                && disk.status(of: root + "/a/file") == nil,
            "rename replaces a file in another directory"
        )
        expect(.notFound, "renaming wants a source") { () throws(DiskError) in
            try disk.rename(root + "/a/none", to: root + "/a/new")
        }
        do throws(DiskError) {
            try disk.removeDirectory(root + "/a/b")
            violations.append("a directory that holds names is not removed")
        } catch {}  // Which code it is differs; that it fails is what counts.
        try disk.syncDirectory(root + "/a")
        expect(.notFound, "listing wants a directory") { () throws(DiskError) in
            _ = try disk.list(root + "/none")
        }
        expect(try disk.status(of: root + "/a")?.kind == .directory, "status knows directories")
        try disk.removeTree(root + "/a")
        expect(try disk.status(of: root + "/a") == nil, "a removed tree is gone")
    }

    private func checkOpenFilesOutliveNames() throws {
        let path = root + "/unlinked"
        let file = try disk.open(path, .createNew)
        defer { file.close() }
        try file.write([1, 2], at: 0)
        try disk.remove(path)
        try file.write([3], at: 2)
        expect(try file.read(count: 9, at: 0) == [1, 2, 3], "an open file outlives its name")
        let other = try disk.open(path, .createNew)
        expect(try other.size() == 0, "the name is free for another file")
        other.close()
    }

    private func checkLocks() throws {
        let path = root + "/lock"
        let held = try disk.lock(path)
        expect(.busy, "a lock has one holder") { () throws(DiskError) in
            _ = try disk.lock(path)
        }
        held.release()
        try disk.lock(path).release()
    }
}
