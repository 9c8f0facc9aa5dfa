/// One place that holds a whole copy of a file system.
package struct DiskZone: Sendable {
    package let name: String
    /// Of this file system in that zone; the zones of one disk have one each.
    package let directory: String
    package let disk: any Disk

    package init(name: String, directory: String, disk: any Disk) {
        self.name = name
        self.directory = directory
        self.disk = disk
    }
}
