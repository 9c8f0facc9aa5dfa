import FileSystemEngine
import LocalAPI
import VarveModel

/// What a restore in place would do: the differences since the moment, beneath the path, seen backwards.
struct RestorePlan: Sendable {
    private let place: FilePlace
    private let caller: Credentials
    private let epoch: Epoch

    init(_ place: FilePlace, _ caller: Credentials, _ epoch: Epoch) {
        self.place = place
        self.caller = caller
        self.epoch = epoch
    }

    /// Compares; `+` would come back, `-` would go, `M` would change.
    func run(_ report: @escaping RouteTable.Report) async throws -> DiffReport {
        let top = try await path()
        let hold = try await place.engine.hold()
        var found: DiffReport
        do {
            found = try await MomentDiff(place.engine, from: epoch, to: hold.epoch).run(report)
        } catch {
            // The first error is the one to tell; the hold ends with the process.
            try? await place.engine.release(hold)
            throw error
        }
        try await place.engine.release(hold)
        let opposite = ["+": "-", "-": "+"]
        found.differences = found.differences.filter { RestorePlan.isBeneath($0.path.bytes, top) }
            .map { difference in
                var seen = difference
                seen.sign = opposite[difference.sign] ?? difference.sign
                return seen
            }
        return found
    }

    /// The path without symbolic links on the way; of the root directory, nothing.
    private func path() async throws -> [UInt8] {
        guard !place.names.isEmpty else { return [] }
        let view = View.past(epoch)
        let (directory, name) = try await place.parent(at: view, as: caller)
        let above = try await place.engine.path(of: directory, at: view)
        return (above + [name]).flatMap { [UInt8(ascii: "/")] + $0.bytes }
    }

    private static func isBeneath(_ path: [UInt8], _ top: [UInt8]) -> Bool {
        guard path.starts(with: top) else { return false }
        return top.isEmpty || path.count == top.count || path[top.count] == UInt8(ascii: "/")
    }
}
