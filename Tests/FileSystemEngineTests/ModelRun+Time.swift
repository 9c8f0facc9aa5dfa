import TestKit
import VarveModel

@testable import FileSystemEngine

/// Seconds pass, instants are pinned, garbage goes, the past comes back, files change tiers.
extension ModelRun {
    /// Ends the second in which everything so far was done, and goes on `seconds` later.
    mutating func endSecond(_ seconds: Int64) async throws {
        try await fileSystem.flush()
        samples.append((world.clock.now().seconds, model))
        world.clock.advance(seconds: seconds)
        model.now = world.clock.now()
        let oldest = model.now.seconds - 4_000
        samples.removeAll { $0.second < oldest }
        operations["endSecond", default: 0] += 1
    }

    /// The model of a retained instant; `nil` when it is older than what is kept for comparison.
    func past(_ instant: Epoch) -> ModelFileSystem? {
        if let pinned = pins[instant] { return pinned }
        return samples.last { $0.second <= instant.second }?.model
    }

    mutating func createSnapshot() async throws {
        let text = "s\(Int.random(in: 0..<8, using: &generator))"
        let expires = chance(1, in: 4) ? model.now.adding(seconds: 300) : nil
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.createSnapshot(text, expires: expires)
        }
        let expected: Result<Void, FileSystemError> =
            snapshots[text] == nil ? .success(()) : .failure(FileSystemError(.exists, "model"))
        compare("createSnapshot", expected, actual)
        guard case .success(let snapshot) = actual else { return }
        snapshots[text] = snapshot.epoch
        pins[snapshot.epoch] = model
    }

    mutating func deleteSnapshot() async throws {
        let text = "s\(Int.random(in: 0..<8, using: &generator))"
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.deleteSnapshot(text)
        }
        let expected: Result<Void, FileSystemError> =
            snapshots[text] != nil ? .success(()) : .failure(FileSystemError(.notFound, "model"))
        compare("deleteSnapshot", expected, actual)
        if let epoch = snapshots.removeValue(forKey: text) { unpin(epoch) }
    }

    private mutating func unpin(_ epoch: Epoch) {
        guard !snapshots.values.contains(epoch), !holds.contains(where: { $0.epoch == epoch })
        else {
            return
        }
        pins[epoch] = nil
    }

    mutating func holdOrRelease() async throws {
        if holds.count > 3 {
            let hold = holds.removeFirst()
            try await fileSystem.release(hold)
            unpin(hold.epoch)
            operations["release", default: 0] += 1
        } else {
            let hold = try await fileSystem.hold()
            pins[hold.epoch] = model
            holds.append(hold)
            operations["hold", default: 0] += 1
        }
    }

    mutating func collectGarbage() async throws {
        var calls = 0
        while try await fileSystem.collectGarbage().isMoreDue, calls < 1_000 { calls += 1 }
        if calls == 1_000 { fail("garbage collection does not end") }
        operations["collectGarbage", default: 0] += 1
        let names = Set(try await fileSystem.snapshots().map(\.name))
        for (text, epoch) in snapshots where !names.contains(text) {
            snapshots[text] = nil
            unpin(epoch)
            operations["snapshot expired", default: 0] += 1
        }
    }

    mutating func reap() async throws {
        while try await fileSystem.reap().isMoreDue {}
        operations["reap", default: 0] += 1
    }

    mutating func compact() async throws {
        let report = try await fileSystem.compactAll()
        operations["compact", default: 0] += 1
        if report.recordsCompacted > 0 { operations["records compacted", default: 0] += 1 }
        if report.segmentsFreed > 0 { operations["segment emptied", default: 0] += 1 }
    }

    mutating func finishMaintenance() async throws {
        try await reap()
        try await collectGarbage()
        try await fileSystem.checkpoint()
    }

    /// A random instant that is retained now.
    mutating func someInstant() async throws -> Epoch? {
        if chance(1, in: 3), let pinned = pick(pins.keys.sorted()) { return pinned }
        let back = Int64.random(in: 0...3_500, using: &generator)
        let time = world.clock.now().adding(seconds: -back)
        let found = await attempt { () async throws(FileSystemError) in
            try await fileSystem.instant(atOrBefore: time)
        }
        switch found {
        case .success(let instant):
            if instant > .end(ofSecond: time.seconds) { fail("an instant after the time asked") }
            return instant
        case .failure(let error):
            refusals[error.code, default: 0] += 1
            if error.code != .notFound { fail("instant: \(error)") }
            return nil
        }
    }

    mutating func rollBack() async throws {
        guard let instant = try await someInstant(), let then = past(instant) else { return }
        // The present is a second of its own, so that the rollback can be told from it.
        try await endSecond(1)
        if chance(1, in: 4) {
            try await rollBackEverything(instant, then)
        } else if chance(1, in: 2) {
            try await rollBackInode(instant, then)
        } else {
            try await rollBackName(instant, then)
        }
    }

    private mutating func rollBackEverything(
        _ instant: Epoch,
        _ then: ModelFileSystem
    ) async throws {
        _ = try await fileSystem.restoreInPlace(.root, to: instant)
        model.rollBackEverything(to: then)
        operations["roll back everything", default: 0] += 1
        try await checkLive()
    }

    private mutating func rollBackInode(_ instant: Epoch, _ then: ModelFileSystem) async throws {
        let inode = inode { $0.kind == .directory || $0.kind == .regular }
        guard inode != .root else { return }
        var after = model
        let expected = FileSystemError.result {
            guard then.nodes[inode] != nil, model.links(of: inode) > 0 else {
                throw FileSystemError(.stale, "model")
            }
            try after.rollBack(inode, name: nil, to: then)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.restoreInPlace(inode, to: instant)
        }
        compare("roll back an inode", expected, actual)
        if case .success = expected { model = after }
        try await checkLive()
    }

    private mutating func rollBackName(_ instant: Epoch, _ then: ModelFileSystem) async throws {
        let directory = directory()
        guard let name = pick((then.nodes[directory]?.children.keys).map { $0.sorted() } ?? [])
        else { return }
        var after = model
        let expected = FileSystemError.result {
            guard model.links(of: directory) > 0 else { throw FileSystemError(.stale, "model") }
            guard let inode = then.nodes[directory]?.children[name] else {
                throw FileSystemError(.notFound, "model")
            }
            try after.rollBack(inode, name: (directory, name), to: then)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.restoreInPlace(name, in: directory, to: instant)
        }
        compare("roll back a name", expected, actual)
        if case .success = expected { model = after }
        try await checkLive()
    }

    mutating func move() async throws {
        let inode = file()
        let tier = pick([Tier.standard, .infrequentAccess, .archive]) ?? .standard
        let expected = FileSystemError.result {
            let kind = try model.node(inode).kind
            if kind == .directory { throw FileSystemError(.isDirectory, "model") }
            if kind != .regular { throw FileSystemError(.invalid, "model") }
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.move(inode, to: tier)
        }
        compare("move to \(tier)", expected, actual)
        guard case .success = actual else { return }
        if try await fileSystem.tier(of: inode) != tier { fail("the tier is not \(tier)") }
        let place = try await fileSystem.dataPlace(of: inode, in: tier)
        if place.elsewhere != 0 { fail("\(place.elsewhere) bytes did not come along to \(tier)") }
    }

    mutating func reopen() async throws {
        try await world.reopen()
        try await reopened()
    }

    /// What a restart means for the model; the world has been opened again.
    mutating func reopened() async throws {
        for hold in holds { pins[hold.epoch] = nil }
        holds = []
        for epoch in snapshots.values where pins[epoch] == nil { fail("a snapshot lost its pin") }
        handles = []
        model.restart()
        operations["reopen", default: 0] += 1
        try await checkLive()
    }
}
