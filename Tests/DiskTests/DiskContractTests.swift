import Disk
import TestKit
import Testing

@Suite struct DiskContractTests {
    @Test func `the host's disk keeps the contract`() throws {
        let directory = try TemporaryDirectory()
        #expect(try DiskContract.violations(of: HostDisk(), in: directory.path) == [])
    }

    @Test func `the simulated disk keeps the contract`() throws {
        let disk = SimulatedDisk()
        try disk.makeDirectories("/var/store")
        #expect(try DiskContract.violations(of: disk, in: "/var/store") == [])
    }
}
