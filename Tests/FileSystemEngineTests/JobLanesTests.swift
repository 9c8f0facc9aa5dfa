import Testing

@testable import FileSystemEngine

/// Long jobs never take all threads, and nobody is passed by without a reason.
@Suite struct JobLanesTests {
    private static func lanes(longMax: Int, _ kinds: [Bool]) -> JobLanes {
        var lanes = JobLanes(longMax: longMax)
        for isLong in kinds { lanes.append({ _ in }, isLong: isLong) }
        return lanes
    }

    /// The kinds that start, one after another, while none ends.
    private static func started(_ lanes: inout JobLanes) -> [Bool] {
        var kinds: [Bool] = []
        while lanes.canStart, let job = lanes.start() { kinds.append(job.isLong) }
        return kinds
    }

    @Test func `jobs start in order of arrival while there is room`() {
        var lanes = Self.lanes(longMax: 2, [false, true, false, true, false])
        #expect(Self.started(&lanes) == [false, true, false, true, false])
    }

    @Test func `short jobs pass long ones that must wait, and those go on as others end`() {
        var lanes = Self.lanes(longMax: 1, [true, true, false, true, false])
        #expect(Self.started(&lanes) == [true, false, false])
        #expect(!lanes.canStart)
        lanes.endLong()
        lanes.append({ _ in }, isLong: false)
        // The long one came before the last short one.
        #expect(Self.started(&lanes) == [true, false])
        lanes.endLong()
        #expect(Self.started(&lanes) == [true])
        #expect(lanes.start()?.isLong == nil)
    }
}
