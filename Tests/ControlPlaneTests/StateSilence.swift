import Disk
import LocalAPI
import VarveModel

@testable import ControlPlane

/// A sync of a recorded state directory that is left out, and what surrounds it.
struct LeftOutStateSync: CustomStringConvertible {
    let sync: RecordedSync
    let run: StateRun
    /// The last operation before the next sync of the same file or directory.
    let end: Int
    /// What was done before it, the last first.
    let before: [RecordedOperation]
    /// Acknowledgements that only this sync stands behind.
    let marks: [Int]

    init(_ sync: RecordedSync, in run: StateRun) {
        let next = run.disk.syncs.first { $0.number > sync.number && $0.path == sync.path }
        let end = (next?.operation ?? run.disk.operations + 1) - 1
        self.sync = sync
        self.run = run
        self.end = end
        before = run.disk.history[..<max(0, sync.operation - 1)].suffix(3).reversed()
        marks = run.disk.marks.map(\.position).filter { (sync.operation...end).contains($0) }
    }

    var path: String { sync.path }
    var previous: String { before.first?.description ?? "" }

    /// The directory that was made just before its parent's sync.
    var madeDirectory: String? {
        before.first.flatMap { $0.kind == .makeDirectory ? $0.path : nil }
    }

    /// Cuts from this sync to the next that covers it: all of them, or 150 over a long time.
    func cuts(stride: Int) -> [Int] {
        let sparse = max(stride, (end - sync.operation) / 150)
        return Array(Swift.stride(from: sync.operation, through: end, by: sparse))
    }

    /// The disk after a cut, with this sync left out or not; what was not synced is lost.
    func image(at cut: Int, leavingOut: Bool) -> SimulatedDisk {
        run.disk.image(
            cuttingAfter: cut,
            fate: .dropUnsynced,
            skippingSync: leavingOut ? sync.number : nil
        )
    }

    var description: String {
        "sync \(sync.number) of \(path), after \(before.map(\.description))"
    }
}

/// Why a sync of a state directory may be missing without anybody noticing.
struct StateSilence: Sendable {
    let name: String
    let why: String
    let covers: @Sendable (LeftOutStateSync) -> Bool
    /// Looks whether the reason is true: what of it is not, in words.
    ///
    /// Absent where another test does.
    let check: (@Sendable (LeftOutStateSync) async throws -> String?)?

    /// Whether the file is the engine's, which has a test of its own.
    var isOfEngine: Bool { name == StateSilence.engine }

    private static let engine = "the engine's"

    static let all: [StateSilence] = [
        StateSilence(
            name: engine,
            why: "`FileSystemEngineTests/LeftOutSyncTests` leaves each of them out.",
            covers: {
                $0.path.contains("/meta.sqlite") || $0.path.hasSuffix("/standard")
                    || $0.path.hasSuffix("/ia") || $0.path.hasSuffix("/archive")
                    || $0.path.hasSuffix(".seg")
            },
            check: nil
        ),
        StateSilence(
            name: "noise over a key",
            why: """
                The name goes durably right after it, and what blocks without a name hold is shown by no file. \
                `a key is overwritten and synced before its name goes` holds it.
                """,
            covers: { $0.path.hasSuffix("/key") && $0.previous.contains(" 108 bytes at 0") },
            check: nil
        ),
        StateSilence(
            name: "name of an erased key",
            why: "Its directory's own name goes durably before the answer.",
            covers: {
                $0.sync.isDirectory && $0.previous.contains(" remove ")
                    && $0.previous.hasSuffix("/key")
            },
            check: { try $0.whoseDirectoryIsGone() }
        ),
        StateSilence(
            name: "one of two keys",
            why: "The other copy opens, and the lost one is written anew.",
            covers: {
                $0.path.hasSuffix("/key.new")
                    && ($0.path.contains("/filesystems/") || $0.path.contains("/zones/"))
            },
            check: { try await $0.whoseKeyComesBack(in: DiskPath.parent(of: $0.path)) }
        ),
        StateSilence(
            name: "a zone's directory",
            why: "It holds the copy of a key and no segment yet; the next start makes it again.",
            covers: {
                $0.madeDirectory.map { DiskPath.parent(of: DiskPath.parent(of: $0)) }
                    == StateWorld.root + "/zones"
            },
            check: { leftOut in
                guard let made = leftOut.madeDirectory else { return "no directory was made" }
                return try await leftOut.whoseKeyComesBack(in: made)
            }
        ),
        StateSilence(
            name: "a tier's directory",
            why: "It holds no segment yet; the next start, or the first segment, makes it again.",
            covers: {
                ["standard", "ia", "archive"].contains($0.madeDirectory.map(DiskPath.name(of:)))
            },
            check: { try await $0.whoseDirectoryComesBack() }
        ),
    ]
}

// MARK: What the reasons claim

extension LeftOutStateSync {
    /// The directory of the erased key is nobody's any more at the first answer.
    fileprivate func whoseDirectoryIsGone() throws -> String? {
        for cut in marks {
            guard try image(at: cut, leavingOut: true).status(of: path) == nil else {
                return "the directory is still there after \(cut)"
            }
        }
        return nil
    }

    /// A lost tier's directory held nothing, and is no part of what the next start needs.
    fileprivate func whoseDirectoryComesBack() async throws -> String? {
        guard let made = madeDirectory else { return "no directory was made" }
        var looked = 0
        for cut in marks {
            let whole = image(at: cut, leavingOut: false)
            guard try whole.status(of: made) != nil else { continue }  // Deleted since.
            looked += 1
            let held = try whole.files(beneath: made)
            guard held.isEmpty else { return "it holds \(held)" }
            let disk = image(at: cut, leavingOut: true)
            guard try disk.status(of: made) == nil else { return "'\(made)' is there after \(cut)" }
            let world = try await StateWorld(opening: disk)
            let found = try await world.shown()
            await world.close()
            let promise = run.promises[run.disk.marks(acknowledgedBy: cut).count]
            guard found.fileSystems == promise.fileSystems else {
                return "without it are shown \(found.fileSystems.keys.sorted())"
            }
        }
        return looked > 0 ? nil : "it was never there"
    }

    /// A lost copy of a key is there again after a start, and opens the file system by itself.
    fileprivate func whoseKeyComesBack(in directory: String) async throws -> String? {
        let id = DiskPath.name(of: directory)
        var looked = 0
        for cut in marks {
            let whole = image(at: cut, leavingOut: false)
            // It may have been deleted since.
            guard try whole.status(of: directory + "/key") != nil else { continue }
            looked += 1
            let segments = try whole.files(beneath: directory).filter { $0.hasSuffix(".seg") }
            guard segments.isEmpty || path.hasSuffix("/key.new") else {
                return "there are \(segments)"
            }
            let disk = image(at: cut, leavingOut: true)
            let copies = try disk.files(beneath: StateWorld.root).filter {
                $0.hasSuffix("/\(id)/key") && DiskPath.parent(of: $0) != directory
            }
            guard copies.count == 1, let copy = copies.first else { return "copies: \(copies)" }
            let isLost =
                try disk.status(of: directory + "/key") == nil
                || disk.contents(of: directory + "/key") != whole.contents(of: directory + "/key")
            guard isLost else { return "the copy in '\(directory)' was not lost after \(cut)" }
            await (try await StateWorld(opening: disk)).close()
            try disk.remove(copy)
            let world = try await StateWorld(opening: disk)
            let found = try await world.shown()
            await world.close()
            let promise = run.promises[run.disk.marks(acknowledgedBy: cut).count]
            guard found.fileSystems == promise.fileSystems else {
                return "the copy made anew shows \(found.fileSystems.keys.sorted())"
            }
        }
        return looked > 0 ? nil : "there was never a key"
    }
}

extension SimulatedDisk {
    /// Every file beneath a directory, by path.
    fileprivate func files(beneath directory: String) throws -> [String] {
        guard try status(of: directory) != nil else { return [] }
        var found: [String] = []
        for name in try list(directory) {
            let path = directory + "/" + name
            let isDirectory = try status(of: path)?.kind == .directory
            found += isDirectory ? try files(beneath: path) : [path]
        }
        return found
    }
}
