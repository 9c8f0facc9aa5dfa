import Keyring
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: any bytes give a value or a typed error, and a value stands for exactly the bytes it came from.
@Suite struct DecoderFuzz {
    static let keys = VaultKeys(
        data: DataKey(secret: SecretBytes([UInt8](repeating: 1, count: 32))),
        secret: DataKey(secret: SecretBytes([UInt8](repeating: 2, count: 32))),
        vault: UniqueID(bytes: [UInt8](repeating: 3, count: 16)) ?? .random()
    )

    /// Random bytes, and valid ones with a few changed, cut or added.
    static func feed(
        _ valid: [UInt8],
        seed: UInt64,
        _ body: ([UInt8]) -> Void
    ) {
        var generator = SeededGenerator(seed: testSeed(default: seed))
        body([])
        for _ in 0..<TestSizes.current.fuzzInputs {
            if Bool.random(using: &generator) {
                body(generator.bytes(Int.random(in: 0...120, using: &generator)))
                continue
            }
            var bytes = valid
            for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes.removeLast(bytes.count - place)
                case 1: bytes.insert(.random(in: .min ... .max, using: &generator), at: place)
                default: bytes[place] = .random(in: .min ... .max, using: &generator)
                }
            }
            body(bytes)
        }
    }

    static func reference(_ byte: UInt8) -> ChunkReference {
        ChunkReference(id: ChunkID(digest: [UInt8](repeating: byte, count: 24)), length: 77)
    }

    @Test func `a map node is decoded exactly or not at all`() {
        let leaf = MapNode.encode(
            [
                MapEntry(key: [1], value: MapValue([1, 2], chunks: [Self.reference(4)])),
                MapEntry(key: [1, 0], value: MapValue([])),
            ],
            level: 0
        )
        let branch = MapNode.encode(
            [
                MapChild(key: [1], node: Self.reference(1), entryCount: 3),
                MapChild(key: [2, 3], node: Self.reference(2), entryCount: 9),
            ],
            level: 3
        )
        for (seed, valid) in [(1, leaf), (2, branch)] as [(UInt64, [UInt8])] {
            #expect(MapNode(valid) != nil)
            Self.feed(valid, seed: seed) { bytes in
                guard let node = MapNode(bytes) else { return }
                switch node.items {
                case .leaf(let items): #expect(MapNode.encode(items, level: 0) == bytes)
                case .branch(let items):
                    #expect(MapNode.encode(items, level: node.level) == bytes)
                }
            }
        }
    }

    @Test func `a manifest body is decoded exactly or not at all`() {
        var draft = VaultWorld.draft(MapRoot(node: Self.reference(1), level: 2, count: 9), day: 3)
        draft.expires = VaultWorld.start
        let valid = Manifest.encode(draft)
        #expect(Manifest.decode(valid) == draft)
        Self.feed(valid, seed: 3) { bytes in
            guard let decoded = Manifest.decode(bytes) else { return }
            // What stands in place of a missing expiry is the only thing that a reader ignores.
            #expect(Manifest.decode(Manifest.encode(decoded)) == decoded)
        }
    }

    @Test func `a voucher says what its manifest says, without maps`() {
        var draft = VaultWorld.draft(MapRoot(node: Self.reference(1), level: 2, count: 9), day: 3)
        draft.expires = VaultWorld.start
        let valid = Voucher.encode(draft)
        #expect(Voucher.decode(Manifest.encode(draft)) == nil)
        draft.maps = [:]
        #expect(Voucher.decode(valid) == draft)
        Self.feed(valid, seed: 9) { bytes in
            guard let decoded = Voucher.decode(bytes) else { return }
            #expect(decoded.maps.isEmpty && Voucher.decode(Voucher.encode(decoded)) == decoded)
        }
    }

    @Test func `an index body is decoded exactly or not at all`() {
        let header = PackHeader(
            vault: Self.keys.vault,
            pack: .random(),
            salt: [UInt8](repeating: 0, count: 32),
            writer: .random(),
            generation: 4,
            kind: .nodes
        )
        let entries = [
            PackEntry(id: Self.reference(1).id, offset: 128, stored: 93, length: 77, codec: .raw),
            PackEntry(id: Self.reference(2).id, offset: 221, stored: 40, length: 99, codec: .zstd),
        ]
        let pack = IndexedPack(header: header, fileBytes: 999, chunks: 2)
        let valid = IndexFile.encode([(pack, entries)])
        #expect(IndexFile.decode(valid)?.first?.entries == entries)
        Self.feed(valid, seed: 4) { bytes in
            guard let packs = IndexFile.decode(bytes) else { return }
            #expect(IndexFile.encode(packs) == bytes)
        }
    }

    @Test func `a generation body is decoded or refused`() {
        let valid = Generation(number: 9, condemned: [.random(): 3, .random(): 9])
        #expect(Generation(decoding: valid.encoded()) == valid)
        Self.feed(valid.encoded(), seed: 5) { bytes in
            guard let decoded = Generation(decoding: bytes) else { return }
            #expect(decoded.condemned.values.allSatisfy { $0 <= decoded.number })
        }
    }

    @Test func `a body of counts is decoded exactly or not at all`() {
        let name = CountsFileName(number: 9)
        let file = CountsFile(
            name: name,
            previous: .random(),
            isWhole: true,
            updates: 7,
            gone: [RecoveryPointID(.random())],
            come: [
                .init(
                    id: RecoveryPointID(.random()),
                    roots: [MapRoot(node: Self.reference(1), level: 2, count: 9)]
                )
            ],
            entries: [
                .init(id: Self.reference(1).id, references: .init(asNode: 2, asContent: -1)),
                .init(id: Self.reference(2).id, references: .init(asNode: 0, asContent: 5)),
            ]
        )
        #expect(CountsFile(decoding: file.encoded(), name: name) == file)
        #expect(CountsFile(decoding: file.encoded(), name: CountsFileName(number: 8)) == nil)
        Self.feed(file.encoded(), seed: 14) { bytes in
            guard let decoded = CountsFile(decoding: bytes, name: name) else { return }
            #expect(decoded.encoded() == bytes)
        }
    }

    @Test func `sealed objects, pack headers and descriptions refuse all but their own bytes`()
        throws
    {
        let object = UniqueID.random()
        let sealed = SealedObject.seal([1, 2, 3], as: .manifest, object: object, keys: Self.keys)
        Self.feed(sealed, seed: 6) { bytes in
            let opened = try? SealedObject.open(bytes, as: .manifest, name: "m", keys: Self.keys)
            #expect(opened == nil || bytes == sealed)
        }
        let pack = UniqueID.random()
        let header = PackHeader(
            vault: Self.keys.vault,
            pack: pack,
            salt: [UInt8](repeating: 5, count: 32),
            writer: .random(),
            generation: 4,
            kind: .content
        )
        Self.feed(header.encoded(), seed: 7) { bytes in
            let read = try? PackHeader(bytes, of: pack, in: Self.keys.vault, name: "p")
            // Compatible feature bits are for others; the key of the pack is bound to them.
            #expect(read.map { $0.pack == pack } ?? true)
        }
        let description = VaultDescription(
            id: Self.keys.vault,
            name: "nightly",
            created: VaultWorld.start,
            chunks: .standard,
            wrapping: .init(rootKey: RootKey.random().id, file: [1, 2, 3])
        )
        let text = try description.encoded(keys: Self.keys)
        Self.feed(text, seed: 8) { bytes in
            guard let read = try? VaultDescription(bytes) else { return }
            let isWhole = (try? read.checkSeal(keys: Self.keys)) != nil
            #expect(!isWhole || (read.name == "nightly" && read.chunks == .standard))
        }
    }

    @Test func `an object does not open under another vault's keys or as another kind`() {
        let sealed = SealedObject.seal([1], as: .index, object: .random(), keys: Self.keys)
        let others = VaultKeys(
            data: DataKey(secret: SecretBytes([UInt8](repeating: 8, count: 32))),
            secret: DataKey(secret: SecretBytes([UInt8](repeating: 2, count: 32))),
            vault: Self.keys.vault
        )
        #expect((try? SealedObject.open(sealed, as: .index, name: "i", keys: others)) == nil)
        #expect((try? SealedObject.open(sealed, as: .manifest, name: "i", keys: Self.keys)) == nil)
        #expect((try? SealedObject.open(sealed, as: .index, name: "i", keys: Self.keys)) != nil)
    }

    // MARK: Parity

    @Test func `a parity policy is decoded exactly or not at all`() throws {
        let policy = try #require(ParityPolicy(share: 0.05))
        #expect(ParityState(policy.encoded()) == .kept(policy))
        #expect(ParityState([0, 0, 0, 0]) == .ending)
        Self.feed(policy.encoded(), seed: 9) { bytes in
            guard case .kept(let read) = ParityState(bytes) else { return }
            #expect(read.encoded() == bytes && read.share > 0 && read.share <= 1)
        }
    }

    @Test func `a parity table is decoded exactly or not at all`() {
        var generator = SeededGenerator(seed: testSeed(default: 10))
        let shape = ParityShape(fileBytes: 9_000, share: 0.05)
        let blocks = (shape.dataRuns + shape.parityRuns) * shape.stripes
        let table = ParityTable(
            name: "packs/0123.pack",
            fileBytes: 9_000,
            shape: shape,
            digest: generator.bytes(32),
            sums: (0..<blocks).map { _ in UInt32.random(in: .min ... .max, using: &generator) }
        )
        #expect(ParityTable(table.encoded()) == table)
        Self.feed(table.encoded(), seed: 11) { bytes in
            guard let read = ParityTable(bytes) else { return }
            #expect(read.encoded() == bytes)
        }
    }

    /// Goal: whatever becomes of a parity file, it heals to the file that it was made of, or not at all.
    @Test func `a parity file gives its own table or an error`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 12))
        let name = "packs/0123.pack"
        let bytes = generator.bytes(700)
        let file = ParityFile.encode(bytes, of: name, share: 0.05, keys: Self.keys)
        let whole = try ParityFile.decode(file, of: name, label: "p", keys: Self.keys)
        #expect(whole.isWhole && ParityFile.isWhole(whole.parity, by: whole.table))
        Self.feed(file, seed: 13) { harmed in
            // What does not open is refused by an error of its own type.
            guard
                let read = try? ParityFile.decode(harmed, of: name, label: "p", keys: Self.keys)
            else { return }
            #expect(read.table == whole.table)
            let isAsWritten = read.isWhole && ParityFile.isWhole(read.parity, by: read.table)
            #expect(isAsWritten == (harmed == file))
            let healed = ParityFile.heal([], by: read.table, read.parity)
            #expect(healed == nil || healed?.bytes == bytes)
        }
    }
}
