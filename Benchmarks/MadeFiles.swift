import FileSystemEngine
import VarveModel

/// Files with bytes, and calls on the way at once.
extension FileSystem {
    func makeDirectory(_ text: String) async throws -> InodeNumber {
        try await make(text, in: .root, NewInode(.directory, permissions: 0o755))
    }

    /// A new file with these bytes, durable.
    func makeFile(
        _ text: String,
        in directory: InodeNumber = .root,
        _ bytes: [UInt8]
    ) async throws -> InodeNumber {
        let inode = try await make(text, in: directory, NewInode(.regular, permissions: 0o644))
        for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
            _ = try await write(
                inode,
                Array(bytes[start..<min(start + 1 << 20, bytes.count)]),
                at: UInt64(start),
                stability: .unstable,
                as: .root
            )
        }
        _ = try await commit(inode)
        return inode
    }

    private func make(
        _ text: String,
        in directory: InodeNumber,
        _ new: NewInode
    ) async throws -> InodeNumber {
        guard let name = FileName(text) else {
            throw ProgramFailure(message: "'\(text)' is no name")
        }
        return try await create(name, in: directory, new, as: .root).inode
    }
}

/// Makes so many calls, `inFlight` at once, in order of their start.
func window(
    _ calls: Int,
    inFlight: Int,
    _ call: @escaping @Sendable (Int) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<calls {
            if number >= inFlight { try await group.next() }
            // A child of this group, which waits for all: none outlives the measurement.
            group.addTask { try await call(number) }
        }
        try await group.waitForAll()
    }
}

/// A place for 4 KiB among so many MiB: the same for the same number, in no order.
func page(_ number: Int, of mebibytes: Int) -> UInt64 {
    let pages = UInt64(mebibytes) << 8
    return (((UInt64(number) &* 0x9E37_79B9_7F4A_7C15) >> 20) % pages) << 12
}
