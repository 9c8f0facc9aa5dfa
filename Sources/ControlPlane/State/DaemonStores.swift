import Disk
import Keyring
import LocalAPI
import MetadataStore
import VarveModel

/// The two databases of a state directory.
struct DaemonStores: Sendable {
    let control: ControlStore
    let journal: JournalStore

    /// Opens them; a missing one is an error, never a new one: it would list no file systems.
    init(_ state: StateDirectory) async throws {
        control = try await DaemonStores.control(of: state)
        journal = try await DaemonStores.journal(of: state)
    }

    /// Makes empty ones in a state directory that is being made; what an interrupted `init` left goes.
    static func create(
        disk: any Disk,
        paths: StatePaths,
        key: DataKey,
        state: UniqueID
    ) throws {
        for name in try disk.list(paths.root)
        where name.hasPrefix("control.sqlite") || name.hasPrefix("journal.sqlite") {
            try disk.remove(paths.root + "/" + name)
        }
        let place = Place(disk: disk, paths: paths, key: key, state: state)
        _ = try place.control(create: true)
        _ = try place.journal(create: true)
        try disk.syncDirectory(paths.root)
    }

    /// Opens `control.sqlite`, which names the file systems.
    static func control(of state: StateDirectory) async throws -> ControlStore {
        let place = Place(state)
        return try await BlockingCalls.run { try place.control(create: false) }
    }

    /// Opens `journal.sqlite`, which holds no file data.
    static func journal(of state: StateDirectory) async throws -> JournalStore {
        let place = Place(state)
        return try await BlockingCalls.run { try place.journal(create: false) }
    }

    /// Sets a journal that does not open aside and makes an empty one.
    ///
    /// - Returns: Where the old one is now.
    /// - Throws: `.exists` when the journal opens: nothing is renewed without need.
    static func renewJournal(_ state: StateDirectory, now: Timestamp) async throws -> [String] {
        let place = Place(state)
        return try await BlockingCalls.run {
            do {
                _ = try place.journal(create: false)
            } catch let error as APIError where error.code == .corrupt {
                return try place.setJournalAside(now)
            }
            throw APIError(
                .exists,
                "'\(place.paths.journal)' opens: there is nothing to renew",
                remedy: "'varved doctor' says what else is wrong."
            )
        }
    }

    /// Each database seals under an id of its own: the first 16 bytes of SHA-256 of state id and name.
    private static func id(_ name: String, of state: UniqueID) -> UniqueID {
        let digest = Digest.sha256(state.bytes + Array(name.utf8))
        guard let id = UniqueID(bytes: Array(digest.prefix(16))) else {
            preconditionFailure("16 bytes make an id")
        }
        return id
    }

    /// Where the databases lie, and what opens them.
    fileprivate struct Place: Sendable {
        let disk: any Disk
        let paths: StatePaths
        let key: DataKey
        let state: UniqueID

        func control(create: Bool) throws -> ControlStore {
            do throws(MetadataError) {
                return try ControlStore(
                    disk: disk,
                    path: paths.control,
                    key: key,
                    id: DaemonStores.id("control", of: state),
                    create: create
                )
            } catch {
                throw DaemonStores.explained(
                    error,
                    """
                    Put control.sqlite and control.sqlite-wal back from a copy of the state directory. Without a \
                    copy: make another state directory with the same root key ('varved init --key-file'), move \
                    vaults/ into it, and restore the recovery points.
                    """
                )
            }
        }

        func journal(create: Bool) throws -> JournalStore {
            do throws(MetadataError) {
                return try JournalStore(
                    disk: disk,
                    path: paths.journal,
                    key: key,
                    id: DaemonStores.id("journal", of: state),
                    create: create
                )
            } catch {
                throw DaemonStores.explained(
                    error,
                    """
                    Put journal.sqlite and journal.sqlite-wal back from a copy, or begin an empty one with 'varved \
                    doctor --renew-journal': it holds job runs and access days, no file data.
                    """
                )
            }
        }

        func setJournalAside(_ now: Timestamp) throws -> [String] {
            var moved: [String] = []
            for name in try disk.list(paths.root)
            where name == "journal.sqlite" || name == "journal.sqlite-wal" {
                let aside = "\(paths.root)/damaged-\(now.seconds)-\(name)"
                try disk.rename("\(paths.root)/\(name)", to: aside)
                moved.append(aside)
            }
            try disk.syncDirectory(paths.root)
            _ = try journal(create: true)
            try disk.syncDirectory(paths.root)
            return moved
        }
    }

    /// The error of one of the two, with what its operator can do about it.
    private static func explained(_ error: MetadataError, _ remedy: String) -> APIError {
        let plain = APIError(error)
        switch error.code {
        case .corrupt, .mismatch, .notFound:
            return APIError(.corrupt, plain.message, remedy: remedy)
        case .wrongKey, .newerFormat, .noSpace, .readOnly, .busy, .failed, .constraint, .exists:
            return plain
        }
    }
}

extension DaemonStores.Place {
    fileprivate init(_ state: StateDirectory) {
        self.init(
            disk: state.disk,
            paths: state.paths,
            key: state.dataKey,
            state: state.format.id
        )
    }
}
