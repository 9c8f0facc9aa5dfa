import Foundation
import TestKit
import Testing

/// Goal: the demo's verdict is worth something: one planted difference turns it red.
///
/// Method: the demo's own script on a small tree, with one bit, one nanosecond or one extended
/// attribute changed in what was restored, before the witness compares.
@Suite(.serialized, .enabled(if: Witness.isAvailable, "rsync, getfattr or setfacl is missing"))
struct DemoTests {
    @Test(arguments: ["bit", "nanosecond", "xattr"])
    func `one planted difference makes the demo fail`(kind: String) throws {
        let run = try Witness.run("Tests/Demo/demo.sh", ["--small", "--plant", kind])
        #expect(run.status == 2, "the demo ended with \(run.status):\n\(run.output)")
        #expect(run.output.contains("NOT EQUAL"), "\(run.output)")
    }
}

/// The witness itself, on trees that need no Varve.
@Suite(.serialized, .enabled(if: Witness.isAvailable, "rsync, getfattr or setfacl is missing"))
struct WitnessTests {
    @Test func `a faithful copy is equal`() throws {
        let trees = try OddTrees()
        let run = try Witness.run("Tests/Demo/witness.sh", [trees.original, trees.copy])
        #expect(run.status == 0, "\(run.output)")
    }

    @Test(arguments: [
        "perl -e 'open(F,\"+<\",\"holes/large\"); seek(F,1048576,0); print F \"\\0\"'",
        "touch -d '2026-01-02 03:04:05.123456788 UTC' times/nanosecond",
        "setfattr -n user.number-3 -v 'value 4' xattrs/file",
        "setfattr -x user.empty xattrs/file",
        "chmod 644 kinds/setuid",
        "rm links/second && cp -p links/first links/second",
        "ln -sfn ../links/second links/symlink",
        "fallocate --dig-holes holes/nothing && dd if=/dev/zero of=holes/nothing bs=4k count=1 conv=notrunc",
        "mv 'names/100%2F%zz' names/other",
        "rm kinds/fifo",
        "touch extra",
    ])
    func `one difference of any kind is seen`(command: String) throws {
        let trees = try OddTrees()
        let change = try Witness.run("/bin/bash", ["-c", "cd '\(trees.copy)' && \(command)"])
        #expect(change.status == 0, "\(change.output)")
        let run = try Witness.run("Tests/Demo/witness.sh", [trees.original, trees.copy])
        #expect(run.status == 2, "not seen: \(command)\n\(run.output)")
    }
}

/// The demo's odd tree and a copy of it by cp.
private struct OddTrees {
    let directory: TemporaryDirectory
    var original: String { directory.path + "/original" }
    var copy: String { directory.path + "/copy" }

    init() throws {
        directory = try TemporaryDirectory()
        let plant = try Witness.run("Tests/Demo/plant-odd-tree.sh", [original])
        #expect(plant.status == 0, "\(plant.output)")
        let copied = try Witness.run("/bin/cp", ["-a", original, copy])
        #expect(copied.status == 0, "\(copied.output)")
    }
}
