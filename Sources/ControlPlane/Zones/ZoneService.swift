import ServiceLifecycle
import VarveModel

/// Looks after the zones of Regional file systems; while none is degraded that is the sync of an unchanged directory.
struct ZoneService: Service {
    let fileSystems: FileSystems

    /// 10 s: a disk that is plugged in again serves soon, and probing one that is not costs a few calls.
    private static let roundSeconds = 10
    /// 4 file systems are brought up to date at once: more would take turns at the same disks.
    private static let looksMax = 4

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                let seats = ZoneSeats(ZoneService.looksMax)
                var turns = ZoneTurns()
                while !Task.isCancelled {
                    do {
                        try await Task.sleep(for: .seconds(ZoneService.roundSeconds))
                    } catch {
                        return  // Cancelled: the daemon ends.
                    }
                    // One that takes hours keeps no other from being looked after.
                    for id in turns.order(of: await fileSystems.zonesDue()) {
                        guard await seats.take() else { break }
                        turns.take(id)
                        // A child of the service, which ends with it: the daemon waits for its looks.
                        group.addTask {
                            await fileSystems.lookAfterZones(of: id)
                            await seats.give()
                        }
                    }
                }
            }
        }
    }
}

/// Whose turn it is, where more are due than are looked after at once.
struct ZoneTurns {
    private var last: FileSystemID?

    /// Those that are due, from behind whoever had its turn last.
    func order(of due: [FileSystemID]) -> [FileSystemID] {
        let all = due.sorted()
        guard let last else { return all }
        return all.filter { $0 > last } + all.filter { $0 <= last }
    }

    mutating func take(_ id: FileSystemID) {
        last = id
    }
}

/// Bounds how many go on at once.
private actor ZoneSeats {
    private var free: Int

    init(_ count: Int) {
        free = count
    }

    func take() -> Bool {
        guard free > 0 else { return false }
        free -= 1
        return true
    }

    func give() {
        free += 1
    }
}
