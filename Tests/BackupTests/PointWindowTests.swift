import TestKit
import Testing
import VarveModel

@testable import Backup
@testable import FileSystemEngine

/// What is read ahead of what is stored: in order, within bounds.
@Suite struct PointWindowTests {
    private func landing(_ number: Int) -> PointLanding {
        PointLanding(pieces: [.delete([UInt8(number & 0xFF)])])
    }

    private func number(_ landing: PointLanding?) -> UInt8? {
        guard case .delete(let key)? = landing?.pieces.first else { return nil }
        return key.first
    }

    /// An inode whose extended attributes are all that it holds.
    private func held(_ bytes: Int) -> PointPiece {
        .inode(
            InodeDetails(
                attributes: attributes(7, 0),
                target: [],
                extended: [
                    ExtendedAttribute(name: [1], value: [UInt8](repeating: 2, count: bytes - 1))
                ]
            )
        )
    }

    private func attributes(_ inode: UInt64, _ size: UInt64) -> Attributes {
        let now = Timestamp(seconds: 1_800_000_000)
        return Attributes(
            inode: InodeNumber(rawValue: inode),
            generation: 1,
            kind: .regular,
            permissions: 0o644,
            uid: 0,
            gid: 0,
            links: 1,
            size: size,
            allocated: size,
            accessed: now,
            modified: now,
            changed: now,
            created: now,
            change: 1,
            device: DeviceNumber(major: 0, minor: 0),
            parent: .root,
            project: 0
        )
    }

    @Test func `what lands in any order is handed out in the order in which it began`() {
        var generator = SeededGenerator(seed: testSeed(default: 71))
        var window = PointWindow(readingMax: 8)
        var flying: [Int] = []
        var next: UInt8 = 0
        for step in 0..<200 {
            flying.append(window.begin(holding: 1 << 10))
            if flying.count > 5 || step == 199 {
                flying.shuffle(using: &generator)
                while let landed = flying.popLast() {
                    window.land(landed, landing(landed))
                    while let handed = number(window.popFirst()) {
                        #expect(handed == next)
                        next += 1
                    }
                }
            }
        }
        #expect(next == 200)
        #expect(window.isEmpty && window.bytesHeld == 0 && window.reading == 0)
    }

    @Test func `no visit begins beyond 40 MiB, but one alone always does`() {
        var window = PointWindow(readingMax: 100)
        #expect(window.hasRoom(for: 80 << 20))
        _ = window.begin(holding: 32 << 20)
        #expect(window.hasRoom(for: 8 << 20) && !window.hasRoom(for: 8 << 20 | 1))
        // What was read takes its place: half of the room comes back.
        window.land(0, PointLanding(pieces: [held(16 << 20)]))
        #expect(window.hasRoom(for: 24 << 20) && !window.hasRoom(for: 24 << 20 | 1))
        #expect(window.popFirst()?.pieces.count == 1)
        #expect(window.bytesHeld == 0 && window.bytesHeldMax == 32 << 20)
    }

    @Test func `at most so many visits are read at one time, and at most 64 wait in all`() {
        var window = PointWindow(readingMax: 3)
        let first = (0..<3).map { _ in window.begin(holding: 0) }
        #expect(!window.hasRoom(for: 0))
        window.land(first[2], landing(2))
        #expect(window.hasRoom(for: 0))
        for place in 3..<64 {
            let number = window.begin(holding: 0)
            #expect(number == place && !window.hasRoom(for: 0))
            window.land(number, landing(number))
        }
        #expect(window.reading == 2 && !window.hasRoom(for: 0), "64 wait")
        window.land(first[0], landing(0))
        #expect(number(window.popFirst()) == 0)
        #expect(window.hasRoom(for: 0))
    }

    @Test
    func `a visit that left something goes on in its place, with the room that was kept for it`() {
        var window = PointWindow(readingMax: 3)
        let rest = PointVisit(tasks: [.whole(attributes(9, 10 << 20))], isNext: true)
        let room = rest.bytesMax
        #expect(room == (20 << 20) + (256 << 10), "as read, as stored, and beside data")
        let begun = (0..<2).map { _ in window.begin(holding: room) }
        window.land(begun[1], landing(1))
        window.land(begun[0], PointLanding(pieces: [held(1 << 20)], rest: rest))
        #expect(window.bytesHeld == room + 1 << 20)
        #expect(window.popFirst()?.rest != nil)
        #expect(window.goOn(holding: room) == begun[0])
        #expect(window.bytesHeld == room && window.reading == 1)
        #expect(window.popFirst() == nil, "the next one waits for it")
        window.land(begun[0], landing(0))
        #expect(number(window.popFirst()) == 0)
        #expect(number(window.popFirst()) == 1)
        #expect(window.isEmpty && window.bytesHeld == 0)
    }

    /// Goal: visits that leave something keep to the bounds, as all others do.
    @Test func `visits that land with a rest hold no more than they were let begin with`() {
        var window = PointWindow(readingMax: 100)
        let visit = PointVisit(tasks: [
            .whole(attributes(9, 100_000)), .attributes(attributes(8, 0)),
        ])
        #expect(visit.bytesMax == 200_000 + (512 << 10))
        var begun: [Int] = []
        while window.hasRoom(for: visit.bytesMax) {
            begun.append(window.begin(holding: visit.bytesMax))
        }
        #expect(begun.count == 57, "of 40 MiB")
        for number in begun.dropFirst() {
            let rest = PointVisit(tasks: visit.tasks, isNext: true)
            window.land(number, PointLanding(pieces: [held(256 << 10)], rest: rest))
            #expect(window.bytesHeld <= 40 << 20)
        }
        #expect(window.bytesHeldMax <= 40 << 20)
    }

    private func inodes(_ visits: [PointVisit]) -> [[UInt64]] {
        visits.map { visit in
            visit.tasks.compactMap(\.inode).map(\.attributes.inode.rawValue)
        }
    }

    @Test func `small files share a visit, a large one has its own, and none is lost`() {
        var visits = PointVisits()
        var sizes: [UInt64] = [UInt64](repeating: 1_000, count: 200)
        sizes[150] = 3 << 20
        var found: [PointVisit] = []
        for (index, size) in sizes.enumerated() {
            if let visit = visits.add(.whole(attributes(UInt64(index + 2), size))) {
                found.append(visit)
            }
        }
        if let visit = visits.rest() { found.append(visit) }
        let groups = inodes(found)
        #expect(groups.flatMap(\.self) == (2..<202).map { UInt64($0) })
        #expect(groups.map(\.count) == [64, 64, 22, 1, 49])
        #expect(found.map(\.bytesMax).max() == (6 << 20) + (512 << 10))
        #expect(visits.rest() == nil)
    }

    @Test func `a tile of very many runs counts as what is read of it, its holes too`() {
        let runs = (0..<5_000).map { UInt64($0) * 800..<UInt64($0) * 800 + 1 }
        let task = PointTask.tile(InodeNumber(rawValue: 9), 0, runs)
        #expect(task.bytesMax == 4_999 * 800 + 1)
        #expect(PointTask.tile(InodeNumber(rawValue: 9), 0, Array(runs[..<9])).bytesMax == 9)
    }

    @Test func `parts of the changes are looked at ahead, four at most, and come in order`() {
        var looks = PointLooks(inodes: 300)
        var begun: [Range<Int>] = []
        var numbers: [Int] = []
        while let (number, places) = looks.begin(of: 300) {
            numbers.append(number)
            begun.append(places)
        }
        #expect(begun == [0..<64, 64..<128, 128..<192, 192..<256])
        looks.land(numbers[1], [.attributes(attributes(5, 0))])
        #expect(looks.popFirst() == nil && looks.begin(of: 300) == nil)
        looks.land(numbers[0], [])
        #expect(looks.popFirst()?.count == 0)
        #expect(looks.popFirst()?.count == 1)
        #expect(looks.begin(of: 300)?.places == 256..<300)
        #expect(looks.begin(of: 300) == nil && !looks.isDone)
        for number in 2..<5 {
            looks.land(number, [])
            #expect(looks.popFirst() != nil)
        }
        #expect(looks.isDone)
        #expect(PointLooks(inodes: 0).isDone)
    }
}
