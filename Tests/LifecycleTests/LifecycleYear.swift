import Backup
import BackupVault
import Disk
import FileSystemEngine
import Keyring
import Lifecycle
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

/// A file as EFS's rules know it.
private struct EFSFile {
    let name: String
    let inode: InodeNumber
    var bytes: [UInt8]
    /// The day of the last read or write in Standard.
    var day: Int64
    var lastWrite: Timestamp
    var tier = Tier.standard

    /// A read or write of data by a client.
    mutating func access(_ today: Int64, _ transitions: LifecycleTransitions) {
        guard tier == .standard || transitions.isPromotedOnAccess else { return }
        day = today
        tier = .standard
    }

    /// What a run does to it (AWS EFS lifecycle management): both ages count from the last access in Standard; what
    /// was written in the last 24 hours stays.
    mutating func age(_ now: Timestamp, _ transitions: LifecycleTransitions, minimumSize: Int) {
        guard bytes.count >= minimumSize, now >= lastWrite.adding(seconds: 86_400) else { return }
        let days = Int(now.day - day)
        // One day without access is a whole one: the access may have been at its midnight.
        func isOver(_ age: LifecycleTransitions.Age) -> Bool {
            age == .days1 ? days > 1 : days >= age.rawValue
        }
        if let age = transitions.toArchive, isOver(age) {
            tier = .archive
        } else if let age = transitions.toInfrequentAccess, isOver(age), tier == .standard {
            tier = .infrequentAccess
        }
    }
}

/// A year of reads, writes and changes of mind, against a model that is EFS's rules and nothing else.
@Suite struct LifecycleYear {
    private static let minimumSize = 4_000

    /// One life: the world, its model, and what must be readable in the end.
    private final class Life {
        let world: LifecycleWorld
        let vault: Vault
        var random: SeededGenerator
        var files: [EFSFile] = []
        var policy: LifecyclePolicy
        var made = 0
        var mix: [String: Int] = [:]
        /// Files in another class than the model's; the first ten are explained.
        var mismatches = 0
        var snapshots: [(epoch: Epoch, files: [EFSFile])] = []
        var points: [(point: RecoveryPoint, files: [EFSFile])] = []

        init(seed: UInt64) async throws {
            random = SeededGenerator(seed: seed)
            world = try await LifecycleWorld()
            try world.disk.makeDirectories("/var/vaults")
            vault = try Vault.create(
                disk: world.disk,
                directory: "/var/vaults/main",
                name: "main",
                root: .random(),
                clock: world.clock
            )
            policy = try LifecycleYear.policy(.days30, .days90, back: true)
            for _ in 0..<TestSizes.current.lifecycleFiles { try await make() }
        }

        func count(_ what: String) { mix[what, default: 0] += 1 }

        func make() async throws {
            made += 1
            let name = "f\(made)"
            let bytes = text(Int.random(in: 3_000...7_000, using: &random), seed: UInt64(made))
            let inode = try await world.makeFile(name, bytes)
            let now = world.clock.now()
            files.append(
                EFSFile(name: name, inode: inode, bytes: bytes, day: now.day, lastWrite: now)
            )
        }

        /// One thing that a client does.
        func operate() async throws {
            // Most happens to few files.
            let draw = Double.random(in: 0..<1, using: &random)
            let index = Int(draw * draw * draw * Double(files.count))
            let now = world.clock.now()
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<9:
                count("read")
                #expect(try await world.read(files[index].inode) == files[index].bytes)
                files[index].access(now.day, policy.transitions)
            case 9..<14:
                count("write")
                let offset = Int.random(in: 0...files[index].bytes.count, using: &random)
                let more = random.bytes(300)
                try await world.write(files[index].inode, more, at: UInt64(offset))
                let end = min(files[index].bytes.count, offset + more.count)
                files[index].bytes.replaceSubrange(offset..<end, with: more)
                files[index].access(now.day, policy.transitions)
                files[index].lastWrite = now
            case 14, 15:
                // No access, though it is a change of data: as metadata operations, which truncate(2) is in EFS.
                count("truncate")
                let old = files[index].bytes
                let drawn = Int.random(in: 2_500...7_000, using: &random)
                let size = drawn == old.count ? drawn + 1 : drawn
                try await setAttributes(index, AttributeChanges(size: UInt64(size)))
                files[index].bytes =
                    Array(old.prefix(size))
                    + [UInt8](repeating: 0, count: max(0, size - old.count))
                files[index].lastWrite = now
            case 16, 17:
                count("stat")
                _ = try await world.fileSystem.attributes(of: files[index].inode)
                _ = try await world.fileSystem.readDirectory(.root, limit: 20, as: .root)
            case 18:
                count("chmod")
                try await setAttributes(index, AttributeChanges(permissions: 0o600))
            default:
                count("replace")
                try await world.fileSystem.unlink(
                    try #require(FileName(files[index].name)),
                    in: .root,
                    as: .root
                )
                files.remove(at: index)
                try await make()
            }
        }

        private func setAttributes(_ index: Int, _ changes: AttributeChanges) async throws {
            _ = try await world.fileSystem.setAttributes(files[index].inode, changes, as: .root)
        }

        /// A new policy now and then, which begins with the day's run.
        func changeMind() throws {
            guard Int.random(in: 0..<25, using: &random) == 0 else { return }
            count("policy")
            let ages = LifecycleTransitions.Age.allCases.filter { $0.rawValue <= 180 }
            let first = Int.random(in: 0..<ages.count, using: &random)
            let second = Int.random(in: 0..<ages.count, using: &random)
            policy = try LifecycleYear.policy(
                Int.random(in: 0..<6, using: &random) == 0 ? nil : ages[min(first, second)],
                first == second ? nil : ages[max(first, second)],
                back: Int.random(in: 0..<3, using: &random) > 0
            )
        }

        func dawn() async throws {
            try changeMind()
            let outcome = try await world.service.run(world.fileSystem, policy)
            #expect(outcome.failures == [])
            for move in outcome.moves { count("to \(move.to.folder)") }
            let now = world.clock.now()
            for index in files.indices {
                files[index].age(
                    now,
                    policy.transitions,
                    minimumSize: LifecycleYear.minimumSize
                )
            }
            try await compareTiers()
        }

        func dusk() async throws {
            try await world.recorder.flush(to: world.journal, as: world.fileSystem.id)
            // As the daemon does all day long.
            let back = try await world.service.promoteAccessed(world.fileSystem, policy)
            #expect(back.failures == [])
            mix["to standard", default: 0] += Int(back.promoted)
            try await compareTiers()
        }

        private func compareTiers() async throws {
            let day = world.clock.now().day
            for start in stride(from: 0, to: files.count, by: 256) {
                let part = files[start..<min(start + 256, files.count)]
                let places = try await world.fileSystem.tierPlaces(of: part.map(\.inode))
                for (file, place) in zip(part, places) where place?.tier != file.tier {
                    mismatches += 1
                    guard mismatches <= 10 else { continue }
                    let why = try await world.service.why(world.fileSystem, file.inode, [policy])
                    Issue.record(
                        "day \(day), \(file.name): \(String(describing: place?.tier)), EFS: \(file.tier); \(why)"
                    )
                }
            }
        }

        func sample() -> [EFSFile] { Array(files.shuffled(using: &random).prefix(40)) }

        func remember(_ day: Int) async throws {
            if day % 73 == 10 {
                let snapshot = try await world.fileSystem.createSnapshot("day-\(day)")
                snapshots.append((snapshot.epoch, sample()))
            }
            if day % 120 == 40 {
                let result = try await BackupService(clock: world.clock)
                    .backUp(world.fileSystem, source: "fs", to: vault)
                points.append((result.point, sample()))
            }
            if day % 7 == 0 {
                for _ in 0..<10_000 where try await !world.fileSystem.collectGarbage().isMoreDue {
                    break
                }
                for _ in 0..<1_000 where try await !world.fileSystem.compact().isMoreDue { break }
            }
        }
    }

    private static func policy(
        _ infrequent: LifecycleTransitions.Age?,
        _ archive: LifecycleTransitions.Age?,
        back: Bool
    ) throws -> LifecyclePolicy {
        LifecyclePolicy(
            name: "efs",
            transitions: try LifecycleTransitions(
                toInfrequentAccess: infrequent,
                toArchive: archive,
                isPromotedOnAccess: back
            ),
            minimumSize: UInt64(minimumSize)
        )
    }

    /// Goal: each day each file is in the class that EFS's rules say; content, history and recovery points stay.
    @Test func `a year of files follows EFS's rules day by day`() async throws {
        let life = try await Life(seed: testSeed(default: 365))
        for day in 0..<365 {
            try await life.dawn()
            life.world.clock.advance(seconds: 43_200)
            for _ in 0..<TestSizes.current.lifecycleOperations { try await life.operate() }
            try await life.dusk()
            try await life.remember(day)
            life.world.clock.advance(seconds: 43_200)
        }
        print("lifecycle year: \(life.mix.sorted { $0.key < $1.key })")
        for what in [
            "read", "write", "truncate", "stat", "chmod", "replace", "policy", "to standard",
            "to ia", "to archive",
        ] {
            #expect(life.mix[what, default: 0] > 0, "\(what) never came")
        }
        #expect(life.mismatches == 0)
        try await Self.compareContent(life)
        let fileSystem = life.world.fileSystem
        #expect(try await fileSystem.verify().map(\.message) == [])
        #expect(try await life.world.journal.unfinishedTransitions(fileSystem.id.text) == [])
        await fileSystem.close()
    }

    private static func compareContent(_ life: Life) async throws {
        let fileSystem = life.world.fileSystem
        for file in life.files {
            let read = try await fileSystem.bulkRead(
                file.inode,
                0..<UInt64(file.bytes.count),
                at: .live
            )
            #expect(read.bytes == file.bytes, "\(file.name)")
        }
        #expect(life.snapshots.count >= 4)
        for (epoch, files) in life.snapshots {
            for file in files {
                let read = try await fileSystem.bulkRead(
                    file.inode,
                    0..<UInt64(file.bytes.count),
                    at: .past(epoch)
                )
                #expect(read.bytes == file.bytes, "\(file.name) at \(epoch.rawValue)")
            }
        }
        #expect(life.points.count >= 3)
        for (point, files) in life.points {
            let scratch = try await LifecycleWorld()
            _ = try await TreeCopy.run(
                from: .recoveryPoint(life.vault, point, path: []),
                to: .fileSystem(scratch.fileSystem, path: [], .root)
            )
            for file in files {
                let inode = try await scratch.fileSystem.lookup(
                    try #require(FileName(file.name)),
                    in: .root,
                    as: .root
                ).inode
                #expect(try await scratch.read(inode) == file.bytes, "\(file.name)")
            }
            await scratch.fileSystem.close()
        }
    }
}
