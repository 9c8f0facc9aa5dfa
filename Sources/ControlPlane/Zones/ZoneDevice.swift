import FoundationEssentials
private import Glibc

/// The device that a directory of this machine lies on, to tell two zones on one disk.
struct ZoneDevice: Sendable, Hashable {
    /// Of `st_dev`.
    let major: UInt32
    let minor: UInt32
    /// Of the directory itself: two paths with one inode of one device are one directory.
    let inode: UInt64

    /// `nil` for a directory that is not there, or not of this machine.
    init?(of directory: String) {
        var found = stat()
        guard stat(directory, &found) == 0 else { return nil }
        // As glibc's gnu_dev_major and gnu_dev_minor (makedev(3)) take it apart.
        let device = UInt64(found.st_dev)
        major = UInt32(truncatingIfNeeded: device >> 8 & 0xFFF | device >> 32 & ~0xFFF)
        minor = UInt32(truncatingIfNeeded: device & 0xFF | device >> 12 & ~0xFF)
        inode = UInt64(found.st_ino)
    }

    /// `8:17`, as /proc/self/mountinfo and lsblk(8) write it.
    var number: String { "\(major):\(minor)" }

    /// `8:17 (/dev/sdb1)`; the number alone where nothing mounted bears it.
    var description: String {
        // Harmless: without the list of mounts a device has its number alone.
        guard let mounts = try? Data(contentsOf: URL(filePath: "/proc/self/mountinfo")),
            let source = ZoneDevice.source(number, String(decoding: mounts, as: UTF8.self))
        else { return number }
        return "\(number) (\(source))"
    }

    /// The source of a mount of a device in the text of mountinfo (proc(5)): the field after the type, behind a lone hyphen.
    static func source(_ number: String, _ mounts: String) -> String? {
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 3, fields[2] == number,
                let hyphen = fields.firstIndex(of: "-"), fields.count > hyphen + 2
            else { continue }
            return String(fields[hyphen + 2])
        }
        return nil
    }
}
