import Foundation
import TestKit
import Testing

/// Goal: content, names, attributes and link targets of users stand in plain in no file of the daemon.
///
/// Method: plant strings in each of them, let everything run that writes (import, in-place writes,
/// snapshot, backup, a move to IA, restore, restart), then look into every byte of the state directory.
@Suite(.serialized) struct PlainTextTests {
    static let planted = [
        "planted-content-5f3a", "planted-in-place-77c1", "planted-name-91bd", "planted-xattr-08ee",
        "planted-xattr-value-c4d2", "planted-target-6b20", "planted-directory-e7f9",
    ]

    @Test func `nothing of the users stands in plain in the state directory`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        let source = daemon.work + "/source"
        try DaemonProcess.system("mkdir", "-p", source + "/planted-directory-e7f9")
        let small = URL(fileURLWithPath: source + "/planted-directory-e7f9/planted-name-91bd")
        let large = URL(fileURLWithPath: source + "/large")
        try Data("planted-content-5f3a".utf8).write(to: small)
        // Compressible, so that a tier or a vault that stored it raw would show it.
        try Data(String(repeating: "planted-content-5f3a\n", count: 40_000).utf8).write(to: large)
        try DaemonProcess.system("ln", "-s", "planted-target-6b20", source + "/link")

        try daemon.done("fs", "create", "home")
        try daemon.done("vault", "create", "main")
        try daemon.done("import", source, "home:/")
        try daemon.done(
            "setfattr",
            "-n",
            "user.planted-xattr-08ee",
            "-v",
            "planted-xattr-value-c4d2",
            "home:/large"
        )
        try daemon.done(
            "put",
            "--offset",
            "5000",
            "-",
            "home:/large",
            input: Data("planted-in-place-77c1".utf8)
        )
        try daemon.done("snapshot", "create", "home", "before")
        try daemon.done("backup", "run", "home", "--vault", "main")
        try daemon.done("clock", "advance", "40d")
        try daemon.done("lifecycle", "run", "home")
        try daemon.done("rm", "home:/large")
        try daemon.done("restore", "home:/large", "--snapshot", "before", "--in-place")
        #expect(daemon.stop() == 0)

        var looked = 0
        let walk = try #require(FileManager.default.enumerator(atPath: daemon.state))
        for case let path as String in walk {
            for text in Self.planted { #expect(!path.contains(text), "\(path)") }
            let url = URL(fileURLWithPath: daemon.state + "/" + path)
            guard let bytes = try? Data(contentsOf: url) else { continue }  // A directory.
            looked += 1
            for text in Self.planted where bytes.range(of: Data(text.utf8)) != nil {
                Issue.record("\(path) holds '\(text)' in plain")
            }
        }
        #expect(looked > 10)
    }
}
