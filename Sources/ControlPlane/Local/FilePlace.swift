import FileSystemEngine
import LocalAPI
import VarveModel

/// A path of a request, as the engine takes it.
struct FilePlace: Sendable {
    let fileSystem: OpenFileSystem
    /// Without empty components and `.`.
    let names: [FileName]

    init(_ file: FileReference, in fileSystems: FileSystems) async throws {
        fileSystem = try await fileSystems.find(file.fileSystem)
        names = try FilePlace.names(file)
    }

    var engine: FileSystem { fileSystem.engine }

    /// The last name and the directory that holds it, symbolic links on the way followed.
    ///
    /// - Throws: `.invalid` for the root directory itself, which has no name.
    func parent(
        at view: View = .live,
        as caller: Credentials
    ) async throws -> (directory: InodeNumber, name: FileName) {
        guard let name = names.last, !name.isDotDot else {
            throw APIError(
                .invalid,
                "the path ends in no name of its own",
                remedy: "Name something beneath the root directory, without '..' at the end."
            )
        }
        let directory = try await engine.resolve(Array(names.dropLast()), at: view, as: caller)
        return (directory.inode, name)
    }

    /// What the path names.
    func attributes(
        at view: View = .live,
        as caller: Credentials,
        followsLast: Bool = true
    ) async throws -> Attributes {
        try await engine.resolve(names, at: view, as: caller, followLast: followsLast)
    }

    /// The same, or `nil` when nothing is there.
    func attributesIfThere(
        at view: View = .live,
        as caller: Credentials,
        followsLast: Bool = true
    ) async throws -> Attributes? {
        do {
            return try await attributes(at: view, as: caller, followsLast: followsLast)
        } catch let error as FileSystemError where error.code == .notFound {
            return nil
        }
    }

    static func names(_ file: FileReference) throws(APIError) -> [FileName] {
        var names: [FileName] = []
        for component in file.components {
            guard let name = FileName(bytes: component) else {
                throw APIError(
                    .tooLarge,
                    "a name in '\(file.description)' is \(component.count) bytes long, or holds a NUL",
                    remedy: "Names have at most \(FileName.bytesMax) bytes."
                )
            }
            names.append(name)
        }
        return names
    }
}

extension FileSystem {
    /// The view of a request's moment in this file system.
    ///
    /// - Throws: `.notFound` for a snapshot that is not there or a time before the window.
    func view(of moment: Moment, now: Timestamp) async throws -> View {
        if moment.recoveryPoint != nil {
            throw APIError(
                .usage,
                "a recovery point is restored, not read in place",
                remedy: "Use 'varve restore … --recovery-point'."
            )
        }
        if let name = moment.snapshot {
            guard let snapshot = try await snapshot(named: name) else {
                throw APIError(
                    .notFound,
                    "there is no snapshot '\(name)'",
                    remedy: "'varve snapshot list' shows those there are."
                )
            }
            return .past(snapshot.epoch)
        }
        guard let at = moment.at else { return .live }
        let time = at.resolved(now: now)
        // The present second is not over: what it holds is the present.
        return time >= now ? .live : .past(try await retained(atOrBefore: time))
    }

    private func retained(atOrBefore time: Timestamp) async throws(APIError) -> Epoch {
        do {
            return try await instant(atOrBefore: time.lastSecondEnded)
        } catch {
            guard error.code == .notFound else { throw APIError(error) }
            throw APIError(
                .notFound,
                "nothing of \(TimeText(time).text) or before is kept",
                remedy: "Name a later time, a snapshot ('varve snapshot list') or a recovery point "
                    + "('varve backup list')."
            )
        }
    }

    /// Runs `body` on a moment that stays readable until its end.
    func holding<Result>(
        _ moment: Moment,
        now: Timestamp,
        _ body: (View) async throws -> Result
    ) async throws -> Result {
        let view = try await view(of: moment, now: now)
        guard case .past(let epoch) = view else { return try await body(view) }
        let hold = try await hold(epoch)
        do {
            let result = try await body(view)
            try await release(hold)
            return result
        } catch {
            // The first error is the one to tell; a hold that stays ends with the process.
            try? await release(hold)
            throw error
        }
    }
}

extension Timestamp {
    /// The last second that is over at this time; a whole second stands for its own end.
    ///
    /// History and recovery points are as fine as seconds: so neither shows what came after the time that was asked for.
    var lastSecondEnded: Timestamp {
        nanoseconds == 0 ? self : Timestamp(seconds: seconds - 1)
    }
}
