import Foundation
import TestKit

extension DaemonProcess {
    /// Puts the retention `keep-one` among the daemon's policies: it keeps the newest alone, so that the rest is seen to go.
    func addKeepOne() throws {
        let policy = """
            # Keeps the newest alone, so that the rest is seen to go.
            format: 1
            kind: retention
            name: keep-one
            keep-last: 1
            """
        try Data(policy.utf8).write(to: URL(fileURLWithPath: retention + "/keep-one.yaml"))
    }
}
