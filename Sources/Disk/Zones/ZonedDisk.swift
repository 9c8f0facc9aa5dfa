import Synchronization
private import VarveModel

/// A disk that keeps each file in several zones, beneath stores that do not know of them.
///
/// Everything beneath `root` lies in each zone's directory under the same name. A change is answered when every zone in sync
/// did it, or when those that did not are out, durably at a majority of all zones. While fewer than a majority could hold
/// changes, none is taken, and reads go on.
package final class ZonedDisk: Disk {
    /// Absolute; what callers call the place that the zones keep.
    let root: String
    let members: ZonedMembers
    let gate = ChangeGate()
    let notes = ResilverNotes()
    /// Held by whoever changes names, so that all zones see one order; within the gate.
    let nameOrder = Mutex(())
    /// Held by whoever brings zones back; outside the gate.
    let looking = Mutex(())
    private let isClosed = Atomic<Bool>(false)

    init(root: String, members: ZonedMembers) {
        self.root = root
        self.members = members
    }

    /// How the zones stand now; it waits for no storage.
    package var standing: ZonedStanding { members.standing }

    /// Ends cleanly, while no file is open: all is made durable, and the next start compares nothing.
    ///
    /// A look under way ends within a block of what it copies, and is waited for: nothing is written to the zones after this returns.
    /// What fails is reported; the next start then compares what may differ.
    package func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        looking.withLock { _ in closeAlone() }
    }

    private func closeAlone() {
        do throws(DiskError) {
            var isEven = true
            for record in members.names.records where record.isUnsynced {
                guard !record.isUneven, let name = record.name else {
                    isEven = false
                    continue
                }
                let file = try open(root + "/" + name, .readWrite)
                defer { file.close() }
                try file.sync()
            }
            for directory in members.names.unsyncedDirectories {
                try syncDirectory(directory.isEmpty ? root : root + "/" + directory)
            }
            try members.end(isEven: isEven)
        } catch {
            members.report("'\(root)' does not end cleanly: \(error)")
        }
    }

    /// Whether the disk has ended, or its root was removed.
    var hasEnded: Bool { isClosed.load(ordering: .acquiring) }

    func end() { isClosed.store(true, ordering: .releasing) }

    // MARK: Places

    enum Place {
        /// Beneath the root; the root itself is the empty name.
        case inside(String)
        /// Above it: a directory.
        case above
    }

    func place(_ path: String, _ call: String) throws(DiskError) -> Place {
        if path == root { return .inside("") }
        if path.hasPrefix(root + "/") {
            let name = String(path.dropFirst(root.count + 1))
            if name == ZoneFile.name || name == ZoneFile.temporaryName {
                throw DiskError(.denied, "\(call) '\(path)': the zones' own file is there")
            }
            return .inside(name)
        }
        if root.hasPrefix(path == "/" ? path : path + "/") { return .above }
        throw DiskError(
            .denied,
            "\(call) '\(path)': it lies outside '\(root)', which the zones keep"
        )
    }

    /// The name of what must lie beneath the root.
    func inside(_ path: String, _ call: String) throws(DiskError) -> String {
        guard case .inside(let name) = try place(path, call), !name.isEmpty else {
            throw DiskError(.denied, "\(call) '\(path)': it is not beneath '\(root)'")
        }
        return name
    }

    func path(_ name: String, in zone: Int) -> String {
        let directory = members.zones[zone].directory
        return name.isEmpty ? directory : directory + "/" + name
    }

    // MARK: Asking

    package func status(of path: String) throws(DiskError) -> DiskStatus? {
        guard case .inside(let name) = try place(path, "stat") else {
            return DiskStatus(kind: .directory, size: 0, allocated: 0, modified: .epoch)
        }
        // What one zone lacks another may have: it was not removed by us.
        var failure: DiskError?
        var hasAnswered = false
        for zone in members.inSync {
            do throws(DiskError) {
                let found = try members.zones[zone].disk.status(of: self.path(name, in: zone))
                if let found { return found }
                hasAnswered = true
            } catch {
                failure = error
            }
        }
        if let failure, !hasAnswered { throw failure }
        return nil
    }

    package func list(_ directory: String) throws(DiskError) -> [String] {
        let name =
            switch try place(directory, "list") {
            case .inside(let name): name
            case .above:
                throw DiskError(.denied, "list '\(directory)': it lies above '\(root)'")
            }
        var names: Set<String> = []
        var failure: DiskError?
        var hasAnswered = false
        for zone in members.inSync {
            do throws(DiskError) {
                names.formUnion(try members.zones[zone].disk.list(path(name, in: zone)))
                hasAnswered = true
            } catch {
                failure = error
            }
        }
        if let failure, !hasAnswered { throw failure }
        if name.isEmpty { names.subtract([ZoneFile.name, ZoneFile.temporaryName]) }
        return names.sorted()
    }

    /// Of the zone in sync that has the least.
    package func space(at path: String) throws(DiskError) -> DiskSpace {
        let name: String? =
            if case .inside(let name) = try place(path, "statvfs") { name } else { nil }
        var least: DiskSpace?
        var failure: DiskError?
        for zone in members.inSync {
            let place = name.map { self.path($0, in: zone) } ?? members.zones[zone].directory
            do throws(DiskError) {
                let space = try members.zones[zone].disk.space(at: place)
                if space.available < least?.available ?? .max { least = space }
            } catch {
                failure = error
            }
        }
        guard let least else {
            throw failure ?? DiskError(.failed, "statvfs '\(path)': no zone in sync")
        }
        return least
    }

    // MARK: Locks

    package func lock(_ path: String) throws(DiskError) -> any DiskLock {
        let name = try inside(path, "lock")
        return try gate.shared { () throws(DiskError) in
            members.names.beginNames([name])
            defer { members.names.endNames([name]) }
            var locks: [any DiskLock] = []
            do throws(DiskError) {
                for zone in members.inSync {
                    locks.append(try members.zones[zone].disk.lock(self.path(name, in: zone)))
                }
            } catch {
                for lock in locks { lock.release() }
                throw error
            }
            return ZonedLock(locks)
        }
    }
}

/// One lock in each zone that was in sync; the first alone keeps others out.
private final class ZonedLock: DiskLock {
    private let locks: [any DiskLock]

    init(_ locks: [any DiskLock]) {
        self.locks = locks
    }

    func release() {
        for lock in locks { lock.release() }
    }
}
