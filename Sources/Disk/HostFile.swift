private import CLinux
private import Glibc
private import Synchronization

/// A regular file of the host.
package final class HostFile: DiskFile {
    let descriptor: ClosingDescriptor
    let path: String
    private let mapping = GrowingMapping()

    init(descriptor: Int32, path: String) {
        self.descriptor = ClosingDescriptor(descriptor)
        self.path = path
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        throws(DiskError)
        -> Int
    {
        guard let base = buffer.baseAddress else { return 0 }
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor.value,
                base + done,
                buffer.count - done,
                off_t(offset) + off_t(done)
            )
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw DiskError(errno: errno, "read '\(path)' at \(offset)")
            }
            done += count
        }
        return done
    }

    package func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        guard let base = buffer.baseAddress else { return }
        var done = 0
        while done < buffer.count {
            let count = pwrite(
                descriptor.value,
                base + done,
                buffer.count - done,
                off_t(offset) + off_t(done)
            )
            if count < 0 {
                if errno == EINTR { continue }
                throw DiskError(errno: errno, "write '\(path)' at \(offset)")
            }
            done += count
        }
    }

    package func beginWriting(_ range: Range<UInt64>) {
        varve_begin_writing(
            descriptor.value,
            range.lowerBound,
            range.upperBound - range.lowerBound
        )
    }

    package func dropResident() {
        // Pages that are in use stay, and some file systems keep more: the caller loses nothing by it.
        _ = posix_fadvise(descriptor.value, 0, 0, POSIX_FADV_DONTNEED)
    }

    package func sync() throws(DiskError) {
        guard fdatasync(descriptor.value) == 0 else {
            throw DiskError(errno: errno, "sync '\(path)'")
        }
    }

    package func truncate(to size: UInt64) throws(DiskError) {
        guard ftruncate(descriptor.value, off_t(size)) == 0 else {
            throw DiskError(errno: errno, "truncate '\(path)' to \(size)")
        }
    }

    package func size() throws(DiskError) -> UInt64 {
        var found = stat()
        guard fstat(descriptor.value, &found) == 0 else {
            throw DiskError(errno: errno, "stat '\(path)'")
        }
        return UInt64(found.st_size)
    }

    package func preallocate(_ range: Range<UInt64>) throws(DiskError) {
        let result = varve_preallocate(
            descriptor.value,
            range.lowerBound,
            range.upperBound - range.lowerBound
        )
        guard result == 0 else {
            throw DiskError(errno: -result, "preallocate '\(path)' to \(range.upperBound)")
        }
    }

    package func punch(_ range: Range<UInt64>) throws(DiskError) {
        let result = varve_punch(
            descriptor.value,
            range.lowerBound,
            range.upperBound - range.lowerBound
        )
        guard result == 0 else { throw DiskError(errno: -result, "punch '\(path)' at \(range)") }
    }

    package func resident(_ range: Range<UInt64>) -> ResidentBytes? {
        mapping.resident(range, of: descriptor.value)
    }

    package func readResident(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) -> Bool {
        varve_read_cached(descriptor.value, buffer.baseAddress, buffer.count, offset)
            == buffer.count
    }

    package func close() {
        mapping.end()
        descriptor.close()
    }
}

/// A descriptor that is closed once, by hand or with its owner.
final class ClosingDescriptor: Sendable {
    private let open: Mutex<Bool> = Mutex(true)
    let value: Int32

    init(_ value: Int32) {
        self.value = value
    }

    func close() {
        let wasOpen = open.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        if wasOpen { Glibc.close(value) }
    }

    deinit {
        close()
    }
}
