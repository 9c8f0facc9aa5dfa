import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: the engine means what POSIX and Linux mean, judged by a witness that we did not write.
///
/// Method: one random sequence of calls, by root and by three users, runs on the engine and on a
/// directory of the host; after each call the answer, every attribute, content and name, and which
/// times moved, are compared. `VARVE_SEED` replays a run.
@Suite(.enabled(if: HostWitness.isPossible, "taking on other identities needs root"))
struct PosixDifferentialTests {
    private static let seeds: [UInt64] = [41, 42, 43]
    private static let operations = 700

    /// How often each kind of call was made and refused, and with what.
    private struct Mix {
        var counts: [String: [Int]] = [:]
        var refusals: Set<FileSystemError.Code> = []

        mutating func note(_ operation: PosixOperation, _ outcome: PosixOutcome) {
            if case .refused(let code) = outcome { refusals.insert(code) }
            counts[operation.kind, default: [0, 0]][outcome.isRefusal ? 1 : 0] += 1
        }
    }

    @Test func `the engine and the host's file system agree`() async throws {
        let given = testSeed(default: 0)
        var mix = Mix()
        for seed in given == 0 ? Self.seeds : [given] {
            guard try await run(seed, &mix) else { return }
        }
        let counts = mix.counts.sorted { $0.key < $1.key }
        print(
            "host and engine, done+refused:",
            counts.map { "\($0.key) \($0.value[0])+\($0.value[1])" }.joined(separator: ", ")
        )
        guard given == 0 else { return }
        #expect(counts.count == 18, "every kind of call was made")
        for (kind, counts) in counts {
            #expect(counts[0] > 0 && counts[1] > 0, "\(kind) \(counts)")
        }
        let expected: Set<FileSystemError.Code> = [
            .notFound, .exists, .notDirectory, .isDirectory, .notEmpty, .denied, .notPermitted,
            .invalid, .noAttribute, .loop,
        ]
        #expect(mix.refusals.isSuperset(of: expected), "\(mix.refusals)")
    }

    /// One sequence on both sides; answers whether they stayed the same.
    private func run(_ seed: UInt64, _ mix: inout Mix) async throws -> Bool {
        var generator = PosixGenerator(seed: seed)
        let operations =
            PosixGenerator.prelude + (0..<Self.operations).map { _ in generator.next() }
        let directory = try TemporaryDirectory()
        let host = try await HostWitness.run(operations, in: directory.path)
        var engine = try await EngineWitness()
        for (operation, expected) in zip(operations, host) {
            let seen = try await engine.observe(operation)
            mix.note(operation, seen.outcome)
            let difference = Self.difference(expected, seen)
            guard !difference.isEmpty else { continue }
            Issue.record("seed \(seed): \(operation)\n\(difference.joined(separator: "\n"))")
            // From a state of its own on, each would differ from the other for ever.
            guard expected.lines == seen.lines else { return false }
        }
        let findings = try await engine.close()
        #expect(findings.isEmpty, "\(findings)")
        return true
    }

    private static func difference(_ host: PosixObservation, _ engine: PosixObservation) -> [String]
    {
        var lines: [String] = []
        if host.outcome != engine.outcome {
            lines.append("host \(host.outcome), engine \(engine.outcome)")
        }
        for path in Set(host.lines.keys).union(engine.lines.keys).sorted() {
            let (left, right) = (host.lines[path] ?? "none", engine.lines[path] ?? "none")
            if left != right {
                lines.append("\(path)\n  host   \(left)\n  engine \(right)")
            }
        }
        return lines
    }
}
