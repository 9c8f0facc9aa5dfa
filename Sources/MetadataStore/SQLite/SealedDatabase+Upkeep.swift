import Disk

/// What keeps a database short and sound.
extension SealedDatabase {
    /// Checkpoints once the log is longer than `frames`.
    package func checkpoint(past frames: Int) throws(MetadataError) {
        guard walFrames > frames else { return }
        do throws(MetadataError) {
            try checkpoint()
        } catch {
            // Somebody else is at it: as good.
            guard error.code == .busy else { throw error }
        }
    }

    /// Reads every page and frame that counts, and lets SQLite check its trees; what is wrong, in words.
    ///
    /// A page of the base that the log has newer does not count: a checkpoint that a power cut tore
    /// leaves such pages, and the next one overwrites them.
    package func findings() throws(MetadataError) -> [String] {
        var findings = try unreadable()
        do throws(MetadataError) {
            let connection = try connect(writer: false)
            let statement = try connection.prepare("PRAGMA integrity_check(20)")
            defer { statement.reset() }
            while try statement.step() {
                let line = statement.text(0)
                if line != "ok" { findings.append("database '\(path)': \(line)") }
            }
        } catch {
            findings.append(error.message)
        }
        return findings
    }

    private func unreadable() throws(MetadataError) -> [String] {
        let seal = ConnectionSeal(files: files)
        let base = SealedPagesFile(seal)
        let log = SealedLogFile(seal)
        var findings: [String] = []
        let page = UnsafeMutableRawPointer.allocate(
            byteCount: SealedLayout.pageBytes,
            alignment: 64
        )
        // SAFETY: used within this call alone.
        defer { page.deallocate() }
        func reads(_ file: any SealedFile, at offset: UInt64) -> Bool {
            do throws(MetadataError) {
                return try file.read(into: page, count: SealedLayout.pageBytes, at: offset)
            } catch {
                findings.append(error.message)
                return false
            }
        }
        var newer: Set<UInt32> = []
        for index in 0..<files.durable.frames {
            let start = SealedLayout.logHeaderBytes + SealedLayout.frameHeaderBytes
            let offset = UInt64(start) + index * UInt64(SealedLayout.frameBytes)
            if reads(log, at: offset), let number = seal.heldPage { newer.insert(number) }
        }
        let pages = min(
            files.committedPages,
            UInt32(truncatingIfNeeded: try base.size() / UInt64(SealedLayout.pageBytes))
        )
        for number in 0..<pages where !newer.contains(number + 1) {
            _ = reads(base, at: UInt64(number) * UInt64(SealedLayout.pageBytes))
        }
        return findings
    }
}
