import ServiceLifecycle

/// Moves recovery points to cold storage as their own time for it comes.
///
/// A large one takes hours, for which nothing else waits. With a simulated clock they move as that does.
struct ColdStorageService: Service {
    let maintenance: Maintenance

    /// An hour between two looks, as for points that expire.
    private static let roundSeconds = 3_600

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: .seconds(ColdStorageService.roundSeconds))
                } catch {
                    return  // Cancelled: the daemon ends.
                }
                await maintenance.moveToColdStorage()
            }
        }
    }
}
