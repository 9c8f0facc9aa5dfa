import FileSystemEngine
import TestKit
import Testing
import VarveModel

@testable import Backup

/// What is read ahead of what is stored: in order, within bounds.
@Suite struct PointWindowTests {
    private func piece(_ number: Int) -> PointPiece { .delete([UInt8(number & 0xFF)]) }

    private func number(_ pieces: [PointPiece]?) -> UInt8? {
        guard case .delete(let key)? = pieces?.first else { return nil }
        return key.first
    }

    @Test func `what lands in any order is handed out in the order in which it began`() {
        var generator = SeededGenerator(seed: testSeed(default: 71))
        var window = PointWindow()
        var flying: [Int] = []
        var next: UInt8 = 0
        for step in 0..<200 {
            flying.append(window.begin(holding: 1 << 10))
            if flying.count > 5 || step == 199 {
                flying.shuffle(using: &generator)
                while let landing = flying.popLast() {
                    window.land(landing, [piece(landing)])
                    while let handed = number(window.popFirst()) {
                        #expect(handed == next)
                        next += 1
                    }
                }
            }
        }
        #expect(next == 200)
        #expect(window.isEmpty && window.bytesHeld == 0)
    }

    @Test func `no visit begins beyond the bounds, but one alone always does`() {
        var window = PointWindow()
        #expect(window.hasRoom(for: 2 * PointWindow.bytesMax))
        _ = window.begin(holding: PointWindow.bytesMax - 10)
        #expect(window.hasRoom(for: 10) && !window.hasRoom(for: 11))
        window.land(0, [])
        #expect(window.popFirst()?.isEmpty == true)
        for visit in 0..<PointWindow.visitsMax {
            #expect(window.hasRoom(for: 0), "\(visit)")
            _ = window.begin(holding: 0)
        }
        #expect(!window.hasRoom(for: 0))
        #expect(window.bytesHeldMax == PointWindow.bytesMax - 10)
    }

    private func attributes(_ inode: UInt64, _ size: UInt64) -> PointTask {
        let now = Timestamp(seconds: 1_800_000_000)
        return .whole(
            Attributes(
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
        )
    }

    @Test func `small files share a visit, a large one has its own, and none is lost`() {
        var visits = PointVisits()
        var sizes: [UInt64] = [UInt64](repeating: 1_000, count: 200)
        sizes[150] = 3 << 20
        var found: [PointVisit] = []
        for (index, size) in sizes.enumerated() {
            found += visits.add(attributes(UInt64(index + 2), size))
        }
        found += visits.rest()
        let groups = found.map { visit -> [UInt64] in
            guard case .whole(let inodes) = visit else { return [] }
            return inodes.map(\.inode.rawValue)
        }
        #expect(groups.flatMap(\.self) == (2..<202).map { UInt64($0) })
        #expect(groups.map(\.count) == [64, 64, 22, 1, 49])
        #expect(found.allSatisfy { $0.bytesMax <= 2 * (3 << 20) })
        #expect(visits.rest().isEmpty)
    }
}
