import Testing
import VarveModel

@testable import FileSystemEngine

/// The rules that decide in values: who may, and what comes of it.
@Suite struct RulesTests {
    static let owner = Credentials(uid: 1_000, gid: 100)
    static let member = Credentials(uid: 1_001, gid: 7, groups: [100])
    static let other = Credentials(uid: 1_002, gid: 8)

    static func attributes(
        _ inode: UInt64 = 2,
        _ kind: FileKind = .regular,
        _ permissions: UInt16 = 0o640,
        uid: UInt32 = 1_000,
        gid: UInt32 = 100,
        links: UInt32 = 1
    ) -> Attributes {
        Attributes(
            inode: InodeNumber(rawValue: inode),
            kind: kind,
            permissions: permissions,
            uid: uid,
            gid: gid,
            links: links,
            size: 0,
            allocated: 0,
            accessed: .epoch,
            modified: .epoch,
            changed: .epoch,
            created: .epoch,
            change: 1
        )
    }

    func code(_ body: () throws -> Void) -> FileSystemError.Code? {
        do {
            try body()
            return nil
        } catch let error as FileSystemError {
            return error.code
        } catch {
            return .failed
        }
    }

    @Test func `the first class that fits decides, even if it grants less`() {
        let file = Self.attributes(2, .regular, 0o047)
        #expect(Permission.rights(of: file, for: Self.owner) == [])
        #expect(Permission.rights(of: file, for: Self.member) == .read)
        #expect(Permission.rights(of: file, for: Self.other) == [.read, .write, .execute])
    }

    @Test func `root executes only what somebody may, and searches everything`() {
        let plain = Permission.rights(of: Self.attributes(2, .regular, 0), for: .root)
        #expect(plain == [.read, .write])
        let some = Permission.rights(of: Self.attributes(2, .regular, 0o001), for: .root)
        #expect(some.contains(.execute))
        let directory = Permission.rights(of: Self.attributes(2, .directory, 0), for: .root)
        #expect(directory.contains(.execute))
    }

    @Test func `in a sticky directory one removes only one's own`() {
        let sticky = Self.attributes(1, .directory, 0o1777, uid: 0, gid: 0)
        let file = Self.attributes()
        func remove(_ caller: Credentials) -> FileSystemError.Code? {
            code { try Permission.requireRemoval(of: file, from: sticky, for: caller) }
        }
        #expect(remove(Self.owner) == nil)
        #expect(remove(Self.other) == .notPermitted)
        #expect(remove(.root) == nil)
    }

    @Test func `a set-group-id directory hands on its group, and to directories the bit`() throws {
        let parent = Self.attributes(1, .directory, 0o2777, uid: 0, gid: 55)
        let file = try Ownership.birth(
            of: NewInode(.regular, permissions: 0o2755),
            in: parent,
            for: Self.owner
        )
        #expect(file.gid == 55 && file.permissions == 0o755)
        let directory = try Ownership.birth(
            of: NewInode(.directory, permissions: 0o755),
            in: parent,
            for: Self.owner
        )
        #expect(directory.gid == 55 && directory.permissions == 0o2755)
    }

    @Test func `a write by another than root takes set-id bits`() {
        let executable = Self.attributes(2, .regular, 0o6755)
        #expect(Ownership.permissionsAfterWrite(executable, by: Self.owner) == 0o755)
        #expect(Ownership.permissionsAfterWrite(executable, by: .root) == 0o6755)
        let locking = Self.attributes(2, .regular, 0o6644)
        #expect(Ownership.permissionsAfterWrite(locking, by: Self.owner) == 0o2644)
    }

    @Test func `chown takes set-id bits, chmod by a stranger to the group takes set-group-id`()
        throws
    {
        let file = Self.attributes(2, .regular, 0o6755)
        let chown = try Ownership.changed(
            file,
            by: AttributeChanges(uid: 5),
            for: .root
        )
        #expect(chown.uid == 5 && chown.permissions == 0o755)
        let chmod = try Ownership.changed(
            Self.attributes(2, .regular, 0o755, gid: 999),
            by: AttributeChanges(permissions: 0o2755),
            for: Self.owner
        )
        #expect(chmod.permissions == 0o755)
    }

    @Test func `only root gives files away, only members change to their groups`() {
        let file = Self.attributes()
        #expect(
            code { _ = try Ownership.changed(file, by: AttributeChanges(uid: 7), for: Self.owner) }
                == .notPermitted
        )
        #expect(
            code { _ = try Ownership.changed(file, by: AttributeChanges(gid: 7), for: Self.owner) }
                == .notPermitted
        )
        #expect(
            code {
                _ = try Ownership.changed(file, by: AttributeChanges(gid: 100), for: Self.owner)
            }
                == nil
        )
    }

    @Test func `times: now needs write permission, others need the owner`() {
        let file = Self.attributes(2, .regular, 0o666)
        func set(_ time: AttributeChanges.Time, _ caller: Credentials) -> FileSystemError.Code? {
            code {
                try Ownership.requireTimesAndSize(
                    AttributeChanges(modified: time),
                    of: file,
                    for: caller
                )
            }
        }
        #expect(set(.now, Self.other) == nil)
        #expect(set(.exactly(.epoch), Self.other) == .notPermitted)
        #expect(set(.exactly(.epoch), Self.owner) == nil)
    }

    @Test func `rename refuses what rename refuses`() throws {
        let directory = Self.attributes(3, .directory, 0o755, links: 2)
        let file = Self.attributes(4)
        let place = Self.attributes(1, .directory, 0o777, uid: 0, gid: 0, links: 4)
        func decide(_ facts: RenameFacts) -> FileSystemError.Code? {
            code { _ = try RenameRules.decide(facts, for: Self.owner, linksMax: 6) }
        }
        var facts = RenameFacts(entry: directory, source: place, target: place)
        facts.isEntryAboveTarget = true
        #expect(decide(facts) == .invalid)
        facts.isEntryAboveTarget = false
        facts.existing = file
        #expect(decide(facts) == .notDirectory)
        facts.existing = Self.attributes(5, .directory, 0o755)
        facts.isExistingFull = true
        #expect(decide(facts) == .notEmpty)
        facts = RenameFacts(entry: file, source: place, target: place, existing: directory)
        #expect(decide(facts) == .isDirectory)
        facts.existing = file
        let verdict = try RenameRules.decide(facts, for: Self.owner, linksMax: 6)
        #expect(verdict == .nothing)
        var crowded = place
        crowded.inode = InodeNumber(rawValue: 9)
        crowded.links = 6
        #expect(
            decide(RenameFacts(entry: directory, source: place, target: crowded)) == .tooManyLinks
        )
    }

    @Test func `a directory that changes its parent must be writable itself`() {
        let directory = Self.attributes(3, .directory, 0o555, links: 2)
        let from = Self.attributes(1, .directory, 0o777, uid: 0, gid: 0, links: 3)
        let to = Self.attributes(9, .directory, 0o777, uid: 0, gid: 0, links: 3)
        let facts = RenameFacts(entry: directory, source: from, target: to)
        #expect(
            code { _ = try RenameRules.decide(facts, for: Self.owner, linksMax: 100) } == .denied
        )
    }

    @Test func `extended attributes follow their family's rules`() {
        let file = Self.attributes()
        let fifo = Self.attributes(2, .fifo, 0o666)
        func write(_ name: String, _ on: Attributes, _ caller: Credentials) -> FileSystemError.Code?
        {
            code { try ExtendedAttributeRules.requireWrite(Array(name.utf8), of: on, for: caller) }
        }
        #expect(write("user.a", file, Self.owner) == nil)
        #expect(write("user.a", file, Self.other) == .denied)
        #expect(write("user.a", fifo, Self.owner) == .notPermitted)
        #expect(write("trusted.a", file, Self.owner) == .notPermitted)
        #expect(write("trusted.a", file, .root) == nil)
        #expect(write("system.posix_acl_access", file, Self.other) == .notPermitted)
        #expect(write("odd.a", file, .root) == .unsupported)
        #expect(write("user.", file, .root) == .invalid)
        #expect(!ExtendedAttributeRules.isListed(Array("trusted.a".utf8), for: Self.owner))
    }
}
