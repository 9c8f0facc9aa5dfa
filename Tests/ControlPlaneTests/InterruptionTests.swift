import Foundation
import Synchronization
import TestKit
import Testing

/// Goal: an import that somebody or something interrupts leaves a file system that is whole, and done again it is
/// equal to its source; a daemon that is told to stop under load keeps what it acknowledged.
///
/// Method: the real programs, killed while a tree goes in.
@Suite(.serialized) struct InterruptionTests {
    /// Who is ended in the midst of an import, and how.
    enum Interruption: CaseIterable {
        case clientKilled, clientInterrupted, daemonKilled, daemonStopped
    }

    @Test(arguments: Interruption.allCases)
    func `an interrupted import is done again and equal`(interruption: Interruption) throws {
        let daemon = try DaemonProcess()
        let source = daemon.work + "/source"
        try DaemonProcess.system(
            "bash",
            "-c",
            """
            mkdir '\(source)' && cd '\(source)'
            for d in $(seq 60); do mkdir $d; for f in $(seq 100); do echo $d $f >$d/$f; done; done
            for i in $(seq 4); do head -c 16000000 /dev/urandom >large-$i; done
            """
        )
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("put", "-", "home:/before", input: Data("before".utf8))
        let client = Process()
        client.executableURL = URL(fileURLWithPath: DaemonProcess.binaries + "/varve")
        client.arguments = ["--socket", daemon.socket, "import", source, "home:/in"]
        let errors = Pipe()
        client.standardError = errors
        client.standardOutput = FileHandle.nullDevice
        try client.run()
        // Some of it is in, most of it is not.
        while try inodes(daemon) < 100, client.isRunning {}
        switch interruption {
        case .clientKilled: kill(client.processIdentifier, SIGKILL)
        case .clientInterrupted: kill(client.processIdentifier, SIGINT)
        case .daemonKilled: daemon.kill()
        case .daemonStopped: #expect(daemon.stop() == 0)
        }
        client.waitUntilExit()
        let words = String(
            decoding: try errors.fileHandleForReading.readToEnd() ?? Data(),
            as: UTF8.self
        )
        switch interruption {
        case .clientKilled, .clientInterrupted:
            #expect(client.terminationReason == .uncaughtSignal)
        case .daemonKilled:
            #expect(client.terminationStatus == 1)
            #expect(words.contains("what was acknowledged before is kept"), "\(words)")
            try daemon.start()
        case .daemonStopped:
            // It let the import end in its grace, or broke it off and said so.
            if client.terminationStatus != 0 {
                #expect(words.contains("acknowledged") || words.contains("broken"), "\(words)")
            }
            try daemon.start()
        }
        #expect(try daemon.varve("doctor").complaint == "")
        #expect(try daemon.done("cat", "home:/before") == Data("before".utf8))
        try daemon.done("import", source, "home:/in")
        try daemon.done("export", "home:/in", daemon.work + "/out")
        try DaemonProcess.system("diff", "-r", source, daemon.work + "/out")
        #expect(try daemon.varve("doctor").complaint == "")
    }

    private func inodes(_ daemon: DaemonProcess) throws -> Int {
        let found = try daemon.varve("--json", "fs", "describe", "home")
        let values = try JSONSerialization.jsonObject(with: found.output) as? [String: Any]
        return values?["inodes"] as? Int ?? 0
    }

    @Test func `work that outlasts the grace is broken off, and nobody is told that it was done`()
        throws
    {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        let client = Process()
        client.executableURL = URL(fileURLWithPath: DaemonProcess.binaries + "/varve")
        client.arguments = ["--socket", daemon.socket, "put", "-", "home:/endless"]
        // A source that neither ends nor says anything more.
        let (source, errors) = (Pipe(), Pipe())
        client.standardInput = source
        client.standardError = errors
        try client.run()
        try source.fileHandleForWriting.write(contentsOf: Data(count: 60_000))
        while try daemon.varve("stat", "home:/endless").status != 0, client.isRunning {}
        #expect(daemon.stop() == 0)
        #expect(try daemon.logText().contains("broken off"))
        try source.fileHandleForWriting.close()
        client.waitUntilExit()
        #expect(client.terminationStatus == 1)
        try daemon.start()
        #expect(try daemon.varve("doctor").complaint == "")
    }

    @Test func `told to stop under load, the daemon keeps what it acknowledged`() async throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        let socket = daemon.socket
        let acknowledged = Mutex<[String]>([])
        let enough = DispatchSemaphore(value: 0)
        let ended = DispatchGroup()
        for writer in 0..<3 {
            DispatchQueue.global().async(group: ended) {
                for number in 0..<1_000 {
                    let name = "w\(writer)-\(number)"
                    // A put that does not run was not acknowledged.
                    let put = try? DaemonProcess.run(
                        "varve",
                        ["--socket", socket, "put", "-", "home:/" + name],
                        input: Data(name.utf8)
                    )
                    guard let put, put.status == 0 else { return }
                    let count = acknowledged.withLock { names in
                        names.append(name)
                        return names.count
                    }
                    if count == 12 { enough.signal() }
                }
            }
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                enough.wait()
                continuation.resume()
            }
        }
        #expect(daemon.stop() == 0)
        await withCheckedContinuation { continuation in
            ended.notify(queue: .global()) { continuation.resume() }
        }
        #expect(try daemon.logText().contains("event=stopped"))
        try daemon.start()
        try daemon.done("export", "home:/", daemon.work + "/out")
        for name in acknowledged.withLock({ $0 }) {
            let url = URL(fileURLWithPath: daemon.work + "/out/" + name)
            #expect(try Data(contentsOf: url) == Data(name.utf8))
        }
    }
}
