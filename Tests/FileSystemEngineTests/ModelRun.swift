import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// One seeded run: random operations on the engine and on the model, answer by answer.
struct ModelRun {
    var generator: SeededGenerator
    var world: EngineWorld
    var model: ModelFileSystem
    /// What each past second ended with, ascending.
    var samples: [(second: Int64, model: ModelFileSystem)] = []
    /// What pinned epochs show.
    var pins: [Epoch: ModelFileSystem] = [:]
    var snapshots: [String: Epoch] = [:]
    var holds: [Hold] = []
    var handles: [OpenFile] = []
    /// What reads have left of live files' access times; of the present alone.
    var accesses: [InodeNumber: LeftAccess] = [:]
    /// How often each kind of operation was done, and each kind of refusal met.
    var operations: [String: Int] = [:]
    var refusals: [FileSystemError.Code: Int] = [:]
    var retainedChecked = 0
    /// The last read that did not reach its file's end: another may go on behind it.
    var lastRead: (inode: InodeNumber, range: Range<Int>)?
    var step = 0

    static let callers = [
        Credentials.root, Credentials.root, Credentials.root,
        Credentials(uid: 1_000, gid: 100, groups: [200]),
        Credentials(uid: 1_001, gid: 200),
    ]

    init(seed: UInt64, history: HistoryBudget = .standard) async throws {
        try await self.init(seed: seed, in: try await EngineWorld.make(history: history))
    }

    /// A run in a world that is empty still.
    init(seed: UInt64, in world: EngineWorld) async throws {
        generator = SeededGenerator(seed: seed)
        self.world = world
        model = ModelFileSystem(now: EngineWorld.start, limits: world.configuration.limits)
        // Everybody may play.
        let open = AttributeChanges(permissions: 0o777)
        _ = try await world.fileSystem.setAttributes(.root, open, as: .root)
        try model.setAttributes(.root, open, as: .root)
    }

    var fileSystem: FileSystem { world.fileSystem }

    // MARK: Chance

    mutating func chance(_ one: Int, in many: Int) -> Bool {
        Int.random(in: 0..<many, using: &generator) < one
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element? {
        elements.randomElement(using: &generator)
    }

    mutating func caller() -> Credentials {
        pick(Self.callers) ?? .root
    }

    mutating func inode(_ isWanted: (ModelFileSystem.Node) -> Bool = { _ in true }) -> InodeNumber {
        let fitting = model.nodes.filter { isWanted($0.value) }.keys.sorted()
        if fitting.isEmpty || chance(1, in: 40) { return pick(model.nodes.keys.sorted()) ?? .root }
        return pick(fitting) ?? .root
    }

    mutating func directory() -> InodeNumber { inode { $0.kind == .directory } }
    mutating func file() -> InodeNumber { inode { $0.kind == .regular } }

    mutating func newName() throws -> FileName {
        if chance(1, in: 60) { return try FileSystemEngineTests.name(".") }
        let length = chance(1, in: 20) ? 255 : 1
        let letter = UInt8.random(in: UInt8(ascii: "a")...UInt8(ascii: "l"), using: &generator)
        guard let name = FileName(bytes: [UInt8](repeating: letter, count: length)) else {
            throw FileSystemError(.invalid, "the test's name")
        }
        return name
    }

    /// A name that is there more often than not.
    mutating func knownName(in directory: InodeNumber) throws -> FileName {
        let names = (model.nodes[directory]?.children.keys).map { $0.sorted() } ?? []
        if names.isEmpty || chance(1, in: 8) { return try newName() }
        return try pick(names) ?? newName()
    }

    // MARK: Comparing

    /// Both do it; both refuse with the same code, or neither.
    mutating func compare<Value>(
        _ kind: String,
        _ expected: Result<Value, FileSystemError>,
        _ actual: Result<some Any, FileSystemError>
    ) {
        operations[kind, default: 0] += 1
        switch (expected, actual) {
        case (.success, .success): return
        case (.failure(let wanted), .failure(let met)):
            refusals[met.code, default: 0] += 1
            if wanted.code != met.code { fail("\(kind): \(met.code) for \(wanted.code): \(met)") }
        case (.success, .failure(let met)): fail("\(kind) was refused: \(met)")
        case (.failure(let wanted), .success): fail("\(kind) was not refused: \(wanted.code)")
        }
    }

    func fail(_ words: String) {
        failures.isBroken = true
        Issue.record("step \(step): \(words)")
    }

    func attempt<Value>(
        _ body: () async throws(FileSystemError) -> Value
    ) async -> Result<Value, FileSystemError> {
        do {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }

    // MARK: The run

    mutating func run(_ count: Int, closing: Bool = true) async throws {
        while step < count, !hasFailed {
            step += 1
            try await once()
            accesses = accesses.filter { model.nodes[$0.key] != nil }
        }
        guard !hasFailed else { return }
        try await endSecond(1)
        try await checkLive()
        try await checkAllRetained()
        try await finishMaintenance()
        let findings = try await fileSystem.verify()
        for finding in findings { fail("doctor: \(finding.message)") }
        if closing { await fileSystem.close() }
    }

    private var hasFailed: Bool { failures.isBroken }
    let failures = Failures()

    private mutating func once() async throws {
        switch Int.random(in: 0..<1_000, using: &generator) {
        // A tree that stays small meets itself more often, and is compared more often.
        case 0..<150 where model.nodes.count > 150: try await unlink()
        case 0..<150: try await create()
        case 150..<190: try await link()
        case 190..<270: try await unlink()
        case 270..<310: try await removeDirectory()
        case 310..<400: try await rename()
        case 400..<530: try await write()
        case 530..<580: try await truncate()
        case 580..<600: try await punch()
        case 600..<610: try await clone()
        case 610..<670: try await setAttributes()
        case 670..<720: try await setExtendedAttribute()
        case 720..<740: try await removeExtendedAttribute()
        case 740..<770: try await read()
        case 770..<780: try await seek()
        case 780..<800: try await lookup()
        case 800..<815: try await resolve()
        case 815..<850: try await openOrClose()
        case 850..<860: try await commit()
        case 860..<920: try await endSecond(Int64.random(in: 1...20, using: &generator))
        case 920..<930: try await createSnapshot()
        case 930..<938: try await deleteSnapshot()
        case 938..<944: try await holdOrRelease()
        case 944..<960: try await collectGarbage()
        case 960..<968: try await reap()
        case 968..<974: try await rollBack()
        case 974..<982: try await move()
        case 982..<986: try await compact()
        case 986..<988: try await reopen()
        case 988..<994: try await checkLive()
        case 994..<998: try await checkSomePast()
        default: try await checkChanges()
        }
    }
}

/// The access time that reads have left of a file.
enum LeftAccess: Equatable {
    case at(Timestamp)
    /// A rollback may or may not have touched the file before it was read.
    case unknown
}

/// Whether the run has gone wrong: one difference breeds a thousand.
final class Failures: @unchecked Sendable {
    // SAFETY: a run is sequential.
    var isBroken = false
}
