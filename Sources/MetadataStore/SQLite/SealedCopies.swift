import Disk

/// Finds bytes that verify among the copies of one file, and puts them where a copy has others.
struct SealedCopies {
    let file: any DiskFile
    /// The file in messages.
    let name: String
    let path: String
    /// Told, in one line each, what was put right or could not be.
    let report: @Sendable (String) -> Void

    init(base: any DiskFile, of path: String, report: @escaping @Sendable (String) -> Void) {
        self.init(file: base, name: "database '\(path)'", path: path, report: report)
    }

    init(log: any DiskFile, of path: String, report: @escaping @Sendable (String) -> Void) {
        let name = "log '\(SealedFiles.logPath(path))'"
        self.init(file: log, name: name, path: path, report: report)
    }

    private init(
        file: any DiskFile,
        name: String,
        path: String,
        report: @escaping @Sendable (String) -> Void
    ) {
        (self.file, self.name, self.path, self.report) = (file, name, path, report)
    }

    /// Reads until bytes verify: from the copy that is read, then from each other.
    ///
    /// - Parameters:
    ///   - buffer: As many bytes as are wanted.
    ///   - offset: Where they stand.
    ///   - what: Names them in messages.
    ///   - mending: Runs what writes to the copies that have others, or leaves it.
    ///   - verifies: Whether what is in `buffer` is right, given how many bytes there were; it leaves the buffer as it is.
    /// - Returns: Whether `buffer` holds bytes that verify.
    /// - Throws: What the disk answered where nothing at all could be read.
    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64,
        _ what: () -> String,
        mending: (() -> Void) -> Void,
        verifies: (Int) -> Bool
    ) throws(MetadataError) -> Bool {
        var failure: DiskError?
        var hasRead = false
        do throws(DiskError) {
            if verifies(try file.read(into: buffer, at: offset)) { return true }
            hasRead = true
        } catch {
            failure = error
        }
        let copies = file.copies
        if copies.count > 1 {
            for copy in copies {
                do throws(DiskError) {
                    guard verifies(try copy.read(into: buffer, at: offset)) else {
                        hasRead = true
                        continue
                    }
                } catch {
                    failure = failure ?? error
                    continue
                }
                let good = Array(buffer)
                let words = what()
                mending { _ = mend(copies, good, at: offset, words) }
                return true
            }
        }
        if !hasRead, let failure { throw MetadataError(failure, database: path) }
        return false
    }

    /// Puts `good` into each copy that has other bytes there.
    func mend(
        _ copies: [any DiskCopy],
        _ good: [UInt8],
        at offset: UInt64,
        _ what: String
    ) -> [MendedCopy] {
        var mended: [MendedCopy] = []
        for copy in copies {
            // Harmless: what cannot be read is as good as wrong, and writing it anew is what may help.
            guard (try? copy.read(count: good.count, at: offset)) != good else { continue }
            do throws(DiskError) {
                try copy.mend(good, at: offset)
                let message =
                    "\(name), zone '\(copy.zone)': \(what) at byte \(offset) does not verify; "
                    + "\(good.count) bytes put right from another zone"
                mended.append(MendedCopy(zone: copy.zone, bytes: good.count, message: message))
                report(message)
            } catch {
                report(
                    "\(name), zone '\(copy.zone)': \(what) at byte \(offset) is not put right: "
                        + error.message
                )
            }
        }
        return mended
    }

    /// A small record: what `read` makes of the first copy whose bytes it takes.
    ///
    /// - Throws: What `read` said of the first copy, where it takes none.
    func first<Value>(
        count: Int,
        at offset: UInt64,
        _ what: String,
        _ read: ([UInt8]) throws(MetadataError) -> Value
    ) throws(MetadataError) -> Value {
        var failure: MetadataError?
        let copies = file.everyCopy(zone: "")
        for copy in copies {
            do throws(MetadataError) {
                let bytes = try bytes(of: copy, count, at: offset)
                let value = try read(bytes)
                if failure != nil { _ = mend(copies, bytes, at: offset, what) }
                return value
            } catch {
                failure = failure ?? error
            }
        }
        throw failure ?? MetadataError(.failed, "\(name) has no copy to be read")
    }

    /// What each copy gives that can be read.
    ///
    /// - Throws: What the first failed with, where none can.
    func readable<Value>(
        _ copies: [any DiskCopy],
        _ read: (any DiskCopy) throws(MetadataError) -> Value
    ) throws(MetadataError) -> [Value] {
        var values: [Value] = []
        var failure: MetadataError?
        for copy in copies {
            do throws(MetadataError) {
                values.append(try read(copy))
            } catch {
                failure = failure ?? error
            }
        }
        if values.isEmpty, let failure { throw failure }
        return values
    }

    func bytes(
        of copy: any DiskCopy,
        _ count: Int,
        at offset: UInt64
    ) throws(MetadataError) -> [UInt8] {
        do throws(DiskError) {
            return try copy.read(count: count, at: offset)
        } catch {
            throw MetadataError(error, database: path)
        }
    }

    /// ` in any of its zones a, b`, or nothing where there is but one copy.
    var everywhere: String {
        let zones = file.copies.map(\.zone)
        return zones.count > 1 ? " in any of its zones \(zones.joined(separator: ", "))" : ""
    }
}
