import Foundation
import TestKit
import Testing

/// Goal: the Linux kernel's own NFS client mounts us and finds a file system that programs work on, also when the server is killed meanwhile.
///
/// Method: daemons on this host, a Linux kernel as a process, and in it scripts that do what users do and fail at the first surprise; then
/// programs that are not ours compare on this host what the client wrote with what `varve` shows. CI kills the server in three, a full run in
/// the middle of every scenario.
@Suite(
    .serialized,
    .enabled(if: KernelClient.obstacle == nil, "\(KernelClient.obstacle ?? "")")
)
struct KernelMountTests {
    @Test func `the kernel's scenarios pass over NFSv4_1`() throws {
        let suite = try KernelSuite(sizes: TestSizes.current.kernel)
        try run(suite, KernelSuite.scenarios, version: "4.1")
        try compare(suite)
        try suite.stop()
    }

    /// CI's size always: what is particular to 4.0 is none of the data's.
    @Test func `the kernel uses NFSv4_0, also beside NFSv4_1, and goes on over a kill -9`() throws {
        let scenarios = ["first-mount", "restart", "mount-targets", "two-versions"]
        let suite = try KernelSuite(scenarios, sizes: .ci)
        try run(suite, scenarios, version: "4.0")
        try suite.stop()
    }

    private func run(_ suite: KernelSuite, _ scenarios: [String], version: String) throws {
        let (run, kills) = try suite.run(version: version)
        print(run.output)
        let log = try suite.main.logText()
        for scenario in scenarios {
            #expect(run.output.contains("#### \(scenario): done"), "\(scenario)")
        }
        #expect(kills == suite.kills)
        try #require(run.status == 0, "\(log)")
    }

    /// Looks at what the client left, by `varve` and the programs that judge it.
    private func compare(_ suite: KernelSuite) throws {
        let script = """
            set -eu; cd "$1"; witness=$2
            mkdir back && tar -C back -xpf back.tar
            "$witness" tree back names contents devices
            "$witness" tree out/tree names contents devices
            cmp mapped.expected out/mapped
            for name in rollback wal; do
                found=$(sqlite3 "out/sqlite/$name.db" "PRAGMA integrity_check; SELECT count(*) >= $3 FROM rows")
                [ "$found" = "$(printf 'ok\\n1')" ]
            done
            git -c safe.directory='*' -C out/clone fsck --full --strict --no-progress
            git -c safe.directory='*' -C out/clone diff --quiet HEAD
            """
        try suite.main.done("export", "home:/", suite.shared + "/out")
        let witness = Witness.root.appendingPathComponent("Tests/Demo/witness.sh").path
        let judged = try Witness.run(
            "/bin/bash",
            [
                "-c", script, "bash", suite.shared, witness,
                "\(TestSizes.current.kernel.transactions)",
            ]
        )
        #expect(judged.status == 0, "\(judged.output)")
    }
}
