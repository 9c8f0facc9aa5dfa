private import CLinux
private import Glibc

/// Where a file holds data.
extension HostFile {
    func isRegular() throws(DiskError) -> Bool {
        var found = stat()
        guard fstat(descriptor.value, &found) == 0 else {
            throw DiskError(errno: errno, "stat '\(path)'")
        }
        return found.st_mode & S_IFMT == S_IFREG
    }

    /// The runs that hold data, in order; the rest is holes.
    ///
    /// A host that knows no holes answers one run.
    package func dataRanges() throws(DiskError) -> [Range<UInt64>] {
        let end = Int64(try size())
        var runs: [Range<UInt64>] = []
        var at: Int64 = 0
        while at < end {
            let data = varve_seek_data(descriptor.value, at)
            if data == -Int64(ENXIO) { break }
            if data == -Int64(EINVAL) { return [0..<UInt64(end)] }
            guard data >= 0 else {
                throw DiskError(errno: Int32(-data), "seek data of '\(path)'")
            }
            let hole = varve_seek_hole(descriptor.value, data)
            // ENXIO: the file has shrunk meanwhile.
            if hole == -Int64(ENXIO) || data >= end { break }
            guard hole > data else {
                throw DiskError(errno: Int32(max(0, -hole)), "seek hole of '\(path)'")
            }
            runs.append(UInt64(data)..<UInt64(min(hole, end)))
            at = hole
        }
        return runs
    }
}
