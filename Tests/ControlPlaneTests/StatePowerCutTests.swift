import Disk
import LocalAPI
import TestKit
import Testing
import VarveModel

@testable import ControlPlane

/// Goal: what a state directory has acknowledged survives a power cut after any write (I2), what it has not is
/// there whole or not at all (I3), and an erased key never comes back.
///
/// Method: one recorded life over `init`, `control.sqlite`, `journal.sqlite`, key files, file systems made
/// and deleted, a vault and a restart; then the disk that a cut after each write leaves is opened.
@Suite struct StatePowerCutTests {
    /// What a cut has broken; `nil` when every promise is kept.
    private static func damage(_ disk: SimulatedDisk, _ run: StateRun, cut: Int) async -> String? {
        let acknowledged = run.disk.marks(acknowledgedBy: cut).count
        let promise = run.promises[acknowledged]
        let next = run.promises[min(acknowledged + 1, run.promises.count - 1)]
        do {
            if acknowledged == 0 {
                // What `init` has not finished is made again; a root key that is there stays.
                if try disk.status(of: StateWorld.root + "/format") == nil {
                    try StateWorld.create(on: disk)
                }
            }
            for (path, bytes) in try StateWorld.smallFiles(on: disk)
            where promise.erased.contains(where: { bytes.contains($0) }) {
                return "the erased key is in '\(path)'"
            }
            let world = try await StateWorld(opening: disk)
            defer { world.state.release() }
            var found = try await world.shown()
            found.erased = promise.erased
            var after = next
            after.erased = promise.erased
            if found != promise, found != after {
                return "found \(found.brief), promised \(promise.brief) or \(after.brief)"
            }
            let strays = try await world.strays()
            if !strays.isEmpty { return "nobody lists \(strays)" }
            _ = try await world.fileSystems.create(name: "later", tags: [:], owner: .root)
            await world.close()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func `a state directory survives a power cut after every write`() async throws {
        let run = StateRun()
        try await run.record()
        var replay = run.disk.replay()
        let stride = TestSizes.current.powerCutStride
        var cuts = 0
        for (number, cut) in Swift.stride(from: 0, through: run.disk.operations, by: stride)
            .enumerated()
        {
            replay.advance(to: cut)
            let fates: [CutFate] = [.dropUnsynced, .tear(seed: UInt64(cut)), .keepUnsynced]
            let chosen = stride == 1 ? fates : [fates[number % 3]]
            for fate in chosen {
                cuts += 1
                let words = await Self.damage(replay.image(fate), run, cut: cut)
                if let words { Issue.record("cut after write \(cut), \(fate): \(words)") }
            }
        }
        print(
            "state directory: \(run.disk.operations) writes, \(run.promises.count) promises, "
                + "\(cuts) worlds opened"
        )
        #expect(run.disk.operations >= 500)
    }

    /// Goal: every sync is needed: without it the test above fails, or it is explained.
    ///
    /// Method: power is cut after each write up to the next sync of the same file or directory, with what was not
    /// synced dropped and torn. Where all promises are kept even so, an explanation (`StateSilence`) is looked
    /// at in the bytes that were recorded.
    @Test func `leaving out a sync of the state directory shows`() async throws {
        let run = StateRun()
        try await run.record()
        let stride = TestSizes.current.powerCutStride
        let full = stride == 1
        var (shown, idle, worlds) = (0, 0, 0)
        var explained: [String: Int] = [:]
        var wrong: [String] = []
        for (number, sync) in run.disk.syncs.enumerated() where full || number.isMultiple(of: 5) {
            let leftOut = LeftOutStateSync(sync, in: run)
            // Nothing is acknowledged before the next sync of the same thing covers this one.
            guard !leftOut.marks.isEmpty else {
                idle += 1
                continue
            }
            let first = Set(leftOut.marks.prefix(3) + [leftOut.end]).sorted()
            if try await Self.damage(leftOut, cuts: first, fates: [.dropUnsynced]) != nil {
                shown += 1
                continue
            }
            let silence = StateSilence.all.first { $0.covers(leftOut) }
            if silence?.isOfEngine != true {
                // What no explanation covers is cut everywhere, at every size, before it is called wrong.
                let cuts = leftOut.cuts(stride: silence == nil ? 1 : stride)
                let fates: [CutFate] = [.dropUnsynced, .tear(seed: 1), .tear(seed: 2)]
                worlds += cuts.count * fates.count
                if try await Self.damage(leftOut, cuts: cuts, fates: fates) != nil {
                    shown += 1
                    continue
                }
            }
            explained[silence?.name ?? "nothing", default: 0] += 1
            guard let silence else {
                wrong.append("not explained: \(leftOut)")
                continue
            }
            if let words = try await silence.check?(leftOut) {
                wrong.append("\(silence.name): \(words): \(leftOut)")
            }
        }
        print(
            "left-out syncs of a state directory: \(shown) show, \(idle) are covered before any answer; explained, "
                + "after up to \(worlds) worlds: \(explained.sorted { $0.key < $1.key })"
        )
        #expect(wrong == [])
        #expect(shown > 0)
        guard full else { return }
        for silence in StateSilence.all {
            #expect(explained[silence.name] != nil, "'\(silence.name)' explains nothing")
        }
    }

    /// The first damage that leaving out a sync does at some of these cuts.
    private static func damage(
        _ leftOut: LeftOutStateSync,
        cuts: [Int],
        fates: [CutFate]
    ) async throws -> String? {
        var replay = leftOut.run.disk.replay(skippingSync: leftOut.sync.number)
        for cut in cuts {
            replay.advance(to: cut)
            for fate in fates {
                if let words = await damage(replay.image(fate), leftOut.run, cut: cut) {
                    return "cut after \(cut), \(fate): \(words)"
                }
            }
        }
        return nil
    }

    @Test func `a key is overwritten and synced before its name goes`() async throws {
        let run = StateRun()
        try await run.record()
        let history = run.disk.history.map(\.description)
        var erased = 0
        for (index, line) in history.enumerated() {
            guard let path = line.firstMatch(of: /remove (\S+\/key)$/)?.1 else { continue }
            erased += 1
            #expect(history[index - 2].hasSuffix("write \(path) 108 bytes at 0"))
            #expect(history[index - 1].hasSuffix("sync \(path)"))
            #expect(
                history[index + 1].contains("syncDirectory \(DiskPath.parent(of: String(path)))")
            )
        }
        #expect(erased == 4, "two file systems, a copy in the zone each")
    }
}

extension StateRun.Promise {
    /// Without bytes, for messages.
    fileprivate var brief: String {
        let held = fileSystems.mapValues { $0.mapValues(\.count) }
        return "\(held), vaults \(vaults), runs \(runs), setting \(setting ?? "none")"
    }
}
