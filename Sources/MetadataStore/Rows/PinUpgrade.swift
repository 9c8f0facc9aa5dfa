/// Gives a database of before the index of its pins.
enum PinUpgrade {
    /// Does nothing to a database that has it.
    static func run(on sealed: SealedDatabase) throws(MetadataError) {
        let connection = try sealed.connect(writer: true)
        do throws(MetadataError) {
            try connection.execute(Schema.pinsByEpoch)
        } catch {
            // On a full disk it is harmless: a read of the past steps over all pins, and the next start makes it.
            guard error.code == .noSpace else { throw error }
        }
    }
}
