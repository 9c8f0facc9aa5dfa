import FileSystemEngine
import NFSWire
import NIOCore
import Testing
import VarveModel

@testable import NFSServer

/// Goal: extended attributes are as RFC 8276 §8 says, and modes with a umask as RFC 8275 §4.
@Suite struct XattrTests {
    private func set(
        _ name: String,
        _ value: [UInt8],
        _ option: SetXattrOption = .either
    ) -> OperationArguments {
        .setXattr(SetXattrArguments(option: option, name: Array(name.utf8), value: value))
    }

    private func get(_ name: String) -> OperationArguments { .getXattr(WireClient.name(name)) }

    private func list(
        _ client: WireClient,
        _ path: [OperationArguments],
        bytesMax: UInt32 = 100_000,
        cookie: UInt64 = 0
    ) async throws -> ListXattrsReply {
        let arguments = ListXattrsArguments(cookie: cookie, bytesMax: bytesMax)
        let result = try await client.last(path + [.listXattrs(arguments)])
        guard case .listXattrs(let reply) = result else { throw result.status }
        return reply
    }

    @Test func `a value is set, read, replaced and removed`() async throws {
        let (world, client) = try await NewestWorld.connected()
        let (_, handle) = try await client.make("f")
        let file: [OperationArguments] = [.putFileHandle(handle)]
        let change = OperationArguments.getAttributes(GetAttributesArguments(attributes: [3]))
        let results = try await client.run(file + [change, set("a", [1, 2], .create), change])
        guard results.count == 4, case .getAttributes(let before) = results[1],
            case .setXattr(let info) = results[2], case .getAttributes(let after) = results[3]
        else { throw results.last?.status ?? .serverFault }
        #expect(info.isAtomic && before[.change] == .change(info.before))
        #expect(after[.change] == .change(info.after) && info.before != info.after)
        #expect(
            try await client.last(file + [get("a")]) == .getXattr(GetXattrReply(value: [1, 2]))
        )
        // `user.` is not on the wire (RFC 8276 §4).
        let inode = try await world.fileSystem.lookup(
            try #require(FileName("f")),
            in: .root,
            as: .root
        ).inode
        let stored = try await world.fileSystem.extendedAttribute(
            Array("user.a".utf8),
            of: inode,
            as: .root
        )
        #expect(stored == [1, 2])
        #expect(try await client.status(file + [set("a", [3], .create)]) == .exists)
        #expect(try await client.status(file + [set("a", [3], .replace)]) == .ok)
        #expect(try await client.status(file + [set("b", [3], .replace)]) == .noXattr)
        #expect(try await client.status(file + [set("a", [], .either)]) == .ok)
        #expect(try await client.last(file + [get("a")]) == .getXattr(GetXattrReply(value: [])))
        #expect(try await client.status(file + [get("none")]) == .noXattr)
        #expect(try await client.status(file + [.removeXattr(WireClient.name("a"))]) == .ok)
        #expect(try await client.status(file + [.removeXattr(WireClient.name("a"))]) == .noXattr)
        #expect(try await client.status(file + [get("a")]) == .noXattr)
    }

    @Test func `names and values have bounds`() async throws {
        let (_, client) = try await NewestWorld.connected()
        let (_, handle) = try await client.make("f")
        let file: [OperationArguments] = [.putFileHandle(handle)]
        // 255 bytes with `user.` before them, as Linux has it (XATTR_NAME_MAX).
        let longest = String(repeating: "n", count: 250)
        #expect(try await client.status(file + [set(longest, [1])]) == .ok)
        #expect(try await client.status(file + [set(longest + "n", [1])]) == .nameTooLong)
        #expect(try await client.status(file + [set("", [1])]) == .invalid)
        #expect(try await client.status(file + [set("a\0b", [1])]) == .badCharacter)
        let most = [UInt8](repeating: 5, count: 65_536)
        #expect(try await client.status(file + [set("large", most)]) == .ok)
        #expect(
            try await client.last(file + [get("large")]) == .getXattr(GetXattrReply(value: most))
        )
        #expect(try await client.status(file + [set("large", most + [5])]) == .xattrTooBig)
    }

    @Test func `names are listed page by page, whatever comes and goes`() async throws {
        let (world, client) = try await NewestWorld.connected()
        let (_, handle) = try await client.make("f")
        let file: [OperationArguments] = [.putFileHandle(handle)]
        #expect(
            try await list(client, file) == ListXattrsReply(cookie: 0, names: [], isAtEnd: true)
        )
        let names = (0..<40).map { "name-\($0)" }
        for name in names { _ = try await client.last(file + [set(name, [0])]) }
        // Of another family, and not for this protocol.
        let inode = try await world.fileSystem.lookup(
            try #require(FileName("f")),
            in: .root,
            as: .root
        ).inode
        try await world.fileSystem.setExtendedAttribute(
            Array("trusted.t".utf8),
            [1],
            of: inode,
            as: .root
        )
        var found: [String] = []
        var (cookie, pages, isAtEnd): (UInt64, Int, Bool) = (0, 0, false)
        while !isAtEnd {
            let page = try await list(client, file, bytesMax: 100, cookie: cookie)
            var bytes = XDRWriter()
            page.encode(to: &bytes)
            #expect(bytes.finish().bytes.count <= 100, "lxa_maxcount (RFC 8276 §8.4.3)")
            found += page.names.map { String(decoding: $0.bytes, as: UTF8.self) }
            (cookie, isAtEnd) = (page.cookie, page.isAtEnd)
            pages += 1
            if pages == 2, let seen = found.first {
                _ = try await client.last(file + [.removeXattr(WireClient.name(seen))])
            }
        }
        #expect(pages > 5 && found.sorted() == names.sorted())
        for bytesMax: UInt32 in [0, 15, 20, 27] {
            let arguments = ListXattrsArguments(cookie: 0, bytesMax: bytesMax)
            let status = try await client.status(file + [.listXattrs(arguments)])
            #expect(status == .tooSmall, "\(bytesMax)")
        }
    }

    @Test func `permission is that of the file's data`() async throws {
        let (world, root) = try await NewestWorld.connected()
        let (_, handle) = try await root.make("f", mode: 0o644)
        let file: [OperationArguments] = [.putFileHandle(handle)]
        _ = try await root.last(file + [set("a", [1])])
        let user = try await NewestWorld.client(of: world, uid: 1_000)
        #expect(try await user.status(file + [get("a")]) == .ok)
        #expect(try await user.status(file + [set("a", [2])]) == .accessDenied)
        #expect(
            try await user.status(file + [.removeXattr(WireClient.name("a"))]) == .accessDenied
        )
        let all = NFSWire.AccessRights(rawValue: 0x1FF)
        func access(_ client: WireClient) async throws -> AccessReply {
            let result = try await client.last(file + [.access(AccessArguments(rights: all))])
            guard case .access(let reply) = result else { throw result.status }
            return reply
        }
        let rights: NFSWire.AccessRights = [.xattrRead, .xattrWrite, .xattrList]
        #expect(try await access(root).supported.isSuperset(of: rights))
        #expect(try await access(root).granted.isSuperset(of: rights))
        #expect(try await access(user).granted.intersection(rights) == [.xattrRead, .xattrList])
        let mode = SetAttributesArguments(
            stateID: .anonymous,
            attributes: FileAttributes([.mode(0o600)])
        )
        _ = try await root.last(file + [.setAttributes(mode)])
        #expect(try await access(user).granted.intersection(rights) == [.xattrList])
        #expect(try await user.status(file + [get("a")]) == .accessDenied)
        #expect(try await list(user, file).names.count == 1)
        // Earlier minor versions do not know these rights (RFC 8276 §8).
        root.version = .v41
        #expect(try await access(root).supported.intersection(rights) == [])
    }

    @Test func `only files and directories have some, and the past's stay`() async throws {
        let (world, client) = try await NewestWorld.connected()
        let root: [OperationArguments] = [.putRootFileHandle]
        #expect(try await client.status(root + [set("a", [1])]) == .ok)
        #expect(try await client.last(root + [get("a")]) == .getXattr(GetXattrReply(value: [1])))
        let create = CreateArguments(
            kind: .symlink([0x78]),
            name: Array("l".utf8),
            attributes: FileAttributes([])
        )
        _ = try await client.last(root + [.create(create)])
        let link = WireClient.walk("l")
        #expect(try await client.status(link + [set("a", [1])]) == .wrongType)
        #expect(try await client.status(link + [get("a")]) == .noXattr)
        let remove = OperationArguments.removeXattr(WireClient.name("a"))
        #expect(try await client.status(link + [remove]) == .wrongType)
        _ = try await world.fileSystem.createSnapshot("s")
        #expect(try await client.status(root + [remove]) == .ok)
        let past = WireClient.walk(".snapshot/s")
        #expect(try await client.last(past + [get("a")]) == .getXattr(GetXattrReply(value: [1])))
        #expect(try await client.status(past + [remove]) == .readOnly)
        #expect(try await client.status([get("a")]) == .noFileHandle)
        let virtual = WireClient.walk(".snapshot")
        #expect(try await client.status(virtual + [get("a")]) == .notSupported)
        #expect(try await client.status(virtual + [set("a", [1])]) == .readOnly)
    }

    @Test func `the umask counts when something is made, and only then`() async throws {
        let (_, client) = try await NewestWorld.connected(uid: 1_000)
        func mode(_ name: String) async throws -> AttributeValue? {
            let result = try await client.last(
                WireClient.walk(name) + [
                    .getAttributes(GetAttributesArguments(attributes: [33]))
                ]
            )
            guard case .getAttributes(let values) = result else { throw result.status }
            return values[.mode]
        }
        let asked = AttributeValue.modeUmask(ModeUmask(mode: 0o1777, umask: 0o027))
        let values = FileAttributes([asked])
        let opened = try await client.run([
            .putRootFileHandle,
            .open(WireClient.openArguments("f", creation: .guarded(values))),
        ])
        guard case .open(let open)? = opened.last else { throw opened.last?.status ?? .serverFault }
        #expect(open.attributesSet == [81])
        #expect(try await mode("f") == .mode(0o1750))
        let exclusive = OpenCreation.exclusiveWithAttributes(
            CreateVerifierAttributes(verifier: Verifier(rawValue: 9), attributes: values)
        )
        _ = try await client.open("x", creation: exclusive)
        #expect(try await mode("x") == .mode(0o1750))
        let make = CreateArguments(kind: .directory, name: Array("d".utf8), attributes: values)
        #expect(try await client.status([.putRootFileHandle, .create(make)]) == .ok)
        #expect(try await mode("d") == .mode(0o1750))
        let change = SetAttributesArguments(stateID: .anonymous, attributes: values)
        let changed = try await client.status(WireClient.walk("f") + [.setAttributes(change)])
        #expect(changed == .invalid)
        for bad: [AttributeValue] in [
            [asked, .mode(0o600)], [.modeUmask(ModeUmask(mode: 0o10000, umask: 0))],
            [.modeUmask(ModeUmask(mode: 0o777, umask: 0o1000))],
        ] {
            let creation = OpenCreation.guarded(FileAttributes(bad))
            let open = OperationArguments.open(
                WireClient.openArguments("bad", creation: creation)
            )
            #expect(try await client.status([.putRootFileHandle, open]) == .invalid)
        }
        client.version = .v41
        let open41 = OperationArguments.open(
            WireClient.openArguments("old", creation: .guarded(values))
        )
        let old = try await client.status([.putRootFileHandle, open41])
        #expect(old == .attributeNotSupported)
    }

    @Test func `the attributes of NFSv4_2 are there in NFSv4_2 alone`() async throws {
        let (world, client) = try await NewestWorld.connected(isMountTarget: false)
        let asked = OperationArguments.getAttributes(
            GetAttributesArguments(attributes: [0, 75, 77, 78, 79, 80, 82])
        )
        func values(_ path: String) async throws -> FileAttributes {
            let result = try await client.last(WireClient.walk(path) + [asked])
            guard case .getAttributes(let values) = result else { throw result.status }
            return values
        }
        let fileSystem = try #require(world.parts.exports.current.sorted.first)
        let path = String(decoding: fileSystem.name, as: UTF8.self)
        let new = try await values(path)
        #expect(new.mask == [0, 75, 77, 79, 82])
        #expect(new[.cloneBlockSize] == .cloneBlockSize(1))
        #expect(new[.changeType] == .changeType(.undefined))
        #expect(new[.xattrSupport] == .xattrSupport(true))
        #expect(
            new[.supportedAttributes]
                == .supportedAttributes(ObjectAttributes.supported.union([77, 79, 81, 82]))
        )
        #expect(
            new[.exclusiveCreateAttributes] == .exclusiveCreateAttributes([4, 33, 36, 37, 81])
        )
        #expect(try await values("")[.xattrSupport] == .xattrSupport(false))
        let umask = GetAttributesArguments(attributes: [81])
        #expect(try await client.status([.putRootFileHandle, .getAttributes(umask)]) == .invalid)
        client.version = .v41
        let old = try await values(path)
        #expect(old.mask == [0, 75])
        #expect(old[.supportedAttributes] == .supportedAttributes(ObjectAttributes.supported))
        #expect(old[.exclusiveCreateAttributes] == .exclusiveCreateAttributes([4, 33, 36, 37]))
    }

    @Test func `an operation of NFSv4_2 is illegal before it`() async throws {
        let (_, client) = try await NewestWorld.connected()
        client.version = .v41
        let seek = OperationArguments.seek(
            SeekArguments(stateID: .anonymous, offset: 0, what: .data)
        )
        #expect(try await client.status([.putRootFileHandle, seek]) == .illegalOperation)
        #expect(
            try await client.status([.putRootFileHandle, get("a")]) == .illegalOperation
        )
    }
}
