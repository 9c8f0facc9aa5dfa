import LocalAPI
import MetadataStore

/// Jobs: what they are, when they come, how they went.
struct JobRoutes: Sendable {
    let jobs: Jobs
    let fileSystems: FileSystems

    func add(to table: RouteTable) {
        table.on(Route.listJobs) { _, _ in
            try await jobs.all(of: await fileSystems.all().map(\.record))
        }
        table.on(Route.nextJobs) { request, _ in
            guard (1...1_000).contains(request.count) else {
                throw APIError(.usage, "count \(request.count) is not from 1 to 1000")
            }
            return try await jobs.next(request.job, count: request.count)
        }
        table.on(Route.jobHistory) { request, _ in
            try await jobs.history(request.job, limit: max(1, min(request.limit, 100_000)))
        }
        table.on(Route.runJob) { request, peer, report in
            try peer.requireAdministrator("running a job")
            report(Progress(phase: "running \(request.job)"))
            return try await jobs.run(request.job)
        }
        table.on(Route.lintJobs) { request, _ in
            if request.files.isEmpty { return await jobs.lint() }
            return await jobs.lint(request.files)
        }
    }
}
