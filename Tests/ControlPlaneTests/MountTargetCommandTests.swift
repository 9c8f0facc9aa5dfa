import Foundation
import LocalAPI
import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import ControlPlane

/// Goal: mount targets are made, listed and deleted as their operator means it, and stay over restarts.
///
/// Method: the real programs. Every test has addresses of its own, of which loopback has 2^24.
@Suite(.serialized) struct MountTargetCommandTests {
    private static func loopback() -> String {
        let numbers = (0..<3).map { _ in UInt8.random(in: 2...250) }
        return "127.\(numbers[0]).\(numbers[1]).\(numbers[2])"
    }

    private static func daemon(_ names: String..., nfs: String = "off") throws -> DaemonProcess {
        let daemon = try DaemonProcess()
        try daemon.start("--nfs", nfs)
        for name in names { try daemon.done("fs", "create", name) }
        return daemon
    }

    private static func listed(
        _ daemon: DaemonProcess,
        _ fileSystem: String...
    ) throws -> [MountTargetDescription] {
        let words = ["--socket", daemon.socket, "--json", "mount-target", "list"] + fileSystem
        let ended = try DaemonProcess.run("varve", words)
        #expect(ended.status == 0, "\(ended.errors)")
        return try JSONDecoder().decode([MountTargetDescription].self, from: ended.output)
    }

    private func expectRefused(
        _ ended: DaemonProcess.Ended,
        _ status: Int32,
        _ said: [String]
    ) {
        #expect(ended.status == status, "\(ended.text)\(ended.errors)")
        for words in said { #expect(ended.errors.contains(words), "\(ended.errors)") }
    }

    @Test func `they are made, listed and deleted, and stay over restarts`() throws {
        let daemon = try Self.daemon("one", "two")
        let (first, second) = (Self.loopback(), Self.loopback())
        let id = try daemon.done("mount-target", "create", "one", "--address", first).line
        #expect(id.wholeMatch(of: /fsmt-[0-9a-f]{17}/) != nil, "\(id)")
        // They are listed by age.
        try daemon.done("clock", "advance", "1s")
        let made = try daemon.done(
            "--json",
            "mount-target",
            "create",
            "two",
            "--address",
            second,
            "--port",
            "20490"
        )
        let other = try JSONDecoder().decode(MountTargetDescription.self, from: made)
        #expect(other.state == "available" && other.address == second && other.port == 20_490)
        #expect(other.fileSystemName == "two")
        let ends: [() -> Bool] = [
            { daemon.stop() == 0 },
            {
                daemon.kill()
                return true
            },
        ]
        for end in ends {
            #expect(try Self.listed(daemon).map(\.id) == [id, other.id])
            #expect(try Self.listed(daemon).map(\.state) == ["available", "available"])
            #expect(end())
            try daemon.start()
        }
        #expect(try Self.listed(daemon, "two").map(\.id) == [other.id])
        let table = String(decoding: try daemon.done("mount-target", "list"), as: UTF8.self)
        #expect(table.contains(id) && table.contains(first) && table.contains("available"))

        try daemon.done("mount-target", "delete", id)
        #expect(try Self.listed(daemon).map(\.id) == [other.id])
        // Its address is free at once.
        try daemon.done("mount-target", "create", "two", "--address", first)
        #expect(daemon.stop() == 0)
        try daemon.start()
        #expect(try Self.listed(daemon).map(\.fileSystemName) == ["two", "two"])
        #expect(try daemon.varved("doctor").status != 0, "a daemon serves it")
        #expect(daemon.stop() == 0)
        let doctor = try daemon.varved("doctor")
        #expect(doctor.status == 0, "\(doctor.text)\(doctor.errors)")
    }

    @Test func `an address that cannot be had is refused with what to do`() throws {
        let (gateway, address) = (Self.loopback(), Self.loopback())
        let daemon = try Self.daemon("one", nfs: gateway + ":2049")
        let id = try daemon.done("mount-target", "create", "one", "--address", address).line
        func create(_ words: String...) throws -> DaemonProcess.Ended {
            try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "mount-target", "create"] + words
            )
        }
        expectRefused(try create("one", "--address", address), 1, [id, "another address or port"])
        expectRefused(
            try create("one", "--address", "192.0.2.1"),
            1,
            ["192.0.2.1 is no address of this machine", "EADDRNOTAVAIL", "ip address add"]
        )
        expectRefused(
            try create("one", "--address", gateway),
            1,
            ["the gateway listens on \(gateway):2049", "--port"]
        )
        let taken = Self.loopback()
        let rival = try Self.daemon(nfs: taken + ":2049")
        expectRefused(
            try create("one", "--address", taken),
            1,
            ["another program listens", "ss -ltnp"]
        )
        #expect(rival.stop() == 0)
        expectRefused(
            try create("none", "--address", Self.loopback()),
            1,
            ["no file system 'none'"]
        )
        for wrong in ["0.0.0.0", "::", "localhost", "127.0.0.1:2049", "[::1]", "127.1", ""] {
            expectRefused(try create("one", "--address", wrong), 64, ["varve: "])
        }
        expectRefused(try create("one", "--address", Self.loopback(), "--port", "0"), 64, ["port"])
        for wrong in ["65536", "-1", "nfs"] {
            let ended = try create("one", "--address", Self.loopback(), "--port", wrong)
            #expect(ended.status == 64, "\(ended.errors)")
        }
        expectRefused(try create("one"), 64, ["--address"])
        let gone = try daemon.varve("mount-target", "delete", "fsmt-00000000000000000")
        expectRefused(gone, 1, ["no mount target 'fsmt-00000000000000000'", "mount-target list"])
        expectRefused(
            try daemon.varve("mount-target", "list", "none"),
            1,
            ["no file system 'none'"]
        )
        #expect(try Self.listed(daemon).map(\.id) == [id], "what was refused left nothing")
    }

    @Test func `one text is one address`() throws {
        let daemon = try Self.daemon("one")
        let port = String(UInt16.random(in: 20_000...30_000))
        let made = try daemon.done(
            "--json",
            "mount-target",
            "create",
            "one",
            "--address",
            "0:0::0:1",
            "--port",
            port
        )
        let target = try JSONDecoder().decode(MountTargetDescription.self, from: made)
        #expect(target.address == "::1")
        let again = try daemon.varve(
            "mount-target",
            "create",
            "one",
            "--address",
            "::1",
            "--port",
            port
        )
        expectRefused(again, 1, [target.id, "[::1]:\(port)"])
    }

    @Test func `a file system with mount targets is in use`() throws {
        let daemon = try Self.daemon("one")
        let address = Self.loopback()
        let id = try daemon.done("mount-target", "create", "one", "--address", address).line
        let refused = try daemon.varve("fs", "delete", "one", "--yes")
        expectRefused(refused, 1, ["in use", id, address, "mount-target delete"])
        try daemon.done("put", "-", "one:/still-there", input: Data("text".utf8))
        try daemon.done("mount-target", "delete", id)
        try daemon.done("fs", "delete", "one", "--yes")
    }

    /// Goal: no mount target keeps the daemon from starting.
    @Test func `a target at the address that the gateway has now is in error`() throws {
        let daemon = try Self.daemon("one")
        let address = Self.loopback()
        _ = try daemon.done("mount-target", "create", "one", "--address", address)
        #expect(daemon.stop() == 0)
        try daemon.start("--nfs", address + ":2049")
        let failed = try Self.listed(daemon)
        #expect(failed.map(\.state) == ["error"])
        #expect(failed.first?.reason?.contains("the gateway listens on \(address):2049") == true)
        #expect(daemon.stop() == 0)
    }

    @Test func `one whose address is away is in error, and serves once it is back`() throws {
        let daemon = try Self.daemon("one")
        let address = Self.loopback()
        let id = try daemon.done("mount-target", "create", "one", "--address", address).line
        try daemon.done("clock", "advance", "1s")
        let other = try daemon.done("mount-target", "create", "one", "--address", Self.loopback())
            .line
        #expect(daemon.stop() == 0)
        let rival = try Self.daemon(nfs: address + ":2049")
        try daemon.start()
        let failed = try Self.listed(daemon)
        #expect(failed.map(\.state) == ["error", "available"], "\(failed)")
        #expect(failed[0].reason?.contains("another program listens on \(address):2049") == true)
        let list = try daemon.varve("mount-target", "list")
        #expect(
            list.status == 0 && list.errors.contains("\(id): another program"),
            "\(list.errors)"
        )
        let doctor = try daemon.varve("doctor")
        #expect(doctor.status == 0, "a warning: \(doctor.errors)")
        let said = doctor.text + doctor.errors
        #expect(said.contains("mount target \(id)") && !said.contains("mount target \(other)"))
        // Still taken: a round of maintenance changes nothing.
        try daemon.done("clock", "advance", "1s")
        #expect(try Self.listed(daemon).map(\.state) == ["error", "available"])
        let told = try daemon.logText().split(separator: "\n").filter {
            $0.contains("does not open")
        }
        #expect(told.count == 1, "once, not with every round: \(told)")
        #expect(rival.stop() == 0)
        try daemon.done("clock", "advance", "1s")
        #expect(try Self.listed(daemon).map(\.state) == ["available", "available"])
        // One that does not serve is deleted like any other.
        #expect(daemon.stop() == 0)
        let again = try Self.daemon(nfs: address + ":2049")
        try daemon.start()
        try daemon.done("mount-target", "delete", id)
        #expect(try Self.listed(daemon).map(\.id) == [other])
        #expect(again.stop() == 0)
    }

    @Test func `mount takes a target that is available, the gateway otherwise, and says which`()
        throws
    {
        let daemon = try Self.daemon("one", "two", nfs: "127.0.0.1:0")
        try daemon.done("mkdir", "one:/docs")
        try daemon.done("snapshot", "create", "one", "first")
        let address = Self.loopback()
        let id = try daemon.done(
            "mount-target",
            "create",
            "one",
            "--address",
            address,
            "--port",
            "20490"
        ).line
        func mounted(_ place: String, _ words: String...) throws -> (String, DaemonProcess.Ended) {
            let ended = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "mount", place, "/mnt", "--dry-run"] + words
            )
            #expect(ended.status == 0, "\(ended.errors)")
            return (String(ended.text.split(separator: " ").dropLast().last ?? ""), ended)
        }
        let (whole, ended) = try mounted("one")
        #expect(whole == address + ":/")
        #expect(ended.text.contains(",port=20490,"), "\(ended.text)")
        #expect(ended.errors.contains("the mount target \(id)"), "\(ended.errors)")
        #expect(try mounted("one:/docs").0 == address + ":/docs")
        #expect(try mounted("one", "--snapshot", "first").0 == address + ":/.snapshot/first")
        let json = try daemon.done("--json", "mount", "one", "/mnt", "--dry-run")
        let fields = try JSONSerialization.jsonObject(with: json) as? [String: Any]
        #expect(fields?["mountTarget"] as? String == id)
        #expect(fields?["source"] as? String == address + ":/")

        let (below, gateway) = try mounted("two")
        #expect(below.hasPrefix("127.0.0.1:/fs-"), "\(below)")
        #expect(gateway.errors.contains("the gateway"), "\(gateway.errors)")
        #expect(daemon.stop() == 0)
        let rival = try Self.daemon(nfs: address + ":20490")
        try daemon.start("--nfs", "127.0.0.1:0")
        #expect(try mounted("one").0.hasPrefix("127.0.0.1:/fs-"), "it is in error")
        #expect(daemon.stop() == 0)
        try daemon.start()
        let nowhere = try daemon.varve("mount", "one", "/mnt", "--dry-run")
        expectRefused(nowhere, 1, [id, "nfs: off"])
        #expect(rival.stop() == 0)
    }

    @Test(.enabled(if: geteuid() == 0, "needs root"))
    func `they are for root and the daemon's own user`() throws {
        let daemon = try Self.daemon("one")
        let id = try daemon.done("mount-target", "create", "one", "--address", Self.loopback()).line
        let top = URL(fileURLWithPath: daemon.state).deletingLastPathComponent().path
        try DaemonProcess.system("chmod", "755", top)
        let user = [
            "--reuid=1234", "--regid=1234", "--clear-groups", DaemonProcess.binaries + "/varve",
            "--socket", daemon.socket, "mount-target",
        ]
        for words in [["create", "one", "--address", Self.loopback()], ["delete", id]] {
            let ended = try DaemonProcess.run("/usr/bin/setpriv", user + words)
            expectRefused(ended, 1, ["is for root and the daemon's own user"])
        }
        let list = try DaemonProcess.run("/usr/bin/setpriv", user + ["list"])
        #expect(list.status == 0 && list.text.contains(id), "\(list.errors)")
    }

    @Test func `what the socket refuses is said in words`() throws {
        let target = MountTargetRecord(
            id: .random(),
            fileSystem: .random(),
            address: "127.0.0.2",
            port: 111,
            created: .epoch,
            state: .creating
        )
        func refusal(_ code: Int32, _ gateway: String? = nil) -> APIError {
            ListenRefusal.error(code, target, gateway: gateway.flatMap { ListenAddress($0) })
        }
        #expect(refusal(EACCES).code == .denied)
        #expect(refusal(EACCES).remedy.contains("CAP_NET_BIND_SERVICE"))
        #expect(refusal(EADDRNOTAVAIL).code == .invalid)
        #expect(refusal(EADDRINUSE).message.contains("another program"))
        for gateway in ["0.0.0.0:111", "[::]:111", "127.0.0.2:111"] {
            #expect(refusal(EADDRINUSE, gateway).message.contains("the gateway"), "\(gateway)")
        }
        for gateway in ["0.0.0.0:2049", "127.0.0.3:111"] {
            #expect(refusal(EADDRINUSE, gateway).message.contains("another program"), "\(gateway)")
        }
        #expect(refusal(EMFILE).code == .failed)
    }
}
