import LocalAPI
import MetadataStore
import Policies

/// Jobs: what they are, when they come, how they went.
struct JobRoutes: Sendable {
    let jobs: Jobs
    let fileSystems: FileSystems
    let vaults: Vaults

    func add(to table: RouteTable) {
        table.on(Route.listJobs) { _, _ in
            try await jobs.all(of: await fileSystems.all().map(\.record))
        }
        table.on(Route.nextJobs) { request, _ in
            guard (1...NextJobs.countMax + 1).contains(request.count) else {
                throw APIError(
                    .usage,
                    "count \(request.count) is not from 1 to \(NextJobs.countMax + 1)"
                )
            }
            if let days = request.days, !(1...3_660).contains(days) {
                throw APIError(.usage, "days \(days) is not from 1 to 3660")
            }
            return try await jobs.next(request.job, count: request.count, days: request.days)
        }
        table.on(Route.jobHistory) { request, peer in
            if request.withOutput == true {
                try peer.requireAdministrator("reading what hooks printed")
            }
            let runs = try await jobs.history(request)
            guard !peer.isAdministrator else { return runs }
            // What a restore test or a scrub found, or a copy met that is lost, names everybody's files.
            let hidden = [Job.ActionName.restoreTest, .copy, .scrub].map(\.rawValue)
            return runs.map { run in
                var run = run
                if let action = run.action, hidden.contains(action) { run.message = "" }
                return run
            }
        }
        table.on(Route.runJob) { request, peer, report in
            try peer.requireAdministrator("running a job")
            report(Progress(phase: "running \(request.job)"))
            return try await jobs.run(request.job)
        }
        table.on(Route.lintJobs) { request, _ in
            let buckets = try await vaults.namesInBuckets()
            if request.files.isEmpty { return await jobs.lint(vaultsInBuckets: buckets) }
            return await jobs.lint(request.files, vaultsInBuckets: buckets)
        }
    }
}
