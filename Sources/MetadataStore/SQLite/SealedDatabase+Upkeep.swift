package import VarveModel

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
    package func findings() throws(MetadataError) -> [String] {
        var check = DatabaseCheck(files, try connect(writer: false))
        return check.run()
    }

    /// The same of a database that this process has open, whoever opened it.
    ///
    /// - Parameter id: The database's own.
    /// - Returns: What is wrong, in words; `nil` when no such database is open.
    /// - Throws: What kept it from being looked at.
    package static func findings(of id: UniqueID) throws(MetadataError) -> [String]? {
        guard let (token, files) = SealedVFS.newest(of: id) else { return nil }
        let connection = try Connection(
            token: token,
            path: files.path,
            isWriter: false,
            cacheBytes: 1 << 20
        )
        var check = DatabaseCheck(files, connection)
        return check.run()
    }
}
