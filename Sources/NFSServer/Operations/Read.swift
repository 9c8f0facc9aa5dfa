import FileSystemEngine
import NFSWire
import NIOCore
import VarveModel

/// READ and READLINK (RFC 8881 §18.22, §18.24).
extension CompoundRun {
    func read(_ arguments: ReadArguments) async throws(NFSStatus) -> OperationReply {
        let object = try inode(orElse: .isDirectory)
        let isOpened = try mayUse(arguments.stateID, on: object, for: .read)
        let count = UInt64(try readCount(arguments.count))
        let (end, isPastAll) = arguments.offset.addingReportingOverflow(count)
        let range = arguments.offset..<(isPastAll ? .max : end)
        let reader = isOpened ? Credentials.root : caller
        do {
            let result = try await engine {
                try await object.fileSystem.engine.read(
                    object.inode,
                    range,
                    at: object.view,
                    as: reader,
                    into: ReplyData.self
                )
            }
            return .read(ReadReply(result))
        } catch {
            throw try await refined(error, on: object)
        }
    }

    /// READ of the present: of what has been opened ahead, or of what the page cache holds, into the reply's own memory.
    func readNow(_ arguments: ReadArguments) throws(NFSStatus) -> OperationReply? {
        guard case .inode(let object) = try object(), object.view == .live else { return nil }
        let isOpened = try mayUse(arguments.stateID, on: object, for: .read)
        let count = try readCount(arguments.count)
        let (end, isPastAll) = arguments.offset.addingReportingOverflow(UInt64(count))
        guard !isPastAll else { return nil }
        let range = arguments.offset..<end
        let engine = object.fileSystem.engine
        let reader = isOpened ? Credentials.root : caller
        let isLong = engine.mayOpenAhead(of: range)
        if isLong,
            let result = engine.readAhead(object.inode, range, as: reader, into: ReplyData.self)
        {
            return .read(ReadReply(result))
        }
        guard count <= FileSystem.residentReadBytesMax else { return nil }
        var found: FileSystem.ResidentRead?
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
            found = engine.readResident(object.inode, range, as: reader, into: memory)
            return found?.count ?? 0
        }
        guard let found else { return nil }
        if isLong, !found.isAtEnd {
            engine.openAhead(of: object.inode, range, into: ReplyData.self)
        }
        return .read(ReadReply(isAtEnd: found.isAtEnd, data: ByteChain(buffer)))
    }

    /// As many bytes as asked for, as maxread and the reply's room allow: a READ may be short.
    private func readCount(_ asked: UInt32) throws(NFSStatus) -> Int {
        // The operation's number, status, eof, the data's length and its padding.
        let left = room - 19
        guard left > 0 || asked == 0 else { throw .replyTooBig }
        return min(Int(asked), server.limits.dataBytesMax, max(left, 0))
    }

    /// Whether a state id was opened for this access; otherwise permission is asked as for anybody.
    func mayUse(
        _ stateID: StateID,
        on object: InodeObject,
        for access: ShareAccess
    ) throws(NFSStatus) -> Bool {
        if version == .v40 { return try mayUseV40(stateID, on: object, for: access) }
        let client = try client()
        let resolved = try resolved(stateID)
        return try verdict(on: resolved, for: access, of: object.key) { state in
            state.mayUse(resolved, of: client, on: object.key, for: access, at: store.now())
        }
    }

    /// What is no regular file has no data: which it is decides the status (RFC 8881 §18.22.3, §18.32.3).
    func refined(_ status: NFSStatus, on object: InodeObject) async throws(NFSStatus) -> NFSStatus {
        guard status == .invalid else { return status }
        return switch try await attributes(of: object).kind {
        case .regular: .invalid
        case .directory: .isDirectory
        case .symlink: .symlink
        case .fifo, .characterDevice, .blockDevice, .socket: .wrongType
        }
    }

    func readLink() async throws(NFSStatus) -> OperationReply {
        let object = try inode(orElse: .wrongType)
        do {
            let target = try await engine {
                try await object.fileSystem.engine.readSymlink(object.inode, at: object.view)
            }
            return .readLink(ReadLinkReply(target: target))
        } catch .invalid {
            throw .wrongType
        }
    }
}

extension ReadReply {
    fileprivate init(_ result: ReadResult<ReplyData>) {
        self.init(isAtEnd: result.isAtEnd, data: ByteChain(result.bytes.buffer))
    }
}

/// The data of a READ, laid in where it goes out from.
private struct ReplyData: ReadMemory {
    let buffer: ByteBuffer

    init(count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
            // SAFETY: there is room for `count` bytes at least, and `fill` initialises as many.
            try fill(UnsafeMutableRawBufferPointer(rebasing: memory[..<count]))
            return count
        }
        self.buffer = buffer
    }
}
