import Foundation
import TestKit
import Testing

/// Goal: the Linux kernel's own NFS client mounts us and finds a file system that programs work on, also when the server is killed meanwhile.
///
/// Method: daemons on this host, a Linux kernel as a process, and in it scripts that do what users do and fail at the first surprise; then
/// programs that are not ours compare on this host what the client wrote with what `varve` shows. A full run has all of them over 4.0, 4.1 and
/// 4.2, each with the server killed in its middle; CI has all over 4.1, with three killed, and few over the others.
@Suite(
    .serialized,
    .enabled(if: KernelClient.obstacle == nil, "\(KernelClient.obstacle ?? "")")
)
struct KernelMountTests {
    @Test(arguments: ["4.1", "4.0", "4.2"])
    func `the kernel's scenarios pass over each minor version`(version: String) throws {
        let suite = try KernelSuite(over: version, sizes: TestSizes.current.kernel)
        let (run, kills) = try suite.run()
        print(run.output)
        let log = try suite.main.logText()
        for scenario in suite.scenarios {
            #expect(run.output.contains("#### \(scenario): done"), "\(scenario)")
        }
        #expect(kills == suite.kills)
        try #require(run.status == 0, "\(log)")
        if suite.scenarios.contains("clone") { try compare(suite) }
        try suite.stop()
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
