import JobScheduler
import ServiceLifecycle

/// Runs jobs as they come due by the machine's clock; a simulated one runs them as it is advanced.
struct SchedulerService: Service {
    let scheduler: Scheduler
    let isSimulated: Bool

    func run() async throws {
        guard !isSimulated else {
            try await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown { await scheduler.run() }
    }
}
