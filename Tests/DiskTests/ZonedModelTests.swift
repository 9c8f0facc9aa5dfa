import Disk
import TestKit
import Testing
import VarveModel

/// Random calls against a plain model, with zones that fail, leave, come back and lose power.
@Suite struct ZonedModelTests {
    private struct Model {
        var files: [String: [UInt8]] = [:]
        /// As the last time that all was durable.
        var durable: [String: [UInt8]] = [:]
        var counts: [String: Int] = [:]

        mutating func count(_ what: String) { counts[what, default: 0] += 1 }
    }

    @Test(arguments: 0..<6)
    func `random calls agree with the model, whichever zone fails`(run: Int) throws {
        let seed = testSeed(default: 480) &+ UInt64(run) &* 1_000
        var generator = SeededGenerator(seed: seed)
        var world = ZonedWorld()
        var disk = try world.create()
        var model = Model()
        for step in 0..<400 {
            let comment: Comment = "seed \(seed), step \(step)"
            trouble(world, disk, &generator, &model)
            do {
                try change(disk, &generator, &model)
            } catch let error as DiskError {
                // Two of three zones failed: the file system above is opened anew.
                #expect(error.code == .denied || error.code == .noSpace, "\(error), seed \(seed)")
                guard error.code == .denied else {
                    // What was taken back is not durable before the next sync.
                    model.durable = [:]
                    continue
                }
                #expect(!disk.standing.mayWrite, comment)
                model.count("refused")
                for each in world.disks { each.clearFaults() }
                for each in world.disks { each.setCapacity(1 << 40) }
                try disk.look()
                #expect(disk.standing.mayWrite, comment)
                try settle(disk, &model)
            }
            try check(disk, model, comment)
            if Int.random(in: 0..<60, using: &generator) == 0 {
                (world, disk) = try restart(world, disk, &generator, &model, comment)
            }
        }
        for each in world.disks { each.clearFaults() }
        for each in world.disks { each.setCapacity(1 << 40) }
        try disk.look()
        #expect(!disk.standing.isDegraded, "\(disk.standing), seed \(seed)")
        let found = try (0..<3).map { try world.contents(of: $0) }
        #expect(found[0] == found[1] && found[1] == found[2], "seed \(seed)")
        print("seed \(seed): \(model.counts.sorted { $0.key < $1.key })")
        for kind in ["write", "rename", "remove", "restart", "power cut", "out"] {
            #expect(model.counts[kind, default: 0] > 0, "no \(kind), seed \(seed)")
        }
    }

    /// Has one zone fail now and then, and come back.
    private func trouble(
        _ world: ZonedWorld,
        _ disk: ZonedDisk,
        _ generator: inout SeededGenerator,
        _ model: inout Model
    ) {
        let zone = world.disks[Int.random(in: 0..<3, using: &generator)]
        switch Int.random(in: 0..<40, using: &generator) {
        case 0: zone.fail(after: Int.random(in: 0..<20, using: &generator))
        case 1:
            zone.fail(
                after: Int.random(in: 0..<20, using: &generator),
                with: .denied,
                lasting: true
            )
        case 2: zone.fail(after: 0) { kind, _ in kind == .sync }
        case 3: zone.vanish()
        case 4: zone.failAfter(bytes: UInt64.random(in: 0..<40_000, using: &generator))
        case 5: zone.failReads { _ in true }
        case 6...12:
            for each in world.disks { each.clearFaults() }
            for each in world.disks { each.setCapacity(1 << 40) }
            // What comes of it shows in the standing.
            try? disk.look()
        default: break
        }
        if disk.standing.isDegraded { model.count("out") }
    }

    private func change(
        _ disk: ZonedDisk,
        _ generator: inout SeededGenerator,
        _ model: inout Model
    ) throws {
        let name = "f\(Int.random(in: 0..<5, using: &generator))"
        switch Int.random(in: 0..<10, using: &generator) {
        case 0...5:
            let file = try disk.open(path(name), .create)
            defer { file.close() }
            if model.files[name] == nil { model.files[name] = [] }
            let offset = Int.random(in: 0..<9_000, using: &generator)
            let bytes = generator.bytes(Int.random(in: 1..<3_000, using: &generator))
            try file.write(bytes, at: UInt64(offset))
            model.files[name]?.put(bytes, at: offset)
            if Bool.random(using: &generator) {
                let size = Int.random(in: 0..<12_000, using: &generator)
                try file.truncate(to: UInt64(size))
                model.files[name]?.resize(size)
                model.count("truncate")
            }
            if Bool.random(using: &generator), let size = model.files[name]?.count, size > 0 {
                let start = Int.random(in: 0..<size, using: &generator)
                try file.punch(UInt64(start)..<UInt64(size))
                model.files[name]?.put([UInt8](repeating: 0, count: size - start), at: start)
                model.count("punch")
            }
            try file.sync()
            model.count("write")
        case 6:
            let target = "f\(Int.random(in: 0..<5, using: &generator))"
            guard let bytes = model.files[name], name != target else { return }
            try disk.rename(path(name), to: path(target))
            model.files[name] = nil
            model.files[target] = bytes
            model.count("rename")
        case 7:
            guard model.files[name] != nil else { return }
            try disk.remove(path(name))
            model.files[name] = nil
            model.count("remove")
        default: break
        }
        if Bool.random(using: &generator) {
            try disk.syncDirectory(ZonedWorld.root)
            model.durable = model.files
        }
    }

    /// What is there after a call that was refused is what counts from now on.
    private func settle(_ disk: ZonedDisk, _ model: inout Model) throws {
        model.files = [:]
        for name in try disk.list(ZonedWorld.root) {
            model.files[name] = try disk.contents(of: path(name))
        }
        model.durable = [:]
    }

    private func check(_ disk: ZonedDisk, _ model: Model, _ comment: Comment) throws {
        // All three may be away, or fail their reads, at one time.
        guard let names = try? disk.list(ZonedWorld.root) else { return }
        #expect(names == model.files.keys.sorted(), comment)
        for (name, bytes) in model.files {
            guard let found = try? disk.contents(of: path(name)) else { continue }
            #expect(found == bytes, comment)
        }
    }

    /// With the power gone for all zones, or with the daemon killed: what was durable is there, alike in all members.
    private func restart(
        _ world: ZonedWorld,
        _ disk: ZonedDisk,
        _ generator: inout SeededGenerator,
        _ model: inout Model,
        _ comment: Comment
    ) throws -> (ZonedWorld, ZonedDisk) {
        model.count("restart")
        let line = PowerLine()
        let disks = world.disks.map { disk -> SimulatedDisk in
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: disk.restarted()
            case 1: disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced)
            default:
                disk.image(
                    cuttingAfter: disk.operations,
                    fate: .tear(seed: UInt64.random(in: 0...1_000, using: &generator))
                )
            }
        }
        model.count("power cut")
        for each in disks { each.setCapacity(1 << 40) }
        let next = ZonedWorld(line: line, disks: disks)
        let again = try next.open()
        let members = again.standing.zones.indices.filter {
            again.standing.zones[$0].state == .inSync
        }
        #expect(members.count >= 2, comment)
        let found = try members.map { try next.contents(of: $0) }
        for each in found { #expect(each == found[0], comment) }
        // Every call above synced its file: names alone may be older.
        for (name, bytes) in model.durable where model.files[name] == bytes {
            #expect(found[0][name] == bytes, comment)
        }
        try settle(again, &model)
        return (next, again)
    }
}

extension [UInt8] {
    fileprivate mutating func put(_ bytes: [UInt8], at offset: Int) {
        if count < offset + bytes.count { resize(offset + bytes.count) }
        replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    fileprivate mutating func resize(_ size: Int) {
        if size < count {
            removeSubrange(size...)
        } else {
            append(contentsOf: [UInt8](repeating: 0, count: size - count))
        }
    }
}
