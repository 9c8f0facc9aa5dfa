import NFSWire
import TestKit
import Testing

/// A file as the load's model has it: what was last written to each block.
struct LoadFile: Sendable {
    static let blockBytes = 512
    /// 16 blocks: small files, as most are.
    static let blocksMax = 16

    /// Never used twice, so that bytes of one file never pass for another's.
    let number: UInt32
    var name: String
    var handle: NFSFileHandle
    var stateID: StateID
    /// Of each block the version that it shows; 0 is a hole.
    var versions: [UInt32] = []
    /// Of the one lock owner.
    var lock: StateID?
    var isLocked = false

    /// What a run of its blocks reads as.
    func bytes(_ blocks: Range<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(blocks.count * Self.blockBytes)
        for block in blocks {
            let words = SIMD4(number, UInt32(block), versions[block], 0x5641_5256)
            let shown = versions[block] > 0 ? words : SIMD4.zero
            let once = withUnsafeBytes(of: shown) { Array($0) }
            for _ in 0..<Self.blockBytes / once.count { bytes.append(contentsOf: once) }
        }
        return bytes
    }

    var all: [UInt8] { bytes(versions.indices) }
}

/// One of the load's clients: a session, a folder and open files of its own, and the model of them.
final class LoadClient {
    enum Kind: String, CaseIterable, Sendable {
        case write, read, commit, truncate, attributes, rename, reopen, replace, lock, list
    }

    private static let weights: [(Kind, Int)] = [
        (.write, 30), (.read, 30), (.attributes, 10), (.truncate, 5), (.commit, 5), (.rename, 5),
        (.reopen, 6), (.replace, 3), (.lock, 5), (.list, 1),
    ]

    private let wire: WireClient
    private let folder: NFSFileHandle
    private var generator: SeededGenerator
    private var nextNumber: UInt32
    private var nextVersion: UInt32 = 0
    private(set) var files: [LoadFile] = []
    private(set) var done: [Kind: Int] = [:]

    /// Makes its folder in the root of the export, and its files.
    init(_ wire: WireClient, export: String, index: Int, seed: UInt64, files count: Int)
        async throws
    {
        self.wire = wire
        generator = SeededGenerator(seed: seed &+ UInt64(index) &* 0x1_0001)
        nextNumber = UInt32(index) << 20
        try await wire.introduce("load-\(index)", fore: WireClient.channel(slotsMax: 1))
        let create = CreateArguments(
            kind: .directory,
            name: Array("client-\(index)".utf8),
            attributes: FileAttributes([.mode(0o755)])
        )
        let made = try await wire.last(WireClient.walk(export) + [.create(create), .getFileHandle])
        guard case .getFileHandle(let handle) = made else { throw made.status }
        folder = handle
        for _ in 0..<count { files.append(try await make()) }
    }

    /// Performs so many operations.
    func run(_ operations: Int) async throws {
        let total = Self.weights.reduce(0) { $0 + $1.1 }
        for _ in 0..<operations {
            var ticket = Int.random(in: 0..<total, using: &generator)
            let kind = Self.weights.first { weight in
                ticket -= weight.1
                return ticket < 0
            }
            guard let kind = kind?.0 else { continue }
            try await perform(kind, on: Int.random(in: files.indices, using: &generator))
            done[kind, default: 0] += 1
        }
    }

    /// Commits and closes everything and goes, so that nothing of it is left to be reclaimed.
    func leave() async throws {
        for index in files.indices {
            try await commit(index)
            try await close(index)
        }
        #expect(try await wire.send([.destroySession(wire.session)]).status == .ok)
        #expect(try await wire.send([.destroyClientID(wire.id)]).status == .ok)
    }

    private func perform(_ kind: Kind, on index: Int) async throws {
        switch kind {
        case .write: try await write(index)
        case .read: try await read(index)
        case .commit: try await commit(index)
        case .truncate: try await truncate(index)
        case .attributes: try await attributes(index)
        case .rename: try await rename(index)
        case .reopen:
            try await close(index)
            (files[index].stateID, files[index].handle) = try await open(files[index].name, nil)
        case .replace:
            try await close(index)
            let name = WireClient.name(files[index].name)
            _ = try await wire.last([.putFileHandle(folder), .remove(name)])
            files[index] = try await make()
        case .lock: try await lock(index)
        case .list: try await list()
        }
    }

    private func write(_ index: Int) async throws {
        nextVersion += 1
        let start = Int.random(in: 0..<LoadFile.blocksMax, using: &generator)
        let end = Int.random(in: start..<LoadFile.blocksMax, using: &generator) + 1
        while files[index].versions.count < end { files[index].versions.append(0) }
        for block in start..<end { files[index].versions[block] = nextVersion }
        let bytes = files[index].bytes(start..<end)
        let stability: StableHow = Bool.random(using: &generator) ? .unstable : .fileSync
        let written = try await wire.write(
            files[index].handle,
            files[index].stateID,
            bytes,
            at: UInt64(start * LoadFile.blockBytes),
            stability
        )
        #expect(Int(written.count) == bytes.count)
    }

    private func read(_ index: Int) async throws {
        let found = try await wire.read(files[index].handle, files[index].stateID)
        #expect(found.isAtEnd)
        #expect(found.data.bytes == files[index].all, "file \(files[index].name)")
    }

    private func commit(_ index: Int) async throws {
        let commit = OperationArguments.commit(CommitArguments(offset: 0, count: 0))
        _ = try await wire.last([.putFileHandle(files[index].handle), commit])
    }

    private func truncate(_ index: Int) async throws {
        let blocks = Int.random(in: 0...LoadFile.blocksMax, using: &generator)
        let size = FileAttributes([.size(UInt64(blocks * LoadFile.blockBytes))])
        _ = try await wire.last([
            .putFileHandle(files[index].handle),
            .setAttributes(
                SetAttributesArguments(stateID: files[index].stateID, attributes: size)
            ),
        ])
        let kept = Array(files[index].versions.prefix(blocks))
        files[index].versions = kept + [UInt32](repeating: 0, count: blocks - kept.count)
    }

    private func attributes(_ index: Int) async throws {
        let asked = GetAttributesArguments(attributes: [4])
        let found = try await wire.last([
            .putFileHandle(files[index].handle), .getAttributes(asked),
        ])
        guard case .getAttributes(let values) = found else { throw found.status }
        let size = UInt64(files[index].versions.count * LoadFile.blockBytes)
        #expect(values[.size] == .size(size), "file \(files[index].name)")
    }

    private func rename(_ index: Int) async throws {
        nextVersion += 1
        let name = "file-\(files[index].number)-\(nextVersion)"
        let rename = RenameArguments(
            oldName: Array(files[index].name.utf8),
            newName: Array(name.utf8)
        )
        _ = try await wire.last([
            .putFileHandle(folder), .saveFileHandle, .putFileHandle(folder), .rename(rename),
        ])
        files[index].name = name
    }

    private func lock(_ index: Int) async throws {
        let file = files[index]
        let request: OperationArguments
        if file.isLocked, let lock = file.lock {
            request = .unlock(
                UnlockArguments(type: .write, sequence: 0, stateID: lock, offset: 0, length: .max)
            )
        } else {
            let owner = StateOwner(client: ClientID(rawValue: 0), owner: [1])
            let locker: Locker =
                file.lock.map { .existing(ExistingLockOwner(stateID: $0, sequence: 0)) }
                ?? .new(
                    NewLockOwner(
                        openSequence: 0,
                        openStateID: file.stateID,
                        lockSequence: 0,
                        owner: owner
                    )
                )
            request = .lock(
                LockArguments(
                    type: .write,
                    isReclaim: false,
                    offset: 0,
                    length: .max,
                    locker: locker
                )
            )
        }
        switch try await wire.last([.putFileHandle(file.handle), request]) {
        case .lock(let stateID), .unlock(let stateID):
            files[index].lock = stateID
            files[index].isLocked.toggle()
        case let other: throw other.status
        }
    }

    /// Every name of the folder, once.
    private func list() async throws {
        var names: [String] = []
        var cookie: UInt64 = 0
        var verifier = Verifier.zero
        while true {
            let arguments = ReadDirectoryArguments(
                cookie: cookie,
                verifier: verifier,
                directoryBytesMax: 32_768,
                bytesMax: 32_768,
                attributes: [20]
            )
            let found = try await wire.last([.putFileHandle(folder), .readDirectory(arguments)])
            guard case .readDirectory(let page) = found else { throw found.status }
            names += page.entries.map { String(decoding: $0.name, as: UTF8.self) }
            verifier = page.verifier
            guard !page.isAtEnd, let last = page.entries.last else { break }
            cookie = last.cookie
        }
        #expect(names.count == files.count && Set(names) == Set(files.map(\.name)))
    }

    private func make() async throws -> LoadFile {
        nextNumber += 1
        let name = "file-\(nextNumber)"
        let (stateID, handle) = try await open(
            name,
            .guarded(FileAttributes([.mode(0o644)]))
        )
        return LoadFile(number: nextNumber, name: name, handle: handle, stateID: stateID)
    }

    private func open(
        _ name: String,
        _ creation: OpenCreation?
    ) async throws -> (StateID, NFSFileHandle) {
        let arguments = WireClient.openArguments(name, creation: creation)
        let results = try await wire.run([
            .putFileHandle(folder), .open(arguments), .getFileHandle,
        ])
        guard results.count == 3, case .open(let open) = results[1],
            case .getFileHandle(let handle) = results[2]
        else { throw results.last?.status ?? .serverFault }
        return (open.stateID, handle)
    }

    private func close(_ index: Int) async throws {
        let close = CloseArguments(sequence: 0, stateID: files[index].stateID)
        _ = try await wire.last([.putFileHandle(files[index].handle), .close(close)])
        files[index].lock = nil
        files[index].isLocked = false
    }
}

extension WireClient {
    /// Connects to a server whose clock is the world's.
    ///
    /// Beside many other tests the next step may come a lease after EXCHANGE_ID: the server has then forgotten it, as it may, and a
    /// client begins anew (RFC 8881 §18.36.3).
    func introduce(
        _ owner: String,
        fore: ChannelAttributes = WireClient.channel()
    ) async throws {
        for _ in 0..<10 {
            let status = try await connection(owner, fore)
            guard status == .staleClientID else {
                guard status == .ok else { throw status }
                return
            }
        }
        throw NFSStatus.staleClientID
    }

    /// Apart from the loop: Swift 6.3.1 does not compile a pattern in its `catch` in release.
    private func connection(_ owner: String, _ fore: ChannelAttributes) async throws -> NFSStatus {
        do {
            try await connect(owner: owner, fore: fore)
            return .ok
        } catch let status as NFSStatus {
            return status
        }
    }
}
