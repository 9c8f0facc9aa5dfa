import Synchronization
import VarveModel

/// The names under which files are written before they take their own.
///
/// A mirror takes names away that the source does not have, while other threads still write drafts and rename them:
/// a draft is known by its name alone, so that one which came into its own since the listing is none of those either.
final class Drafts: Sendable {
    private let stem = ".varve-restore-\(Hex.encode(UniqueID.random().bytes))-"
    private let begun = Mutex(0)

    /// A name that nobody else uses, and that was not given before.
    func next() -> FileName {
        let number = begun.withLock { begun in
            begun += 1
            return begun
        }
        guard let name = FileName("\(stem)\(number)") else {
            preconditionFailure("letters, digits and dashes make a name")
        }
        return name
    }

    /// Whether a name was given here, be the file still written, renamed or given up.
    func contains(_ name: FileName) -> Bool {
        name.bytes.starts(with: stem.utf8)
    }
}
