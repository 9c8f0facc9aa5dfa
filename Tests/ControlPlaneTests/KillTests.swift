import Foundation
import Synchronization
import TestKit
import Testing

/// Goal: kill -9 of the daemon under load loses no acknowledged operation (I2).
///
/// Method: writers put files and remember what was acknowledged; the daemon is killed among them, started
/// again, and must have every one, byte for byte; then doctor looks at everything.
@Suite(.serialized) struct KillTests {
    @Test func `no acknowledged file is lost by kill -9`() async throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        var generator = SeededGenerator(seed: testSeed(default: 9))
        let acknowledged = Mutex<[String: Data]>([:])
        for round in 0..<TestSizes.current.daemonKills {
            let before = acknowledged.withLock { $0.count }
            let socket = daemon.socket
            let wanted = Int.random(in: 1...24, using: &generator)
            let enough = DispatchSemaphore(value: 0)
            let ended = DispatchGroup()
            for writer in 0..<3 {
                DispatchQueue.global().async(group: ended) {
                    for number in 0..<1_000 {
                        let name = "/r\(round)-w\(writer)-n\(number)"
                        let bytes = Data(
                            repeating: UInt8(truncatingIfNeeded: number &+ writer),
                            count: 1 + number * 97 % 9_000
                        )
                        // A put that fails was not acknowledged: nothing is owed for it.
                        guard
                            let put = try? DaemonProcess.run(
                                "varve",
                                ["--socket", socket, "put", "-", "home:" + name],
                                input: bytes
                            ), put.status == 0
                        else { return }
                        let count = acknowledged.withLock { all in
                            all[name] = bytes
                            return all.count
                        }
                        if count >= before + wanted { enough.signal() }
                    }
                }
            }
            await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    enough.wait()
                    continuation.resume()
                }
            }
            daemon.kill()
            await withCheckedContinuation { continuation in
                ended.notify(queue: .global()) { continuation.resume() }
            }
            try daemon.start()
            let out = daemon.work + "/round-\(round)"
            try daemon.done("export", "home:/", out)
            for (name, bytes) in acknowledged.withLock({ $0 }) {
                // A file that is not there compares as nil, which fails below.
                let found = try? Data(contentsOf: URL(fileURLWithPath: out + name))
                #expect(found == bytes, "\(name) after kill \(round)")
            }
        }
        #expect(try daemon.varve("doctor").complaint == "")
    }
}
