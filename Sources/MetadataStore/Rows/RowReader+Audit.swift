import VarveModel

/// Rows of each table: an audit's view, which reads them all.
package struct RowCounts: Sendable, Hashable {
    package var live: Int = 0
    package var history: Int = 0
    package var slices: Int = 0
    package var deadSlices: Int = 0
    package var changes: Int = 0
    package var referrers: Int = 0
    /// Versions and dead slices that no retained instant shows: the collector has yet to drop them.
    package var unseen: Int = 0

    package init() {}
}

extension RowReader {
    /// Counts every row, and the versions that nobody can see any more.
    ///
    /// Costs a scan of all tables.
    package func audit() throws(MetadataError) -> RowCounts {
        let retained = try retention()
        var counts = RowCounts()
        for query in [
            Query.countInodes, .countDirents, .countXattrs, .countInline, .countLinks,
        ] {
            counts.live += Int(try statements.int(query) ?? 0)
        }
        counts.changes = Int(try statements.int(.countChanges) ?? 0)
        counts.referrers = Int(try statements.int(.countReferrers) ?? 0)
        for query in [
            Query.lifeOfInodes, .lifeOfDirents, .lifeOfXattrs, .lifeOfInline, .lifeOfLinks,
        ] {
            let statement = try statements.bound(query, [])
            defer { statement.reset() }
            while try statement.step() {
                counts.history += 1
                let (born, died) = (
                    Epoch(stored: statement.int(0)), Epoch(stored: statement.int(1))
                )
                if !retained.isSeen(born: born, died: died) { counts.unseen += 1 }
            }
        }
        let statement = try statements.bound(.lifeOfSlices, [])
        defer { statement.reset() }
        while try statement.step() {
            counts.slices += 1
            let (born, died) = (Epoch(stored: statement.int(0)), Epoch(stored: statement.int(1)))
            guard died != .never else { continue }
            counts.deadSlices += 1
            if !retained.isSeen(born: born, died: died) { counts.unseen += 1 }
        }
        return counts
    }

    /// How SQLite runs each statement of the rows: (statement, plan step), for the cost tests.
    package func queryPlans() throws(MetadataError) -> [(sql: String, detail: String)] {
        var plans: [(sql: String, detail: String)] = []
        for query in Query.all {
            let statement = try statements.connection.prepare("EXPLAIN QUERY PLAN " + query.sql)
            defer { statement.reset() }
            while try statement.step() { plans.append((query.sql, statement.text(3))) }
        }
        return plans
    }
}

extension Query {
    static let countInodes = Query("SELECT count(*) FROM inode")
    static let countDirents = Query("SELECT count(*) FROM dirent")
    static let countXattrs = Query("SELECT count(*) FROM xattr")
    static let countInline = Query("SELECT count(*) FROM inline")
    static let countLinks = Query("SELECT count(*) FROM link")
    static let countChanges = Query("SELECT count(*) FROM chg")
    static let countReferrers = Query("SELECT count(*) FROM rref")
    static let lifeOfInodes = Query("SELECT born, died FROM h_inode")
    static let lifeOfDirents = Query("SELECT born, died FROM h_dirent")
    static let lifeOfXattrs = Query("SELECT born, died FROM h_xattr")
    static let lifeOfInline = Query("SELECT born, died FROM h_inline")
    static let lifeOfLinks = Query("SELECT born, died FROM h_link")
    static let lifeOfSlices = Query("SELECT born, died FROM slice")
}
