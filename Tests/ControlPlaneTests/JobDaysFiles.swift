import FileSystemEngine
import TestKit
import Testing
import VarveModel

/// The plain model of one file system: what is in it, what its snapshots show, and which files are in a colder tier.
struct JobDaysFiles {
    typealias Files = [String: [UInt8]]

    struct Snapshot: Equatable {
        let job: String
        let name: String
        let files: Files
    }

    var files: Files = [:]
    /// The edit that is under way, and what the files are once its next step is done.
    var edit: JobDaysEdit?
    var next: Files?
    /// Oldest first.
    var snapshots: [Snapshot] = []
    /// When each file was first and last written.
    var first: [String: Int64] = [:]
    var written: [String: Int64] = [:]
    /// Files whose last write is not yet written down for the lifecycle, and those of which that is lost for ever: a
    /// daemon that is killed forgets who was used in the hour before.
    var heard: Set<String> = []
    var forgotten: Set<String> = []
    /// In Infrequent Access.
    var cold: Set<String> = []

    /// What a lifecycle job must and may move: files not written for 24 hours and two days of the calendar.
    ///
    /// A file whose last write was forgotten is taken for one that was not written since any time before, or is not
    /// known.
    func dueForCold(at now: Int64) -> (must: Set<String>, may: Set<String>) {
        var (must, may): (Set<String>, Set<String>) = ([], [])
        for (name, bytes) in files where bytes.count >= JobDaysPlan.coldBytes {
            guard let first = first[name], let last = written[name], now >= last + 86_400 else {
                continue
            }
            let isForgotten = forgotten.contains(name)
            if now / 86_400 - (isForgotten ? first : last) / 86_400 >= 2 { may.insert(name) }
            if !isForgotten, now / 86_400 - last / 86_400 >= 2 { must.insert(name) }
        }
        return (must, may)
    }

    /// What is known of uses has been written down, or is gone with the daemon.
    mutating func settleUses(areKept: Bool) {
        if !areKept { forgotten.formUnion(heard) }
        heard = []
    }

    /// The snapshots after a run of a job that keeps its newest ones.
    func snapshots(after job: String, _ name: String, keep: Int) -> [Snapshot] {
        var all = snapshots
        if !all.contains(where: { $0.name == name }) {
            all.append(Snapshot(job: job, name: name, files: files))
        }
        let kept = Set(all.filter { $0.job == job }.suffix(keep).map(\.name))
        return all.filter { $0.job != job || kept.contains($0.name) }
    }
}

/// The same of the engine.
extension FileSystem {
    /// Every file's bytes, by name.
    @inline(never)  // Inlined into a loop, Swift 6.3.1 in release crashes on it.
    func allFiles(
        in directory: InodeNumber = .root,
        at view: View = .live
    ) async throws -> JobDaysFiles.Files {
        var found: JobDaysFiles.Files = [:]
        let page = try await readDirectory(directory, limit: 1_000, at: view, as: .root)
        for entry in page.entries where entry.attributes.kind == .regular {
            found["\(entry.name)"] = try await bulkRead(
                entry.attributes.inode,
                0..<(1 << 30),
                at: view
            ).bytes
        }
        return found
    }

    /// The names of files in a colder tier.
    func coldFiles() async throws -> Set<String> {
        let page = try await readDirectory(.root, limit: 1_000, as: .root)
        var cold: Set<String> = []
        for entry in page.entries where entry.attributes.kind == .regular {
            let tier = try await tier(of: entry.attributes.inode)
            if tier != .standard { cold.insert("\(entry.name)") }
        }
        return cold
    }
}

/// One change of a file system, by the engine and in the model.
struct JobDaysEdit {
    enum What { case make, overwrite, rename, remove }

    let what: What
    let name: String
    let newName: String
    let bytes: [UInt8]
    let offset: Int

    static func random(
        of files: JobDaysFiles,
        _ number: Int,
        using random: inout SeededGenerator
    ) -> JobDaysEdit {
        let name = files.files.keys.sorted().randomElement(using: &random) ?? ""
        let size = files.files[name]?.count ?? 0
        let choices: [What] = [.overwrite, .overwrite, .overwrite, .make, .rename, .remove]
        var what = choices.randomElement(using: &random) ?? .make
        if files.files.count < 10 { what = .make }
        if files.files.count > 24, what == .make { what = .remove }
        return JobDaysEdit(
            what: what,
            name: what == .make ? "made-\(number)" : name,
            newName: "renamed-\(number)",
            bytes: random.bytes(Int.random(in: 1...6_000, using: &random)),
            offset: Int.random(in: 0...size, using: &random)
        )
    }

    /// The files before each step of it, and after the last.
    func steps(from files: JobDaysFiles.Files) -> [JobDaysFiles.Files] {
        var next = files
        switch what {
        case .make:
            next[name] = []
            var last = next
            last[name] = bytes
            return [next, last]
        case .overwrite:
            var content = files[name] ?? []
            let end = offset + bytes.count
            if content.count < end { content += [UInt8](repeating: 0, count: end - content.count) }
            content.replaceSubrange(offset..<end, with: bytes)
            next[name] = content
        case .rename: next[newName] = next.removeValue(forKey: name)
        case .remove: next[name] = nil
        }
        return [next]
    }

    /// Does one step of it.
    func perform(step: Int, in engine: FileSystem) async throws {
        let name = try #require(FileName(name))
        switch what {
        case .make where step == 0:
            _ = try await engine.create(
                name,
                in: .root,
                NewInode(.regular, permissions: 0o600),
                as: .root
            )
        case .make, .overwrite:
            let inode = try await engine.lookup(name, in: .root, as: .root).inode
            _ = try await engine.write(
                inode,
                bytes,
                at: UInt64(what == .make ? 0 : offset),
                stability: .stable,
                as: .root
            )
        case .rename:
            let newName = try #require(FileName(newName))
            try await engine.rename(name, in: .root, to: newName, in: .root, as: .root)
        case .remove: try await engine.unlink(name, in: .root, as: .root)
        }
    }

    /// What it does to the notes of tiers, once it is done.
    func note(in model: inout JobDaysFiles, at now: Int64) {
        switch what {
        case .make, .overwrite:
            model.first[name] = model.first[name] ?? now
            model.written[name] = now
            model.heard.insert(name)
            model.forgotten.remove(name)
        case .rename:
            model.first[newName] = model.first.removeValue(forKey: name)
            model.written[newName] = model.written.removeValue(forKey: name)
            for set in [\JobDaysFiles.heard, \.forgotten, \.cold]
            where model[keyPath: set].remove(name) != nil {
                model[keyPath: set].insert(newName)
            }
        case .remove:
            (model.first[name], model.written[name]) = (nil, nil)
            for set in [\JobDaysFiles.heard, \.forgotten, \.cold] {
                model[keyPath: set].remove(name)
            }
        }
    }
}
