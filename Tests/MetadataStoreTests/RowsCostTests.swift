import Disk
import Keyring
import MetadataStore
import TestKit
import Testing
import VarveModel

/// What the rows cost, counted in rows and virtual-machine steps of SQLite, never in time.
@Suite struct RowsCostTests {
    /// A database with one directory of `files` files, some of them with slices.
    private struct Tree {
        let database: FileSystemDatabase
        let writer: MetadataWriter
        let inodes: [InodeNumber]

        init(files: Int) throws {
            let disk = SimulatedDisk(recording: false)
            let id = UniqueID.random()
            let directory = "/cost-\(Hex.encode(id.bytes))"
            try disk.makeDirectory(directory)
            database = try FileSystemDatabase.create(
                disk: disk,
                path: directory + "/meta.sqlite",
                key: DataKey.random(),
                FileSystemDatabaseOptions(
                    fileSystem: id,
                    family: UniqueID.random(),
                    second: 1_000
                )
            )
            writer = try database.writer()
            var inodes: [InodeNumber] = []
            try writer.begin(second: 1_000)
            try writer.putSegment(SegmentRow(id: SegmentID(rawValue: 1), tier: .standard))
            try writer.insertInode(
                InodeRow(inode: .root, kind: .directory, permissions: 0o755, links: 2)
            )
            for index in 0..<files {
                guard let name = FileName("file\(index)") else { continue }
                inodes.append(try Tree.makeFile(writer, name))
                guard inodes.count.isMultiple(of: 10_000) else { continue }
                // A commit raises the ceilings under which numbers are issued.
                _ = try writer.commit()
                try writer.begin(second: 1_000)
            }
            _ = try writer.commit()
            self.inodes = inodes
        }

        static func makeFile(
            _ writer: MetadataWriter,
            _ name: FileName
        ) throws -> InodeNumber {
            let inode = try writer.nextInode()
            let hash = try writer.insertDirent(
                directory: .root,
                name: name,
                inode: inode,
                kind: .regular
            )
            var row = InodeRow(inode: inode, kind: .regular, permissions: 0o644, links: 0)
            try writer.addName(&row, directory: .root, hash: hash)
            try writer.insertInode(row)
            return inode
        }

        func write(_ inode: InodeNumber) throws {
            let sequence = try writer.nextSequence()
            let record = RecordPointer(
                segment: SegmentID(rawValue: 1),
                offset: sequence * 8_192,
                length: 4_200
            )
            _ = try writer.insertSlice(
                inode,
                tile: 0,
                offset: 0,
                length: 4_096,
                sequence: sequence,
                record: record
            )
        }

        func steps(_ body: () throws -> Void) rethrows -> UInt64 {
            let before = writer.rowsStepped
            try body()
            return writer.rowsStepped - before
        }
    }

    /// Method: the same 50 changes at two sizes of tree; a B-tree one level deeper is no more steps.
    @Test func `snapshot, difference and collection cost the changes, not the files`() throws {
        var costs: [[UInt64]] = []
        for files in [200, TestSizes.current.costTreeFiles] {
            let tree = try Tree(files: files)
            let writer = tree.writer
            try writer.begin(second: 2_000)
            // The journal's own upkeep of how the tree was made is not what is measured.
            while try writer.collectGarbage(limit: 1_000).hasMore {}
            var first = Epoch.zero
            let snapshot = try tree.steps {
                first = try writer.createSnapshot(name: "a", created: .epoch).epoch
            }
            for inode in tree.inodes.prefix(50) { try tree.write(inode) }
            _ = try writer.createSnapshot(name: "b", created: .epoch)
            for inode in tree.inodes.prefix(50) { try tree.write(inode) }
            _ = try writer.commit()
            let difference = try tree.steps {
                let keys = try writer.changes(
                    after: first,
                    through: writer.epoch,
                    resumeAfter: nil,
                    limit: 1_000
                )
                #expect(keys.count == 100, "each once before the snapshot and once after it")
                #expect(Set(keys.map(\.key)).count == 50)
            }
            var freed = 0
            let collection = try tree.steps {
                try writer.begin(second: 2_000)
                try writer.deleteSnapshot(name: "b")
                let report = try writer.collectGarbage(limit: 1_000)
                #expect(report.examined == 50)
                #expect(report.dropped == 50)
                freed = try writer.commit().freed.count
            }
            #expect(freed == 50)
            costs.append([snapshot, difference, collection])
        }
        #expect(costs[0] == costs[1], "snapshot, difference, collection at two sizes")
        print("rows cost: snapshot, difference, collection of 50 changes: \(costs)")
    }

    /// Method: 5,000 keys and 10,000 in pages of 500.
    ///
    /// Twice the keys are twice the steps; pages that each looked
    /// at the whole range would make them four times as many.
    @Test func `all pages of the journal cost one pass over it`() throws {
        var costs: [UInt64] = []
        for files in [2_500, 5_000] {
            let tree = try Tree(files: files)
            var keys = 0
            var last: FiledChange?
            let steps = try tree.steps {
                repeat {
                    let page = try tree.writer.changes(
                        after: .zero,
                        through: .never,
                        resumeAfter: last,
                        limit: 500
                    )
                    keys += page.count
                    last = page.count == 500 ? page.last : nil
                } while last != nil
            }
            #expect(keys == 2 * files + 1, "an inode and a name each, and the root")
            costs.append(steps)
        }
        print("rows cost: 5,001 and 10,001 changes in pages of 500: \(costs) steps")
        #expect(costs[1] * 4 <= costs[0] * 9, "a page inside an epoch compares a little more")
        #expect(costs[1] <= 24 * 10_001)
    }

    @Test func `no statement on the hot paths scans a table`() throws {
        let tree = try Tree(files: 1)
        // Few rows by their nature: pins, bookmarks, segments, work queues, open-unlinked inodes.
        let small = ["snap", "bookmark", "seg", "gc", "reap", "orphan"]
        for plan in try tree.writer.queryPlans() where plan.detail.hasPrefix("SCAN") {
            let table = plan.detail.split(separator: " ").dropFirst().first.map(String.init) ?? ""
            let isIndexOfRanges = plan.detail.contains("slice_ranges")
            let isFirstRowOnly = plan.sql == "SELECT 1 FROM rref LIMIT 1"
            #expect(
                small.contains(table) || isIndexOfRanges || isFirstRowOnly,
                "\(plan.detail): \(plan.sql)"
            )
        }
        for plan in try tree.writer.queryPlans() {
            #expect(!plan.detail.contains("AUTOMATIC"), "\(plan.detail): \(plan.sql)")
        }
    }

    @Test func `a create writes five rows and a small write one slice`() throws {
        let tree = try Tree(files: 10)
        let writer = tree.writer
        try writer.begin(second: 5_000)
        let before = try writer.audit()
        guard let name = FileName("new") else { return }
        let inode = try Tree.makeFile(writer, name)
        let created = try writer.audit()
        #expect(created.live == before.live + 2)
        #expect(created.changes == before.changes + 2)
        #expect(created.history == before.history)
        try tree.write(inode)
        try tree.write(inode)
        let written = try writer.audit()
        #expect(written.slices == created.slices + 1, "the first is hidden whole and never seen")
        #expect(written.changes == created.changes + 1, "one key a tile and epoch")
        let commit = try writer.commit()
        #expect(commit.freed.count == 1)
    }

    /// Method: rows and steps for each range of a queue ten times as long; those of a call have an end.
    @Test func `collecting what many dropped snapshots showed costs the same for each`() throws {
        var costs: [UInt64] = []
        for count in [300, 3_000] {
            let tree = try Tree(files: 10)
            let writer = tree.writer
            try writer.begin(second: 2_000)
            while try writer.collectGarbage(limit: 1_000).hasMore {}
            for number in 0..<count {
                _ = try writer.createSnapshot(name: "s\(number)", created: .epoch)
            }
            try tree.write(tree.inodes[0])
            for number in 0..<count { try writer.deleteSnapshot(name: "s\(number)") }
            _ = try writer.commit()
            var calls = 0
            let steps = try tree.steps {
                try writer.begin(second: 2_001)
                repeat { calls += 1 } while try writer.collectGarbage(limit: 100).hasMore
                _ = try writer.commit()
            }
            #expect(calls >= count / 100)
            costs.append(steps / UInt64(count))
        }
        // Each call reads the ends of the ranges that are left, a hundredth of them for each range: no tenfold.
        #expect(costs[1] < costs[0] * 3, "\(costs) rows and steps a snapshot")
    }
}
