/// Where everything lies in a state directory.
package struct StatePaths: Sendable, Hashable {
    /// Absolute, without a slash at the end.
    package let root: String

    package init(root: String) {
        self.root = root
    }

    package var format: String { root + "/format" }
    package var lock: String { root + "/lock" }
    package var key: String { root + "/key" }
    package var control: String { root + "/control.sqlite" }
    package var journal: String { root + "/journal.sqlite" }
    package var settings: String { root + "/varve.yaml" }
    package var socket: String { root + "/varved.sock" }
    package var fileSystems: String { root + "/filesystems" }
    package var zones: String { root + "/zones" }
    package var vaults: String { root + "/vaults" }

    /// The working copy of a file system.
    package func fileSystem(_ id: String) -> String { "\(fileSystems)/\(id)" }
    /// A file system's folder in a zone.
    package func zone(_ zone: String, _ id: String) -> String { "\(zones)/\(zone)/\(id)" }
    /// A vault's folder.
    package func vault(_ name: String) -> String { "\(vaults)/\(name)" }

    /// The directories that stand beneath the root from the start.
    var folders: [String] { [fileSystems, zones, vaults] }
}
