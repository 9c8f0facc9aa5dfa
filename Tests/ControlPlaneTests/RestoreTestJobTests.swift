import Foundation
import TestKit
import Testing

/// Restore tests of the real daemon.
@Suite struct RestoreTestJobTests {
    @Test func `a restore test proves a point, and finds one that does not restore`() throws {
        let daemon = try DaemonProcess()
        let told = daemon.work + "/told"
        let job = """
            # Shows that backups come back.
            format: 1
            kind: job
            name: check
            action: restore-test
            Resources: ["*"]
            TargetBackupVaultName: main
            sample-files: 50
            sample-bytes: 64MiB
            ScheduleExpression: "0 5 * * SUN"
            notify:
              - {on: [success, failure], shell: "echo $VARVE_EVENT $VARVE_STATE >> \(told)"}
            """
        let path = daemon.jobs + "/check.yaml"
        try Data(job.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("vault", "create", "main")
        let none = try daemon.varve("job", "run", "check")
        #expect(none.status == 1)
        #expect(none.text.contains("has no recovery point of it to test"), "\(none.text)")
        var random = SeededGenerator(seed: 9)
        for number in 0..<20 {
            let bytes = Data(random.bytes(40_000))
            try daemon.done("put", "-", "home:/file-\(number)", input: bytes)
        }
        try daemon.done("backup", "run", "home", "--vault", "main")
        let good = try daemon.varve("job", "run", "check")
        #expect(good.status == 0, "\(good.text) \(good.errors)")
        #expect(good.text.contains("20 of 20 files"), "\(good.text)")
        let same = "800000 bytes the same, 20 of the files compared with the history"
        #expect(good.text.contains(same), "\(good.text)")
        #expect(good.text.contains("no difference"))
        // A sample into which nothing fits proves nothing.
        let tiny = job.replacing("64MiB", with: "1KiB")
        try Data(tiny.utf8).write(to: URL(fileURLWithPath: path))
        let empty = try daemon.varve("job", "run", "check")
        #expect(empty.status == 1)
        #expect(empty.text.contains("fits into 'sample-bytes'"), "\(empty.text)")
        try Data(job.utf8).write(to: URL(fileURLWithPath: path))
        let folders = try FileManager.default.contentsOfDirectory(
            atPath: daemon.state + "/filesystems"
        )
        #expect(folders.count == 1, "\(folders)")
        #expect(daemon.stop() == 0)
        try damage(daemon.state + "/vaults/main/packs")
        try daemon.start()
        let bad = try daemon.varve("job", "run", "check")
        #expect(bad.status == 2, "\(bad.text)")
        #expect(bad.text.hasPrefix("damaged: "), "\(bad.text)")
        let lines = try String(contentsOfFile: told, encoding: .utf8)
        #expect(lines == "failure failed\nsuccess succeeded\nfailure failed\nfailure damaged\n")
        #expect(daemon.stop() == 0)
    }

    /// Flips a bit in every kibibyte of each pack.
    private func damage(_ packs: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: packs) {
            let url = URL(fileURLWithPath: packs + "/" + name)
            var bytes = try Data(contentsOf: url)
            for at in stride(from: 1_000, to: bytes.count, by: 1_024) { bytes[at] ^= 4 }
            try bytes.write(to: url)
        }
    }
}
