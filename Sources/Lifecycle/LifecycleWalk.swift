import FileSystemEngine
import MetadataStore
import VarveModel

/// The way of one pass through what is due, page by page.
///
/// Once the rate of demotions is used up, what is idle is left for a later run: what follows are files alone that may
/// come back. It is over when nothing is left that could move.
struct LifecycleWalk {
    /// Whether only files are asked for that were used since they left Standard.
    private(set) var onlyUsed: Bool
    private(set) var isOver = false
    private var position: (due: Int64, inode: InodeNumber)?

    init(onlyUsed: Bool) {
        self.onlyUsed = onlyUsed
    }

    /// The rows to ask for; `nil` when it is over.
    fileprivate mutating func next(
        _ session: LifecycleSession,
        _ today: Int64
    ) -> (through: Int64, after: (due: Int64, inode: InodeNumber)?)? {
        let takesNothingAway = session.demotionLeft == 0
        if session.promotionLeft == 0, onlyUsed || takesNothingAway { isOver = true }
        guard !isOver else { return nil }
        let through = takesNothingAway && !onlyUsed ? JournalStore.foremostDay : today
        return (through, position)
    }

    /// Notes the answer; with `isLast` there is no more of the kind.
    fileprivate mutating func take(_ page: [AccessDay], isLast: Bool, _ session: LifecycleSession) {
        if let last = page.last { position = (last.due, last.inode) }
        guard isLast else { return }
        // Both orders are by (due, inode): what lies before the position was looked at.
        if !onlyUsed, session.demotionLeft == 0 { onlyUsed = true } else { isOver = true }
    }
}

extension LifecycleService {
    /// Rows of the index that are read at once.
    static let page = 256

    /// The next rows of a pass; none does not mean that it is over.
    func nextPage(
        _ walk: inout LifecycleWalk,
        _ session: LifecycleSession
    ) async throws(LifecycleError) -> [AccessDay] {
        let id = session.fileSystem.id.text
        guard let (through, after) = walk.next(session, clock.now().day) else { return [] }
        let onlyUsed = walk.onlyUsed
        let page = try await using { () async throws(MetadataError) in
            try await journal.due(
                id,
                through: through,
                onlyUsed: onlyUsed,
                after: after,
                limit: LifecycleService.page
            )
        }
        walk.take(page, isLast: page.count < LifecycleService.page, session)
        return page
    }
}
