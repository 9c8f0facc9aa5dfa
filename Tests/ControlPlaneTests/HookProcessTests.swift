import Foundation
import Testing

@testable import ControlPlane

@Suite struct HookProcessTests {
    private func run(
        _ words: [String],
        environment: [String: String] = [:],
        limit: Int64 = 60,
        isHurried: () -> Bool = { false },
        isCancelled: () -> Bool = { false }
    ) -> (end: HookProcess.End, output: HookOutput) {
        HookProcess.run(
            words,
            environment: environment,
            limit: limit,
            isCancelled: isCancelled,
            isHurried: isHurried
        )
    }

    private func shell(_ text: String, limit: Int64 = 60, isCancelled: () -> Bool = { false })
        -> (end: HookProcess.End, output: String)
    {
        let ended = run(
            ["/bin/sh", "-c", text],
            environment: ["PATH": "/usr/bin:/bin"],
            limit: limit,
            isCancelled: isCancelled
        )
        return (ended.end, ended.output.text)
    }

    /// Whether a process is there and no zombie that its new parent has not looked at.
    private func isAlive(_ process: Int) -> Bool {
        guard
            let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = stat.lastIndex(of: ")")
        else { return false }
        return !stat[end...].hasPrefix(") Z")
    }

    @Test func `how a program ends and what it prints are told`() {
        let good = shell("echo out; echo err >&2")
        #expect(good.end == .exited(0) && good.output == "out\nerr\n")
        #expect(shell("exit 3").end == .exited(3))
        #expect(shell("kill -9 $$").end == .signalled(9))
        guard case .notStarted(let reason) = run(["/nonexistent/program"]).end else {
            Issue.record("it was started")
            return
        }
        #expect(reason == "No such file or directory")
    }

    @Test func `a program gets the environment that is said, no input and no descriptor of ours`() {
        let set = run(["/usr/bin/env"], environment: ["A": "b c", "VARVE_JOB": "nightly"])
        #expect(set.output.text == "A=b c\nVARVE_JOB=nightly\n")
        // One that any program would inherit.
        let leaked = open("/dev/null", O_RDONLY)
        defer { close(leaked) }
        // The third is the directory that ls reads.
        #expect(shell("pwd; ls /proc/self/fd").output == "/\n0\n1\n2\n3\n")
        #expect(shell("readlink /proc/self/fd/0").output == "/dev/null\n")
    }

    @Test func `at its limit a program goes with its children, whatever they ignore`() throws {
        // A child in the group, one in a group of its own, and a leader that does not hear SIGTERM.
        let text = """
            trap '' TERM
            sleep 1000 & echo $!
            set -m
            sleep 1000 & echo $!
            echo $$
            while :; do sleep 1000; done
            """
        let ended = run(
            ["/bin/bash", "-c", text],
            environment: ["PATH": "/usr/bin:/bin"],
            limit: 1
        )
        #expect(ended.end == .timedOut(1))
        let processes = ended.output.text.split(separator: "\n").compactMap { Int($0) }
        #expect(processes.count == 3, "\(ended.output.text)")
        for process in processes {
            // SIGKILL is on its way; nothing else ends them.
            while isAlive(process) { sched_yield() }
        }
    }

    @Test func `a program is ended when its job is told to stop`() {
        var looks = 0
        let ended = shell("echo begun; sleep 1000") {
            looks += 1
            return looks > 3
        }
        #expect(ended.end == .stopped && ended.output == "begun\n")
    }

    @Test func `a child that goes on holding the output keeps nobody waiting`() throws {
        let ended = shell("sleep 1000 & echo $!; exit 0")
        #expect(ended.end == .exited(0))
        let child = try #require(Int(ended.output.trimmingCharacters(in: .whitespacesAndNewlines)))
        // It was let be: hooks may start what stays.
        #expect(isAlive(child))
        kill(pid_t(child), SIGKILL)
    }

    @Test func `the end of a long output is kept, as a terminal may show it`() {
        let long = shell("yes 0123456789 | head -c 1000000; printf 'end\\033[31m\\001\\t\\377'")
        #expect(long.end == .exited(0))
        #expect(long.output.hasPrefix("(995915 bytes before are not kept)\n"))
        #expect(long.output.hasSuffix("end?[31m?\t\u{FFFD}"))
        #expect(long.output.utf8.count < HookOutput.bytesMax + 100)
        var output = HookOutput()
        for _ in 0..<100 { output.add(Array(repeating: UInt8(ascii: "x"), count: 777)[...]) }
        #expect(output.droppedBytes == UInt64(77_700 - HookOutput.bytesMax))
    }

    @Test func `a program that is hurried has five seconds left, not its limit`() {
        let ended = run(
            ["/bin/sh", "-c", "echo begun; exec sleep 1000"],
            environment: ["PATH": "/usr/bin:/bin"],
            limit: 3_600,
            isHurried: { true }
        )
        #expect(ended.end == .timedOut(HookProcess.hurriedSeconds))
        #expect(ended.output.text == "begun\n")
    }
}
