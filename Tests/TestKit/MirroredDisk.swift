package import Disk

/// A disk that writes to several simulated ones and reads from the first: files with copies, and nothing else of zones.
package final class MirroredDisk: Disk {
    /// By zone: `a`, `b`, `c` and so on.
    package let disks: [SimulatedDisk]

    package init(_ disks: [SimulatedDisk]) {
        precondition(!disks.isEmpty, "a mirror has a disk")
        self.disks = disks
    }

    package convenience init(copies: Int = 3, recording: Bool = false) {
        self.init((0..<copies).map { _ in SimulatedDisk(recording: recording) })
    }

    static func zone(_ number: Int) -> String {
        String(UnicodeScalar(UInt8(ascii: "a") + UInt8(number)))
    }

    /// What `kill -9` leaves.
    package func restarted() -> MirroredDisk {
        MirroredDisk(disks.map { $0.restarted() })
    }

    /// Flips the bits of `mask` in one byte, in the disks of these numbers.
    package func corrupt(
        _ path: String,
        at offset: UInt64,
        mask: UInt8 = 0x10,
        in numbers: [Int]
    ) throws(DiskError) {
        for number in numbers { try disks[number].corrupt(path, at: offset, mask: mask) }
    }

    private func all<Value>(
        _ body: (SimulatedDisk) throws(DiskError) -> Value
    ) throws(DiskError) -> Value {
        for disk in disks.dropFirst() { _ = try body(disk) }
        return try body(disks[0])
    }

    package func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        var files: [any DiskFile] = []
        for disk in disks { files.append(try disk.open(path, mode)) }
        return MirroredFile(files)
    }

    package func status(of path: String) throws(DiskError) -> DiskStatus? {
        try disks[0].status(of: path)
    }
    package func list(_ directory: String) throws(DiskError) -> [String] {
        try disks[0].list(directory)
    }
    package func makeDirectory(_ path: String) throws(DiskError) {
        try all { disk throws(DiskError) in try disk.makeDirectory(path) }
    }
    package func remove(_ path: String) throws(DiskError) {
        try all { disk throws(DiskError) in try disk.remove(path) }
    }
    package func removeDirectory(_ path: String) throws(DiskError) {
        try all { disk throws(DiskError) in try disk.removeDirectory(path) }
    }
    package func rename(_ source: String, to target: String) throws(DiskError) {
        try all { disk throws(DiskError) in try disk.rename(source, to: target) }
    }
    package func syncDirectory(_ path: String) throws(DiskError) {
        try all { disk throws(DiskError) in try disk.syncDirectory(path) }
    }
    package func space(at path: String) throws(DiskError) -> DiskSpace {
        try disks[0].space(at: path)
    }
    package func lock(_ path: String) throws(DiskError) -> any DiskLock {
        try disks[0].lock(path)
    }
}

private final class MirroredFile: DiskFile {
    private let files: [any DiskFile]

    init(_ files: [any DiskFile]) {
        self.files = files
    }

    private func all(_ body: (any DiskFile) throws(DiskError) -> Void) throws(DiskError) {
        for file in files { try body(file) }
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) throws(DiskError) -> Int {
        try files[0].read(into: buffer, at: offset)
    }

    func resident(_ range: Range<UInt64>) -> ResidentBytes? { files[0].resident(range) }

    func readResident(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Bool {
        files[0].readResident(into: buffer, at: offset)
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        try all { file throws(DiskError) in try file.write(buffer, at: offset) }
    }
    func sync() throws(DiskError) { try all { file throws(DiskError) in try file.sync() } }
    func truncate(to size: UInt64) throws(DiskError) {
        try all { file throws(DiskError) in try file.truncate(to: size) }
    }
    func size() throws(DiskError) -> UInt64 { try files[0].size() }
    func preallocate(_ range: Range<UInt64>) throws(DiskError) {
        try all { file throws(DiskError) in try file.preallocate(range) }
    }
    func punch(_ range: Range<UInt64>) throws(DiskError) {
        try all { file throws(DiskError) in try file.punch(range) }
    }
    func close() { for file in files { file.close() } }

    var copies: [any DiskCopy] {
        files.enumerated().map {
            MirroredCopy(zone: MirroredDisk.zone($0.offset), file: $0.element)
        }
    }
}

private struct MirroredCopy: DiskCopy {
    let zone: String
    let file: any DiskFile

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) throws(DiskError) -> Int {
        try file.read(into: buffer, at: offset)
    }

    func size() throws(DiskError) -> UInt64 { try file.size() }

    func mend(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        try file.write(buffer, at: offset)
        try file.sync()
    }
}
