import FileSystemEngine
import MetadataStore
import Policies
import VarveModel

/// What one run knows of its file system beside the files themselves.
struct LifecycleSession: Sendable {
    let fileSystem: FileSystem
    let policy: LifecyclePolicy
    /// All in force, that of the run among them.
    let policies: [LifecyclePolicy]
    let pins: PinnedPlaces
    /// Of the file system as it was before the pins were read: what has changed since is left to the next run.
    let generation: Int64
    /// Knows of uses that are not written down yet.
    let recorder: AccessRecorder?
    /// Whether an earlier run, or a use, was on a later day than this one.
    var clockWasAhead = false
    /// Bytes that may still be moved under the policy's rates; `nil` without a bound.
    var promotionLeft: UInt64?
    var demotionLeft: UInt64?
    /// How many cold files were used on a day, as far as it was asked.
    var coldFilesUsed: [Int64: Int] = [:]

    /// Whether a file's path decides anything.
    var asksForPaths: Bool {
        !pins.directories.isEmpty || policies.contains(where: \.asksForPaths)
    }

    /// Takes the bytes of a move off what may be moved; `false` when nothing is left.
    ///
    /// The file that reaches the bound is moved whole: a file larger than a day's rate would never move otherwise.
    mutating func take(_ bytes: UInt64, to tier: Tier) -> Bool {
        let left = tier == .standard ? promotionLeft : demotionLeft
        guard let left else { return true }
        guard left > 0 else { return false }
        if tier == .standard {
            promotionLeft = left - min(left, bytes)
        } else {
            demotionLeft = left - min(left, bytes)
        }
        return true
    }
}

/// What is pinned by hand: files by number, directories by where they are now.
struct PinnedPlaces: Sendable {
    var files: Set<InodeNumber> = []
    var directories: [[FileName]] = []

    func contains(_ inode: InodeNumber, _ path: [FileName]) -> Bool {
        files.contains(inode) || directories.contains { path.starts(with: $0) }
    }
}

extension LifecycleService {
    /// Begins a run: takes in changed rules, and what happened to names and owners since the last one.
    func session(
        _ fileSystem: FileSystem,
        _ policy: LifecyclePolicy,
        _ others: [LifecyclePolicy],
        uses recorder: AccessRecorder? = nil
    ) async throws(LifecycleError) -> LifecycleSession {
        let wasAhead = try await takeIn(fileSystem, together(policy, others))
        var session = try await openSession(fileSystem, policy, others, uses: recorder)
        session.clockWasAhead = wasAhead
        return session
    }

    /// Begins a run by rules that are taken in already.
    func openSession(
        _ fileSystem: FileSystem,
        _ policy: LifecyclePolicy,
        _ others: [LifecyclePolicy],
        uses recorder: AccessRecorder? = nil
    ) async throws(LifecycleError) -> LifecycleSession {
        // First: a pin that is missed by what is read then raises it.
        let generation = try await using { () async throws(MetadataError) in
            try await journal.generation(fileSystem.id.text)
        }
        return LifecycleSession(
            fileSystem: fileSystem,
            policy: policy,
            policies: together(policy, others),
            pins: try await pinnedPlaces(fileSystem),
            generation: generation,
            recorder: recorder,
            promotionLeft: try await left(policy.limits.promotion, promoted: true, fileSystem),
            demotionLeft: try await left(policy.limits.demotion, promoted: false, fileSystem)
        )
    }

    /// All policies in force, by name, that of the run among them.
    func together(
        _ policy: LifecyclePolicy,
        _ others: [LifecyclePolicy]
    ) -> [LifecyclePolicy] {
        var policies = [policy]
        for other in others where !policies.contains(where: { $0.name == other.name }) {
            policies.append(other)
        }
        return policies.sorted { $0.name < $1.name }
    }

    private func left(
        _ rate: ByteRate?,
        promoted: Bool,
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) -> UInt64? {
        guard let rate else { return nil }
        let (id, now) = (fileSystem.id.text, clock.now())
        let moved = try await using { () async throws(MetadataError) in
            try await journal.movedBytes(id, promoted: promoted, hours: rate.hours, at: now)
        }
        return rate.bytes - min(rate.bytes, moved)
    }

    /// Where the pins are now; those of what is gone, and what no retained instant shows, are forgotten.
    func pinnedPlaces(
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) -> PinnedPlaces {
        let id = fileSystem.id.text
        let pins = try await using { () async throws(MetadataError) in try await journal.pins(id) }
        var places = PinnedPlaces()
        for pin in pins {
            switch try await pinned(pin.inode, fileSystem) {
            case .gone:
                try await using { () async throws(MetadataError) in
                    _ = try await journal.removePin(id, pin.inode)
                }
            case .past: break
            case .file: places.files.insert(pin.inode)
            case .directory(let path): places.directories.append(path)
            }
        }
        return places
    }

    private enum Pinned {
        case gone
        /// A rollback may bring it back.
        case past
        case file
        case directory([FileName])
    }

    private func pinned(
        _ inode: InodeNumber,
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) -> Pinned {
        do throws(FileSystemError) {
            let kind = try await fileSystem.attributes(of: inode).kind
            guard kind == .directory else { return .file }
            return .directory(try await fileSystem.path(of: inode))
        } catch {
            guard error.code == .stale || error.code == .notFound else {
                throw LifecycleError(error)
            }
        }
        do throws(FileSystemError) {
            return try await fileSystem.isShownByPast(inode) ? .past : .gone
        } catch {
            throw LifecycleError(error)
        }
    }
}
